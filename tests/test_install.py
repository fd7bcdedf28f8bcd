"""switchlib/_install.py, switchlib/__main__.py and switchlib/shim: programs that import `greenlet`."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec

import pytest

from switchlib import __main__, _install

pytestmark = pytest.mark.once

REPORT = (
    "import greenlet, switchlib, sys;print(greenlet.greenlet is switchlib.greenlet, greenlet.__version__, sys.argv[1:])"
)
EXPECTED = "True 3.5.6"


@pytest.fixture
def script(tmp_path):
    def write(text):
        path = tmp_path / "program.py"
        path.write_text(text)
        return str(path)

    return write


def test_run_a_script(python, script):
    path = script(REPORT + "\nprint(__name__, __file__, sys.argv[0], sys.path[0])")
    first, second = python("-m", "switchlib", "run", path, "-m", "--help").stdout.splitlines()
    assert first == EXPECTED + " ['-m', '--help']"
    assert second == f"__main__ {path} {path} {os.path.dirname(path)}"


def test_run_a_module(python, script, tmp_path):
    script(REPORT)
    done = python("-m", "switchlib", "run", "-m", "program", "x", PYTHONPATH=str(tmp_path))
    assert done.stdout.strip() == EXPECTED + " ['x']"


def test_run_hands_on_exit_status_and_traceback(python, script):
    assert python("-m", "switchlib", "run", script("raise SystemExit(3)"), check=False).returncode == 3
    path = script("def f():\n    1 / 0\nf()\n")
    ours = python("-m", "switchlib", "run", path, check=False)
    pythons = python(path, check=False)
    assert (ours.returncode, ours.stdout, ours.stderr) == (pythons.returncode, pythons.stdout, pythons.stderr)


def test_run_hands_on_interpreter_options(python, script):
    path = script("import sys; print(sys.flags.dev_mode, sys.flags.optimize)")
    assert python("-X", "dev", "-O", "-m", "switchlib", "run", path).stdout.strip() == "True 1"


def test_run_reaches_child_processes(python, script):
    path = script(f"import subprocess, sys; subprocess.run([sys.executable, '-c', {REPORT!r}], check=True)")
    assert python("-m", "switchlib", "run", path).stdout.strip() == EXPECTED + " []"


def test_run_without_a_program_or_an_environment(python):
    done = python("-m", "switchlib", "run", check=False)
    assert done.returncode == 2
    assert "which program?" in done.stderr
    done = python("-E", "-m", "switchlib", "run", "x.py", check=False)
    assert done.returncode == 2
    assert "-E and -I" in done.stderr


def test_shim_prints_the_directory(python, capsys):
    assert __main__.main(["shim"]) == 0
    directory = capsys.readouterr().out.strip()
    assert directory == _install.SHIM_DIRECTORY
    assert python("-c", REPORT, PYTHONPATH=directory).stdout.strip() == EXPECTED + " []"


def test_install(python):
    code = "import switchlib; switchlib.install(); switchlib.install();"
    assert python("-c", code + REPORT).stdout.strip() == EXPECTED + " []"


def test_install_after_the_real_greenlet(python, tmp_path):
    (tmp_path / "greenlet.py").write_text("__version__ = '1.2'\nclass greenlet: pass\n")
    done = python("-c", "import greenlet, switchlib; switchlib.install()", PYTHONPATH=str(tmp_path), check=False)
    assert done.returncode == 1
    assert "comes too late: greenlet 1.2 was already imported from " in done.stderr.splitlines()[-1]


def test_the_shim_is_a_complete_package(python):
    code = (
        "import greenlet, greenlet._greenlet as g\n"
        "for name in greenlet.__all__: getattr(greenlet, name)\n"
        "assert greenlet.GREENLET_USE_GC and greenlet.GREENLET_USE_TRACING and greenlet.GREENLET_USE_CONTEXT_VARS\n"
        "assert greenlet.get_clocks_used_doing_optional_cleanup() == 0\n"
        "greenlet.enable_optional_cleanup(False)\n"
        "assert greenlet.get_clocks_used_doing_optional_cleanup() is None\n"
        "greenlet.enable_optional_cleanup(True)\n"
        "assert greenlet.get_clocks_used_doing_optional_cleanup() == 0\n"
        "assert g.get_pending_cleanup_count() == 0 and g.get_total_main_greenlets() <= 1\n"
        "g.set_thread_local('key', 5)\n"
    )
    python("-c", code, PYTHONPATH=_install.SHIM_DIRECTORY)


def test_help_names_the_commands(capsys):
    with pytest.raises(SystemExit):
        __main__.main(["--help"])
    out = capsys.readouterr().out
    assert all(command in out for command in ("demo", "run", "shim", "doctor"))


@pytest.mark.skipif(find_spec("sqlalchemy") is None, reason="needs SQLAlchemy, of the extra `examples`")
def test_an_example_under_run_and_under_the_shim(python):
    example = os.path.join(os.path.dirname(__file__), os.pardir, "examples", "async_orm.py")
    assert "all as expected" in python("-m", "switchlib", "run", example).stdout
    assert "switchlib" in python(example, PYTHONPATH=_install.SHIM_DIRECTORY, SWITCHLIB_SHORTCUTS="0").stdout
    assert sys.modules.get("sqlalchemy") is None
