# SPDX-License-Identifier: GPL-2.0
"""KTAP, as kernel tests print it, into a tree of cases. Pure; no input makes it raise.

A result counts where its prefix is that of an open level: the outermost one, or one that a
header or a plan has opened. So a diagnostic that happens to start with `ok` stays one. A level
ends where a line of an outer one comes, and its cases go below the next result there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from kseries.model import Case, Status
from kseries.results.ktaplevel import MAX_CASES, MAX_DIAGNOSTICS, Budget, Level
from kseries.results.ktapline import (
    MAX_LINE,
    Bail,
    Plan,
    Result,
    Text,
    Token,
    Totals,
    Version,
    clean,
    read,
)
from kseries.results.ktapreason import failure_reason, skip_reason

MAX_DEPTH = 16

NO_RESULT = "no result: the log holds no KTAP result line"


@dataclass(frozen=True)
class KtapResult:
    """What a log says.

    planned: of the outermost plan, None where there is none.
    skipped: the reason of an outermost `1..0 # SKIP`, None without it.
    problems: why the log cannot be believed as it stands, one sentence each.
    diagnostics: lines that belong to no case.
    declared: whether there was a header or a plan.
    unplanned: whether there are outermost results of which no plan and no Totals line tells how
    many there should be.
    """

    cases: tuple[Case, ...]
    planned: int | None = None
    skipped: str | None = None
    problems: tuple[str, ...] = ()
    diagnostics: tuple[str, ...] = ()
    declared: bool = False
    unplanned: bool = False


def parse(lines: Iterable[str], *, max_cases: int = MAX_CASES) -> KtapResult:
    """Read a whole log, line by line, with or without newlines; no line is held longer."""
    parser = Parser(max_cases)
    for line in lines:
        parser.feed(line)
    return parser.end()


class Parser:
    """Takes a log line by line: the open levels, outermost first."""

    def __init__(self, max_cases: int = MAX_CASES) -> None:
        self._max_cases = max_cases
        self._budget = Budget(max_cases)
        self._outer = Level("", self._budget)
        self._levels = [self._outer]
        self._declared = False
        self._too_deep = False
        self._cut = ""

    def feed(self, line: str, *, cut: bool = False) -> None:
        """Take the next line. cut: its end is not there."""
        if "\r" in line:
            # A terminal shows what stands behind it in place of what stood before.
            *parts, line = line.rstrip().split("\r")
            for part in filter(None, parts):
                self._take(read(part), part)
        if cut:
            self._take_cut(line)
        else:
            self._take(read(line), line)

    def _take_cut(self, line: str) -> None:
        """Take of a line what no end can change: behind a pass there may have stood a SKIP."""
        token = read(line)
        good = isinstance(token, Result) and token.status is Status.PASS
        if isinstance(token, Result | Bail) and not good:
            self._take(token, line)
        elif text := clean(line):
            self._levels[-1].note(text, token.prefix.startswith("#"))
            if not isinstance(token, Text):
                self._cut = text

    def _take(self, token: Token, line: str) -> None:
        if isinstance(token, Result):
            self._result(token, line)
        elif isinstance(token, Text):
            self._text(token)
        elif isinstance(token, Version) or isinstance(token, Plan):  # noqa: SIM101 - a hot path
            self._open(token)
        elif level := self._level(token.prefix):
            self._close_below(level)
            if isinstance(token, Totals):
                level.totals = token
            else:
                level.problem(f"Bail out! {token.reason}".rstrip())
        else:
            self._not_counted(token, line)

    def _result(self, token: Result, line: str) -> None:
        level = self._level(token.prefix)
        if level is None or not (token.certain or level.declared):
            self._not_counted(token, line)
            return
        if level is not self._levels[-1]:
            self._close_below(level, passed=token.status is Status.PASS)
        self._add(level, token)

    def _level(self, prefix: str) -> Level | None:
        """Give the open level of a prefix."""
        for level in reversed(self._levels):
            if level.prefix == prefix:
                return level
        return None

    def _not_counted(self, token: Token, line: str) -> None:
        self._levels[-1].note(clean(line), token.prefix.startswith("#"))

    def skim(self, lines: Sequence[str], shown: Callable[[str], str] = str.rstrip) -> None:
        """Take lines that are no more than text, none empty, none with what terminals obey.

        shown: gives what is kept of a line.
        """
        half = MAX_DIAGNOSTICS // 2
        first = max(half - len(self._levels[-1].lines), 0)
        texts = [shown(line)[:MAX_LINE] for line in (*lines[:first], *lines[first:][-half:])]
        self._levels[-1].note_all([(text, text.lstrip().startswith("#")) for text in texts])

    @property
    def declared(self) -> bool:
        """Whether there was a header or a plan."""
        return self._declared

    def end(self) -> KtapResult:
        """End the log and say what it says."""
        outer = self._outer
        self._close_below(outer)
        planned, skipped = outer.planned, outer.skipped
        cases = outer.settle()
        if not cases and skipped is None:
            outer.problem(NO_RESULT)
        if self._budget.exceeded:
            outer.problem(f"more than {self._max_cases} results; the rest was left out")
        if self._too_deep:
            outer.problem(f"results are nested deeper than {MAX_DEPTH} levels; those were left out")
        if self._cut:
            outer.problem(f"a line is cut off and does not count: {self._cut}")
        left = tuple(text for text, _ in outer.lines)
        problems = tuple(outer.problems)
        return KtapResult(cases, planned, skipped, problems, left, self._declared, outer.unplanned)

    def _open(self, token: Version | Plan) -> None:
        self._declared = True
        while not token.prefix.startswith(self._levels[-1].prefix):
            self._close_last()
        if self._levels[-1].prefix != token.prefix:
            if len(self._levels) >= MAX_DEPTH:
                self._too_deep = True
                return
            self._levels.append(Level(token.prefix, self._budget))
        level = self._levels[-1]
        if isinstance(token, Version):
            level.begin()
        else:
            level.plan(token)

    def _close_below(self, level: Level, *, passed: bool = False) -> None:
        """Close the levels below. passed: the result that closes them says ok."""
        while self._levels[-1] is not level:
            self._close_last(passed=passed and self._levels[-2] is level)

    def _close_last(self, *, passed: bool = False) -> None:
        level = self._levels.pop()
        parent = self._levels[-1]
        parent.below += level.settle(passed=passed)
        parent.problems_below += level.problems
        parent.skipped_below = level.skipped or parent.skipped_below
        parent.note_all(level.lines)

    def _add(self, level: Level, result: Result) -> None:
        if not self._budget.take(good=result.status.good and not level.below):
            level.forget()
            return
        if result.status is Status.SKIP and level.below:
            level.give_up(result.text or skip_reason(level.lines) or "the program gave up")
        number = result.number if result.number is not None else level.last + 1
        case = _case(level, result, number, self._budget)
        level.add(number, case)
        if result.hides_failure:
            level.problem(f"{case.name}: a failure stands in the line of this result")
        if case.children and (problem := _disagreement(case, result)):
            level.problem(problem)

    def _text(self, token: Text) -> None:
        level = self._levels[-1]
        glued = token.glued
        if glued and glued.number and self._may_be_glued(level, glued) and self._budget.take():
            # Whether it is believed, is decided when the level ends.
            level.glued[glued.number] = _case(level, glued, glued.number, self._budget)
            level.last = glued.number
        if token.text.strip("# "):
            level.note(token.text, token.diagnostic)

    @staticmethod
    def _may_be_glued(level: Level, glued: Result) -> bool:
        """Only the very next result of a plan: other text may hold such words by chance."""
        in_plan = glued.number == level.last + 1 and glued.number <= (level.planned or 0)
        return in_plan and glued.prefix.startswith(level.prefix)  # the text may be indented


def _case(level: Level, result: Result, number: int, budget: Budget) -> Case:
    status, reason = result.status, result.text
    if level.below:
        if status in (Status.PASS, Status.SKIP) and not all(c.status.good for c in level.below):
            status = Status.FAIL
    elif status is Status.PASS and level.skipped_below:
        status = Status.SKIP  # it planned nothing and left with status 0
    if result.directive == "XPASS":
        reason = f"passes, but a failure was expected: {reason}".rstrip(": ")
    elif status is Status.SKIP:
        reason = reason or level.skipped_below or skip_reason(level.lines)
    elif not status.good and (not reason or reason.startswith("exit=")):
        # The runner's "exit=1" is the least telling of all.
        reason = failure_reason(level.lines, level.below) or reason
    return Case(
        name=result.name or f"test {number}",
        status=status,
        reason=reason,
        diagnostics=budget.keep(level.lines, status.good),
        children=tuple(level.below),
    )


def _disagreement(case: Case, result: Result) -> str:
    """Say where a parent's result is not what its children's make it."""
    bad = [child for child in case.children if not child.status.good]
    if result.status in (Status.PASS, Status.SKIP) and bad:
        said = "ok" if result.status is Status.PASS else "skip"
        return f"{case.name}: says {said}, but {bad[0].name} below it is {bad[0].status.value}"
    if result.status is Status.FAIL and case.children and not bad:
        return f"{case.name}: says not ok, but all {len(case.children)} cases below it are good"
    return ""
