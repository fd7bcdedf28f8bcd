"""build_switch.py, setup.py and pyproject.toml: what a new user gets,
and what the build reports if something is missing.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path

import pytest

import switchlib
from tests.conftest import PYPY
from tests.report.examples import snapshot
from tests.stack.build import SOURCES as STACK_LAYER

pytestmark = pytest.mark.once

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    """A source distribution made from a clean copy of the tree."""
    copy = tmp_path_factory.mktemp("tree") / "switchlib"
    ignored = shutil.ignore_patterns(
        ".git", ".venv*", "*.so", "_switch.c", "build", "dist", "*.egg-info", ".*_cache"
    )
    shutil.copytree(ROOT, copy, ignore=ignored)
    out = tmp_path_factory.mktemp("sdist")
    subprocess.run(
        [sys.executable, "-m", "build", "--sdist", "--outdir", str(out), str(copy)], check=True
    )
    (path,) = out.iterdir()
    return path


@pytest.mark.skipif(
    not (ROOT / ".git").exists(), reason="only a clone knows which files are the project's"
)
def test_the_sdist_holds_all_but_what_is_the_clones(sdist):
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()
    with tarfile.open(sdist) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    assert {name for name in set(listed) - held if not name.startswith(".")} == set()


def new_environment(directory: Path) -> str:
    subprocess.run([sys.executable, "-m", "venv", str(directory)], check=True)
    return str(directory / "bin" / "python")


SHOW_SHIM = (
    "import os, greenlet, greenlet._greenlet as g; print(greenlet.__version__, "
    "os.path.basename(g.__file__))"
)


def test_a_wheel_from_the_sdist_works_in_a_fresh_environment(sdist, tmp_path):
    python = new_environment(tmp_path / "environment")
    wheels = tmp_path / "wheels"
    subprocess.run(
        [python, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", wheels, sdist], check=True
    )
    (wheel,) = wheels.iterdir()
    assert wheel.name.startswith(
        f"switchlib-{switchlib.__version__}-{'py3-none-any' if PYPY else 'cp3'}"
    )
    subprocess.run([python, "-m", "pip", "install", "--quiet", wheel], check=True)
    demo = subprocess.run(
        [python, "-m", "switchlib", "demo"],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    ).stdout
    assert "step 8" in demo
    shim = subprocess.run(
        [python, "-m", "switchlib", "run", "-c", SHOW_SHIM],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    ).stdout
    version, extension = shim.split()
    assert version == "3.5.6"
    assert extension == "_greenlet" + (".py" if PYPY else sysconfig.get_config_var("EXT_SUFFIX"))
    subprocess.run([python, "-m", "switchlib", "wheel", tmp_path], check=True)
    dump, page = tmp_path / "dump.json", tmp_path / "page.html"
    dump.write_text(json.dumps(snapshot(3)))
    report = [python, "-m", "switchlib", "report", dump, "-o", page]
    subprocess.run(report, check=True, cwd=tmp_path)
    assert "class TreeView" in page.read_text(), "the page's files are in the wheel"


@pytest.mark.cpython("it needs none")
def test_without_a_compiler(sdist, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", str(tmp_path), str(sdist)],
        env=os.environ | {"CC": "no-such-compiler"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert (
        "there is no C compiler here: 'no-such-compiler' was not found" in done.stdout + done.stderr
    )


@pytest.mark.cpython("nothing is compiled")
@pytest.mark.parametrize(("cpu", "told"), [("x86_64", True), ("i686", True), ("aarch64", False)])
def test_the_compiler_is_told_what_the_target_needs(cpu, told):
    """The target is setuptools's, not the CPU that runs it."""
    program = (
        "import build_switch; "
        "print(build_switch.ffibuilder._assigned_source[3]['extra_compile_args'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"_PYTHON_HOST_PLATFORM": f"linux-{cpu}"},
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    assert ("-fcf-protection=none" in done.stdout) is told


def preprocess(*arguments: str) -> str:
    done = subprocess.run(
        ["gcc", "-E", *arguments], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode != 0
    return done.stderr


def test_an_unlisted_cpu_is_told_what_to_write():
    assert "write asm/<abi>.h" in preprocess("-U__x86_64__", "asm/asm.c")


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ("#define PY_VERSION_HEX 0x03630000", "write csrc/tstate/cp3NN.h"),
        (
            "#define PY_VERSION_HEX 0x030B0000\n#define Py_GIL_DISABLED 1",
            "does not run on free-threaded builds",
        ),
    ],
)
def test_an_unlisted_interpreter_is_told_what_to_write(tmp_path, headers, text):
    (tmp_path / "Python.h").write_text(headers)
    assert text in preprocess(f"-I{tmp_path}", "csrc/tstate.h")


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_the_c_library_compiles_without_warnings(compiler, tmp_path):
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    folders = ("asm", "csrc", "tests/stack")
    sources = [
        str(path.relative_to(ROOT)) for folder in folders for path in (ROOT / folder).rglob("*.c")
    ]
    if PYPY:  # which has no use for the rest
        sources = STACK_LAYER
    for source in sources:
        subprocess.run(
            [
                *(compiler, "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Wundef", "-Werror", "-fPIC"),
                *(
                    "-isystem",
                    sysconfig.get_path("include"),
                    "-c",
                    source,
                    "-o",
                    str(tmp_path / "out.o"),
                ),
            ],
            check=True,
            cwd=ROOT,
        )
