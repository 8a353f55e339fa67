# SPDX-License-Identifier: GPL-2.0
"""What goes on, while it goes on: a live line on a terminal, now and then a line elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Protocol, TextIO

from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from kseries.lib.progress import Progress, Silent
from kseries.report.words import duration, plain

QUIET_S = 15.0  # between two updates that go to a file: signs of life, not a flood
REFRESHES_PER_S = 8
NAME_WIDTH = 8
BAR_WIDTH = 16

Clock = Callable[[], float]


class Shown(Progress, Protocol):
    """A progress that remembers what it noted, so that nobody says it again."""

    notes: set[str]


class _Nothing(Silent):
    """Shows nothing, so that it noted nothing."""

    def __init__(self) -> None:
        self.notes: set[str] = set()


@contextmanager
def live(stream: TextIO, *, verbosity: int = 0, clock: Clock = time.monotonic) -> Iterator[Shown]:
    """Show progress on `stream` as long as the block lives; the terminal is restored after it.

    Nothing is drawn between stages, so that others can print then. verbosity: below 0 for
    nothing at all, above 0 for a line for each step.
    """
    if verbosity < 0:
        yield _Nothing()
        return
    if verbosity == 0 and stream.isatty():
        shown: _Terminal | _Plain = _Terminal(stream, clock)
    else:
        shown = _Plain(stream, clock, quiet_s=0.0 if verbosity else QUIET_S)
    try:
        yield shown
    finally:
        shown.close()


class _Plain:
    """Lines for a file or a pipe."""

    def __init__(self, stream: TextIO, clock: Clock, quiet_s: float) -> None:
        self._stream = stream
        self._clock = clock
        self._quiet_s = quiet_s
        self.notes: set[str] = set()
        self._name = ""
        self._begun = self._said = clock()

    def stage(self, name: str) -> None:
        self.close()
        self._name = name
        self._begun = self._said = self._clock()
        self._print(f"{name}: begins")

    def update(self, text: str, *, done: int | None = None, total: int | None = None) -> None:
        now = self._clock()
        if now - self._said >= self._quiet_s:
            self._said = now
            self._print(f"{self._name}: {_numbers(done, total)}{plain(text)}, {self._elapsed()}")

    def note(self, text: str) -> None:
        if text in self.notes:
            return  # of another machine, or another attempt
        self.notes.add(text)
        self._print(f"note: {plain(text)}")

    def finish(self, text: str, *, good: bool = True) -> None:
        state = "done" if good else "FAILED"
        self._print(f"{self._name}: {state} in {self._elapsed()}: {plain(text)}")
        self._name = ""

    def close(self) -> None:
        """Say that a stage did not finish."""
        if self._name:
            self._print(f"{self._name}: interrupted after {self._elapsed()}")
            self._name = ""

    def _elapsed(self) -> str:
        return duration(self._clock() - self._begun)

    def _print(self, line: str) -> None:
        with suppress(OSError, ValueError):
            encoding = self._stream.encoding or "utf-8"
            line = line.encode(encoding, "replace").decode(encoding)
            self._stream.write(f"{line}\n")
            self._stream.flush()


class _QuietConsole(Console):
    """A console that does not end the program when nobody reads it."""

    def on_broken_pipe(self) -> None:
        self.quiet = True


class _Terminal:
    """One live line for the stage at work; those before it stay, a line each.

    rich draws in a thread of its own, so that the time goes on while a stage is silent. It
    starts no programs.
    """

    def __init__(self, stream: TextIO, clock: Clock) -> None:
        self._console = _QuietConsole(file=stream, highlight=False, markup=False, emoji=False)
        self._clock = clock
        self.notes: set[str] = set()
        unicode = (self._console.encoding or "").startswith("utf")
        self._marks = ("✓", "✗", "·") if unicode else ("+", "x", "-")
        self._spinner = Spinner("dots" if unicode else "line")
        self._live: Live | None = None
        self._name, self._text = "", ""
        self._done: int | None = None
        self._total: int | None = None
        self._begun = clock()

    def stage(self, name: str) -> None:
        self.close()
        self._name, self._text, self._done, self._total = name, "", None, None
        self._begun = self._clock()
        with suppress(OSError, ValueError):
            self._live = Live(
                get_renderable=self._line,
                console=self._console,
                transient=True,
                refresh_per_second=REFRESHES_PER_S,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()

    def update(self, text: str, *, done: int | None = None, total: int | None = None) -> None:
        self._text, self._done, self._total = plain(text), done, total

    def note(self, text: str) -> None:
        if text in self.notes:
            return  # of another machine, or another attempt
        self.notes.add(text)
        self._print(self._marks[2], "yellow", plain(text))

    def finish(self, text: str, *, good: bool = True) -> None:
        self._end(text, good)

    def close(self) -> None:
        """Stop drawing; a stage that did not finish keeps a line."""
        if self._name:
            self._end("interrupted", False)

    def _end(self, text: str, good: bool) -> None:
        if self._live is not None:
            with suppress(OSError, ValueError):
                self._live.stop()
            self._live = None
        mark, colour = (self._marks[0], "green") if good else (self._marks[1], "red")
        spent = duration(self._clock() - self._begun)
        self._print(mark, colour, f"{self._name:{NAME_WIDTH}} {spent:>11}  {plain(text)}")
        self._name = ""

    def _print(self, mark: str, colour: str, text: str) -> None:
        with suppress(OSError, ValueError):
            self._console.print(Text.assemble((mark, colour), " ", text), soft_wrap=True)

    def _line(self) -> RenderableType:
        grid = Table.grid(padding=(0, 1), expand=True)
        grid.add_column(width=1)
        grid.add_column(min_width=NAME_WIDTH, no_wrap=True)
        cells: list[RenderableType] = [self._spinner, Text(self._name, "bold")]
        if self._done is not None and self._total:
            grid.add_column(width=BAR_WIDTH)
            cells.append(ProgressBar(total=self._total, completed=self._done, width=BAR_WIDTH))
        grid.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        grid.add_column(justify="right", no_wrap=True)
        cells.append(Text(f"{_numbers(self._done, self._total)}{self._text}"))
        cells.append(Text(duration(self._clock() - self._begun), "dim"))
        grid.add_row(*cells)
        return grid


def _numbers(done: int | None, total: int | None) -> str:
    if done is None:
        return ""
    return f"{done}/{total} " if total else f"{done} "
