# SPDX-License-Identifier: GPL-2.0
"""A program on a machine that an agent serves, with its output line by line."""

from __future__ import annotations

import time

from kseries.lib.deadline import Deadline
from kseries.machines.base import Exit, TimedLine
from kseries.machines.command import Command
from kseries.machines.console import Lines
from kseries.machines.copying import Execute


def run(execute: Execute, command: Command, deadline: Deadline, on_line: TimedLine | None) -> Exit:
    """Run a program to its end, or to the deadline. Raises what `execute` raises."""
    started = time.monotonic()
    cutter = Lines()

    def tell(lines: list[str]) -> None:
        now = time.monotonic()
        for line in lines if on_line is not None else ():
            assert on_line is not None
            on_line(now, line)

    try:
        status = execute(command, deadline, lambda data: tell(cutter.feed(data)))
    finally:
        tell(cutter.flush())
    return Exit(status, time.monotonic() - started)
