# SPDX-License-Identifier: GPL-2.0
"""The kernel log, read for complaints: each with its lines, its title and its place. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from kseries.model import EventKind, KernelEvent
from kseries.results.klogtable import CHANGING, FINDERS, OOPS_HEADER, RULES, Ending, Rule
from kseries.results.ktapline import MAX_LINE
from kseries.results.stack import BETWEEN, CALL, HEAD, RIP
from kseries.results.stamps import message

MAX_EVENTS = 200
MAX_NEW = 1000  # beyond those, each the first of its title since one of our marks
MAX_SPLAT_LINES = 400
MAX_TEXT = 8 << 20  # characters kept of all complaints; of later ones the lines up to the title
MAX_TO_OOPS = 10  # lines from a fault to the header of its Oops
MAX_BEFORE_TRACE = 120  # lines from the title to the call trace, where nothing else ends it

MARK = "kseries: "  # what we write into the log ourselves

_CUT = re.compile(r"-+\[ cut here \]-+$")
_END = re.compile(r"---\[ end |Rebooting in \d+ seconds")
_RULER = re.compile(r"={20,}$")
_AT_FUNCTION = re.compile(r"(?:\bin|\bat:?) ([\w.$]+)\+0x")
_AT_FILE = re.compile(r"(?:\bat|\bin|^)\s?([\w./-]+\.[chS]:\d+)")

# What the kernel says behind "cut here".
_BEHIND_CUT = (EventKind.WARN, EventKind.BUG)

# Most lines match no rule: one look at all of them at once is many times faster.
_RULED = "|".join(f"(?:{rule.pattern.pattern})" for rule in RULES)
_ANY = re.compile(_RULED)

# The beginning of any message that `Reader` does more with than to pass over it.
TELLING = rf"{_RULED}|-+\[ cut here|={{20}}|{MARK}"


@dataclass
class _Splat:
    """A complaint while its lines come. `rule` is None behind "cut here", until its title."""

    start: int
    rule: Rule | None = None
    lines: list[str] = field(default_factory=list)
    title: int = 0  # index of the line that names it
    headed: bool = False  # the header of its Oops was seen
    traced: bool = False


def settled(text: str) -> str:
    """Give a message without what differs from run to run."""
    for pattern, replacement in CHANGING:
        text = pattern.sub(replacement, text)
    return text.strip()


def events(
    lines: Sequence[tuple[float, str]],
    *,
    first_line: int = 1,
    during: Callable[[int], str] = lambda _: "",
) -> tuple[KernelEvent, ...]:
    """Find the complaints in a log of (time of arrival, line).

    first_line: the number of the first of them in console.log. during: says what was going on
    at a line, given its index.
    """
    reader = Reader()
    for _, line in lines:
        reader.feed(line)
    return reader.events(first_line=first_line, during=during)


class Reader:
    """Finds the complaints in lines as they come; keeps no others."""

    def __init__(self) -> None:
        self._index = -1
        self._done: list[_Splat] = []
        self._titles: set[str] = set()
        self._room = MAX_TEXT
        self._open: _Splat | None = None
        self._before = ""  # the line before, for the ruler above a title

    def feed(self, line: str) -> None:
        """Take the next line."""
        self.take(message(line))

    @property
    def busy(self) -> bool:
        """Whether a complaint is open, so that any message may belong to it."""
        return self._open is not None

    def skip(self, count: int = 1) -> None:
        """Pass over lines that are not the kernel's."""
        self._index += count

    def skim(self, count: int) -> None:
        """Take messages of which none is TELLING, while not busy."""
        self._index += count
        self._before = ""

    def take(self, text: str) -> None:
        """Take the next line, without what stands before the message."""
        self._index += 1
        index, text = self._index, text[:MAX_LINE]
        rule = _rule_of(text)
        if text.startswith(MARK):
            self._close()
            self._titles.clear()
        elif _CUT.match(text):
            self._close()
            self._open = _Splat(index, lines=[text])
        elif rule is not None and not self._takes(rule):
            self._begin(index, text, rule)
        elif self._open is not None:
            self._continue(self._open, text)
        self._before = text

    def events(
        self, *, first_line: int = 1, during: Callable[[int], str] = lambda _: ""
    ) -> tuple[KernelEvent, ...]:
        """End the log and give its complaints. Arguments as of the function `events`."""
        self._close()
        return tuple(_event(splat, first_line, during) for splat in self._done)

    def _takes(self, rule: Rule) -> bool:
        """Take the header of an Oops for a part of the fault, or "kernel BUG at", above it."""
        splat = self._open
        if rule is not OOPS_HEADER or splat is None or splat.headed or splat.rule is None:
            return False
        cause = splat.rule.kind in (EventKind.OOPS, EventKind.BUG)
        near = len(splat.lines) - splat.title <= MAX_TO_OOPS
        splat.headed = cause and near and splat.rule.ending is Ending.MARK
        return splat.headed

    def _begin(self, index: int, text: str, rule: Rule) -> None:
        splat = self._open
        if splat is not None and splat.rule is None and rule.kind in _BEHIND_CUT:
            splat.rule, splat.title = rule, len(splat.lines)
            splat.lines.append(text)
        else:
            self._close()
            ruled = bool(_RULER.match(self._before))
            lines = [self._before, text] if ruled else [text]
            headed = rule is OOPS_HEADER
            self._open = _Splat(index - ruled, rule, lines, len(lines) - 1, headed)
        if rule.ending is Ending.LINE:
            self._close()

    def _continue(self, splat: _Splat, text: str) -> None:
        ending = splat.rule.ending if splat.rule else Ending.MARK
        if splat.traced and ending is Ending.TRACE and not BETWEEN.match(text):
            self._close()
            return
        splat.lines.append(text)
        splat.traced = splat.traced or bool(HEAD.match(text))
        length = len(splat.lines)
        if (
            (ending is Ending.MARK and _END.match(text))
            or (ending is Ending.RULER and _RULER.match(text))
            or length >= MAX_SPLAT_LINES
            or (not splat.traced and length - splat.title >= MAX_BEFORE_TRACE)
        ):
            self._close()

    def _close(self) -> None:
        splat, self._open = self._open, None
        if splat is None:
            return
        while not splat.lines[-1].strip():
            splat.lines.pop()
        if (splat.rule is not None or len(splat.lines) > 1) and self._is_kept(splat):
            self._done.append(splat)

    def _is_kept(self, splat: _Splat) -> bool:
        """Whether there is room: a flood of one complaint must not hide another one."""
        title = _title(splat)
        fresh = title not in self._titles
        if len(self._done) >= MAX_EVENTS + MAX_NEW * fresh:
            return False
        self._titles.add(title)
        self._room -= sum(map(len, splat.lines))
        if self._room < 0:
            del splat.lines[max(splat.title, 1) + 1 :]
        return True


