"""All commands of the project. `nox --list` shows them; ARGUMENTS go after `--`, as in

    nox                             the quick tests
    nox -s tests -- -k throw        all tests, or those that pytest's arguments choose
    nox -t core                     the core gate, which .ci/run also runs
    nox -t full                     the rest of the full gate, which takes hours

Environments are kept in .venvs, so only the first run of a command takes long to prepare. Times are
for two cores.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nox

nox.options.sessions = ["quick"]
nox.options.envdir = ".venvs"

HERE = Path(__file__).resolve().parent
VERSION = HERE / "switchlib" / "__init__.py"
PYENV = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
PYPY = Path("/usr/bin/pypy3")

BUILDS = "tests/install/test_build.py"
READERS = "tests/introspection/test_hostile.py"  # whose processes are not in dev mode
# What these find is seldom missed by the others, and they take most of the time.
NOT_QUICK = ("tests/install", "tests/points", "tests/tstate/test_traversal.py")
ON_PYPY = (
    *(f"tests/{folder}" for folder in ("greenlet", "model", "regressions", "tstate")),
    *(f"tests/mechanism/test_{name}.py" for name in ("mechanism", "pypy", "walks")),
    *(f"tests/install/test_{name}.py" for name in ("demo", "install", "doctor", "wheel")),
)
WITH_LIBRARIES = (
    *(f"tests/introspection/test_{name}.py" for name in ("names", "tasks", "waits")),
    "tests/docs/test_screens.py",
)
WITH_C = ("asm", "benchmarks", "csrc", "switchlib/shim", "tests", "tools")


def environment(session: nox.Session, name: str, python: str, extras: str) -> str:
    """The Python of an environment in which this clone is installed; it is made if need be.

    It is made again when pyproject.toml or the version has changed.
    Otherwise C is compiled if it has changed.
    """
    directory = session.cache_dir.parent / name
    made, stamp = directory / "bin" / "python", directory / "installed"
    version = next(line for line in VERSION.read_text().splitlines() if "__version__ =" in line)
    what = (HERE / "pyproject.toml").read_text() + version + python + str(HERE)
    wanted = hashlib.sha256(what.encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        session.run(str(made), "setup.py", "--quiet", "build_ext", "--inplace", silent=True)
        return str(made)
    shutil.rmtree(directory, ignore_errors=True)
    session.run(python, "-m", "venv", str(directory))
    session.run(str(made), "-m", "pip", "install", "--quiet", "-e", f".[{extras}]")
    # What builds the C sources in place without pip.
    session.run(str(made), "-m", "pip", "install", "--quiet", "setuptools>=77")
    stamp.write_text(wanted)
    return str(made)


def development(session: nox.Session) -> str:
    """The Python of the environment for development."""
    return environment(session, "dev", sys.executable, "dev")


def command(session: nox.Session, *arguments: str) -> None:
    """Runs Python in the environment for development, with these arguments and the user's."""
    session.run(development(session), *arguments, *session.posargs)


# ------------------------------------------------------------------------------------- to develop


@nox.session(python=False)
def dev(session: nox.Session) -> None:
    """Make the environment for development, .venvs/dev, and build switchlib in it. 1 min."""
    session.log(f"source {Path(development(session)).parent}/activate")


@nox.session(python=False)
def quick(session: nox.Session) -> None:
    """The tests that find most mistakes, each with the shortcuts and without. Under 1 min."""
    command(session, "-m", "pytest", "-q", *(f"--ignore={path}" for path in NOT_QUICK))


# ---------------------------------------------------------------------------------- the core gate


@nox.session(python=False, tags=["core"])
def machine(session: nox.Session) -> None:
    """Get clang and PyPy by apt-get, if they are not here and this is a Debian with root. 1 min."""
    if shutil.which("clang") is None:
        get = "apt-get -qq update && apt-get -qq install -y clang"
        session.run("sh", "-c", get, silent=True, success_codes=range(256))
    if not PYPY.exists():
        session.run(sys.executable, "tools/interpreters.py", "make", "pypy3")
    missing = [name for name in ("clang", "pypy3") if shutil.which(name) is None]
    if missing:
        session.skip(f"{' and '.join(missing)} could not be installed")


