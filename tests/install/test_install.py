"""switchlib/_install.py, _run.py, __main__.py and shim: programs that import `greenlet`."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import switchlib
from switchlib import __main__, _install

pytestmark = pytest.mark.once

REPORT = (
    "import greenlet, switchlib, sys;print(greenlet.greenlet is switchlib.greenlet, "
    "greenlet.__version__, sys.argv[1:])"
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
    assert (
        python("-m", "switchlib", "run", script("raise SystemExit(3)"), check=False).returncode == 3
    )
    path = script("def f():\n    1 / 0\nf()\n")
    ours = python("-m", "switchlib", "run", path, check=False)
    pythons = python(path, check=False)
    assert (ours.returncode, ours.stdout, ours.stderr) == (
        pythons.returncode,
        pythons.stdout,
        pythons.stderr,
    )


def test_run_hands_on_interpreter_options(python, script):
    path = script("import sys; print(sys.flags.dev_mode, sys.flags.optimize)")
    assert python("-X", "dev", "-O", "-m", "switchlib", "run", path).stdout.strip() == "True 1"


def test_run_reaches_child_processes(python, script):
    path = script(
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', {REPORT!r}], check=True)"
    )
    assert python("-m", "switchlib", "run", path).stdout.strip() == EXPECTED + " []"


def test_run_without_a_program_or_an_environment(python):
    done = python("-m", "switchlib", "run", check=False)
    assert done.returncode == 2
    assert "name a program to run" in done.stderr
    done = python("-E", "-m", "switchlib", "run", "x.py", check=False)
    assert done.returncode == 2
    assert "-E and -I" in done.stderr


CHECK = "import sys; print(sys.flags.ignore_environment)"


@pytest.mark.parametrize(
    "arguments",
    [
        *(
            ["-E", "FILE"],
            ["-I", "FILE"],
            ["-uE", "FILE"],
            ["-B", "-s", "-I", "FILE"],
            ["-BEs", "FILE", "-x"],
        ),
        *(["-Ic", CHECK], ["-Ec" + CHECK], ["-Im", "program"], ["-uImprogram"]),
        *(
            ["-W", "ignore", "-E", "FILE"],
            ["-Wignore", "-E", "FILE"],
            ["-EW", "ignore", "FILE"],
            ["-Xdev", "-I", "FILE"],
        ),
        *(["-X", "utf8", "-I", "FILE"], ["--check-hash-based-pycs", "never", "-I", "FILE"]),
        *(
            ["-u", "FILE", "-E"],
            ["FILE", "-I"],
            ["--", "FILE", "-E"],
            ["-c", CHECK, "-E"],
            ["-c" + CHECK, "-I"],
        ),
        *(
            ["-XI", "FILE"],
            ["-X", "-I", "FILE"],
            ["-WE", "FILE"],
            ["-uW", "-E", "FILE"],
            ["-m", "program", "-E"],
        ),
        ["--check-hash-based-pycs", "never", "FILE", "-I"],
    ],
    ids=" ".join,
)
def test_run_refuses_what_would_ignore_the_shim(python, script, tmp_path, monkeypatch, arguments):
    """Python itself says whether it would."""
    monkeypatch.chdir(tmp_path)
    path = script(CHECK)
    arguments = [path if argument == "FILE" else argument for argument in arguments]
    pythons = python(*arguments, check=False, PYTHONPATH=str(tmp_path))
    ignored = pythons.stdout.strip()
    if "-Im" in arguments[0] or "-uIm" in arguments[0]:
        assert "No module named program" in pythons.stderr, (
            "-I takes the working directory off the path"
        )
        ignored = "1"
    done = python("-m", "switchlib", "run", *arguments, check=False, PYTHONPATH=str(tmp_path))
    if ignored == "1":
        assert (done.returncode, done.stdout) == (2, "")
        assert "the options -E and -I tell Python to ignore" in done.stderr
    else:
        assert (done.returncode, done.stdout) == (0, "0\n")


ENTRY_POINT = """\
import switchlib, greenlet, sys
def main():
    print(sys.argv, greenlet.greenlet is switchlib.greenlet)
    return 5
