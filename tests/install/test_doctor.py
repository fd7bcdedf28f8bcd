"""switchlib/_doctor.py: what it reports of the ways in which a program can get, or miss,
switchlib.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
from types import SimpleNamespace

import pytest

from switchlib import _doctor, _install, _wheel

pytestmark = pytest.mark.once

SHIM = _install.SHIM_DIRECTORY
FAKE_GREENLET = "__version__ = '1.2'\nclass greenlet: pass\n"


@pytest.fixture
def doctor(python, monkeypatch, tmp_path):
    """Runs the doctor in an empty directory with these environment variables;
    returns its status and its text.
    """
    monkeypatch.chdir(tmp_path)
    for name in ("PYTHONPATH", "PURE_PYTHON", "SWITCHLIB_SHORTCUTS"):
        monkeypatch.delenv(name, raising=False)

    def run(*options, **environment):
        done = python(*options, "-m", "switchlib", "doctor", check=False, **environment)
        assert not done.stderr
        return done.returncode, done.stdout

    return run


def make_gevent(directory, text):
    """A gevent that does what `text` says when it is imported."""
    package = directory / "gevent"
    package.mkdir()
    (package / "__init__.py").write_text(text)
    (package / "greenlet.py").write_text("class Greenlet: pass\n")
    information = directory / "gevent-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: gevent\nVersion: 1.0\n")
    return f"{SHIM}:{directory}"


WORKING_GEVENT = "class spawn:\n    def __init__(self, f): pass\n    def join(self): pass\n"


def test_a_program_on_its_own_does_not_get_it(doctor, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "greenlet.py").write_text(FAKE_GREENLET)
    status, text = doctor(PYTHONPATH=str(tmp_path / "elsewhere"))
    assert status == 1
    assert f"interpreter  {platform.python_implementation()} 3." in text
    assert "shortcuts on" in text
    assert f"from here    greenlet 1.2, from {tmp_path}/elsewhere/greenlet.py" in text
    assert f"under run    switchlib, as greenlet 3.5.6, from {SHIM}" in text
    assert "problem" not in text
    assert f"PYTHONPATH={SHIM}" in text


def test_the_shim_and_run_give_it(doctor, python):
    status, text = doctor(PYTHONPATH=SHIM)
    assert status == 0
    assert "from here    switchlib, as greenlet 3.5.6" in text
    assert "under run" not in text
    assert text.endswith("A program that is started from here runs on switchlib.\n")
    assert python("-m", "switchlib", "run", "-m", "switchlib", "doctor").stdout == text


def test_a_greenlet_before_the_shim(doctor, tmp_path):
    first = tmp_path / "first"
    first.mkdir()
    (first / "greenlet.py").write_text(FAKE_GREENLET)
    status, text = doctor(PYTHONPATH=f"{first}:{SHIM}")
    assert status == 1
    assert f"the shim is on PYTHONPATH, but {first}/greenlet.py is found before it" in text


@pytest.mark.parametrize("text", [FAKE_GREENLET, "x = 1\n", "import nothing\n", "no Python\n"])
@pytest.mark.parametrize("file", ["greenlet.py", "greenlet/__init__.py"])
@pytest.mark.parametrize("path", ["", SHIM])
def test_a_greenlet_in_the_working_directory(doctor, tmp_path, text, file, path):
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(text)
    status, text = doctor(PYTHONPATH=path)
    assert status == 1
    assert f", from {tmp_path}/{file}\nunder run" in text
    assert (
        f"{tmp_path}/{file} is found before anything on PYTHONPATH: rename it, or start from "
        "elsewhere" in text
    )
    assert "put the shim first" not in text
    assert "on switchlib:" not in text
    assert text.endswith("does not run on switchlib, nor would it with `run`: see above.\n")


@pytest.mark.cpython("it always has a greenlet that counts")
def test_a_directory_that_is_called_greenlet(python, tmp_path, monkeypatch):
    """It counts as a package if there is no other."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "greenlet").mkdir()
    found = json.loads(python("-S", "-c", _doctor.PROBE, PYTHONPATH="").stdout)
    assert (found["file"], "__version__" in found["error"]) == (str(tmp_path / "greenlet"), True)


def test_options_that_ignore_the_shim(doctor):
    status, text = doctor("-E", PYTHONPATH=SHIM)
    assert status == 1
    assert "the options -E and -I make Python ignore PYTHONPATH" in text
    assert "install()" in text
    assert "It would with" not in text
    assert "PYTHONPATH=" not in text


