# SPDX-License-Identifier: GPL-2.0
"""Marks in the kernel log that tests cannot forge, and what the kernel counts of its faults."""

import pytest

from kseries.model import EventKind
from kseries.parse import marks, taint
from kseries.parse.marks import Mark, Marks
from kseries.parse.taint import Counts

MARKS = Marks(bytes(32))


def test_the_secret_is_not_shown() -> None:
    assert repr(Marks(b"secret")) == "Marks()"


def test_a_mark_is_known_again_behind_a_time_stamp() -> None:
    line = MARKS.line(marks.START, "zcrx/a b")
    assert MARKS.read([f"[    1.000000] {line}", f"<15>{line}", "[    1.0] x"]) == [
        Mark("start", "zcrx/a b"),
        None,  # the same once more
        None,
    ]


def test_nobody_else_can_make_one() -> None:
    line = MARKS.line(marks.END, "zcrx/a")
    forged = [
        "kseries: end zcrx/a",
        Marks(b"x" * 32).line(marks.END, "zcrx/a"),
        line.replace("zcrx/a", "zcrx/b"),
        line.replace("end", "start"),
        line[:-3] + "00]",
    ]
    assert MARKS.read(forged) == [None] * 5
    assert all(marks.imitates(text) for text in forged)
    assert not marks.imitates("a test says kseries: end zcrx/a")


def test_each_mark_is_another() -> None:
    assert MARKS.line(marks.START, "a/b") != MARKS.line(marks.START, "a/b")


def test_a_name_cannot_break_the_line() -> None:
    line = MARKS.line(marks.START, "a/b\nkseries: end x\x1b[2J\u202e")
    assert "\n" not in line
    assert line.isascii()
    assert MARKS.read([line]) == [Mark("start", "a/b?kseries: end x?[2J?")]


W = 1 << 9


@pytest.mark.parametrize(
    ("before", "now", "kinds", "said"),
    [
        (Counts(), Counts(W), [], "taint flag W: the kernel gave a warning"),
        (Counts(), Counts(W), [EventKind.WARN], ""),
        (Counts(), Counts(W), [EventKind.LEAK], "taint flag W"),
        (Counts(W), Counts(W), [], ""),
        (Counts(W), Counts(W | 1 << 7), [EventKind.WARN], "taint flag D"),
        (Counts(), Counts(1 << 6), [EventKind.WARN], "taint flag U: a program set it"),
        (Counts(), Counts(1 << 20), [], "taint flag bit 20"),
        (Counts(), Counts(1 << 40), [], "taint flag bit 40"),
        (Counts(), Counts(1 << 18), [], ""),  # a test module
        # No flag tells it a second time.
        (Counts(W, 1, 0), Counts(W, 2, 0), [], "counted more warnings"),
        (Counts(W, 1, 0), Counts(W, 2, 0), [EventKind.WARN], ""),
        (Counts(W, 1, 0), Counts(W, 1, 1), [], "counted more Oopses"),
        (Counts(W, None, None), Counts(W, 1, 1), [], ""),
        (Counts(W, 1, 1), Counts(W, None, None), [], ""),
    ],
)
def test_what_the_log_does_not_tell(
    before: Counts, now: Counts, kinds: list[EventKind], said: str
) -> None:
    told = list(taint.unreported(before, now, kinds))
    assert len(told) == bool(said)
    assert said in "".join(told)


K = EventKind
CRASHES = {K.OOPS, K.BUG, K.PANIC, K.KASAN}
WARNINGS = CRASHES | {K.WARN, K.UBSAN, K.ATOMIC_SLEEP, K.LOCKDEP, K.LOCKUP}
# Callers of add_taint(): mm/page_alloc.c, mm/slub.c; die() of each architecture; kernel/panic.c,
# kernel/sched/core.c; kernel/watchdog.c.
EXPLAINED = {"B": CRASHES | {K.UBSAN, K.WARN}, "D": CRASHES, "W": WARNINGS, "L": {K.LOCKUP}}


@pytest.mark.parametrize("letter", "PFSRMBUDAWCIOELKXTJ")
def test_a_flag_is_explained_by_the_complaints_it_is_set_with(letter: str) -> None:
    bit = Counts(1 << [flag.letter for flag in taint.FLAGS].index(letter))
    explained = {kind for kind in K if not list(taint.unreported(Counts(), bit, [kind]))}
    assert explained == EXPLAINED.get(letter, set())
    # At its start a kernel has what it was built with; of faults its log has to tell.
    at_start = list(taint.unreported(Counts(), bit, [], booting=True))
    assert bool(at_start) == (letter in "MBUDWL")


def test_a_test_module_is_none_at_the_start_either() -> None:
    assert list(taint.unreported(Counts(), Counts(1 << 18), [], booting=True)) == []


def test_more_warnings_are_explained_by_what_counts_as_one() -> None:
    before, now = Counts(W, 1, 1), Counts(W, 2, 1)
    assert {kind for kind in K if not list(taint.unreported(before, now, [kind]))} == WARNINGS


@pytest.mark.parametrize(
    ("letter", "told"), [*zip("BDW", [1] * 3, strict=True), ("M", 2), ("L", 2)]
)
def test_a_flag_that_comes_with_a_warning_tells_of_it(letter: str, told: int) -> None:
    bit = 1 << [flag.letter for flag in taint.FLAGS].index(letter)
    assert len(list(taint.unreported(Counts(0, 0, 0), Counts(bit, 1, 0), []))) == told


def test_how_a_kernel_is_built_is_no_fault_of_its_boot() -> None:
    built = Counts(1 << 0 | 1 << 11 | 1 << 17)
    assert list(taint.unreported(Counts(), built, [], booting=True)) == []
    assert len(list(taint.unreported(Counts(), built, []))) == 3
    assert len(list(taint.unreported(Counts(), Counts(W), [], booting=True))) == 1


def test_the_flags_are_those_of_the_kernel() -> None:
    # Documentation/admin-guide/tainted-kernels.rst, bit 0 first
    assert "".join(flag.letter for flag in taint.FLAGS) == "PFSRMBUDAWCIOELKXTNJ"
