# SPDX-License-Identifier: GPL-2.0
"""Mail archives (public-inbox), asked through b4. The one module that knows b4 and liblore.

b4's Python interface promises no stability, so its program is run; it gives the whole thread,
unchanged (`b4 mbox`), and what makes a series out of a thread is decided here once for
mailboxes of every origin. Flags and messages are those of b4 0.16. It has no command that
searches; liblore, which it asks archives with, promises its interface.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from liblore import LibloreError, RemoteError
from liblore.node import LoreNode

from kseries.lib import atomicfile, proc, settings
from kseries.lib.deadline import Deadline
from kseries.lib.errors import InfraError, UserError
from kseries.lib.progress import Progress

FETCH_LIMIT_S = 300.0
DIGITS = 16  # of a digest

# Links of these hosts name mails of the kernel's archive, which has mirrors.
KERNEL_HOSTS = ("lore.kernel.org", "lkml.kernel.org", "patch.msgid.link", "msgid.link")

KERNEL_ARCHIVE = "https://lore.kernel.org/all"

THREAD = ".thread"
"""Behind the name of a series: the folder with the mails that an archive gave."""

FOUND = ".found"
"""Behind the digest of a query: the mbox that an archive gave."""

NOT_FOUND = 404
"""Status of a search that finds nothing."""

# Messages of b4 and liblore: the server answered, and has no such mail.
_UNKNOWN = re.compile(r"Server returned an error: 404|No messages found for that query")


@dataclass(frozen=True)
class ArchiveConfig:
    """Which archive is asked. Empty: the one b4 asks by default."""

    midmask: str = ""  # address of a mail, "%s" for its message id
    linkmask: str = ""  # the same, for links

    @classmethod
    def at(cls, url: str) -> ArchiveConfig:
        """Ask the public-inbox at this address, "https://lore.kernel.org/all".

        Raises UserError when it is not an address of an archive.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc or "%" in url:
            raise UserError(
                f"'{url}' is not an address of an archive.",
                do="give the address of a public-inbox, such as https://lore.kernel.org/all",
            )
        mask = url.rstrip("/") + "/%s"
        return cls(midmask=mask, linkmask=mask)

    @classmethod
    def asked(cls, given: str) -> ArchiveConfig:
        """Ask the archive that was given, else that of the settings."""
        return cls.at(given) if given else cls.from_settings()

    @classmethod
    def from_settings(cls) -> ArchiveConfig:
        """Ask the archive of the settings, else b4's default."""
        given = settings.read().value("archive")
        return cls.at(given) if given else cls()

    @property
    def shown(self) -> str:
        """The address, for messages."""
        return self.midmask.removesuffix("/%s") or "b4's default archive"


def parse_link(link: str, configured: ArchiveConfig) -> tuple[str, ArchiveConfig] | None:
    """Read the message id out of a link to an archive, and which archive to ask.

    A link of the kernel's archive is asked of the configured one, which may be a mirror; any
    other link names its own archive. None when the link holds no message id.
    """
    parts = urlsplit(link)
    if parts.scheme not in ("http", "https"):
        return None
    before: list[str] = []
    for piece in parts.path.strip("/").split("/"):
        name = unquote(piece)
        if re.fullmatch(r"[^\s@<>]+@[^\s@<>]+", name):
            if parts.hostname in KERNEL_HOSTS:
                return name, configured
            return name, ArchiveConfig.at("/".join([f"{parts.scheme}://{parts.netloc}", *before]))
        before.append(piece)
    return None


