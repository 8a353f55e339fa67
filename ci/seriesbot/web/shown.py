# SPDX-License-Identifier: GPL-2.0
"""How the page writes times, states and what others wrote. Pure."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from markupsafe import Markup

from kseries.report.printable import printable_lines
from kseries.report.words import counted, plain
from seriesbot.states import AnswerState, JobState, State
from seriesbot.store import Row

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400

# What a state means for who looks at it: is it well, ill, does it wait for somebody, is it under
# way, or over without a word.
_KINDS: Mapping[str, str] = {
    State.GATHERING: "busy",
    State.INCOMPLETE: "warn",
    State.IGNORED: "idle",
    State.BROKEN: "bad",
    State.REFUSED: "idle",
    State.HELD: "warn",
    State.QUEUED: "busy",
    State.RUNNING: "busy",
    State.GIVEN_UP: "bad",
    State.REPLACED: "idle",
    State.REPEATED: "idle",
    JobState.WAITING: "busy",
    JobState.SUBMITTING: "busy",
    JobState.SUBMITTED: "busy",
    JobState.ENDED: "idle",
    JobState.CANCELLED: "idle",
    JobState.LOST: "bad",
    AnswerState.WRITTEN: "busy",
    AnswerState.DELIVERED: "good",
    AnswerState.WITHHELD: "idle",
    AnswerState.FAILED: "bad",
    "pass": "good",
    "partial": "part",
    "fail": "bad",
    "incomplete": "warn",
    "no verdict": "warn",
}


class Lines(str):
    """Text of several lines, each of which was made harmless."""

    __slots__ = ()


@dataclass(frozen=True)
class Word:
    """A state in a word, and of which kind it is (the name of a class of the style sheet)."""

    word: str
    kind: str


def word(state: str) -> Word:
    """Give the word for a state of a version, a job or an answer, or for a verdict."""
    return Word(state, _KINDS.get(state, "idle"))


def verdict(row: Row) -> Word:
    """Give the word for a result: its verdict, or that there is none."""
    return word(row["verdict"] or "no verdict")


def outcome(row: Row) -> Word:
    """Give the word for a version: its verdict where it was judged, else its state."""
    return verdict(row) if row["state"] == State.JUDGED else word(row["state"])


def lines(text: str) -> Lines:
    """Give text of several lines, harmless."""
    return Lines(printable_lines(text))


def harmless(value: object) -> object:
    """Give what a template writes: text as one line of characters that are seen.

    It is escaped after that. What a template made itself, and `lines`, stay as they are.
    """
    if isinstance(value, str) and not isinstance(value, Markup | Lines):
        return plain(value)
    return value


def ago(now: float) -> Callable[[float], str]:
    """Give the function that tells how long ago a moment was."""

    def told(at: float) -> str:
        passed = max(0, int(now - at))
        for unit, name in ((DAY_S, "day"), (HOUR_S, "h"), (MINUTE_S, "min")):
            if passed >= unit:
                count = passed // unit
                return f"{counted(count, name) if name == 'day' else f'{count} {name}'} ago"
        return "now" if passed < 10 else f"{passed} s ago"

    return told


def stamp(at: float) -> str:
    """Give a moment as people read it, to the minute; "" for none."""
    if not 0 < at < 1e11:
        return ""
    return f"{datetime.datetime.fromtimestamp(at, datetime.UTC):%Y-%m-%d %H:%M} UTC"


def minutes(seconds: float) -> str:
    """Give how long something took where seconds do not matter: "8 min", "3 h"."""
    if seconds < 90:
        return f"{round(seconds)} s"
    whole = round(seconds / MINUTE_S)
    return f"{whole} min" if whole < 100 else f"{round(seconds / HOUR_S)} h"
