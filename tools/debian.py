"""What comes from Debian: packages for this machine,
and packages of any suite and CPU unpacked into a directory.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import urllib.request
from collections.abc import Sequence
from pathlib import Path


class Unavailable(Exception):
    """Something that is not ours is missing: no mirror answers, or a package may not be installed.

    Says what.
    """


def run(command: Sequence[object], **options: object) -> str:
    """Runs a command that must succeed and returns its output."""
    arguments = [str(argument) for argument in command]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload]
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(arguments)}\n{done.stdout}{done.stderr}")
    return str(done.stdout)


def mirror() -> str:
    """The Debian mirror that this machine's apt is configured for."""
    if shutil.which("apt-get") is None:
        raise Unavailable("there is no apt-get here, so no mirror of Debian is known")
    try:
        targets = run(["apt-get", "indextargets", "--format", "$(LABEL) $(REPO_URI)"])
    except RuntimeError as error:
        raise Unavailable(f"apt does not report its mirror: {error}") from error
    for line in targets.splitlines():
        label, _, address = line.rpartition(" ")
        if label == "Debian":
            return address.rstrip("/")
    raise Unavailable(
        "apt is configured for no mirror of Debian, or has never reached one (apt-get update)"
    )


def install(package: str, command: str) -> None:
    """Installs a package of this machine's unless its command is there."""
    if shutil.which(command) is not None:
        return
    apt = ["apt-get", "-o", "DPkg::Lock::Timeout=300"]
    try:
        run([*apt, "update"])
        run(
            [*apt, "install", "--yes", "--no-install-recommends", package],
            env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
        )
    except (RuntimeError, FileNotFoundError) as error:
        raise Unavailable(
            f"{command} is not here and could not be installed; as root: apt-get install {package}"
        ) from error


def _apt(suite: str, architecture: str, directory: Path, kind: str) -> dict[str, str]:
    """Makes a state of apt's in the directory, which knows that suite's packages ("deb") or sources
    ("deb-src"). Returns the environment in which apt-get uses it.
    """
    address = mirror()
    try:
        urllib.request.urlopen(f"{address}/dists/{suite}/InRelease", timeout=30).close()
    except OSError as error:
        raise Unavailable(f"{address} does not answer: {error}") from error
    shutil.rmtree(directory, ignore_errors=True)
    for path in (directory / "state/lists/partial", directory / "cache/archives/partial"):
        path.mkdir(parents=True)
    (directory / "status").touch()
    (directory / "sources.list").write_text(f"{kind} {address} {suite} main\n")
    (directory / "conf").write_text(f"""
        APT {{ Architecture "{architecture}"; Architectures {{ "{architecture}"; }}; }};
        APT {{ Install-Recommends "false"; Sandbox::User ""; }};
        Acquire::Languages "none";
        Dir::State "{directory}/state";
        Dir::State::status "{directory}/status";
        Dir::Cache "{directory}/cache";
        Dir::Etc::sourcelist "{directory}/sources.list";
        Dir::Etc::sourceparts "-";
        Dir::Etc::preferences "-";
        Dir::Etc::preferencesparts "-";
    """)
    environment = os.environ | {"APT_CONFIG": str(directory / "conf")}
    try:
        run(["apt-get", "update"], env=environment)
    except RuntimeError as error:
        raise Unavailable(f"{suite} for {architecture} cannot be had now: {error}") from error
    return environment


def source(suite: str, package: str, directory: Path) -> None:
    """Puts the sources of a package, as its authors released them, into the directory,
    unless it is there.
    """
    if directory.exists():
        return
    apt, fresh = (directory.with_name(f"{directory.name}.{name}") for name in ("apt", "unfinished"))
    environment = _apt(suite, run(["dpkg", "--print-architecture"]).strip(), apt, "deb-src")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    try:
        run(
            ["apt-get", "source", "--download-only", "--tar-only", package],
            env=environment,
            cwd=fresh,
        )
    except RuntimeError as error:
        raise Unavailable(
            f"the sources of {package} in {suite} cannot be had now: {error}"
        ) from error
    (archive,) = fresh.glob("*.orig.tar.*")
    run(["tar", "-x", "--strip-components=1", "-f", archive.name], cwd=fresh)
    shutil.rmtree(apt)
    fresh.rename(directory)


def unpack(suite: str, architecture: str, packages: Sequence[str], directory: Path) -> None:
    """Unpacks packages and all that they depend on, unless the directory is there.
    Runs nothing of theirs and needs no privileges: apt gets a state of its own.
    """
    if directory.exists():
        return
    apt, fresh = (directory.with_name(f"{directory.name}.{name}") for name in ("apt", "unfinished"))
    environment = _apt(suite, architecture, apt, "deb")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        run(["apt-get", "install", "--yes", "--download-only", *packages], env=environment)
    except (
        RuntimeError
    ) as error:  # a mirror may be in the midst of its own update, a suite in that of a transition
        raise Unavailable(f"{suite} for {architecture} cannot be had now: {error}") from error
    for name in (
        "bin",
        "lib",
        "lib64",
        "sbin",
    ):  # links in all suites, but some packages have them as directories
        (fresh / "usr" / name).mkdir(parents=True)
        (fresh / name).symlink_to(f"usr/{name}")
    for package in (apt / "cache/archives").glob("*.deb"):
        with subprocess.Popen(
            ["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE
        ) as archive:
            run(["tar", "-x", "-C", fresh, "--keep-directory-symlink"], stdin=archive.stdout)
    for link in fresh.rglob("*"):  # what is absolute there would lead out of the directory
        if link.is_symlink() and os.readlink(link).startswith("/"):
            target = os.path.relpath(fresh / os.readlink(link)[1:], link.parent)
            link.unlink()
            link.symlink_to(target)
    shutil.rmtree(apt)
    fresh.rename(directory)
