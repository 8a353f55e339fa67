# SPDX-License-Identifier: GPL-2.0
"""The kernel log of one machine, marked, and compared with what other witnesses saw.

A test is root in the guest and can hide what the kernel says from the console. So at each mark
the console is held against the kernel log as the guest's agent reads it, and against what the
kernel counts of its own faults. What does not fit is noted in the console's file, behind the lines
it is about; so it is found there with the complaints, also by a run that goes on later.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from kseries.lib.deadline import Deadline
from kseries.machines.base import Target, Witness
from kseries.model import KernelEvent
from kseries.parse import klog, marks, taint
from kseries.parse.marks import Marks
from kseries.parse.taint import Counts

MARK_S = 120.0  # a guest that is flooded is slow to answer
MAX_REPEATED = 20  # complaints of one part that the console does not have

KEPT_FROM_CONSOLE = "the kernel complained, and the console does not have it"


class Watch:
    """Marks a machine's kernel log. To be told when it boots.

    hidden: whether something was kept from us since then; such a machine is no good witness of
    what is run next.
    """

    def __init__(self, target: Target, signed: Marks) -> None:
        self._target = target
        self._signed = signed
        self.booting()

    def booting(self) -> None:
        """Begin with a kernel of which nothing was seen yet."""
        self._from = len(self._target.console())
        self._counts = Counts(0, 0, 0)
        self._boots = True
        self.hidden = False

    def mark(self, kind: str, label: str = "") -> None:
        """Mark the log; note what was hidden since the mark before. Raises as `Target.run` does."""
        line = self._signed.line(kind, label)
        witness = self._target.mark(line, Deadline.after(MARK_S))
        lines = [text for _, text in self._target.console()[self._from :]]
        at = next((n for n in reversed(range(len(lines))) if line in lines[n]), None)
        notes = list(self._notes(lines[:at], witness))
        if at is None:
            # So that what is noted, and what comes now, is not taken for what was there before.
            notes.insert(0, line)
        self._from += len(lines) if at is None else at + 1
        self._counts, self._boots = witness.counts, False
        if notes:
            self._target.note(notes)

    def _notes(self, lines: Sequence[str], witness: Witness) -> Iterator[str]:
        shown, said = _complaints(lines), _complaints(witness.said)
        for text in witness.missing:
            self.hidden = True
            yield self._signed.line(marks.HIDDEN, text)
        kinds = {event.kind for event in (*shown, *said)}
        for text in taint.unreported(self._counts, witness.counts, kinds, booting=self._boots):
            yield self._signed.line(marks.TAINT, text)
        there = Counter(event.title for event in shown)
        absent = []
        for event in said:
            there[event.title] -= 1
            if there[event.title] < 0:
                absent.append(event)
        if absent:
            self.hidden = True
            yield self._signed.line(marks.HIDDEN, KEPT_FROM_CONSOLE)
        for event in absent[:MAX_REPEATED]:
            yield from event.lines


def _complaints(lines: Sequence[str]) -> tuple[KernelEvent, ...]:
    return klog.events([(0.0, line) for line in lines])
