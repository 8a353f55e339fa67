# SPDX-License-Identifier: GPL-2.0
"""The guest's root file system: an ext4 image, made once, kept in the cache.

Debian packages are unpacked without running their maintainer scripts, which takes no privileges
and a quarter of the time; the little that is missed is done in guest/image.sh. The image's name
holds a digest of all that it is made of.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field, TypeAdapter

from kseries.lib import atomicfile, leases, proc, tomlfile
from kseries.lib.deadline import Deadline
from kseries.lib.errors import InfraError
from kseries.lib.locks import locked
from kseries.lib.progress import Progress
from kseries.machines import agentprogram, mirror

GUEST = Path(__file__).parent / "guest"
PACKAGES = GUEST / "packages.list"
IMAGE_SCRIPT = GUEST / "image.sh"
AGENT_SOURCES = agentprogram.OF_INIT

AGENT_PLACE = "/usr/lib/kseries/agent"
"""In the guest: its init."""

ADVICE = (
    # The first row with a word that was printed tells what to do.
    (("No space left on device",), "free some space on the disk of the cache folder"),
    (
        ("NO_PUBKEY", "is not signed", "no public key", "keyring"),
        "install the package debian-archive-keyring, newer than the guest's suite",
    ),
    (("Unable to locate package",), f"fix the name in {PACKAGES}"),
    (
        (
            "Could not resolve",
            "Could not connect",
            "Failed to fetch",
            "a Release file",
            "timed out",
        ),
        "see that the Debian mirror of this machine's apt can be reached, then try again",
    ),
    (
        ("unshare: ",),
        "allow user namespaces for ordinary users on this machine, or run this as root",
    ),
)

_PIN = "Package: {}\nPin: release n={}\nPin-Priority: {}\n\n"
# A hook of mmdebstrap; the folder of the new system is its argument.
_PREFERENCES = 'cd "$1/etc/apt" && mkdir -p preferences.d && printf %s "{text}" >preferences.d/pins'

UNPACK_LIMIT_S = 1800.0
MORE_MIB = 512  # of an image with more packages
KEPT_IMAGES = 4
IMAGE_LIMIT_S = 600.0


@dataclass(frozen=True)
class VmSettings:
    """configs/targets/vm.toml."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    cpus: Annotated[int, Field(ge=1, le=64)]
    memory_mib: Annotated[int, Field(ge=256)]
    suite: Annotated[str, Field(pattern=r"^[a-z]+$")]
    disk_mib: Annotated[int, Field(ge=512)]


SETTINGS: TypeAdapter[VmSettings] = TypeAdapter(VmSettings)


def read_settings(file: Path) -> VmSettings:
    """Read the machine's settings. Raises UserError with file and line of each mistake."""
    return tomlfile.read(file, SETTINGS, what="target")


def listed(text: str) -> tuple[str, ...]:
    """Give the packages of a list file: one a line, `#` begins a comment."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return tuple(line for line in lines if line)


def digest(settings: VmSettings, more: Sequence[str] = ()) -> str:
    """Name all that the image is made of, in 16 hex digits. more: packages beside the list's."""
    parts = [settings.suite.encode(), str(settings.disk_mib).encode()]
    parts += [name.encode() for name in more]
    parts += [file.read_bytes() for file in (PACKAGES, IMAGE_SCRIPT, *AGENT_SOURCES)]
    hashes = "".join(hashlib.sha256(part).hexdigest() for part in parts)
    return hashlib.sha256(hashes.encode()).hexdigest()[:16]


def ensure(
    folder: Path,
    settings: VmSettings,
    progress: Progress,
    log: Path,
    *,
    packages: Sequence[str] = (),
) -> Path:
    """Give the image in `folder` (of the cache), making it when it is not there.

    packages: sorted, beside those that every guest has. Of the images that are not the usual one
    those used last are kept.

    Raises InfraError when it cannot be made, UserError when a program for it is not installed.
    """
    if packages:
        settings = replace(settings, disk_mib=settings.disk_mib + MORE_MIB)
    image = folder / f"guest-{settings.suite}-{digest(settings, packages)}.ext4"
    if not image.is_file():
        with locked(folder / "guest", progress):
            if not image.is_file():
                _make(image, settings, packages, progress, log)
                _sweep(folder, image)
    os.utime(image)
    return image


def _sweep(folder: Path, made: Path) -> None:
    """Remove images that were not used lately, but those in use."""
    images = sorted(folder.glob("guest-*.ext4"), key=lambda file: file.stat().st_mtime)
    for old in images[:-KEPT_IMAGES]:
        if old != made and not leases.in_use(old):
            atomicfile.remove_tree(old)


