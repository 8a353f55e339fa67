# SPDX-License-Identifier: GPL-2.0
"""Each first line of a complaint, kept apart from the table, so that no row can go unnoticed."""

from __future__ import annotations

import pytest

from kseries.parse import klogarch, klogdumps, klogline, kloglocks, klogtable
from tests.klogcases import FOLDER
from tests.log_strategies import joined, read

EXAMPLES = [
    line.split(" | ", 1) for line in (FOLDER / "examples.txt").read_text().splitlines() if line
]


@pytest.mark.parametrize(("kind", "line"), EXAMPLES, ids=[line for _, line in EXAMPLES])
def test_the_first_line_of_a_complaint(kind: str, line: str) -> None:
    rule = klogline.rule_of(line)
    assert rule is not None
    assert rule.kind == kind


def test_blanks_may_stand_before_a_first_line() -> None:
    for blank in (" ", "\t ", ""):
        rule = klogline.rule_of(f"{blank}BUG: KASAN: use-after-free in foo+0x1/0x2")
        assert rule is not None
        assert rule.kind.value == "KASAN"
    assert klogline.rule_of("a BUG: KASAN: x in foo+0x1/0x2") is None


def test_none_is_passed_over_among_ordinary_lines() -> None:
    """Those are skipped many at once, so where a line ends must be seen there, too."""
    for _, line in EXAMPLES:
        around = [f"[    1.000000] {each}" for each in ("booted", line, "Run /init", "bye")]
        assert read(joined(around)).events, line


def test_what_a_stack_stands_below_ends_with_it() -> None:
    trace = ("Call Trace:", " foo_probe+0x24/0x80", "eth0: up")
    for rule in klogdumps.DUMPS:
        (event,) = read(joined(f"[    1.000000] {line}" for line in (rule.example, *trace))).events
        assert (event.where, len(event.lines)) == ("foo_probe", 3)
        # Programs may say the like.
        assert not read(joined([rule.example, "text"])).events or rule.kind == "BUG"


def test_no_row_is_without_a_line() -> None:
    told = {line for _, line in EXAMPLES}
    assert [rule.example for rule in klogtable.RULES if rule.example not in told] == []
    rows = {*klogarch.FAULTS, *klogarch.HEADERS, *kloglocks.LOCKS, *kloglocks.STALLS}
    assert rows <= {*klogtable.RULES}
