"""switchlib/_wheel.py: a wheel that installers take in greenlet's place."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.tags import sys_tags
from packaging.utils import parse_wheel_filename

import switchlib
from switchlib import __main__, _wheel
from tests.conftest import PYPY

pytestmark = pytest.mark.once

ROOT = Path(switchlib.__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return Path(_wheel.write(str(tmp_path_factory.mktemp("wheel") / "new")))


def test_the_command_writes_it_and_prints_where(python, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert (tmp_path / python("-m", "switchlib", "wheel").stdout.strip()).is_file()
    path = python("-m", "switchlib", "wheel", "some/where").stdout.strip()
    assert path.startswith("some/where/greenlet-3.5.6+switchlib.")
    (tmp_path / "file").write_text("")
    done = python("-m", "switchlib", "wheel", "file", check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("python -m switchlib wheel: ")


def test_its_name_is_for_this_interpreter(wheel):
    name, version, build, tags = parse_wheel_filename(wheel.name)
    assert (name, build) == ("greenlet", ())
    assert version.public == "3.5.6"
    assert version.local == f"switchlib.{switchlib.__version__}"
    (tag,) = tags
    assert tag in list(sys_tags())
    version_digits = f"{sys.version_info[0]}{sys.version_info[1]}"
    assert tag.interpreter == f"{'pp' if PYPY else 'cp'}{version_digits}"
    assert tag.abi.startswith(f"pypy{version_digits}_" if PYPY else tag.interpreter)
    assert tag.platform != "any"


@pytest.mark.parametrize(
    ("requirement", "accepted"),
    [
        *(("", True), (">=3", True), ("==3.5.6", True), ("~=3.5", True), ("!=0.4.17", True)),
        *(("===3.5.6", False), ("<3.5", False), (">3.5.6", False), ("==3.5.6+other", False)),
    ],
)
def test_requirements_accept_it(requirement, accepted):
    assert SpecifierSet(requirement).contains(_wheel.VERSION) is accepted


def test_it_is_complete_and_its_record_is_true(wheel):
    with zipfile.ZipFile(wheel) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    information = f"greenlet-{_wheel.VERSION}.dist-info"
    recorded = dict(
        line.split(",", 1) for line in held[f"{information}/RECORD"].decode().splitlines()
    )
    assert recorded.keys() == held.keys()
    assert recorded.pop(f"{information}/RECORD") == ","
    for name, rest in recorded.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(held[name]).digest()).decode().rstrip("=")
        assert rest == f"sha256={digest},{len(held[name])}"
    (needed,) = re.findall("Requires-Dist: (.*)", held[f"{information}/METADATA"].decode())
    assert Requirement(needed) == Requirement(f"switchlib=={switchlib.__version__}")
    if not PYPY:
        assert f"greenlet/_greenlet{sysconfig.get_config_var('EXT_SUFFIX')}" in held
        assert "greenlet/greenlet.h" in held
        assert "Root-Is-Purelib: false" in held[f"{information}/WHEEL"].decode()


def test_it_is_the_same_each_time(wheel, tmp_path):
    """Lock files pin its hash."""
    assert Path(_wheel.write(str(tmp_path))).read_bytes() == wheel.read_bytes()


@pytest.mark.cpython("nothing is built there")
def test_without_the_compiled_module_there_is_none(monkeypatch, capsys, tmp_path):
    (tmp_path / "greenlet").mkdir()
    for name in ("__init__.py", "greenlet.h"):
        (tmp_path / "greenlet" / name).write_text("")
    monkeypatch.setattr(_wheel, "SHIM_DIRECTORY", str(tmp_path))
    assert __main__.main(["wheel", str(tmp_path)]) == 1
    assert "switchlib was not built for this interpreter: there is no" in capsys.readouterr().err


class Environment:
    """A fresh virtual environment in which what is installed here can be imported,
    and is installed for pip.
    """

    def __init__(self, directory: Path) -> None:
        pytest.importorskip("ensurepip", reason="needs ensurepip, as virtual environments do")
        subprocess.run([sys.executable, "-m", "venv", str(directory)], check=True)
        self.python = str(directory / "bin" / "python")
        (self.packages,) = directory.glob("lib/*/site-packages")
        for kind in ("purelib", "platlib"):
            path = sysconfig.get_path(kind)
            (self.packages / f"{kind}.pth").write_text(f"import site; site.addsitedir({path!r})\n")
        self.environ = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "PIP"))
        }
        self.elsewhere = directory

    def run(self, *arguments: str, check: bool = True, **environment: str) -> str:
        done = subprocess.run(
            [self.python, *arguments],
            env=self.environ | environment,
            cwd=self.elsewhere,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0 or not check, done.stdout
        return done.stdout

    def pip(self, *arguments: str, check: bool = True, **environment: str) -> str:
        return self.run(
            "-m", "pip", "--disable-pip-version-check", *arguments, check=check, **environment
        )

    def install(self, *arguments: str, **environment: str) -> str:
        return self.pip(
            "install",
            "--no-index",
            f"--find-links={self.elsewhere / 'index'}",
            *arguments,
            **environment,
        )

    def greenlet(self) -> str:
        """Whose greenlet a program gets."""
        return self.run(
            "-c",
            "import greenlet, sys; print(greenlet.__version__, 'switchlib' in sys.modules, "
            "greenlet.__file__)",
        )


@pytest.fixture
def environment(tmp_path):
    return Environment(tmp_path / "environment")


def make_distribution(directory: Path, name: str, version: str, *needed: str) -> None:
    """Writes a wheel of a package that has but a version."""
    directory.mkdir(exist_ok=True)
    information = f"{name}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {each}\n" for each in needed)
    with zipfile.ZipFile(directory / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        archive.writestr(
            f"{name}/__init__.py", f"__version__ = {version!r}\nclass greenlet: pass\n"
        )
        archive.writestr(
            f"{information}/METADATA",
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        )
        archive.writestr(
            f"{information}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        files = [*archive.namelist(), f"{information}/RECORD"]
        archive.writestr(f"{information}/RECORD", "".join(f"{file},,\n" for file in files))


@pytest.mark.cpython("there greenlet is a part of the interpreter, which pip leaves as it is")
def test_pip_puts_it_in_greenlets_place_and_back(wheel, environment):
    index = environment.elsewhere / "index"
    for version in ("3.5.5", "3.5.6", "3.5.7"):
        make_distribution(index, "greenlet", version)
    make_distribution(index, "serving", "1.0", "greenlet>=3.2,<4")
    environment.install("serving", "greenlet==3.5.5")

    assert "Successfully uninstalled greenlet-3.5.5" in environment.install(str(wheel))
    in_place = f"3.5.6 True {environment.packages}/greenlet/__init__.py\n"
    assert environment.greenlet() == in_place
    assert "greenlet" not in environment.pip("check", check=False), "whatever else is amiss here"
    for kept in ("greenlet", "greenlet==3.5.6", "greenlet~=3.5", "serving"):
        environment.install(kept)
        assert environment.greenlet() == in_place
    environment.install("--upgrade", "serving")
    assert environment.greenlet() == in_place

    environment.install("--upgrade", "greenlet")  # to a later one that there is
    assert environment.greenlet().startswith("3.5.7 False ")
    environment.install(str(wheel))
    environment.install("--force-reinstall", "--no-deps", "greenlet==3.5.6")  # as its metadata says
    assert environment.greenlet().startswith("3.5.6 False ")
    environment.install(str(wheel))
    environment.pip("uninstall", "--yes", "greenlet")
    assert not [*environment.packages.glob("greenlet*")]


@pytest.mark.cpython("there greenlet is a part of the interpreter, which pip leaves as it is")
def test_a_hash_can_be_pinned(wheel, environment):
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    requirements = environment.elsewhere / "requirements.txt"
    requirements.write_text(f"greenlet @ {wheel.as_uri()} --hash=sha256:{digest}\n")
    environment.install("--require-hashes", "--no-deps", "-r", str(requirements))
    assert environment.greenlet().startswith("3.5.6 True ")


@pytest.mark.cpython("there greenlet is a part of the interpreter, which pip leaves as it is")
def test_pip_does_with_the_shim_what_it_does_without(environment):
    """The shim is found by PYTHONPATH, as pip finds what is installed."""
    index = environment.elsewhere / "index"
    for version in ("3.5.5", "3.5.7"):
        make_distribution(index, "greenlet", version)
    make_distribution(index, "serving", "1.0", "greenlet>=3.2,<4")
    shim = environment.run("-m", "switchlib", "shim").strip()
    environment.install("greenlet==3.5.5", PYTHONPATH=shim)
    assert environment.greenlet().startswith("3.5.5 False ")
    environment.install("--upgrade", "greenlet", PYTHONPATH=shim)
    assert environment.greenlet().startswith("3.5.7 False ")
    environment.pip("uninstall", "--yes", "greenlet", PYTHONPATH=shim)
    assert not [*environment.packages.glob("greenlet*")]
    said = environment.install("serving", PYTHONPATH=shim)  # what is installed outside may do
    assert "greenlet" in said
    assert shim not in said


@pytest.mark.skipif(not PYPY, reason="PyPy has a greenlet of its own")
def test_it_comes_before_pypys_own(wheel, environment):
    environment.install(str(wheel))
    assert (
        environment.greenlet()
        == f"3.5.6 True {environment.packages}/greenlet_switchlib/greenlet/__init__.py\n"
    )