def _rule_of(text: str) -> Rule | None:
    if not _ANY.match(text):
        return None
    return next((rule for rule in RULES if rule.pattern.match(text)), None)


def _event(splat: _Splat, first_line: int, during: Callable[[int], str]) -> KernelEvent:
    return KernelEvent(
        kind=splat.rule.kind if splat.rule else EventKind.WARN,
        title=_title(splat),
        where=_where(splat),
        line=first_line + splat.start,
        lines=tuple(splat.lines),
        during=during(splat.start),
    )


def _title(splat: _Splat) -> str:
    text = splat.lines[splat.title]
    told = [line for line in splat.lines[1 : splat.title] if line.strip()]
    if splat.rule is None:
        text = f"WARNING: {splat.lines[1]}"
    elif splat.rule.kind is EventKind.WARN and _CUT.match(splat.lines[0]) and told:
        # WARN(condition, "text") says its text first.
        text = f"WARNING: {told[0]}"
    return settled(text)


def _where(splat: _Splat) -> str:
    """Find the function that has the fault, else the file and line."""
    body = splat.lines[splat.title :]
    if splat.rule and splat.rule.kind is EventKind.LOCKDEP:
        named = (found[1] for line in body if (found := _AT_FUNCTION.search(line)))
    else:
        named = (found[1] for line in body[:1] if (found := _AT_FUNCTION.search(line)))
    at_rip = (found[1] for line in body if (found := RIP.search(line)))
    in_trace = (found[1] for line in body if (found := CALL.match(line)))
    functions = [name for names in (named, at_rip, in_trace) for name in names]
    files = (found[1] for line in body[:8] if (found := _AT_FILE.search(line)))
    telling = (name for name in functions if not FINDERS.match(name))
    return next(telling, None) or next(files, "")
