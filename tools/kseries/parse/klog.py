# SPDX-License-Identifier: GPL-2.0
"""The kernel log, read for complaints: each with its lines, its title and its place. Pure.

Where the kernel tells who prints a line (CONFIG_PRINTK_CALLER), what two tasks or processors print
at the same time is read apart: each of them has a complaint of its own open.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from kseries.model import EventKind, KernelEvent
from kseries.parse import klogline, stamps, suspects
from kseries.parse.calltrace import CALL, HEAD
from kseries.parse.klogline import MARK, rule_of
from kseries.parse.klogrule import Ending, Role, Rule
from kseries.parse.ktapline import MAX_LINE
from kseries.parse.splat import (
    ASKING,
    BACKTRACE,
    CUT,
    END,
    MAX_TO_CUT,
    RULER,
    Splat,
    Trust,
    goes_on,
    is_cut_short,
    is_preface,
    is_text,
    patience,
    takes,
    title_of,
    told_by,
)

MAX_EVENTS = 200
MAX_NEW = 1000  # beyond those, each the first of its title since one of our marks
MAX_SPLAT_LINES = 400
MAX_TEXT = 8 << 20  # characters kept of all complaints; of later ones the lines up to the title
MAX_BEFORE_TRACE = 120  # lines from the title to the call trace, where nothing else ends it
MAX_BEFORE_LOCKS = 300  # the same for lockdep, which tells how each lock depends on the next
MAX_OPEN = 32  # complaints of different callers at a time
MAX_APART = 500  # lines of others between two of a complaint

_PROOF = re.compile(r"\s*(?:CPU: \d+ |Hardware name: |Modules linked in:|Call [Tt]race:)")


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
        self._tells = klogline.telling().match
        self._done: list[Splat] = []
        self._titles: set[str] = set()
        self._room = MAX_TEXT
        self._open: dict[str, Splat] = {}  # by caller
        self._rulers: dict[str, tuple[int, str]] = {}  # the line before, where it is one

    def feed(self, line: str) -> None:
        """Take the next line of a log that is the kernel's alone."""
        said = stamps.read(line)
        assert said.message is not None  # in a log that is the kernel's alone
        self.take(said.message, said.caller)

    @property
    def busy(self) -> bool:
        """Whether a complaint is open, so that any message may belong to it."""
        return bool(self._open)

    def skip(self, count: int = 1) -> None:
        """Pass over lines that are not the kernel's."""
        self._index += count

    def skim(self, count: int) -> None:
        """Take messages of which none is TELLING, while not busy."""
        self._index += count
        self._rulers.clear()

    def take(self, text: str, caller: str = "", trust: Trust = Trust.STAMP) -> None:
        """Take the next line, without what stands before the message.

        caller: as of `stamps.Line`. trust: why it may be the kernel's.
        """
        self._index += 1
        text = text[:MAX_LINE]
        self._close_old()
        splat = self._open.get(caller)
        if self._open or self._tells(text):
            text = klogline.once(text)
        if self._tells(text):
            self._tell(splat, text, caller, trust)
        elif splat is not None:
            self._continue(splat, text, caller)
        elif BACKTRACE.match(text):
            self._lend(text, caller)
        if self._rulers or "====" in text:
            self._remember_ruler(text, caller)

    def _tell(self, splat: Splat | None, text: str, caller: str, trust: Trust) -> None:
        """Take a line that is TELLING."""
        rule = rule_of(text)
        if text.startswith(MARK):
            self._close_all()
            self._titles.clear()
        elif CUT.match(text):
            self._cut(splat, text, caller, trust)
        elif rule is not None and not is_text(splat, rule):
            self._begin(splat, text, rule, caller, trust)
        elif splat is not None:
            self._continue(splat, text, caller)

    def events(
        self, *, first_line: int = 1, during: Callable[[int], str] = lambda _: ""
    ) -> tuple[KernelEvent, ...]:
        """End the log and give its complaints. Arguments as of the function `events`."""
        self._close_all()
        done = sorted(self._done, key=lambda splat: splat.start)
        return tuple(_event(splat, first_line, during) for splat in done)

    def _remember_ruler(self, text: str, caller: str) -> None:
        if RULER.match(text) and len(self._rulers) < MAX_OPEN:
            self._rulers[caller] = (self._index, text)
        elif self._rulers:
            self._rulers.pop(caller, None)

    def _cut(self, splat: Splat | None, text: str, caller: str, trust: Trust) -> None:
        """Take "cut here": it begins a complaint, or follows what was said before it."""
        if splat and is_preface(splat) and len(splat.lines) - splat.title < MAX_TO_CUT:
            self._append(splat, text)
            return
        new = Splat(self._index, lines=[text], trust=trust, last=self._index)
        self._replace(splat, caller, new)

    def _begin(self, splat: Splat | None, text: str, rule: Rule, caller: str, trust: Trust) -> None:
        if splat is not None and takes(splat, rule, text):
            self._join(splat, text, rule)
        else:
            start, ruler = self._rulers.get(caller, (self._index, ""))
            lines = [ruler, text] if ruler else [text]
            headed = rule.role is Role.HEADER
            new = Splat(start, rule, lines, len(lines) - 1, headed, trust=trust, last=self._index)
            self._replace(splat, caller, new)
        if rule.ending is Ending.LINE:
            self._close(caller)

    def _replace(self, old: Splat | None, caller: str, new: Splat) -> None:
        """Open a complaint, whose call trace is also that of one that it breaks off."""
        if old is not None and is_cut_short(old, new.rule):
            old.ender = new
        self._close(caller)
        self._opened(caller, new)

    def _join(self, splat: Splat, text: str, rule: Rule) -> None:
        """Take a first line for a part of the complaint that is open."""
        if rule.role is Role.HEADER:
            splat.headed = True
        elif splat.rule is None or rule.kind is EventKind.OOPS:
            splat.rule, splat.title = rule, len(splat.lines)
        else:
            splat.rule = rule
        self._append(splat, text)

    def _continue(self, splat: Splat, text: str, caller: str) -> None:
        ending = Ending.TRACE if splat.ended else splat.ending
        if splat.traced and ending is Ending.TRACE and text:  # an empty line says nothing
            splat.foreign = 0 if goes_on(splat, text) else splat.foreign + 1
            if splat.foreign > patience(splat):
                self._close(caller)
                return
        if not splat.traced:
            headed = HEAD.match(text)
            if splat.ended and not headed:
                self._close(caller)
                return
            # riscv has no head
            splat.traced = bool(headed or (ending is Ending.MARK and CALL.match(text)))
        self._append(splat, text)
        ends = ending is not Ending.TRACE and END.match(text)
        splat.ended = splat.ended or bool(ends)
        length = len(splat.lines)
        if (
            (ends and splat.traced)
            or (ending is Ending.RULER and "====" in text and RULER.match(text))
            or length >= MAX_SPLAT_LINES
            or (not splat.traced and length - splat.title >= _before_trace(splat))
        ):
            self._close(caller)

    def _append(self, splat: Splat, text: str) -> None:
        splat.lines.append(text)
        splat.last = self._index

    def _lend(self, text: str, caller: str) -> None:
        """Take what another processor says of itself for a part of the stall that asked for it."""
        asked = [s for s in self._open.values() if s.rule and s.rule.kind in ASKING]
        if asked:
            self._append(asked[-1], text)
            self._opened(caller, asked[-1])

    def _opened(self, caller: str, splat: Splat) -> None:
        while len(self._open) >= MAX_OPEN:
            self._close(next(iter(self._open)))
        self._open[caller] = splat

    def _close_old(self) -> None:
        """Close the complaints of whose callers nothing came for long."""
        for caller, splat in list(self._open.items()):
            if self._index - splat.last > MAX_APART:
                self._close(caller)

    def _close_all(self) -> None:
        for caller in list(self._open):
            self._close(caller)

    def _close(self, caller: str) -> None:
        splat = self._open.pop(caller, None)
        if splat is None or splat in self._open.values():
            return  # another processor lent its lines
        patient = min(splat.foreign, patience(splat))
        del splat.lines[len(splat.lines) - patient :]
        while not splat.lines[-1].strip():
            splat.lines.pop()
        told = splat.rule is not None or not all(map(RULER.match, splat.lines[1:]))
        if told and self._is_kept(splat):
            self._done.append(splat)

    def _is_kept(self, splat: Splat) -> bool:
        """Whether it is a complaint, and there is room.

        A flood of one complaint must not hide another one.
        """
        vague = splat.rule is None or splat.rule.vague
        unproved = not any(map(_PROOF.match, splat.lines))
        if unproved and (splat.trust is Trust.PROOF or (vague and splat.trust is Trust.WORDS)):
            return False
        title = splat.called = title_of(splat)
        fresh = title not in self._titles
        if len(self._done) >= MAX_EVENTS + MAX_NEW * fresh:
            return False
        self._titles.add(title)
        self._room -= sum(map(len, splat.lines))
        if self._room < 0:
            del splat.lines[max(splat.title, 1) + 1 :]
        return True


def _before_trace(splat: Splat) -> int:
    """Give how many lines may stand between a title and its call trace."""
    locks = splat.rule is not None and splat.rule.kind is EventKind.LOCKDEP
    return MAX_BEFORE_LOCKS if locks else MAX_BEFORE_TRACE


def _event(splat: Splat, first_line: int, during: Callable[[int], str]) -> KernelEvent:
    kind = splat.rule.kind if splat.rule else EventKind.WARN
    told = told_by(splat)
    return KernelEvent(
        kind=kind,
        title=splat.called,
        where=suspects.where(kind, told),
        line=first_line + splat.start,
        lines=tuple(splat.lines),
        during=during(splat.start),
    )
