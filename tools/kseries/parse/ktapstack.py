# SPDX-License-Identifier: GPL-2.0
"""The levels of a KTAP log that are open at a time, outermost first."""

from __future__ import annotations

from kseries.parse.ktaplevel import NOTHING_PLANNED, Budget, Level

MAX_DEPTH = 16


class Stack:
    """Open levels. outer: the outermost. too_deep: some were left out."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self.outer = Level("", budget)
        self._levels = [self.outer]
        self._runner: Level | None = None  # around the outermost, in logs of the old runner
        self._begun = ""  # the program that this runner has begun
        self.too_deep = False

    @property
    def innermost(self) -> Level:
        """The level of what comes next, unless that says otherwise."""
        return self._levels[-1]

    def enclosed_by(self, prefix: str) -> Level | None:
        """Give the innermost level, if the one around it has that prefix."""
        inside = len(self._levels) > 1 and self._levels[-2].prefix == prefix
        return self._levels[-1] if inside else None

    def find(self, prefix: str) -> Level | None:
        """Give the open level of a prefix."""
        for level in reversed(self._levels):
            if level.prefix == prefix:
                return level
        return None

    def leave(self, prefix: str) -> Level:
        """Close the levels that a prefix is not inside of; give the innermost one left."""
        while not prefix.startswith(self._levels[-1].prefix):
            self._close_last()
        return self._levels[-1]

    def open(self, prefix: str) -> Level | None:
        """Open a level for a prefix that has none; what is nested deeper goes below it.

        None where levels are nested too deep.
        """
        levels = self._levels
        while not prefix.startswith(levels[-1].prefix):
            if levels[-1].prefix.startswith(prefix) and prefix.startswith(levels[-2].prefix):
                break
            self._close_last()
        if len(levels) >= MAX_DEPTH:
            self.too_deep = True
            return None
        level = Level(prefix, self._budget)
        if prefix.startswith(levels[-1].prefix):
            levels.append(level)
        else:
            levels.insert(-1, level)
            self.close_below(level)
        return level

    def reopen(self, level: Level) -> Level:
        """Begin a nested level anew: the result that its cases belong to will not come."""
        self.close_below(level)
        self._close_last()
        self._levels[-1].adopt()
        level = Level(level.prefix, self._budget)
        self._levels.append(level)
        return level

    def close_below(self, level: Level, *, passed: bool = False) -> None:
        """Close the levels below. passed: the result that closes them says ok."""
        while self._levels[-1] is not level:
            self._close_last(passed=passed and self._levels[-2] is level)

    def _close_last(self, *, passed: bool = False) -> None:
        level = self._levels.pop()
        _hand_over(level, self._levels[-1], passed=passed)

    # ---- the runner of kselftest before 5.2, which did not indent what programs print

    def begin_program(self, name: str) -> None:
        """Know that the old runner begins a program."""
        if self._begun or not self.outer.fresh or len(self._levels) > 1:
            before = self._begun
            runner = self.end_program()
            runner.name_below = before
            runner.adopt()
        self._begun = name

    def end_program(self, *, passed: bool = False) -> Level:
        """Give the level of the old runner; all that came since its last result is below it."""
        self._runner = self._runner or Level("", self._budget)
        self.close_below(self.outer)
        _hand_over(self.outer, self._runner, passed=passed)
        self.outer = Level("", self._budget)
        self._levels, self._begun = [self.outer], ""
        return self._runner

    @property
    def marked(self) -> bool:
        """Whether the outermost results are the old runner's."""
        return self._runner is not None

    def end(self) -> Level:
        """Close all but the outermost level, and give that."""
        if self._runner is not None or self._begun:
            begun = self._begun
            self.outer = self.end_program()
            self.outer.name_below = begun
            self._levels = [self.outer]
        self.close_below(self.outer)
        return self.outer


def _hand_over(level: Level, parent: Level, *, passed: bool) -> None:
    """Settle a level and give what came of it to the one around it."""
    nothing = level.planned == 0
    cases = level.settle(passed=passed)
    skipped = level.skipped or (NOTHING_PLANNED if nothing and not cases else "")
    parent.empty_below = bool(level.name) and not cases and level.skipped is None
    parent.name_below = parent.name_below or level.name
    parent.below += cases
    parent.problems_below += level.problems
    parent.skipped_below = skipped or parent.skipped_below
    for note in level.lines:
        parent.note(*note)