@nox.session(python=False, tags=["core"])
def readme(session: nox.Session) -> None:
    """The README's line for a clone: install switchlib, run the demo and the ORM example. 1 min."""
    python = environment(session, "examples", sys.executable, "examples")
    session.run(python, "-m", "switchlib", "demo")
    session.run(python, "-m", "switchlib", "run", "examples/async_orm.py")


@nox.session(python=False, tags=["core"])
def tests(session: nox.Session) -> None:
    """All tests, each with the shortcuts and without; ARGUMENTS are pytest's. 3 min."""
    command(session, "-m", "pytest")


@nox.session(name="tests-dev-mode", python=False, tags=["core"])
def tests_dev_mode(session: nox.Session) -> None:
    """The tests under python -X dev, which includes PYTHONMALLOC=debug. 3 min."""
    ignored = (f"--ignore={path}" for path in (BUILDS, READERS))
    command(session, "-X", "dev", "-m", "pytest", "-q", *ignored)


@nox.session(python=False, tags=["core"])
def upstream(session: nox.Session) -> None:
    """greenlet's own tests, with the shortcuts and without. 1 min."""
    command(session, "-m", "tests.upstream")


@nox.session(python=False, tags=["core"])
def newer(session: nox.Session) -> None:
    """The tests on CPython 3.13 or 3.12, of pyenv or on PATH. 3 min."""
    found = sorted(PYENV.glob("versions/3.1[23].*/bin/python"))
    found += [Path(path) for name in ("python3.12", "python3.13") if (path := shutil.which(name))]
    working = [each for each in found if is_newer(each)]
    if not working:
        session.skip("neither python3.12 nor python3.13 is here, nor in pyenv")
    python = environment(session, "newer", str(working[-1]), "test")
    session.run(python, "--version")
    session.run(python, "-m", "pytest", "-q", f"--ignore={BUILDS}", *session.posargs)


def is_newer(python: Path) -> bool:
    code = "import sys; sys.exit(sys.version_info < (3, 12))"
    return subprocess.run([python, "-c", code], check=False).returncode == 0


@nox.session(name="downstream-short", python=False, tags=["core"])
def downstream_short(session: nox.Session) -> None:
    """A few tests of gevent's and SQLAlchemy's, on greenlet and on switchlib. 2 min."""
    command(session, "-m", "tests.downstream", "--short")


@nox.session(python=False, tags=["core"])
def libraries(session: nox.Session) -> None:
    """What is read of programs on gevent, eventlet, SQLAlchemy and greenback. 2 min."""
    python = environment(session, "libraries", sys.executable, "test,libraries")
    session.run(python, "-m", "pytest", "-q", *(session.posargs or WITH_LIBRARIES))


@nox.session(python=False, tags=["core"])
def stack(session: nox.Session) -> None:
    """The register switch and the stack layer on i386 and arm64 (or the CPUs ARGUMENTS). 2 min."""
    cpus = session.posargs or ["i386", "arm64"]
    session.run(development(session), "tools/cpus.py", "--stack", *cpus)


@nox.session(python=False, tags=["core"])
def pypy(session: nox.Session) -> None:
    """The demo, and the tests that concern it, on PyPy. 6 min."""
    if not PYPY.exists():
        session.skip("PyPy is not installed: nox -s machine")
    python = environment(session, "pypy", str(PYPY), "test")
    session.run(python, "-m", "switchlib", "demo")
    session.run(python, "-m", "pytest", "-q", *(session.posargs or ON_PYPY))