def fetch_thread(
    message_id: str, into: Path, *, archive: ArchiveConfig, progress: Progress
) -> Path:
    """Fetch the thread of a mail as a maildir, published as `into` when it is whole.

    Raises UserError when the archive has no such mail, InfraError when it does not answer.
    """
    progress.update(f"fetching {message_id} from {archive.shown}")
    into.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=into.parent, prefix=atomicfile.PARTIAL_PREFIX) as name:
        folder = Path(name)
        done = proc.run(
            _command(message_id, folder, archive),
            cwd=folder,
            deadline=Deadline.after(FETCH_LIMIT_S),
            env=_environment(folder),
            check=False,
        )
        found = sorted(folder.glob("out/*.maildir"))
        if not done.ok or len(found) != 1:
            raise _error(message_id, archive, done)
        with atomicfile.new_folder(into) as maildir:
            for place, mail in enumerate(sorted(found[0].glob("*/*")), start=1):
                mail.rename(maildir / f"{place:04d}.eml")
    return into


def keep(searched: Path, workdir: Path) -> None:
    """Move what archives gave to where it is read next, so that nobody asks them again."""
    for given in (*searched.glob(f"*{THREAD}"), *searched.glob(f"*{FOUND}")):
        shutil.move(given, workdir / given.name)


def search(query: str, workdir: Path, *, archive: ArchiveConfig, progress: Progress) -> Path:
    """Write the mails that an archive finds for a query of public-inbox to an mbox in `workdir`.

    It is empty where there is none. Where it is there already, nobody is asked. Raises InfraError
    when the archive does not answer.
    """
    into = workdir / (hashlib.sha256(query.encode()).hexdigest()[:DIGITS] + FOUND)
    if into.is_file():
        return into
    progress.update(f"looking for {query} in {archive.shown}")
    try:
        with LoreNode(archive.midmask.removesuffix("/%s") or KERNEL_ARCHIVE) as node:
            found = node.get_mbox_by_query(query)
    except RemoteError as error:
        if error.status_code != NOT_FOUND:
            raise _no_answer(query, archive, error) from error
        found = b""
    except (LibloreError, OSError, EOFError) as error:
        raise _no_answer(query, archive, error) from error
    workdir.mkdir(parents=True, exist_ok=True)
    atomicfile.write_bytes(into, found)
    return into


def _no_answer(query: str, archive: ArchiveConfig, error: Exception) -> InfraError:
    return InfraError(
        f"The archive did not say what it has for {query}.",
        where=f"{archive.shown}\n{error}",
        do="check the network and the archive's address, then try again",
    )


def _command(message_id: str, folder: Path, archive: ArchiveConfig) -> list[str | Path]:
    out = folder / "out"
    out.mkdir()
    masks = {"b4.midmask": archive.midmask, "b4.linkmask": archive.linkmask}
    settings = [word for key, value in masks.items() if value for word in ("-c", f"{key}={value}")]
    # Whatever of git the caller's environment points at, b4 would read its configuration.
    clean = ["env", "-u", "GIT_DIR", "-u", "GIT_WORK_TREE", "-u", "GIT_CONFIG_PARAMETERS"]
    b4 = [sys.executable, "-P", "-m", "b4.command", "-n", "--no-stdin", *settings]
    return [*clean, *b4, "mbox", "--no-cache", "--save-as-maildir", "-o", out, "--", message_id]


def _environment(folder: Path) -> dict[str, str]:
    """Let b4 see no settings of the user and write nowhere but below `folder`."""
    return {
        "HOME": str(folder / "home"),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "XDG_DATA_HOME": str(folder / "data"),
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CEILING_DIRECTORIES": str(folder.parent.resolve()),
        "PYTHONWARNINGS": "ignore",
        "NO_COLOR": "1",
    }


def _error(message_id: str, archive: ArchiveConfig, done: proc.Completed) -> UserError | InfraError:
    if _UNKNOWN.search(done.output):
        return UserError(
            f"The archive has no mail with the message id {message_id}.",
            where=archive.shown,
            do="check the message id; a mail that was just sent may take minutes to arrive."
            " `--archive URL` asks another archive",
        )
    return InfraError(
        f"The archive did not give the thread of {message_id}.",
        where="\n".join([archive.shown, *done.output.strip().splitlines()[-5:]]),
        do="check the network and the archive's address, then try again; or save the thread"
        " as an mbox and give that",
    )
