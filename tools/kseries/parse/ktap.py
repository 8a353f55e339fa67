# SPDX-License-Identifier: GPL-2.0
"""KTAP, as kernel tests print it, into a tree of cases. Pure; no input makes it raise.

A header, a plan or the first result of a prefix opens a level; without a header or a plan a pass
must be the first one, and have a number or a dash, so that a diagnostic that happens to start with
`ok` stays one. No failure is left out for its indentation. A level ends where a line of an outer
one comes, and its cases go below the next result there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from kseries.model import Case, Status
from kseries.parse.ktapcase import case_of, disagreement
from kseries.parse.ktaplevel import MAX_CASES, Budget, Level
from kseries.parse.ktapline import MAX_LINE, clean, is_ordinary, read, without_blank
from kseries.parse.ktapreason import skip_reason
from kseries.parse.ktapstack import MAX_DEPTH, Stack
from kseries.parse.ktaptoken import (
    Announced,
    Bail,
    Counts,
    Plan,
    Result,
    Subtest,
    Text,
    Token,
    Totals,
    Version,
)

RULER = "=" * 20

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
    marked: whether they are the old runner's, which had no plan.
    """

    cases: tuple[Case, ...]
    planned: int | None = None
    skipped: str | None = None
    problems: tuple[str, ...] = ()
    diagnostics: tuple[str, ...] = ()
    declared: bool = False
    unplanned: bool = False
    marked: bool = False


def parse(lines: Iterable[str], *, max_cases: int = MAX_CASES) -> KtapResult:
    """Read a whole log, line by line, with or without newlines; no line is held longer."""
    parser = Parser(max_cases)
    for line in lines:
        parser.feed(line)
    return parser.end()


