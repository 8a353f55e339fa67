# SPDX-License-Identifier: GPL-2.0
"""How a series stands: caused by somebody known, by a stranger, or by somebody who is refused."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatchcase
from pathlib import Path

from kseries.lib import proc
from kseries.lib.deadline import Deadline
from kseries.lib.errors import KseriesError
from kseries.series import headers
from seriesbot.config import TrustFile
from seriesbot.trust import authresults

SIGNATURE = "X-Developer-Signature"
ATTEST_LIMIT_S = 120.0  # for all mails of a series

# Readers differ in which of two they believe.
_ONCE = ("From", "Subject", "Message-ID")


class Level(Enum):
    """What may be done for a sender."""

    KNOWN = "known"
    STRANGER = "stranger"
    REFUSED = "refused"


@dataclass(frozen=True)
class Letter:
    """A mail as it came. authserv: whom the archive that it came by vouches for, "" for none."""

    name: str  # for people: "patch 3", "the cover letter"
    raw: bytes
    authserv: str = ""


@dataclass(frozen=True)
class Standing:
    """How a sender stands, and why."""

    level: Level
    reason: str


def stand(sender: str, letters: Sequence[Letter], trust: TrustFile, keyring: Path) -> Standing:
    """Tell how the sender of a series stands, by all its mails. sender: an address."""
    refused = _fitting(sender, trust.refused)
    if refused:
        return Standing(Level.REFUSED, f"{sender} is refused ({refused})")
    twice = next((why for letter in letters if (why := _ambiguous(letter))), "")
    if twice:
        return Standing(Level.STRANGER, twice)
    lacking = _unsigned(sender, letters, keyring)
    if not lacking:
        return Standing(Level.KNOWN, f"signed with a key of {sender} from the keyring")
    allowed = _fitting(sender, trust.allowed)
    if not allowed:
        return Standing(Level.STRANGER, f"{lacking}, and {sender} is not in the list of allowed")
    unproved = _unproved(sender, letters)
    if unproved:
        return Standing(Level.STRANGER, f"{sender} is allowed ({allowed}), but {unproved}")
    servers = ", ".join(sorted({letter.authserv for letter in letters}))
    return Standing(
        Level.KNOWN,
        f"{sender} is allowed ({allowed}), and {servers} vouches for its DKIM signature",
    )


def _fitting(sender: str, patterns: Sequence[str]) -> str:
    return next((each for each in patterns if fnmatchcase(sender, each)), "")


def _ambiguous(letter: Letter) -> str:
    for name in _ONCE:
        count = len(headers.all_values(letter.raw, name))
        if count != 1:
            return f"{letter.name} has {count} headers {name}, so nothing proves whose it is"
    return ""


def _unsigned(sender: str, letters: Sequence[Letter], keyring: Path) -> str:
    """Tell which mail the sender has not signed; "" for none."""
    for letter in letters:
        if not headers.all_values(letter.raw, SIGNATURE):
            return f"{letter.name} is not signed"
    if not keyring.is_dir():
        return "there is no keyring"
    try:
        found = _attested([letter.raw for letter in letters], keyring)
    except (KseriesError, ValueError, KeyError, TypeError) as error:
        return f"its signatures could not be checked ({type(error).__name__})"
    for letter, (identities, why) in zip(letters, found, strict=True):
        if sender not in identities:
            others = f"is signed by {', '.join(identities)}, not by {sender}"
            return f"{letter.name} {others if identities else why}"
    return ""


def _attested(raws: Sequence[bytes], keyring: Path) -> list[tuple[list[str], str]]:
    """Give what each mail is attested by, in a process without home and configuration."""
    with tempfile.TemporaryDirectory(prefix="seriesbot-attest-") as name:
        folder = Path(name, "mails")
        home = Path(name, "home")
        folder.mkdir()
        home.mkdir(mode=0o700)
        for place, raw in enumerate(raws):
            (folder / f"{place:06d}").write_bytes(raw)
        nothing = {"HOME": home, "GNUPGHOME": home, "XDG_DATA_HOME": home, "XDG_CONFIG_HOME": home}
        done = proc.run(
            [sys.executable, "-P", "-m", "seriesbot.trust.attest", keyring.resolve(), folder],
            cwd=Path(name),
            deadline=Deadline.after(ATTEST_LIMIT_S),
            env={
                **{key: str(value) for key, value in nothing.items()},
                "GIT_CONFIG_GLOBAL": "/dev/null",
                "GIT_CONFIG_NOSYSTEM": "1",
                "PYTHONPATH": ":".join(sys.path),
                "PYTHONWARNINGS": "ignore",
            },
        )
    told = json.loads(done.output.rpartition("\n")[2])
    if len(told) != len(raws):
        raise ValueError("not as many answers as mails")
    return [(list(map(str, one["identities"])), str(one["why"])) for one in told]


def _unproved(sender: str, letters: Sequence[Letter]) -> str:
    """Tell why archives do not vouch for the sender's mails; "" where they do for all."""
    domain = sender.rpartition("@")[2]
    for letter in letters:
        if not letter.authserv:
            return f"the archive that {letter.name} came by vouches for nobody (no authserv)"
        values = headers.all_values(letter.raw, "Authentication-Results")
        why = authresults.vouches(values, letter.authserv, domain)
        if why:
            return f"of {letter.name} {why}"
    return ""
