# SPDX-License-Identifier: GPL-2.0
"""The results of one level of a KTAP log while it is read, and their settlement at its end."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from kseries.model import Case, Status
from kseries.parse.ktapnotes import MAX_NOTES, Note, Notes
from kseries.parse.ktaptoken import Plan, Totals
from kseries.parse.ktaptotals import said_by, seen_in, shown

MAX_CASES = 10_000  # in one log, missing ones included
MAX_SPARE = 1000  # bad cases beyond those
MAX_DIAGNOSTICS = MAX_NOTES  # for each case
MAX_PROBLEMS = 50
# Characters of diagnostics that are kept of one log.
MAX_TEXT_GOOD = 8 << 20
MAX_TEXT_BAD = 32 << 20
LINE_COST = 60  # what a line takes beside its characters

MISSING_RESULTS = "planned results are missing"
UNSEEN = "planned, no result seen"
UNFINISHED = "unfinished"  # the name of a result that never came, if nothing tells another
EMPTY = "announced, and no result below it"
NOTHING_PLANNED = "no test was planned"
COUNTED = "counted as skipped, without a line of its own"


@dataclass
class Budget:
    """How many cases a log may still have: a hostile one could name millions.

    spare: for bad ones alone, when there is no room for others.
    """

    left: int = MAX_CASES
    spare: int = MAX_SPARE
    exceeded: bool = False
    text_good: int = MAX_TEXT_GOOD
    text_bad: int = MAX_TEXT_BAD

    def take(self, count: int = 1, *, good: bool = True) -> bool:
        """Take that many, or none and remember it."""
        if count <= self.left:
            self.left -= count
            return True
        self.exceeded = True
        if good or count > self.spare:
            return False
        self.spare -= count
        return True

    def keep(self, lines: Sequence[tuple[str, bool]], good: bool) -> tuple[str, ...]:
        """Give the diagnostics of a case as long as there is room, so that memory has an end."""
        kept = tuple([text for text, _ in lines])
        size = sum(map(len, kept)) + LINE_COST * len(kept)
        left = self.text_good if good else self.text_bad
        if size > left:
            return ()
        if good:
            self.text_good -= size
        else:
            self.text_bad -= size
        return kept


@dataclass
class Level:
    """Results of one prefix, as they come; what came of the level below waits for its parent."""

    prefix: str
    budget: Budget
    declared: bool = False  # a header or plan was seen
    name: str = ""  # of the result that these belong to, as their header has it
    planned: int | None = None
    skipped: str | None = None
    totals: Totals | None = None
    unplanned: bool = False  # there were results, and nothing tells how many there should be
    entries: list[tuple[int, Case]] = field(default_factory=list)
    glued: dict[int, Case] = field(default_factory=dict)  # behind text without a line's end
    last: int = 0  # highest number so far
    offset: int = 0  # how many came before numbers began anew
    notes: Notes = field(default_factory=Notes)
    below: list[Case] = field(default_factory=list)
    skipped_below: str = ""
    name_below: str = ""  # what the header below says
    empty_below: bool = False  # it says that results follow, and there are none
    problems: list[str] = field(default_factory=list)
    problems_below: list[str] = field(default_factory=list)
    settled: list[Case] = field(default_factory=list)  # of earlier headers of this level

    @property
    def lines(self) -> Sequence[Note]:
        """What came for the next result."""
        return self.notes.all()

    def note(self, text: str, diagnostic: bool) -> None:
        """Keep a line for the next result."""
        self.notes.add(text, diagnostic)

    def problem(self, text: str) -> None:
        """Keep a sentence on why this level cannot be believed."""
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(text)

    @property
    def fresh(self) -> bool:
        """Whether nothing has come since the header, or since the beginning."""
        return not (self.entries or self.glued or self.orphaned or self.planned is not None)

    @property
    def orphaned(self) -> bool:
        """Whether something came for a result that has not come."""
        return bool(self.below or self.name_below or self.problems_below)

    def begin(self) -> None:
        """Take a header: the first, or one that starts the level anew."""
        if not self.fresh:
            self._settle_segment()
        self.declared = True

    def place_of(self, number: int | None, *, anew: bool) -> int:
        """Give the place of a result that has this number. anew: numbers may begin anew."""
        if number is None:
            return self.last + 1
        if anew and number == 1:
            self.offset = self.last
        elif anew and self.prefix and not self.entries:
            self.offset = 1 - number  # a failure out of nowhere tells of no others
        return number + self.offset

    def plan(self, plan: Plan) -> None:
        """Take a plan. Of two that differ the longer one counts: the other may be a stranger's."""
        self.declared = True
        if self.planned is None:
            self.planned, self.skipped = plan.count, plan.skipped
        elif self.planned != plan.count:
            self.problem(f"two plans, for {self.planned} and for {plan.count} tests")
            self.planned, self.skipped = max(self.planned, plan.count), None

    def add(self, number: int, case: Case) -> None:
        """Take a result; what came below is its own."""
        for text in self.problems_below:
            self.problem(f"{case.name}: {text}")
        self._enter(number, case)
        self.forget()

    def _enter(self, number: int, case: Case) -> None:
        self.entries.append((number, case))
        self.last = max(self.last, number)

    def give_up(self, why: str) -> None:
        """Know that the result to come says skip: unless something failed, nothing is missing."""
        skipped = given_up(self.below, why)
        if _all_good(skipped):
            self.below, self.problems_below = list(skipped), []

    def forget(self) -> None:
        """Drop what came for the next result."""
        self.notes.clear()
        if self.below or self.problems_below or self.skipped_below or self.name_below:
            self.below, self.problems_below, self.skipped_below = [], [], ""
            self.name_below = ""
        self.empty_below = False

    def settle(self, *, passed: bool = False) -> tuple[Case, ...]:
        """Compare what was seen with the plan; give all cases in order, missing ones included.

        passed: the result that these belong to says ok.
        """
        self._settle_segment(passed=passed)
        return tuple(self.settled)

    def _settle_segment(self, *, passed: bool = False) -> None:
        entries = [*self.entries, *self._proven(passed=passed)]
        entries += self._counted_as_skipped(entries)
        seen = {number for number, _ in entries}
        self._check_numbers([number for number, _ in entries])
        statuses = [case.status for _, case in entries]
        if self.totals is not None:
            self._check_totals(statuses, self.totals)
        vouched = self.planned is not None or self._agrees(statuses)
        self.unplanned = self.unplanned or bool(entries and not vouched)
        missing = self._missing(seen, len(entries))
        if self.orphaned:
            number = missing[0][0] if missing else self.last + 1
            name = missing[0][1].name if missing else ""
            missing = [(number, self._adopt(name)), *missing[1:]]
        ordered = sorted((*entries, *missing), key=lambda entry: entry[0])
        self.settled += [case for _, case in ordered]
        self.entries, self.glued = [], {}
        self.planned, self.totals, self.last, self.offset = None, None, 0, 0

    def _proven(self, *, passed: bool) -> list[tuple[int, Case]]:
        """Give the results behind other text that did not come in a line of their own as well.

        A good one counts only if something else says so: words may look like it by chance, and
        so does a "not ok" of which a byte was lost.
        """
        seen = {number for number, _ in self.entries}
        late = [(number, case) for number, case in self.glued.items() if number not in seen]
        good = sum(case.status.good for _, case in late)
        if not good or passed:
            return late
        if self._agrees([case.status for _, case in (*self.entries, *late)]):
            return late
        self.problem(f"{good} results stand behind other text, and nothing else confirms them")
        return [(number, case) for number, case in late if not case.status.good]

    def _check_numbers(self, numbers: Sequence[int]) -> None:
        if 0 in numbers:
            self.problem("a result number 0, where the first one is 1")
        repeated = len(numbers) - len(set(numbers))
        if repeated:
            self.problem(f"{repeated} result numbers came more than once")
        if self.planned is None:
            lost = self.last - len(set(numbers))
            if lost > 0:
                self.problem(f"{lost} results before the one numbered {self.last} are missing")
            return
        count, beyond = len(numbers), max(numbers, default=0)
        if count > self.planned:
            self.problem(f"{count} results, but {self.planned} were planned")
        elif beyond > self.planned:
            self.problem(f"a result number {beyond}, but {self.planned} were planned")
        elif count < self.planned:
            self.problem(f"{self.planned - count} of {self.planned} {MISSING_RESULTS}")

    def _missing(self, seen: set[int], count: int) -> list[tuple[int, Case]]:
        planned = self.last if self.planned is None else self.planned
        absent = max(planned - count, 0)
        if not absent:
            return []
        if not self.budget.take(absent):
            name = f"{absent} of the tests 1 to {planned}"
            return [(planned, Case(name, Status.MISSING, UNSEEN))] if self.budget.take() else []
        return _absent(seen, absent, planned, Status.MISSING, UNSEEN)

    def _counted_as_skipped(self, entries: Sequence[tuple[int, Case]]) -> list[tuple[int, Case]]:
        """Give the planned results without a line that the Totals line counts as skipped."""
        planned = self.planned or 0
        absent = planned - len(entries)
        if self.totals is None or absent <= 0:
            return []
        counted = seen_in(case.status for _, case in entries)
        counted["skip"] += absent
        if said_by(self.totals) != counted or not self.budget.take(absent):
            return []
        seen = {number for number, _ in entries}
        return _absent(seen, absent, planned, Status.SKIP, COUNTED)

    def adopt(self) -> None:
        """Take it for certain that the result that things came for will not come."""
        if self.orphaned and self.budget.take(good=False):
            self._enter(self.last + 1, self._adopt(""))
        self.forget()

    def _adopt(self, name: str) -> Case:
        """Give the result that never came what came for it."""
        whose = f"{self.name_below}: " if self.name_below else ""
        for text in self.problems_below:
            self.problem(f"{whose}{text}")
        name = self.name_below or name or UNFINISHED
        count = len(self.below)
        lost = f"that {count} results belong to" if count else f"of {name}"
        self.problem(f"the result {lost} is missing")
        texts = tuple(text for text, _ in self.lines)
        parent = Case(name, Status.MISSING, UNSEEN, texts, tuple(self.below))
        self.forget()
        return parent

    def _agrees(self, statuses: Sequence[Status]) -> bool:
        """Whether a Totals line has counted as many."""
        return self.totals is not None and said_by(self.totals) == seen_in(statuses)

    def _check_totals(self, statuses: Sequence[Status], totals: Totals) -> None:
        said, seen = said_by(totals), seen_in(statuses)
        if said != seen:
            self.problem(f"the Totals line says {shown(said)}, the results are {shown(seen)}")


def given_up(cases: Iterable[Case], why: str) -> tuple[Case, ...]:
    """Take what a program that ended as skipped has not shown for skipped."""
    return tuple(
        replace(case, status=Status.SKIP, reason=why)
        if case.status is Status.MISSING
        else replace(case, children=given_up(case.children, why))
        for case in cases
    )


def _absent(
    seen: set[int], count: int, planned: int, status: Status, why: str
) -> list[tuple[int, Case]]:
    """Give so many cases for the first numbers that were not seen."""
    numbers = (number for number in range(1, planned + 1) if number not in seen)
    return [
        (number, Case(f"test {number}", status, why)) for number in itertools.islice(numbers, count)
    ]


def _all_good(cases: Iterable[Case]) -> bool:
    return all(case.status.good and _all_good(case.children) for case in cases)
