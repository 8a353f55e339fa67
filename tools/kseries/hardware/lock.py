# SPDX-License-Identifier: GPL-2.0
"""The lock on a DUT, which keeps two users apart: a file there that says who has it, since when.

It stays over a reboot, as runs boot the machine. Ages are told by the DUT's own clock. Each change
is made under flock(1), so of two that want it at once one gets it. A token, kept in the user's
state folder, tells our lock from another's; whoever has it may go on after a crash, from any clone.
"""

from __future__ import annotations

import getpass
import json
import secrets
import shlex
import socket
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from kseries.hardware.ssh import Link
from kseries.lib import atomicfile, workspace
from kseries.lib.deadline import Deadline
from kseries.lib.errors import InfraError
from kseries.lib.locks import locked
from kseries.lib.progress import Progress, Silent

FOLDER = "/var/lib/kseries"
PLACE = f"{FOLDER}/lock"
LIMIT_S = 60.0
FIELDS = ("now ", "mark ", "lock ")
STALE_S = 12 * 3600.0  # since somebody has renewed it

SCRIPT = r"""
LC_ALL=C PATH=$PATH:/usr/sbin:/sbin
umask 022
mkdir -p {folder} || exit
exec 9>>{folder}/mutex || exit
command -v flock >/dev/null || {{ echo "flock: not found (util-linux)"; exit 127; }}
flock -w 20 9 || {{ echo "somebody else is changing the lock"; exit 1; }}
now=$(date +%s)
mark() {{
	[ ! -e {place} ] || cksum <{place}
}}
held=$(mark)
{action}
printf 'now %s\nmark %s\n' "$now" "$(mark)"
printf 'lock %s\n' "$(head -n 1 {place} 2>/dev/null)"
"""

# The file must be as it was seen, so nothing else is replaced or removed.
_WRITE = r"""
if [ "$held" = {seen} ]; then
	printf '%s%s, "renewed": %s}}\n' {front} "{since}" "$now" >{place}.new && sync {place}.new &&
		mv {place}.new {place} || {{ rm -f {place}.new; exit 1; }}
fi
"""
_REMOVE = r"""
[ "$held" = {seen} ] && rm -f {place}
"""


@dataclass(frozen=True)
class Lock:
    """A lock as its file has it. since, renewed: seconds of the DUT's clock.

    kept: somebody has asked for it; else a command has it for as long as it works.
    """

    token: str
    owner: str
    why: str
    kept: bool
    since: int
    renewed: int


@dataclass(frozen=True)
class Seen:
    """What is on a DUT. mark: of the file as it is, "" for none; now: the DUT's clock, in s."""

    mark: str
    text: str  # its first line
    now: int

    @property
    def lock(self) -> Lock | None:
        """The lock; None where there is none, or one that cannot be read."""
        try:
            return _LOCK.validate_json(self.text)
        except ValidationError:
            return None

    @property
    def stale(self) -> bool:
        """Whether nobody has renewed it for long, or nobody can tell."""
        lock = self.lock
        return bool(self.mark) and (lock is None or self.now - lock.renewed > STALE_S)

    def is_of(self, token: str) -> bool:
        """Whether it is the lock with a token."""
        lock = self.lock
        return lock is not None and bool(token) and lock.token == token

    def told(self) -> str:
        """Say who has the machine, since when."""
        lock = self.lock
        if not self.mark:
            return "free"
        if lock is None:
            return f"held by nobody knows whom: {PLACE} cannot be read"
        why = f" ({lock.why})" if lock.why else ""
        renewed = ""
        if self.stale:
            renewed = f"; stale: not renewed for {age(self.now - lock.renewed)}"
        return f"held by {lock.owner} for {age(self.now - lock.since)}{why}{renewed}"


_LOCK: TypeAdapter[Lock] = TypeAdapter(Lock)
FREE = Seen("", "", 0)


class Held(InfraError):
    """Somebody else has the machine."""


def age(seconds: float) -> str:
    """Give a time that has passed, for people; clocks may have been set back."""
    minutes = max(0, int(seconds)) // 60
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes // (24 * 60)} days"