class Parser:
    """Takes a log line by line."""

    def __init__(self, max_cases: int = MAX_CASES) -> None:
        self._max_cases = max_cases
        self._budget = Budget(max_cases)
        self._stack = Stack(self._budget)
        self._subtest: Subtest | None = None  # whose results are to come
        self._title = ""  # what the old runner may have begun, until the line below tells
        self._counts: Counts | None = None  # in the line before
        self._declared = False
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
        elif is_ordinary(line) and not self._title:
            text = without_blank(line.rstrip())[:MAX_LINE]
            self._stack.innermost.note(text, text.lstrip()[:1] == "#")
        else:
            self._take(read(line), line)

    def skim(self, lines: Sequence[str], shown: Callable[[str], str] = str.rstrip) -> None:
        """Take lines that are no more than text, none empty, none with what terminals obey.

        One that is only "#" is empty below the runner. shown: gives what is kept of a line.
        """
        if self._title:
            self._begin_program(shown(lines[0]))
        if "#" in lines:
            lines = [line for line in lines if line != "#"]
        self._stack.innermost.notes.skim(lines, shown)

    @property
    def declared(self) -> bool:
        """Whether there was a header or a plan."""
        return self._declared

    def end(self) -> KtapResult:
        """End the log and say what it says."""
        if self._subtest is not None:
            self._place_subtest(self._subtest, None)
        outer, marked = self._stack.end(), self._stack.marked
        planned, skipped = outer.planned, outer.skipped
        cases = outer.settle()
        if not cases and skipped is None:
            outer.problem(NO_RESULT)
        if self._budget.exceeded:
            outer.problem(f"more than {self._max_cases} results; the rest was left out")
        if self._stack.too_deep:
            outer.problem(f"results are nested deeper than {MAX_DEPTH} levels; those were left out")
        if self._cut:
            outer.problem(f"a line is cut off and does not count: {self._cut}")
        left = tuple(text for text, _ in outer.lines)
        problems = tuple(outer.problems)
        return KtapResult(
            cases, planned, skipped, problems, left, self._declared, outer.unplanned, marked
        )

    def _take_cut(self, line: str) -> None:
        """Take of a line what no end can change: behind a pass there may have stood a SKIP."""
        token = read(line)
        if isinstance(token, Result | Bail) and not self._may_go_on(token):
            self._take(token, line)
        elif text := clean(line):
            self._stack.innermost.note(text, token.prefix.startswith("#"))
            if not isinstance(token, Text):
                self._cut = text

    def _may_go_on(self, token: Result | Bail) -> bool:
        """Whether the rest of a line may say something else."""
        if isinstance(token, Bail) or token.status is not Status.PASS:
            return False
        suite = self._stack.enclosed_by(token.prefix)
        if suite is None or token.text or token.name != suite.name or not suite.name:
            return True
        # The name is whole, as the header had it, and a SKIP would be no news.
        return not any(case.status is Status.PASS for _, case in suite.entries)

    def _take(self, token: Token, line: str) -> None:
        if self._title:
            self._begin_program(line)
        if isinstance(token, Text):
            self._text(token)
            return
        counts, self._counts = self._counts, None
        if self._subtest is not None:
            self._place_subtest(self._subtest, token)
        if isinstance(token, Result):
            self._result(token, line)
        elif counts and isinstance(token, Plan) and self._is_end(counts, token):
            self._not_counted(token, line)
        elif isinstance(token, Version) or isinstance(token, Plan):  # noqa: SIM101 - a hot path
            self._open(token)
        elif isinstance(token, Counts):
            self._counts = token
            self._not_counted(token, line)
        elif isinstance(token, Subtest):
            self._subtest = token
            self._not_counted(token, line)
        elif isinstance(token, Announced):
            self._title = token.name
            self._not_counted(token, line)
        else:
            self._aside(token, line)

    def _not_counted(self, token: Token, line: str) -> None:
        self._stack.innermost.note(clean(line), token.prefix.startswith("#"))

    def _result(self, token: Result, line: str) -> None:
        stack, passed = self._stack, token.status is Status.PASS
        if token.closing:
            self._add(stack.end_program(passed=passed), token)
            return
        level = stack.find(token.prefix)
        counts = token.certain or (token.status is Status.FAIL and bool(token.prefix))
        if level is None and counts and _may_be_first(token):
            level = stack.open(token.prefix)
        if level is None or not (counts or level.declared):
            self._not_counted(token, line)
            return
        stack.close_below(level, passed=passed)
        self._add(level, token)

    def _aside(self, token: Bail | Totals, line: str) -> None:
        """Take `Bail out!`, or the Totals line. Where no level is open, bad news open it."""
        level = self._stack.find(token.prefix)
        if level is None and (isinstance(token, Bail) or token.bad):
            level = self._stack.open(token.prefix)
        if level is None:
            self._not_counted(token, line)
            return
        self._stack.close_below(level)
        if isinstance(token, Totals):
            level.totals = token
        else:
            level.problem(f"Bail out! {token.reason}".rstrip())

    def _is_end(self, counts: Counts, plan: Plan) -> bool:
        """Whether a program that printed no results says how many tests it counted."""
        level = self._stack.find(plan.prefix)
        results = level is not None and not level.fresh
        if results or plan.count != counts.total:
            return False
        if counts.bad and (level := level or self._stack.open(plan.prefix)):
            level.problem(f"{counts.bad} of {counts.total} tests are counted as failed")
        return True

    def _open(self, token: Version | Plan) -> None:
        self._declared = True
        level: Level | None = self._stack.leave(token.prefix)
        assert level is not None
        if level.prefix != token.prefix:
            level = self._stack.open(token.prefix)
        elif level.name and not level.fresh and isinstance(token, Version):
            level = self._stack.reopen(level)  # each suite has a header of its own
        if level is None:
            return
        if isinstance(token, Version):
            level.begin()
        else:
            level.plan(token)

    def _place_subtest(self, subtest: Subtest, token: Token | None) -> None:
        """Give the name of a subtest to the level of its results, which the next token tells.

        That is the level of the line itself (KUnit), or the one inside of it (TAP 14).
        """
        self._subtest = None
        stack, prefix = self._stack, token.prefix if token else ""
        level = stack.find(subtest.prefix) or stack.open(subtest.prefix)
        if level is None:
            return
        inside = prefix != subtest.prefix and prefix.startswith(subtest.prefix)
        if level is stack.outer or not level.fresh:
            stack.close_below(level)
            if inside:
                level.name_below = level.name_below or subtest.name
                return
            # TAP 14 announces a single test, too.
            single = isinstance(token, Result) and token.name == subtest.name
            if level is stack.outer or (single and prefix == subtest.prefix):
                return
            level = stack.reopen(level)
        level.declared, level.name = True, subtest.name

    def _begin_program(self, line: str) -> None:
        """Know that the old runner begins a program, if a line of = tells so."""
        title, self._title = self._title, ""
        if line.startswith(RULER):
            self._stack.begin_program(title)

    def _add(self, level: Level, result: Result) -> None:
        if not self._budget.take(good=result.status.good and not level.below):
            level.forget()
            return
        if result.status is Status.SKIP and level.below:
            level.give_up(result.text or skip_reason(level.lines) or "the program gave up")
        # The old runner begins anew in each folder, a program with each one that it runs.
        anew = result.closing or not (level.declared or level is self._stack.outer)
        number = level.place_of(result.number, anew=anew)
        case = case_of(level, result, number, self._budget)
        level.add(number, case)
        if result.hides_failure:
            level.problem(f"{case.name}: a failure stands in the line of this result")
        if case.children and (problem := disagreement(case, result)):
            level.problem(problem)

    def _text(self, token: Text) -> None:
        level = self._stack.innermost
        glued = token.glued
        if glued and glued.number and self._may_be_glued(level, glued) and self._budget.take():
            # Whether it is believed, is decided when the level ends.
            level.glued[glued.number] = case_of(level, glued, glued.number, self._budget)
            level.last = glued.number
        if token.text.strip("# "):
            level.note(token.text, token.diagnostic)

    @staticmethod
    def _may_be_glued(level: Level, glued: Result) -> bool:
        """Only the very next result of a plan: other text may hold such words by chance.

        Without a plan, only a failure behind other results.
        """
        planned = level.planned or 0
        if level.planned is None and level.last and not glued.status.good:
            planned = level.last + 1
        in_plan = glued.number == level.last + 1 and glued.number <= planned
        return in_plan and glued.prefix.startswith(level.prefix)  # the text may be indented


def _may_be_first(result: Result) -> bool:
    """Whether a result can open a level: any failure, and what counts from one."""
    return not result.status.good or result.number is None or result.number <= 1