"""


@pytest.fixture
def distribution(tmp_path):
    """A directory with a distribution in it that has a console script."""
    (tmp_path / "serving.py").write_text(ENTRY_POINT)
    information = tmp_path / "serving-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: serving\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(
        "[console_scripts]\nserve-this = serving:main [extra]\n"
    )
    return str(tmp_path)


def test_run_an_entry_point(python, distribution):
    done = python(
        "-m", "switchlib", "run", "serve-this", "--port", "-m", check=False, PYTHONPATH=distribution
    )
    assert (done.returncode, done.stdout, done.stderr) == (
        5,
        "['serve-this', '--port', '-m'] True\n",
        "",
    )


WRITTEN = {
    "text": "#!/usr/bin/env python\n",
    "by a shell": "#!/bin/sh\n'''exec' \"/a long path/bin/python\" \"$0\" \"$@\"\n' '''\n",
    "no Python": "#!/bin/sh\necho \"['$0', '$@'] $PYTHONPATH\"; exit 5\n",
}


@pytest.mark.parametrize("kind", WRITTEN)
def test_run_a_script_of_the_environment(python, distribution, tmp_path, kind):
    """It lies next to the interpreter, here to a link in a directory of ours."""
    directory = tmp_path / "bin"
    directory.mkdir()
    (directory / "python").symlink_to(sys.executable)
    path = directory / ("other" if kind == "no Python" else "serve-this")
    path.write_text(
        WRITTEN[kind] + ("" if kind == "no Python" else ENTRY_POINT + "sys.exit(main())\n")
    )
    path.chmod(0o755)
    # The link's directory is no environment, so Python is told where packages are.
    as_if_there = (
        f"import sys; sys.executable = {str(directory / 'python')!r}; from switchlib._run import "
        "run;"
    )
    packages = os.pathsep.join(
        [str(Path(switchlib.__file__).parent.parent), distribution, *filter(None, sys.path)]
    )
    done = python(
        "-c", f"{as_if_there} run([{path.name!r}, '-x'])", check=False, PYTHONPATH=packages
    )
    assert done.stderr == ""
    assert done.returncode == 5
    assert done.stdout.startswith(f"['{path}', '-x'] ")
    assert "True" in done.stdout or _install.SHIM_DIRECTORY in done.stdout


def test_run_prefers_what_python_itself_would_run(python, tmp_path, monkeypatch, distribution):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "serve-this").write_text("print('a file')")
    assert (
        python("-m", "switchlib", "run", "serve-this", PYTHONPATH=distribution).stdout == "a file\n"
    )
    (tmp_path / "serve-this").unlink()
    (tmp_path / "serve-this").mkdir()
    done = python("-m", "switchlib", "run", "serve-this", check=False, PYTHONPATH=distribution)
    assert "True" in done.stdout, "a directory that holds no program"
    (tmp_path / "serve-this" / "__main__.py").write_text("print('a directory')")
    assert (
        python("-m", "switchlib", "run", "serve-this", PYTHONPATH=distribution).stdout
        == "a directory\n"
    )


def test_run_what_is_not_there(python):
    done = python("-m", "switchlib", "run", "no-such-program", check=False)
    assert done.returncode == 2
    assert (
        "there is no file 'no-such-program' here, and no console script of that name in "
        in done.stderr
    )
    assert os.path.dirname(sys.executable) in done.stderr
    done = python("-m", "switchlib", "run", "./no-such-file.py", check=False)
    assert done.returncode == 2
    assert "can't open file" in done.stderr


@pytest.mark.parametrize("kind", ["shim", "wheel"])
def test_an_interpreter_without_switchlib_says_so(python, tmp_path, monkeypatch, kind):
    """One that inherits PYTHONPATH, or from which switchlib was uninstalled;
    here one that has no site-packages.
    """
    monkeypatch.chdir(tmp_path)
    directory = _install.SHIM_DIRECTORY
    if kind == "wheel":
        directory = str(tmp_path / "packages")
        shutil.copytree(
            os.path.join(_install.SHIM_DIRECTORY, "greenlet"), os.path.join(directory, "greenlet")
        )
    code = (
        "try: import greenlet\n"
        "except ImportError as error:\n"
        "    print(type(error).__name__, error.name)\n"
        "    raise"
    )
    done = python("-S", "-c", code, check=False, PYTHONPATH=directory)
    assert done.stdout == "ModuleNotFoundError switchlib\n"
    instead = "take that directory off PYTHONPATH" if kind == "shim" else "reinstall greenlet"
    assert (  # which some releases of CPython follow up with what -S does
        f"ModuleNotFoundError: No module named 'switchlib': the greenlet in {directory} is "
        f"switchlib's, but {sys.executable} finds no switchlib. Install switchlib for it, or "
        f"{instead}."
    ) in done.stderr


@pytest.mark.parametrize("options", [[], ["-u"]])
@pytest.mark.parametrize(
    "command", [["demo"], ["shim"], ["wheel"], ["doctor"], ["--help"], ["run", "--help"]]
)
def test_a_reader_that_stops_ends_it_quietly(tmp_path, options, command):
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, *options, "-m", "switchlib", *command],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert done.stderr == ""
    assert done.returncode == 1 or "--help" in command, "argparse ignores it"


@pytest.mark.parametrize("started", ["/bin/switchlib", "/packages/switchlib/__main__.py"])
@pytest.mark.parametrize(
    "arguments", [["--help"], ["run", "--help"], ["run"], ["wheel", "--help"], ["run", "no-such"]]
)
def test_usage_names_what_was_started(monkeypatch, capsys, started, arguments):
    monkeypatch.setattr(sys, "argv", [started])
    with contextlib.suppress(SystemExit):
        __main__.main(arguments)
    out, err = capsys.readouterr()
    first = (out + err).splitlines()[0].removeprefix("usage: ")
    assert first.startswith("switchlib " if started == "/bin/switchlib" else "python -m switchlib ")


def test_version(python):
    assert python("-m", "switchlib", "--version").stdout == f"switchlib {switchlib.__version__}\n"


def test_shim_prints_the_directory(python, capsys):
    assert __main__.main(["shim"]) == 0
    directory = capsys.readouterr().out.strip()
    assert directory == _install.SHIM_DIRECTORY
    assert python("-c", REPORT, PYTHONPATH=directory).stdout.strip() == EXPECTED + " []"


def test_install(python):
    code = "import switchlib; switchlib.install(); switchlib.install();"
    assert python("-c", code + REPORT).stdout.strip() == EXPECTED + " []"


def test_all_names_are_there(python):
    python(
        "-c",
        "from switchlib import *; import switchlib; assert {*switchlib.__all__} < {*globals()}",
    )
    done = python("-c", "from switchlib import nothing", check=False)
    assert "ImportError: cannot import name 'nothing'" in done.stderr


def test_install_after_the_real_greenlet(python, tmp_path):
    (tmp_path / "greenlet.py").write_text("__version__ = '1.2'\nclass greenlet: pass\n")
    done = python(
        "-c",
        "import greenlet, switchlib; switchlib.install()",
        PYTHONPATH=str(tmp_path),
        check=False,
    )
    assert done.returncode == 1
    assert "comes too late: greenlet 1.2 was already imported from " in done.stderr.splitlines()[-1]


def test_the_shim_is_a_complete_package(python):
    code = (
        "import greenlet, greenlet._greenlet as g\n"
        "for name in greenlet.__all__: getattr(greenlet, name)\n"
        "assert greenlet.GREENLET_USE_GC and greenlet.GREENLET_USE_TRACING and "
        "greenlet.GREENLET_USE_CONTEXT_VARS\n"
        "assert greenlet.get_clocks_used_doing_optional_cleanup() == 0\n"
        "greenlet.enable_optional_cleanup(False)\n"
        "assert greenlet.get_clocks_used_doing_optional_cleanup() is None\n"
        "greenlet.enable_optional_cleanup(True)\n"
        "assert greenlet.get_clocks_used_doing_optional_cleanup() == 0\n"
        "assert g.get_pending_cleanup_count() == 0 and g.get_total_main_greenlets() <= 1\n"
        "g.set_thread_local('key', 5)\n"
    )
    python("-c", code, PYTHONPATH=_install.SHIM_DIRECTORY)


IMPORTED = """
import sys
before = set(sys.modules)
{}
print(*sorted(set(sys.modules) - before))
"""
# What a program pays for whether it uses it or not. `typing` alone took longer than all of these.
MAY_IMPORT = {
    *(
        "switchlib",
        "switchlib._greenlet",
        "switchlib._install",
        "switchlib._mechanism",
        "__future__",
    ),
    *("switchlib._shim", "switchlib._switch", "greenlet", "greenlet._greenlet"),
    *("_cffi_backend", "switchlib._switch.lib", "atexit", "gc"),
}


@pytest.mark.cpython("it has no `_switch`, and its own modules")
@pytest.mark.parametrize(
    "way", ["import switchlib", "import greenlet", "import switchlib; switchlib.install()"]
)
def test_what_an_import_imports(python, way):
    imported = set(
        python("-c", IMPORTED.format(way), PYTHONPATH=_install.SHIM_DIRECTORY).stdout.split()
    )
    assert "switchlib" in imported
    assert imported <= MAY_IMPORT


def test_help_names_the_commands(capsys):
    with pytest.raises(SystemExit):
        __main__.main(["--help"])
    out = capsys.readouterr().out
    assert all(command in out for command in ("demo", "run", "shim", "wheel", "doctor"))


@pytest.mark.skipif(
    find_spec("sqlalchemy") is None, reason="needs SQLAlchemy, of the extra `examples`"
)
def test_an_example_under_run_and_under_the_shim(python):
    example = str(Path(__file__).parents[2] / "examples" / "async_orm.py")
    assert "all as expected" in python("-m", "switchlib", "run", example).stdout
    assert (
        "switchlib"
        in python(example, PYTHONPATH=_install.SHIM_DIRECTORY, SWITCHLIB_SHORTCUTS="0").stdout
    )
    assert sys.modules.get("sqlalchemy") is None


def test_install_names_the_modules_that_were_sooner(python, tmp_path):
    (tmp_path / "greenlet.py").write_text("class greenlet: pass\nclass error: pass\n")
    (tmp_path / "first.py").write_text("import greenlet\n")
    (tmp_path / "second.py").write_text("from greenlet import greenlet as g\n")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import first, second, switchlib\n"
        "switchlib.install()"
    )
    done = python("-c", code, check=False)
    assert "was already imported from" in done.stderr
    assert "by first, second. Call it before" in done.stderr