def owner() -> str:
    """Give who we are, for others."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "somebody"
    return f"{user}@{socket.gethostname()}"


def token_file(host: str) -> Path:
    """Give the file that keeps the token of our lock on a machine."""
    return workspace.state() / "locks" / urllib.parse.quote(host, safe="@")


def token(host: str) -> str:
    """Give the token of our lock on a machine; "" where we had none."""
    try:
        return token_file(host).read_text().strip()
    except (FileNotFoundError, UnicodeDecodeError):
        return ""


def look(link: Link) -> Seen:
    """See who has a machine; nothing is changed there but an empty file made."""
    return _change(link, "")


def take(link: Link, why: str, *, kept: bool = True, take_over: bool = False) -> Seen:
    """Take a machine, or renew what we have. Raises Held where somebody else has it.

    take_over: take it from whoever has it.
    """
    known = token(link.host)
    ours = known or _new_token(link.host)
    # It is free most of the time, and who is told otherwise has looked.
    seen = look(link) if known or take_over else FREE
    for _ in range(3):  # others may be as fast
        if seen.mark and not seen.is_of(ours) and not take_over:
            break
        before = seen
        seen = _change(link, _write(before, ours, why, kept=kept))
        if seen.is_of(ours):
            return seen
        take_over = False  # that was granted for the lock that was there
    raise _held(link.host, seen)


def release(link: Link, seen: Seen | None = None) -> Seen:
    """Give a machine back. Raises Held where somebody else has it; one that is free stays so.

    seen: as it was last, which spares a look.
    """
    ours = token(link.host)
    seen = seen or look(link)
    for _ in range(3):  # it may have been renewed
        if not seen.is_of(ours):
            break
        seen = _change(link, _REMOVE.format(seen=shlex.quote(seen.mark), place=PLACE))
    if seen.mark:
        raise _held(link.host, seen)
    token_file(link.host).unlink(missing_ok=True)
    return seen


@contextmanager
def holding(link: Link, why: str, progress: Progress | None = None) -> Iterator[None]:
    """Have a machine for as long as the block; one that we had before we keep.

    Raises Held where somebody else has it, InfraError where another kseries of ours works there.
    """
    with locked(token_file(link.host), progress or Silent(), wait_s=5.0):
        seen = look(link) if token(link.host) else FREE
        # One that is not kept was left by a command that was killed.
        had = seen.is_of(token(link.host)) and seen.lock is not None and seen.lock.kept
        if not had:
            seen = take(link, why, kept=False)
        try:
            yield
        finally:
            if not had:
                release(link, seen)


def _held(host: str, seen: Seen) -> Held:
    """Make the error for a machine that somebody else has, as we know from now on."""
    token_file(host).unlink(missing_ok=True)
    hint = "it is stale: see that nobody works there, then" if seen.stale else "ask them; else"
    return Held(
        f"{host} is {seen.told()}.",
        where=f"{host}:{PLACE}",
        do=f"{hint} `kseries hw lock TARGET --take-over`",
    )


def _new_token(host: str) -> str:
    file, made = token_file(host), secrets.token_hex(16)
    file.parent.mkdir(parents=True, exist_ok=True)
    atomicfile.write_text(file, f"{made}\n")
    return made


def _write(seen: Seen, ours: str, why: str, *, kept: bool = True) -> str:
    lock = seen.lock
    # Times are the machine's own.
    since = str(lock.since) if lock is not None and lock.token == ours else "$now"
    told = json.dumps({"token": ours, "owner": owner(), "why": why, "kept": kept})
    front = shlex.quote(f'{told.removesuffix("}")}, "since": ')
    return _WRITE.format(seen=shlex.quote(seen.mark), front=front, since=since, place=PLACE)


def _change(link: Link, action: str) -> Seen:
    script = SCRIPT.format(folder=FOLDER, place=PLACE, action=action or ":")
    done = link.run(script, Deadline.after(LIMIT_S))
    lines = done.output.splitlines()
    told = dict(line.split(" ", 1) for line in lines if line.startswith(FIELDS))
    if not done.ok or not told.get("now", "").isdecimal():
        raise InfraError(
            f"The lock on {link.host} cannot be changed.",
            where="\n".join((f"{link.host}:{PLACE}", *(f"| {line}" for line in lines[-4:]))),
            do="root must be able to write there; is the disk full?",
        )
    return Seen(told.get("mark", "").strip(), told.get("lock", "").strip(), int(told["now"]))