@nox.session(name="wheels-short", python=False, tags=["core"])
def wheels_short(session: nox.Session) -> None:
    """A manylinux and a musllinux wheel, built and run: the demo and the core of the tests.

    3 min.
    """
    names = session.posargs or ["cp313-manylinux_x86_64", "cp313-musllinux_x86_64"]
    session.run(sys.executable, "tools/wheels.py", "--short", *names)


@nox.session(python=False, tags=["core"])
def workflows(session: nox.Session) -> None:
    """Check the workflows of the forge, and that they would build the right wheels. Seconds."""
    session.run(releasing(session), "tools/workflows.py")


@nox.session(python=False, tags=["core"])
def docs(session: nox.Session) -> None:
    """Build the site from docs/ in .venvs/site, with no warning; run the pages' examples. 1 min."""
    if sys.version_info < (3, 11):
        session.skip("Sphinx needs Python 3.11")
    python = environment(session, "docs", sys.executable, "docs")
    site = session.cache_dir.parent / "site"
    session.run(python, "-m", "sphinx", "--fail-on-warning", "--fresh-env", "-q", "docs", str(site))
    session.run(python, "-m", "pytest", "-q", "tests/docs", *session.posargs)
    session.log(f"{site}/index.html")


@nox.session(python=False, tags=["core"])
def form(session: nox.Session) -> None:
    """Style and types: ruff, mypy --strict, clang-format and codespell. Seconds."""
    bin = Path(development(session)).parent
    session.run(str(bin / "ruff"), "check", ".")
    session.run(str(bin / "ruff"), "format", "--check", ".")
    session.run(str(bin / "mypy"))
    c = [str(path) for folder in WITH_C for path in sorted((HERE / folder).rglob("*.[ch]"))]
    session.run(str(bin / "clang-format"), "--dry-run", "-Werror", *c)
    session.run(str(bin / "codespell"))


# ---------------------------------------------------------------- the full gate, beyond the core


@nox.session(python=False, tags=["full"])
def interpreters(session: nox.Session) -> None:
    """Get the Pythons that are missing from Debian, and list all that are here. 10 min."""
    session.run(sys.executable, "tools/interpreters.py", "make")


@nox.session(python=False, tags=["full"])
def matrix(session: nox.Session) -> None:
    """All tests on each Python that is here, or on the ARGUMENTS, such as sid-python3.15. 1 h."""
    command(session, "tools/matrix.py")


@nox.session(python=False, tags=["full"])
def poison(session: nox.Session) -> None:
    """All tests on each CPython, in a build that overwrites saved stacks where they lay. 1 h."""
    command(session, "tools/matrix.py", "--poison")


@nox.session(name="patch-releases", python=False, tags=["full"])
def patch_releases(session: nox.Session) -> None:
    """One binary on the first and the last patch releases of its version, or of 3.N .... 30 min."""
    command(session, "tools/patch_releases.py")


@nox.session(python=False, tags=["full"])
def wheels(session: nox.Session) -> None:
    """All wheels and the sdist, built and run here, or the ARGUMENTS of tools/wheels.py. Hours."""
    session.run(sys.executable, "tools/wheels.py", *session.posargs)


@nox.session(name="wheels-twice", python=False, tags=["full"])
def wheels_twice(session: nox.Session) -> None:
    """All wheels and the sdist, built twice: the bytes must be the same. 6 min."""
    session.run(sys.executable, "tools/wheels.py", "--twice", *session.posargs)


@nox.session(python=False, tags=["full"])
def cpus(session: nox.Session) -> None:
    """All tests that can run there on each CPU, or on the CPUs ARGUMENTS. Hours."""
    command(session, "tools/cpus.py")


@nox.session(name="compiler-flags", python=False, tags=["full"])
def compiler_flags(session: nox.Session) -> None:
    """The stack layer under each combination of gcc's and clang's flags. 1 h."""
    command(session, "tools/cpus.py", "--flags")


@nox.session(python=False, tags=["full"])
def model(session: nox.Session) -> None:
    """100,000 random programs, on the model and on switchlib; ARGUMENTS like --seed 5. 5 min."""
    command(session, "-m", "tests.model")


