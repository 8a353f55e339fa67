# SPDX-License-Identifier: GPL-2.0
"""The results of one level of a KTAP log while it is read, and their settlement at its end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from kseries.model import Case, Status
from kseries.results.ktapline import Plan, Totals

MAX_CASES = 10_000  # in one log, missing ones included
MAX_DIAGNOSTICS = 100  # for each case: the first half and the last half
MAX_PROBLEMS = 50
# Characters of diagnostics that are kept of one log.
MAX_TEXT_GOOD = 16 << 20
MAX_TEXT_BAD = 64 << 20

MISSING_RESULTS = "planned results are missing"
UNSEEN = "planned, no result seen"

# What the Totals line calls an outcome; every other one is a failure there.
_TOTALS_KEYS = {Status.PASS: "pass", Status.XFAIL: "xfail", Status.SKIP: "skip"}


@dataclass
class Budget:
    """How many cases a log may still have: a hostile one could name millions."""

    left: int = MAX_CASES
    exceeded: bool = False
    text_good: int = MAX_TEXT_GOOD
    text_bad: int = MAX_TEXT_BAD

    def take(self, count: int = 1) -> bool:
        """Take that many, or none and remember it."""
        if count > self.left:
            self.exceeded = True
            return False
        self.left -= count
        return True

    def keep(self, texts: Iterable[str], good: bool) -> tuple[str, ...]:
        """Give the diagnostics of a case as long as there is room, so that memory has an end."""
        kept = tuple(texts)
        size = sum(map(len, kept))
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
    planned: int | None = None
    skipped: str | None = None
    totals: Totals | None = None
    entries: list[tuple[int, Case]] = field(default_factory=list)
    glued: dict[int, Case] = field(default_factory=dict)
    last: int = 0  # highest number so far
    lines: list[tuple[str, bool]] = field(default_factory=list)  # (text, is a diagnostic)
    below: list[Case] = field(default_factory=list)
    skipped_below: str = ""
    problems: list[str] = field(default_factory=list)
    problems_below: list[str] = field(default_factory=list)
    settled: list[Case] = field(default_factory=list)  # of earlier headers of this level

    def note(self, text: str, diagnostic: bool) -> None:
        """Keep a line for the next result."""
        if len(self.lines) >= MAX_DIAGNOSTICS:
            del self.lines[MAX_DIAGNOSTICS // 2]
        self.lines.append((text, diagnostic))

    def problem(self, text: str) -> None:
        """Keep a sentence on why this level cannot be believed."""
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(text)

    def begin(self) -> None:
        """Take a header: the first, or one that starts the level anew."""
        if self.entries or self.glued or self.planned is not None:
            self._settle_segment()
        self.declared = True

    def plan(self, plan: Plan) -> None:
        """Take a plan."""
        if self.planned is not None and self.planned != plan.count:
            self.problem(f"two plans, for {self.planned} and for {plan.count} tests")
        self.declared = True
        self.planned, self.skipped = plan.count, plan.skipped

    def add(self, number: int, case: Case) -> None:
        """Take a result; what came below is its own."""
        for text in self.problems_below:
            self.problem(f"{case.name}: {text}")
        self.entries.append((number, case))
        self.last = max(self.last, number)
        self.lines, self.below, self.problems_below, self.skipped_below = [], [], [], ""

    def settle(self) -> tuple[Case, ...]:
        """Compare what was seen with the plan; give all cases in order, missing ones included."""
        self._settle_segment()
        return tuple(self.settled)

    def _settle_segment(self) -> None:
        entries = list(self.entries)
        seen = {number for number, _ in entries}
        entries += [(number, case) for number, case in self.glued.items() if number not in seen]
        seen |= self.glued.keys()
        self._check_numbers([number for number, _ in entries])
        if self.totals is not None:
            self._check_totals([case.status for _, case in entries], self.totals)
        missing = self._missing(seen, len(entries))
        if self.below:
            missing = self._adopt(missing)
        ordered = sorted((*entries, *missing), key=lambda entry: entry[0])
        self.settled += [case for _, case in ordered]
        self.entries, self.glued = [], {}
        self.planned, self.totals, self.last = None, None, 0

    def _check_numbers(self, numbers: Sequence[int]) -> None:
        repeated = len(numbers) - len(set(numbers))
        if repeated:
            self.problem(f"{repeated} result numbers came more than once")
        if self.planned is None:
            return
        count, beyond = len(numbers), max(numbers, default=0)
        if count > self.planned:
            self.problem(f"{count} results, but {self.planned} were planned")
        elif beyond > self.planned:
            self.problem(f"a result number {beyond}, but {self.planned} were planned")
        elif count < self.planned:
            self.problem(f"{self.planned - count} of {self.planned} {MISSING_RESULTS}")

    def _missing(self, seen: set[int], count: int) -> list[tuple[int, Case]]:
        planned = self.planned or 0
        absent = max(planned - count, 0)
        if not absent:
            return []
        if not self.budget.take(absent):
            name = f"{absent} of the tests 1 to {planned}"
            return [(planned, Case(name, Status.MISSING, UNSEEN))] if self.budget.take() else []
        numbers = (number for number in range(1, planned + 1) if number not in seen)
        return [
            (number, Case(f"test {number}", Status.MISSING, UNSEEN))
            for _, number in zip(range(absent), numbers, strict=False)
        ]

    def _adopt(self, missing: list[tuple[int, Case]]) -> list[tuple[int, Case]]:
        """Give cases whose parent's result never came to the first missing result."""
        for text in self.problems_below:
            self.problem(text)
        self.problem(f"the result that {len(self.below)} results belong to is missing")
        number, name = self.last + 1, "unfinished"
        if missing:
            number, name = missing[0][0], missing[0][1].name
        texts = tuple(text for text, _ in self.lines)
        parent = Case(name, Status.MISSING, UNSEEN, texts, tuple(self.below))
        self.below, self.lines, self.problems_below = [], [], []
        return [(number, parent), *missing[1:]]

    def _check_totals(self, statuses: Sequence[Status], totals: Totals) -> None:
        said = {"pass": 0, "fail": 0, "xfail": 0, "skip": 0}
        for key, count in totals.counts:
            key = {"error": "fail", "xpass": "pass"}.get(key, key)
            said[key] = said.get(key, 0) + count
        seen = dict.fromkeys(said, 0)
        for status in statuses:
            seen[_TOTALS_KEYS.get(status, "fail")] += 1
        if said != seen:
            self.problem(f"the Totals line says {_counts(said)}, the results are {_counts(seen)}")


def _counts(counts: dict[str, int]) -> str:
    return " ".join(f"{key}:{count}" for key, count in counts.items())