@pytest.mark.parametrize("options", [["-E"], []])
def test_a_gevent_that_runs_on_another_greenlet(doctor, tmp_path, options):
    """Neither with these options nor in this directory would `run` give it switchlib."""
    (tmp_path / "greenlet.py").write_text(FAKE_GREENLET)
    path = make_gevent(tmp_path, WORKING_GEVENT)
    status, text = doctor(*options, PYTHONPATH=path)
    assert status == 1
    assert "a greenlet of its own ran and ended on greenlet 1.2, not on switchlib\n" in text


def test_a_gevent_that_runs_on_switchlib_under_run(doctor, tmp_path):
    first = tmp_path / "first"
    first.mkdir()
    (first / "greenlet.py").write_text(FAKE_GREENLET)
    text = doctor(PYTHONPATH=f"{first}:{make_gevent(tmp_path, WORKING_GEVENT)}")[1]
    assert "a greenlet of its own ran and ended on switchlib, under `run`\n" in text


def test_a_shim_that_fails_is_no_other_greenlet():
    broken = _doctor.Found(file=f"{SHIM}/greenlet/__init__.py", error="ImportError: why")
    (told,) = _doctor.problems(broken, broken, {"PYTHONPATH": SHIM})
    assert (
        told
        == f"under `run` there is no greenlet: ImportError: why, from {SHIM}/greenlet/__init__.py"
    )


def test_a_greenlet_imported_before_the_program(doctor, tmp_path):
    (tmp_path / "early").mkdir()
    (tmp_path / "early" / "greenlet.py").write_text(FAKE_GREENLET)
    (tmp_path / "early" / "sitecustomize.py").write_text("import greenlet\n")
    status, text = doctor(PYTHONPATH=str(tmp_path / "early"))
    assert status == 1
    assert "greenlet is imported before a program begins" in text
    assert "too late: use the shim or" in text


def test_advice_that_would_fail_is_not_given(monkeypatch):
    """Neither an install() that comes too late nor a shim that comes second."""
    found = _doctor.Found(early=True, version="1.2", file="/here/greenlet.py")
    assert not any("use the shim" in told for told in _doctor.problems(found, found, {}))
    monkeypatch.setattr(
        _doctor, "sys", SimpleNamespace(flags=SimpleNamespace(ignore_environment=1))
    )
    assert not any(
        "or call switchlib.install()" in told for told in _doctor.problems(found, found, {})
    )


def test_shortcuts_off(doctor):
    """Slower is not amiss."""
    status, text = doctor(PYTHONPATH=SHIM, SWITCHLIB_SHORTCUTS="0")
    assert status == 0
    assert "shortcuts off" in text
    assert "note         SWITCHLIB_SHORTCUTS=0: the policy is asked at every switch" in text
    assert "problem" not in text


def test_a_gevent_of_another_layout(doctor, tmp_path):
    message = (
        "greenlet.greenlet size changed, may indicate binary incompatibility. Expected 144 from C "
        "header, got 40"
    )
    path = make_gevent(tmp_path, f"raise ValueError({message!r})")
    status, text = doctor(PYTHONPATH=path)
    assert status == 1
    assert "gevent 1.0 was compiled for a layout of greenlets other than" in text


def test_a_gevent_that_fails(doctor, tmp_path):
    status, text = doctor(PYTHONPATH=make_gevent(tmp_path, "raise ImportError('no loop')"))
    assert status == 1
    assert "gevent 1.0 does not work on switchlib: ImportError: no loop" in text


@pytest.mark.parametrize(
    ("environment", "why"),
    [({"PURE_PYTHON": "1"}, "PURE_PYTHON is set"), ({}, "its compiled modules are not there")],
)
def test_a_gevent_in_pure_python(doctor, tmp_path, environment, why):
    status, text = doctor(PYTHONPATH=make_gevent(tmp_path, WORKING_GEVENT), **environment)
    assert status == 0
    assert (
        "gevent       1.0, pure Python: a greenlet of its own ran and ended on switchlib\n" in text
    )
    assert f"note         gevent runs in pure Python, which is slower, since {why}" in text


def test_an_interpreter_that_crashes(doctor, tmp_path):
    path = make_gevent(tmp_path, "import os\nos.abort()\n")
    status, text = doctor(PYTHONPATH=path)
    assert status == 1
    assert (
        "problem      under `run` there is no greenlet: the interpreter ended with signal 6" in text
    )


