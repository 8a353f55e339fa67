# SPDX-License-Identifier: GPL-2.0
"""A log that the kernel and programs write together, taken apart while it is read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from kseries.model import KernelEvent
from kseries.results import klog, ktap, ordinary
from kseries.results.ktap import KtapResult


class Hearer(Protocol):
    """Takes what programs print."""

    def feed(self, line: str, *, cut: bool) -> None:
        """Take the next line. cut: its end is not there."""

    def skim(self, lines: Sequence[str]) -> None:
        """Take lines of which none is a KTAP line, and none is empty."""


@dataclass(frozen=True)
class Heard:
    """What the kernel said (KUnit), and what it complained of."""

    kernel: KtapResult
    events: tuple[KernelEvent, ...]


def hear(blocks: Iterable[str], programs: Hearer, *, bare: bool, max_cases: int) -> Heard:
    """Read a log. blocks: lines, one or many at once; one without a newline is cut off.

    programs: is given what programs print. bare: the log is the kernel's alone, without time
    stamps.
    """
    listener = _Listener(programs, bare, max_cases)
    for block in blocks:
        listener.feed(block)
    return Heard(listener.kernel.end(), listener.watcher.events())


class _Listener:
    """Gives each line to whom it concerns, and passes over ordinary ones."""

    def __init__(self, programs: Hearer, bare: bool, max_cases: int) -> None:
        self.programs, self.kernel = programs, ktap.Parser(max_cases)
        self.watcher = klog.Reader()
        self._bare = bare

    def feed(self, block: str) -> None:
        """Take the next lines."""
        at = 0
        while at < len(block):
            at = self._pass_over(block, at)
            if at < len(block):
                end = block.find("\n", at) + 1 or len(block)
                self._take(block[at:end])
                at = end

    def _pass_over(self, block: str, at: int) -> int:
        """Take the ordinary lines at a place in a block; give the place behind them."""
        found = None
        if not self.watcher.busy:  # else any message may belong to the complaint
            messages = ordinary.BARE_MESSAGES if self._bare else ordinary.MESSAGES
            found = messages.match(block, at)
        if found is not None:
            lines = found[0].split("\n")[:-1]
            self.watcher.skim(len(lines))
            if self.kernel.declared:
                self.kernel.skim(lines, klog.message)
        elif not self._bare and (found := ordinary.OUTPUT.match(block, at)):
            lines = found[0].split("\n")[:-1]
            self.watcher.skip(len(lines))
            self.programs.skim(lines)
        return found.end() if found else at

    def _take(self, line: str) -> None:
        program, message = ("", klog.message(line)) if self._bare else _split(line)
        cut = not line.endswith("\n")
        if program:
            self.programs.feed(program, cut=cut and message is None)
        if message is None:
            self.watcher.skip()
        else:
            self.kernel.feed(message, cut=cut)
            self.watcher.take(message)


def _split(line: str) -> tuple[str, str | None]:
    """Take a line apart; carriage returns stay in what a program wrote."""
    if "\r" not in line:
        return klog.split(line)
    parts = [klog.split(part) for part in line.split("\r")]
    messages = [message for _, message in parts if message is not None]
    return "\r".join(program for program, _ in parts), messages[0] if messages else None