@nox.session(name="model-collects", python=False, tags=["full"])
def model_collects(session: nox.Session) -> None:
    """20,000 random programs that run the collector; their frames own greenlets. 10 min."""
    command(session, "-m", "tests.model", "--seed", "2", "--programs", "20000", "--collects")


@nox.session(name="model-greenlet", python=False, tags=["full"])
def model_greenlet(session: nox.Session) -> None:
    """20,000 random programs, on the model, on switchlib and on greenlet. 4 min."""
    command(session, "-m", "tests.model", "--seed", "1", "--programs", "20000", "--greenlet")


@nox.session(name="stack-checked", python=False, tags=["full"])
def stack_checked(session: nox.Session) -> None:
    """The stack layer without Python, under valgrind and the sanitizers. 10 min."""
    command(session, "-m", "tests.stack.checked")


@nox.session(python=False, tags=["full"])
def points(session: nox.Session) -> None:
    """Hostile code at every place of the mechanism where user code may run. 2 min."""
    command(session, "-m", "tests.points")


@nox.session(python=False, tags=["full"])
def downstream(session: nox.Session) -> None:
    """The tests of gevent and other programs, on greenlet and on switchlib. 1 h."""
    command(session, "-m", "tests.downstream")


@nox.session(name="developer-tools", python=False, tags=["full"])
def developer_tools(session: nox.Session) -> None:
    """Profilers, debuggers and other tools, on greenlet and on switchlib. 20 min."""
    command(session, "-m", "tests.developer_tools")


@nox.session(python=False, tags=["full"])
def page(session: nox.Session) -> None:
    """The page that `switchlib report` writes, clicked through in Chromium. 2 min."""
    if shutil.which("chromium") is None:
        session.skip("chromium is not installed: apt-get install chromium")
    python = environment(session, "browser", sys.executable, "browser")
    session.run(python, "-m", "pytest", "-q", "tests/report", *session.posargs)


@nox.session(name="downstream-speed", python=False, tags=["full"])
def downstream_speed(session: nox.Session) -> None:
    """The cost of gevent's operations, and of gunicorn under load, on both. 20 min."""
    command(session, "-m", "tests.downstream", "speed")


@nox.session(python=False, tags=["full"])
def soak(session: nox.Session) -> None:
    """A soak test: a few operations, very often. Memory must not grow. 15 min."""
    command(session, "-m", "tests.commands.soak")


# ----------------------------------------------------------------------------------- to release


def releasing(session: nox.Session) -> str:
    """The Python of the environment for releases."""
    return environment(session, "release", sys.executable, "release")


@nox.session(python=False, default=False)
def release(session: nox.Session) -> None:
    """Prepare the release of the version ARGUMENT; -- 1.2.0 is a dry run, -- 1.2.0 --go is not."""
    session.run(releasing(session), "tools/release.py", *session.posargs)


@nox.session(python=False, default=False)
def distributions(session: nox.Session) -> None:
    """Check the files in dist/, or in the directory ARGUMENT. Seconds."""
    session.run(releasing(session), "tools/distributions.py", *session.posargs)


@nox.session(python=False, default=False)
def cibuildwheel(session: nox.Session) -> None:
    """Build and test this system's wheels, into dist/, as on a forge; Linux needs docker. Hours."""
    arguments = ["--output-dir", "dist", *session.posargs]
    session.run(releasing(session), "-m", "cibuildwheel", *arguments)


# -------------------------------------------------------------------- figures, which are no tests


@nox.session(python=False, default=False)
def benchmarks(session: nox.Session) -> None:
    """switchlib next to greenlet; --all writes the tables of the documents. 5 min; all: 1 h."""
    command(session, "benchmarks/run.py")


@nox.session(python=False, default=False)
def instructions(session: nox.Session) -> None:
    """How many instructions each case takes, by callgrind. 5 min."""
    command(session, "benchmarks/run.py", "--instructions")
