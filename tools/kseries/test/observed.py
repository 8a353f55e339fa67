# SPDX-License-Identifier: GPL-2.0
"""What one machine's kernel log says of the programs that ran there, from boot to power off."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from kseries.machines.base import Target
from kseries.model import KernelEvent
from kseries.parse import attribution, klog
from kseries.parse.attribution import Death
from kseries.parse.marks import Marks
from kseries.parse.running import Span
from kseries.test.watch import Watch


@dataclass(frozen=True)
class Seen:
    """What one machine's kernel log says of the programs that ran there."""

    number: int  # of the machine
    log: str  # name of the file
    lines: tuple[tuple[float, str], ...]  # of the whole file: (time of arrival, line)
    first: int  # index of the first line that is told of here
    spans: Mapping[str, tuple[Span, ...]]
    deaths: tuple[Death, ...]
    closed: float  # when the machine was told to power off, on the monotonic clock
    signed: Marks

    def events(self) -> tuple[KernelEvent, ...]:
        """Give what the kernel complained of, charged to programs and cases."""
        found = attribution.events(
            self.lines, self.signed, self.spans, closed=self.closed, first=self.first
        )
        charged = attribution.charge_death(found, self.lines, self.deaths)
        return tuple(replace(event, log=self.log) for event in charged)


class Observed:
    """The kernel log of one of a session's machines. log: its file. To be told when it boots."""

    def __init__(self, target: Target, log: Path, signed: Marks) -> None:
        self.target = target
        self._log = log
        self._signed = signed
        self._first = len(target.console())  # where the log of earlier sessions ends
        self._looked = self._first
        self._deaths: list[Death] = []
        self._watch = Watch(target, signed)

    @property
    def hidden(self) -> bool:
        """Whether something was kept from us since the boot."""
        return self._watch.hidden

    @property
    def looked(self) -> int:
        """How many lines were looked at for complaints."""
        return self._looked

    def booting(self) -> None:
        """Begin with a kernel of which nothing was seen yet."""
        self._watch.booting()
        self._looked = len(self.target.console())

    def mark(self, kind: str, label: str = "") -> None:
        """Mark the log. Raises as `Target.run` does."""
        self._watch.mark(kind, label)

    def new_events(self) -> Iterator[tuple[KernelEvent, float]]:
        """Give what was complained of since the last look, each with its time of arrival."""
        lines = self.target.console()
        for event in klog.events(lines[self._looked :], first_line=self._looked + 1):
            yield event, lines[event.line - 1][0]

    def look(self) -> None:
        """Have looked at what is there."""
        self._looked = len(self.target.console())

    def note(self, kind: str, text: str) -> None:
        """Put a mark with a sentence of ours behind the log."""
        self.target.note([self._signed.line(kind, text)])

    def died(self, label: str, case: str) -> None:
        """Remember which case ran when the machine was lost."""
        self._deaths.append(Death(label, len(self.target.console()), case))

    def seen(self, number: int, spans: Mapping[str, tuple[Span, ...]], closed: float) -> Seen:
        """Give all of it."""
        return Seen(
            number=number,
            log=self._log.name,
            lines=self.target.console(),
            first=self._first,
            spans=spans,
            deaths=tuple(self._deaths),
            closed=closed,
            signed=self._signed,
        )