def make_installed(directory, version, package=None, installer="pip"):
    """Puts a distribution named greenlet there, with what `package` says,
    or else with the shim's package.
    """
    if package is None:
        shutil.copytree(os.path.join(SHIM, "greenlet"), directory / "greenlet", dirs_exist_ok=True)
    else:
        (directory / "greenlet").mkdir(parents=True, exist_ok=True)
        (directory / "greenlet" / "__init__.py").write_text(package)
    information = directory / f"greenlet-{version}.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: greenlet\nVersion: {version}\n"
    )
    (information / "INSTALLER").write_text(f"{installer}\n")
    return str(directory)


def test_the_wheel_is_installed(doctor, tmp_path):
    directory = make_installed(tmp_path / "site", _wheel.VERSION)
    status, text = doctor(PYTHONPATH=directory)
    assert status == 0, text
    assert (
        f"from here    switchlib, as greenlet 3.5.6, from {directory}/greenlet/__init__.py" in text
    )
    assert (
        f"installed    greenlet {_wheel.VERSION}, by pip, in {directory}: switchlib's wheel" in text
    )


def test_a_wheel_of_another_version(doctor, tmp_path):
    directory = make_installed(tmp_path / "site", "3.5.6+switchlib.0.0.9")
    status, text = doctor(PYTHONPATH=directory)
    assert status == 1
    assert (
        f"the wheel in {directory} is greenlet 3.5.6+switchlib.0.0.9, which does not fit switchlib"
        in text
    )


def test_a_resolver_has_put_greenlet_back(doctor, tmp_path):
    directory = make_installed(tmp_path / "site", "3.5.6", FAKE_GREENLET, "uv")
    status, text = doctor(PYTHONPATH=directory)
    assert status == 1
    assert f"installed    greenlet 3.5.6, by uv, in {directory}: not switchlib's wheel" in text
    assert text.endswith("If that was installed, uv has put\ngreenlet 3.5.6 in its place.\n")


def test_greenlet_was_installed_over_the_wheel(doctor, tmp_path):
    make_installed(tmp_path / "site", _wheel.VERSION)
    directory = make_installed(tmp_path / "site", "3.5.6", FAKE_GREENLET)
    status, text = doctor(PYTHONPATH=directory)
    assert status == 1
    assert (
        f"the greenlet in {directory} is not switchlib's any more, although its wheel was "
        "installed there" in text
    )


def test_a_newer_greenlet_is_installed(doctor, tmp_path):
    directory = make_installed(tmp_path / "site", "3.6.0", FAKE_GREENLET)
    status, text = doctor(PYTHONPATH=f"{SHIM}:{directory}")
    assert status == 1
    assert "greenlet 3.6.0 is installed, but switchlib's interface is that of 3.5.6" in text


@pytest.mark.parametrize("there", [True, False])
def test_the_shim_of_another_python(doctor, tmp_path, there):
    """A start script names a directory in which the Python was that has been upgraded since."""
    other = tmp_path / "python3.9" / "switchlib" / "shim"
    if there:
        shutil.copytree(SHIM, other)
    status, text = doctor(PYTHONPATH=f"{other}:{SHIM}")
    assert status == 1
    fault = "belongs to another switchlib" if there else "is not there"
    assert f"{other} is on PYTHONPATH, but {fault}: this interpreter's is {SHIM}" in text


@pytest.mark.cpython("nothing is built there")
def test_a_switchlib_of_another_python(python, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ignored = shutil.ignore_patterns("*.so", "__pycache__")
    shutil.copytree(os.path.dirname(SHIM), tmp_path / "switchlib", ignore=ignored)
    (tmp_path / "switchlib" / "_switch.cpython-39-x86_64-linux-gnu.so").write_text("")
    done = python("-S", "-m", "switchlib", "doctor", check=False, PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert (
        f"the switchlib in {tmp_path}/switchlib was built for another Python, as _switch.cpython-39"
        in done.stderr
    )


@pytest.mark.cpython("it has cffi built in")
def test_without_cffi(python, tmp_path):
    (tmp_path / "switchlib").symlink_to(os.path.dirname(SHIM))
    done = python("-S", "-c", "import switchlib", check=False, PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert "ImportError: switchlib needs cffi, which is not installed here" in done.stderr