def unpack_argv(
    archive: mirror.Archive | None, suite: str, tree: Path, more: Sequence[str] = ()
) -> list[str]:
    """Plan the unpacking. Without an archive mmdebstrap takes the one that it knows.

    more: packages beside the list's; "NAME/SUITE" is taken from that suite of Debian.
    """
    names = [name.partition("/")[0] for name in more]
    others = sorted({name.partition("/")[2] for name in more} - {"", suite})
    # Newer ones (1.5) refuse this mode to root, whom maintainer scripts could harm: none is run.
    words = ["mmdebstrap", "--mode=chrootless", "--variant=extract", "--skip=check/chrootless"]
    words += [f"--include={','.join((*listed(PACKAGES.read_text()), *names))}"]
    words += ['--aptopt=Acquire::Languages "none"', "--aptopt=Acquire::Retries 3"]
    if others:
        words.append(f"--setup-hook={_PREFERENCES.format(text=_pins(others, more))}")
        # Lists of testing count for a week, and a mirror may lag; they are signed all the same.
        words.append('--aptopt=Acquire::Check-Valid-Until "false"')
    words += [suite, str(tree)]
    if archive is None and others:
        archive = mirror.Archive(mirror.KNOWN, (suite,))
    if archive is not None:
        option = f"[signed-by={archive.signed_by}] " if archive.signed_by else ""
        words += [f"deb {option}{archive.uri} {one} main" for one in (suite, *others)]
    return words


def _pins(suites: Sequence[str], packages: Sequence[str]) -> str:
    """Give apt's preferences: of another suite only what names it, and what that needs of it."""
    pins = [("*", suite, 1) for suite in suites]
    pins += [
        (name, suite, 990) for name, _, suite in (one.partition("/") for one in packages) if suite
    ]
    return "".join(_PIN.format(name, suite, priority) for name, suite, priority in pins)


def _make(
    image: Path, settings: VmSettings, more: Sequence[str], progress: Progress, log: Path
) -> None:
    codename = mirror.debian_codename(_os_release())
    archive = mirror.choose(mirror.archives(), codename) if codename else None
    with atomicfile.disk_errors(image), _work_folder(image.parent) as work:
        tree = work / "tree"
        progress.update(f"guest: unpacking Debian {settings.suite}")
        _unpack(unpack_argv(archive, settings.suite, tree, more), work, progress, log)
        progress.update("guest: compiling the agent")
        agent = agentprogram.compiled(AGENT_SOURCES, work / "agent", log)
        progress.update("guest: making the file system")
        made = work / "image"
        _image((tree, agent, made, f"{settings.disk_mib}M"), log)
        made.replace(image)
    progress.note(f"made the guest's root file system: {image}")


def _unpack(argv: list[str], work: Path, progress: Progress, log: Path) -> None:
    def show(line: str) -> None:
        if line.startswith("I: "):
            progress.update(f"guest: {line[3:]}")

    deadline = Deadline.after(UNPACK_LIMIT_S)
    # Its temporary folder, too, is to vanish with the work folder, should it be killed.
    env = {"TMPDIR": str(work)}
    try:
        proc.run(argv, cwd=work, deadline=deadline, env=env, log=log, on_line=show)
    except proc.CommandFailed as error:
        raise InfraError(
            "The guest's root file system could not be unpacked.",
            where=error.where,
            do=_advice(error),
        ) from error


def _advice(error: proc.CommandFailed) -> str:
    # Not from `where`: the command in it names keyrings.
    return advice(error.completed.output if error.completed else "timed out")


def advice(output: str) -> str:
    """Say what to do about a failure, from what the programs printed."""
    for words, what in ADVICE:
        if any(word in output for word in words):
            return what
    return "read the lines above"


def _image(arguments: tuple[str | Path, ...], log: Path) -> None:
    words: list[str | Path] = ["sh", IMAGE_SCRIPT, *arguments]
    if os.geteuid() != 0:
        # All files become root's in the image: an ordinary user is root of this namespace.
        words = ["unshare", "--map-root-user", *words]
    # chroot and mke2fs stand in folders that users often lack.
    env = {"PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"}
    try:
        proc.run(words, cwd=GUEST, deadline=Deadline.after(IMAGE_LIMIT_S), env=env, log=log)
    except proc.CommandFailed as error:
        raise InfraError(
            "The guest's root file system could not be made.",
            where=error.where,
            do=_advice(error),
        ) from error


@contextmanager
def _work_folder(folder: Path) -> Iterator[Path]:
    """Give a folder beside the image; what a killed attempt left is swept away first."""
    folder.mkdir(parents=True, exist_ok=True)
    atomicfile.sweep(folder / "guest")
    work = Path(tempfile.mkdtemp(prefix=atomicfile.partial_name(folder / "guest"), dir=folder))
    # mkdtemp keeps others out; apt fetches as a user of its own when it can.
    work.chmod(0o755)
    try:
        yield work
    finally:
        atomicfile.remove_tree(work)


def _os_release() -> str:
    try:
        return Path("/etc/os-release").read_text()
    except OSError:
        return ""
