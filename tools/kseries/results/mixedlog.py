# SPDX-License-Identifier: GPL-2.0
"""A log that the kernel and programs write together, taken apart while it is read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kseries.model import KernelEvent
from kseries.results import klog, ktap, ordinary
from kseries.results.ktap import KtapResult


@dataclass(frozen=True)
class Heard:
    """What programs said, what the kernel said (KUnit), and what it complained of."""

    programs: KtapResult
    kernel: KtapResult
    events: tuple[KernelEvent, ...]


def hear(blocks: Iterable[str], *, bare: bool, max_cases: int) -> Heard:
    """Read a log. blocks: lines, one or many at once; one without a newline is cut off.

    bare: the log is the kernel's alone, without time stamps.
    """
    listener = _Listener(bare, max_cases)
    for block in blocks:
        listener.feed(block)
    return Heard(listener.programs.end(), listener.kernel.end(), listener.watcher.events())


class _Listener:
    """Gives each line to whom it concerns, and passes over ordinary ones."""

    def __init__(self, bare: bool, max_cases: int) -> None:
        self.programs, self.kernel = ktap.Parser(max_cases), ktap.Parser(max_cases)
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
        busy = self.watcher.busy  # then any message may belong to the complaint
        if self._bare:
            found, reader = not busy and ordinary.BARE_MESSAGES.match(block, at), self.kernel
        elif not busy and (found := ordinary.MESSAGES.match(block, at)):
            reader = self.kernel
        else:
            found, reader = ordinary.OUTPUT.match(block, at), self.programs
        if not found:
            return at
        lines = found[0].split("\n")[:-1]
        if reader is self.programs:
            self.watcher.skip(len(lines))
            reader.skim(lines)
        else:
            self.watcher.skim(len(lines))
            if reader.declared:
                reader.skim(lines, klog.message)
        return found.end()

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
