# SPDX-License-Identifier: GPL-2.0
"""What is hidden from the console of one machine is found at the next mark, and noted once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from kseries.lib.deadline import Deadline
from kseries.machines.base import Witness
from kseries.parse.marks import START, Marks
from kseries.test import watch
from kseries.test.watch import Watch
from tests.hosttarget import HostTarget
from tests.test_teststage import KERNEL

LOCKUP = "[   60.000000] watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [test:99]"
WARNING = "[    9.000001] WARNING: CPU: 0 PID: 7 at a.c:12 poll+0x1/0x2"
END = "[    9.000002] ---[ end trace 0000000000000000 ]---"
OOPS = "[    9.000000] Oops: 0000 [#1] SMP"


class Guest(HostTarget):
    """A machine that is up; what is `later` comes to its console behind the next mark."""

    later = ""
    is_read = True  # whether the kernel's log is, beside the console

    def __init__(self, place: Path) -> None:
        super().__init__(place / "machine", place / "console.log", ())
        self.boot(KERNEL, Deadline.after(60))

    def mark(self, line: str, deadline: Deadline) -> Witness:
        seen = super().mark(line, deadline)
        if self.later:
            self._say(self.later)
            self.later = ""
        return seen if self.is_read else replace(seen, said=())

    def shows(self, *lines: str) -> None:
        for line in lines:
            self._say(line)

    def hides(self, *lines: str) -> None:
        (self.root / "hidden").write_text("".join(f"{line}\n" for line in lines))

    def counts(self, taint: int, warnings: int = 0, oopses: int = 0) -> None:
        (self.root / "counts").write_text(f"{taint} {warnings} {oopses}")


@pytest.fixture
def guest(tmp_path: Path) -> Guest:
    return Guest(tmp_path)


@pytest.fixture
def watched(guest: Guest) -> Watch:
    return Watch(guest, Marks.new())


def noted(guest: Guest, watched: Watch, label: str = "net/ping") -> list[str]:
    """Mark the log; give what was noted, without the secret of marks."""
    before = len(guest.console())
    watched.mark(START, label)
    lines = [line.partition(" [")[0] for _, line in guest.console()[before:]]
    return [line.removeprefix("kseries: ") for line in lines if "start net" not in line]


def told(notes: Sequence[str]) -> set[str]:
    """Give the kinds of notes, and the complaints that stand beside them."""
    return {note.partition(" ")[0] for note in notes}


def test_nothing_is_noted_of_what_is_seen(guest: Guest, watched: Watch) -> None:
    assert noted(guest, watched) == []
    guest.shows(LOCKUP)
    guest.counts(1 << 14)
    assert noted(guest, watched) == []
    assert not watched.hidden


def test_what_the_console_has_not_is_noted_with_the_complaint(guest: Guest, watched: Watch) -> None:
    guest.hides(LOCKUP)
    notes = noted(guest, watched)
    assert notes[0] == f"hidden {watch.KEPT_FROM_CONSOLE}"
    assert notes[1] in LOCKUP
    assert watched.hidden
    guest.boot(KERNEL, Deadline.after(60))
    watched.booting()
    assert not watched.hidden
    assert noted(guest, watched) == []


@pytest.mark.parametrize("marks", [1, 2])
def test_what_the_console_had_before_is_another(guest: Guest, watched: Watch, marks: int) -> None:
    """Told once, and made twice: the second time it was hidden."""
    for _ in range(marks):
        guest.shows(LOCKUP)
        assert noted(guest, watched) == []
    guest.hides(LOCKUP)
    assert noted(guest, watched)


def test_as_often_as_it_was_made(guest: Guest, watched: Watch) -> None:
    guest.shows(WARNING, END)
    guest.hides(WARNING)  # beside that of the console
    assert noted(guest, watched)[0] == f"hidden {watch.KEPT_FROM_CONSOLE}"


def test_what_comes_behind_a_mark_is_of_the_next_part(guest: Guest, watched: Watch) -> None:
    guest.hides(LOCKUP)
    guest.later = LOCKUP
    notes = noted(guest, watched)
    assert f"hidden {watch.KEPT_FROM_CONSOLE}" in notes
    # And is not asked for again.
    assert noted(guest, watched) == []


def test_where_no_mark_comes_ours_stands_before_what_is_noted(guest: Guest, watched: Watch) -> None:
    (guest.root / "dark").touch()
    guest.shows("[    1.000000] the last line")
    watched.mark(START, "net/ping")
    lines = [line for _, line in guest.console()][-2:]
    assert ["start net/ping" in line for line in lines] == [True, False]
    assert "a mark did not come to the console" in lines[1]
    assert watched.hidden
    # What is noted now is not looked at as if the kernel had said it.
    guest.hides(LOCKUP)
    (guest.root / "dark").unlink()
    assert noted(guest, watched)[0] == f"hidden {watch.KEPT_FROM_CONSOLE}"


@pytest.mark.parametrize("is_shown", [True, False])
def test_a_taint_is_told_by_a_complaint_wherever_it_is_seen(
    guest: Guest, watched: Watch, *, is_shown: bool
) -> None:
    if is_shown:
        guest.shows(OOPS)
        guest.is_read = False
    else:
        guest.hides(OOPS)
    guest.counts(1 << 7, oopses=1)
    assert "taint" not in told(noted(guest, watched))


@pytest.mark.parametrize("counts", [(1 << 9,), (1,), (0, 1), (0, 0, 1)])
def test_what_was_counted_before_the_first_mark_counts(
    guest: Guest, watched: Watch, counts: tuple[int, ...]
) -> None:
    guest.counts(*counts)
    # A kernel may boot with a flag that is none of a fault, and not get it later.
    assert bool(noted(guest, watched)) is (counts != (1,))
    # What was told is not told again.
    assert noted(guest, watched) == []


def test_a_flag_that_comes_later_is_told_whatever_it_says(guest: Guest, watched: Watch) -> None:
    assert noted(guest, watched) == []
    guest.counts(1)
    (note,) = noted(guest, watched)
    assert "taint flag P" in note
    watched.booting()
    assert noted(guest, watched) == []


def test_so_many_complaints_are_repeated(guest: Guest, watched: Watch) -> None:
    guest.hides(*(WARNING.replace(":12", f":{line}") for line in range(30)))
    notes = noted(guest, watched)
    assert len([note for note in notes if "WARNING" in note]) == 20
