# SPDX-License-Identifier: GPL-2.0
"""A log that the kernel and programs write together, taken apart while it is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from kseries.model import KernelEvent, ProgramResult
from kseries.parse import fastpath, klog, ktap, ktapline, lava, stamps
from kseries.parse.ktap import KtapResult
from kseries.parse.lava import Signals
from kseries.parse.splat import Trust
from kseries.parse.stamps import Line, Style

# Without stamps, what only programs write.
_PROGRAMS = re.compile(r"\s*+(?:#(?!\d+: |PF: )|(?:not )?ok\b|1\.\.\d|K?TAP version \d)")
# Who says what has no stamp, in a log in which other lines have one.
_NOBODY = "?"


class LineConsumer(Protocol):
    """Takes what programs print."""

    def feed(self, line: str, *, cut: bool) -> None:
        """Take the next line. cut: its end is not there."""

    def skim(self, lines: Sequence[str], shown: Callable[[str], str]) -> None:
        """Take lines of which none is a KTAP line, and none is empty but for a "#".

        shown: gives what the program wrote of a line.
        """


@dataclass(frozen=True)
class Heard:
    """What the kernel said (KUnit), what it complained of, and what was signalled to LAVA."""

    kernel: KtapResult
    events: tuple[KernelEvent, ...]
    signals: tuple[ProgramResult, ...] = ()


def hear(
    blocks: Iterable[str], programs: LineConsumer, style: Style, *, alone: bool, max_cases: int
) -> Heard:
    """Read a log. blocks: lines, one or many at once; one without a newline is cut off.

    programs: is given what programs print. style: how its lines begin. alone: the log is the
    kernel's alone, without stamps.
    """
    listener = _Listener(programs, style, alone, max_cases)
    for block in blocks:
        listener.feed(block)
    kernel, signals = listener.kernel.end(), listener.signals.programs()
    return Heard(kernel, listener.watcher.events(), signals)


class _Listener:
    """Gives each line to whom it concerns, and passes over ordinary ones."""

    def __init__(self, programs: LineConsumer, style: Style, alone: bool, max_cases: int) -> None:
        self.programs, self.kernel = programs, ktap.Parser(max_cases)
        self.watcher, self.signals = klog.Reader(), Signals(max_cases)
        self._style, self._alone = style, alone
        self._messages = fastpath.messages(named=style.named)

    def feed(self, block: str) -> None:
        """Take the next lines."""
        if lava.SIGN in block:
            self.signals.feed(block)
        at, result = 0, -1
        while at < len(block):
            if result < at:
                result = fastpath.next_result(block, at)
            at = self._pass_over(block, at, result)
            if at < len(block):
                end = block.find("\n", at) + 1 or len(block)
                self._take(block[at:end])
                at = end

    def _pass_over(self, block: str, at: int, end: int) -> int:
        """Take the ordinary lines from one place in a block to another; give where they end."""
        if at >= end:
            return at
        found = None
        if self.watcher.busy:
            pass  # any message may belong to the complaint
        elif self._alone:
            found = fastpath.bare_messages().match(block, at, end)
        elif block[at] in stamps.FIRST:
            found = self._messages.match(block, at, end)
        if found is not None:
            lines = found[0].split("\n")[:-1]
            self.watcher.skim(len(lines))
            if self.kernel.declared:
                self.kernel.skim(lines, stamps.usual_message)
        elif found := self._output(block, at, end):
            lines = found[0].split("\n")[:-1]
            self.watcher.skip(len(lines))
            shown = self._unstamped if self._style.relayed else str.rstrip
            if not ktapline.has_more(found[0]):
                self.programs.skim(lines, shown)
            else:
                for line in lines:
                    self.programs.feed(shown(line), cut=False)
        return found.end() if found else at

    def _output(self, block: str, at: int, end: int) -> re.Match[str] | None:
        unsure = self._style.bare or self._style.mixed
        if self._alone or (unsure and self.watcher.busy):
            return None
        if self._style.relayed:
            return fastpath.relayed_output().match(block, at, end)
        output = fastpath.bare_output if unsure else fastpath.output
        return output().match(block, at, end)

    def _is_maybe_kernel(self, text: str) -> bool:
        """Whether a line without the kernel's stamp may be the kernel's all the same."""
        return (self._style.bare or self._style.mixed) and not _PROGRAMS.match(text)

    def _unstamped(self, line: str) -> str:
        """Give what a program wrote in a relayed line."""
        return stamps.split(line, self._style).program

    def _take(self, line: str) -> None:
        said = stamps.read(line) if self._alone else _split(line, self._style)
        cut = not line.endswith("\n")
        if said.program:
            self.programs.feed(said.program, cut=cut and said.message is None)
        if said.message is not None:
            self.kernel.feed(said.message, cut=cut)
            self.watcher.take(said.message, said.caller)
            if self._style.bare and not self._alone:
                self._style = replace(self._style, bare=False, mixed=True)
        elif self._is_maybe_kernel(text := stamps.unrelayed(said.program)):
            if self._style.bare:
                self.watcher.take(text, trust=Trust.WORDS)
            else:
                self.watcher.take(text, _NOBODY, Trust.PROOF)
        else:
            self.watcher.skip()


def _split(line: str, style: Style) -> Line:
    """Take a line apart; carriage returns stay in what a program wrote."""
    if "\r" not in line:
        return stamps.split(line, style)
    parts = [stamps.split(part, style) for part in line.split("\r")]
    kernel = next((part for part in parts if part.message is not None), Line("", None))
    return kernel._replace(program="\r".join(part.program for part in parts))
