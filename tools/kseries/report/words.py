# SPDX-License-Identifier: GPL-2.0
"""How reports write times and text that others wrote."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence

from kseries.model import AuthorBase, Case, Status
from kseries.parse.ktapline import plain as bare

MAX_TEXT = 8000  # characters of a name, a title, a reason

# Characters that are not seen, that end a line or turn the direction of the text after them, and
# half a character of UTF-16.
_MISLEADING = re.compile(
    "[\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufff9-\ufffb\ufffe\uffff"
    "\U000e0000-\U000e0fff]"
)

CUT = "[...]"

PROGRAM = "kseries"
_COMMAND = re.compile(r"`kseries (?=[a-z-])")


def typed(text: str, program: str) -> str:
    """Give a text whose commands, which stand in `…`, start kseries as its reader does."""
    return text if program == PROGRAM else _COMMAND.sub(lambda _: f"`{program} ", text)


def duration(seconds: float) -> str:
    """Give a time as people say it: 0.4 s, 12 s, 3 min 5 s, 1 h 2 min."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def took(seconds: float) -> str:
    """Give a time as `duration`, and "" for none: a log that was read does not tell."""
    return duration(seconds) if seconds else ""


def moment(iso: str) -> str:
    """Give an ISO 8601 time as people read it, to the minute; what is no time stays as it is."""
    try:
        return f"{datetime.datetime.fromisoformat(iso).astimezone(datetime.UTC):%Y-%m-%d %H:%M} UTC"
    except (ValueError, OverflowError):
        return iso


def author_base(named: AuthorBase | None) -> str:
    """Tell which base an author named and whether it was used; "" where none was named."""
    if named is None:
        return ""
    told = f"its author named {named.commit[:12]}"
    if not named.on:
        return told
    others = counted(named.between, "patch") if named.between else ""
    between = f", with {others} of other series between" if others else ""
    if named.used:
        return f"{told}, and it was put on that{between}"
    if named.used is None:
        return f"{told}; it was put on {named.on}{between}, of which no commit is known"
    return f"{told}; it was put on another, {named.on}{between}"


def counted(count: int, noun: str) -> str:
    """Give "1 patch", "2 patches"."""
    plural = f"{noun}es" if noun.endswith(("ch", "sh", "s")) else f"{noun}s"
    return f"{count} {noun if count == 1 else plural}"


def again(statuses: Sequence[Status]) -> str:
    """Tell what a bad case or program did when it was rerun; "" when it was not."""
    if not statuses:
        return ""
    if any(status.good for status in statuses):
        return f"flaky: {statuses[-1].value} when it was rerun"
    return f"not good in any of {len(statuses) + 1} runs"


def reason(case: Case) -> str:
    """Tell why a case is as it is, in one line; "" where nothing is known."""
    return ", ".join(filter(None, [case.reason, again(case.reruns)]))


def plain(text: str, limit: int = MAX_TEXT) -> str:
    """Give text that others wrote as one line of characters that are seen, none obeyed.

    What stands for a part of a name still is that part: space at the end stays.
    """
    if len(text) <= limit and text.isascii() and text.isprintable():
        return text  # nearly all of them
    kept = text.rstrip()
    told = _MISLEADING.sub("", bare(kept.replace("\n", " ").replace("\t", " ")))
    return (told + " " * (len(text) - len(kept)))[:limit]


def tail(text: str, limit: int) -> str:
    """Give the end of a text that is longer than `limit` characters, and say that it is cut."""
    if len(text) <= limit:
        return text
    return f"{CUT}\n{text[len(CUT) + 1 - limit :]}"
