"""tools/release.py and tools/distributions.py: what a release is made of,
and which files none may have.
"""

from __future__ import annotations

import datetime
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

if not (ROOT / ".git").exists():
    pytest.skip("releases are made from a clone", allow_module_level=True)
pytestmark = [pytest.mark.once, pytest.mark.cpython("releases are made with CPython")]
sys.path.append(str(ROOT / "tools"))

import distributions  # noqa: E402
import release  # noqa: E402

DATE = datetime.date(2030, 2, 1)
SOMEBODY = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.org")


def git(root: Path, *arguments: str) -> str:
    return release.run("git", *arguments, cwd=root)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of the tree as it is, with all committed."""
    root = tmp_path_factory.mktemp("tree") / "switchlib"
    files = git(ROOT, "ls-files", "--cached", "--others", "--exclude-standard", "-z").split("\0")
    for name in (each for each in files if (ROOT / each).is_file()):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    git(root, "init", "--quiet", "--initial-branch=main")
    git(root, "add", ".")
    git(root, *SOMEBODY, "commit", "--quiet", "--message", "All")
    return root


@pytest.fixture
def clone(tree: Path, tmp_path: Path) -> Path:
    """A clone to change."""
    root = tmp_path / "clone"
    git(tree, "clone", "--quiet", *SOMEBODY, str(tree), str(root))
    return root


def test_a_release_has_a_version_a_section_and_a_tag(clone):
    changes = distributions.section(clone, "Unreleased")
    release.check(clone, "7.8.0")
    release.commit(clone, "7.8.0", DATE)
    assert distributions.version(clone) == "7.8.0"
    assert distributions.section(clone, "Unreleased") == ""
    assert distributions.section(clone, "7.8.0") == changes
    assert "\n## [7.8.0] - 2030-02-01\n" in (clone / "CHANGELOG.md").read_text()
    assert git(clone, "status", "--porcelain") == ""
    assert git(clone, "describe") == "v7.8.0\n"
    assert (
        git(clone, "tag", "--list", "--format=%(contents)") == f"switchlib 7.8.0\n\n{changes}\n\n"
    )
    assert git(clone, "diff", "--stat", "HEAD~").endswith(
        "2 files changed, 3 insertions(+), 1 deletion(-)\n"
    )


def test_what_is_built_is_of_the_version_in_the_sources(clone, tmp_path):
    release.commit(clone, "7.8.0", DATE)
    subprocess.run(
        [sys.executable, "-m", "build", "--sdist", "--outdir", tmp_path / "out", clone], check=True
    )
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["switchlib-7.8.0.tar.gz"]


@pytest.mark.parametrize(
    ("new", "reason"),
    [
        ("0.0.9", "not later than"),
        ("1.0", None),
        ("1.0.0-rc1", "is written 1.0.0rc1"),
        ("one", "Invalid version"),
    ],
)
def test_the_version(clone, new, reason):
    if reason is None:
        release.check(clone, new)
    else:
        with pytest.raises(release.Refused, match=reason):
            release.check(clone, new)


def test_nothing_is_released_twice(clone):
    git(clone, "tag", "v1.0")
    with pytest.raises(release.Refused, match=r"there is a tag v1\.0"):
        release.check(clone, "1.0")


def test_the_tree_must_be_clean(clone):
    (clone / "new.py").write_text("")
    with pytest.raises(release.Refused, match=r"not clean:\n\?\? new.py"):
        release.check(clone, "1.0")


def test_users_must_be_told_something(clone):
    release.commit(clone, "1.0", DATE)
    with pytest.raises(release.Refused, match="nothing under Unreleased"):
        release.check(clone, "1.1")


def test_the_next_release_takes_over(clone, monkeypatch):
    """What --go brings from the temporary clone."""
    other = clone.with_name("other")
    git(clone, "clone", "--quiet", *SOMEBODY, str(clone), str(other))
    release.commit(other, "1.0", DATE)
    (other / "dist").mkdir()
    (other / "dist" / "file").write_text("")
    monkeypatch.setattr(release, "CLONE", clone)
    release.take_over(other, "1.0")
    assert git(clone, "describe") == "v1.0\n"
    assert git(clone, "rev-parse", "HEAD", "v1.0") == git(other, "rev-parse", "HEAD", "v1.0")
    assert git(clone, "status", "--porcelain") == ""
    assert (clone / "dist" / "file").exists()


# ------------------------------------------------------------------------------ the files of one


WHEEL = "switchlib-{}-cp311-cp311-manylinux2014_x86_64.manylinux_2_17_x86_64.whl"
PURE = [*distributions._tracked(ROOT, "switchlib")]
COMPILED = ["switchlib/_switch.cpython-311.so", "switchlib/shim/greenlet/_greenlet.cpython-311.so"]


def write_wheel(path: Path, names: list[str], size: int = 0) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, b"")
        archive.writestr("switchlib-1.dist-info/METADATA", bytes(size))
    return path


@pytest.mark.parametrize(
    ("wheel", "name"),
    [
        (
            "switchlib-1.0-cp311-cp311-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
            "cp311-manylinux_x86_64",
        ),
        ("switchlib-1.0-cp315-cp315-musllinux_1_2_aarch64.whl", "cp315-musllinux_aarch64"),
        ("switchlib-1.0-cp310-cp310-macosx_11_0_arm64.whl", "cp310-macosx_arm64"),
        ("switchlib-1.0-pp3-none-any.whl", "pp3-none-any"),
        ("switchlib-1.0-pp3.pp310.pp39-none-any.whl", "pp3-none-any"),
        ("switchlib-1.0-py3-none-any.whl", None),
        ("switchlib-1.0-cp311-cp311-linux_x86_64.whl", None),
        ("switchlib-1.0-cp311-abi3-musllinux_1_2_aarch64.whl", None),
    ],
)
def test_a_wheel_is_known_by_its_tags(wheel, name):
    assert distributions.identifier(wheel) == name


@pytest.mark.parametrize(
    ("name", "held"), [(WHEEL, [*PURE, *COMPILED]), ("switchlib-{}-pp3-none-any.whl", PURE)]
)
def test_a_wheel_in_order(tmp_path, name, held):
    assert [
        *distributions._faults_of_wheel(ROOT, write_wheel(tmp_path / name.format(1), held))
    ] == []


@pytest.mark.parametrize(
    ("name", "held", "size", "fault"),
    [
        (WHEEL, [*PURE, *COMPILED], 300_000, "and 300,000 are the limit"),
        (WHEEL, [*sorted(PURE)[1:], *COMPILED], 0, "lacks switchlib/__init__.py"),
        (WHEEL, [*PURE, *COMPILED[:1]], 0, "lacks switchlib/shim/greenlet/_greenlet.so"),
        (WHEEL, [*PURE, *COMPILED, "tests/__init__.py"], 0, "has tests/__init__.py"),
        ("switchlib-{}-pp3-none-any.whl", [*PURE, *COMPILED[:1]], 0, "has switchlib/_switch.so"),
        ("switchlib-{}-py3-none-any.whl", [*PURE, *COMPILED], 0, "has tags that no release has"),
        (
            "switchlib-{}-cp311-cp311-linux_x86_64.whl",
            [*PURE, *COMPILED],
            0,
            "has tags that no release has",
        ),
    ],
)
def test_a_wheel_that_no_release_has(tmp_path, name, held, size, fault):
    (found,) = distributions._faults_of_wheel(
        ROOT, write_wheel(tmp_path / name.format(1), held, size)
    )
    assert fault in found


def write_sdist(path: Path, root: Path, *names: str) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name in names:
            archive.add(root / name, f"{path.name[:-7]}/{name}")
    return path


def test_an_sdist_holds_the_project_only(clone, tmp_path):
    tracked = [name for name in git(clone, "ls-files").splitlines() if not name.startswith(".")]
    sdist = write_sdist(tmp_path / "switchlib-1.tar.gz", clone, *tracked)
    assert [*distributions._faults_of_sdist(clone, sdist)] == []
    tracked.remove("asm/asm.c")
    sdist = write_sdist(tmp_path / "switchlib-1.tar.gz", clone, *tracked, ".gitignore")
    assert [*distributions._faults_of_sdist(clone, sdist)] == ["lacks asm/asm.c", "has .gitignore"]


def test_all_files_are_of_one_version(clone, tmp_path):
    release.commit(clone, "1.0", DATE)
    (tmp_path / "dist").mkdir()
    write_wheel(tmp_path / "dist" / WHEEL.format("1.0"), [*PURE, *COMPILED])
    assert distributions.own_faults(clone, tmp_path / "dist") == []
    old = write_wheel(tmp_path / "dist" / WHEEL.format("0.9"), [])
    assert distributions.own_faults(clone, tmp_path / "dist") == [
        f"{old.name}: is not of switchlib 1.0"
    ]


def test_the_changelog_knows_the_version(clone, tmp_path):
    (tmp_path / "dist").mkdir()
    source = clone / distributions.SOURCE
    source.write_text(distributions.VERSION.sub('__version__ = "1.0"', source.read_text()))
    assert distributions.own_faults(clone, tmp_path / "dist") == [
        "CHANGELOG.md: says nothing of 1.0"
    ]


def test_what_is_missing_of_a_complete_release(clone, tmp_path):
    release.commit(clone, "1.0", DATE)
    (tmp_path / "dist").mkdir()
    write_wheel(tmp_path / "dist" / WHEEL.format("1.0"), [*PURE, *COMPILED])
    assert (
        len(distributions.own_faults(clone, tmp_path / "dist", ["linux", "macos"])) == 6 * 6 - 1 + 2
    )
    missing = distributions.own_faults(clone, tmp_path / "dist", ["linux"])
    assert len(missing) == 6 * 4 - 1 + len(["PyPy's wheel", "the sdist"])
    assert {"pp3-none-any: is missing", "switchlib-1.0.tar.gz: is missing"} < {*missing}
    assert "cp311-manylinux_x86_64: is missing" not in missing
