"""Makes the pictures in docs/pictures: the drawings of the demo, and the page in light and dark.

Run it in the environment that `nox -s page` has made: `.venvs/browser/bin/python
tools/pictures.py`. It needs Chromium.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "pictures"
SIZE = {"width": 1180, "height": 660}


def switchlib(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "switchlib", *arguments], check=True, cwd=PICTURES)


def page_of_process(path: str) -> None:
    command = [sys.executable, "shop.py", "stay"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=PICTURES) as shop:
        assert shop.stdout is not None
        try:
            assert shop.stdout.readline() == b"stays\n"
            switchlib("report", str(shop.pid), "-o", path)
        finally:
            shop.kill()


def page_of_timeline(path: str) -> None:
    timeline = str(Path(path).with_name("shop.pftrace"))
    switchlib("run", "--timeline", timeline, "shop.py")
    switchlib("report", timeline, "-o", path)


def look_at_process(page: Page) -> None:
    page.fill("#search", "wait_for_bank")
    page.wait_for_timeout(300)
    page.press("#search", "Enter")


def look_at_timeline(page: Page) -> None:
    page.click("role=tab >> text=Totals")
    page.click(".row >> text=make_invoices")
    page.click("#details .link >> nth=0")  # its longest stretch
    page.focus(".timeline")
    for _ in range(3):
        page.keyboard.press("-")


VIEWS = {
    "report-process": (page_of_process, look_at_process),
    "report-timeline": (page_of_timeline, look_at_timeline),
}


def main() -> None:
    switchlib("demo", "--svg", str(PICTURES / "demo"))
    with tempfile.TemporaryDirectory() as directory, sync_playwright() as driver:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=sandbox)
        for name, (make, look_at) in VIEWS.items():
            file = str(Path(directory) / f"{name}.html")
            make(file)
            for scheme in ("light", "dark"):
                page = browser.new_page(color_scheme=scheme, viewport=SIZE)
                page.goto(f"file://{file}")
                look_at(page)
                page.evaluate("document.activeElement.blur()")
                page.wait_for_timeout(300)
                picture = Image.open(BytesIO(page.screenshot())).convert("RGB")
                picture.save(PICTURES / f"{name}-{scheme}.webp", lossless=True, quality=100)
        browser.close()


if __name__ == "__main__":
    main()
