# SPDX-License-Identifier: GPL-2.0
"""A log that the kernel and programs write together, taken apart while it is read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kseries.model import KernelEvent
from kseries.results import klog, ktap
from kseries.results.ktap import KtapResult


@dataclass(frozen=True)
class Heard:
    """What programs said, what the kernel said (KUnit), and what it complained of."""

    programs: KtapResult
    kernel: KtapResult
    events: tuple[KernelEvent, ...]


def hear(lines: Iterable[str], *, bare: bool, max_cases: int) -> Heard:
    """Read a log, line by line; one without a newline at its end is cut off.

    bare: it is the kernel's alone, without time stamps.
    """
    watcher = klog.Reader()
    programs, kernel = ktap.Parser(max_cases), ktap.Parser(max_cases)
    for line in lines:
        program, message = ("", klog.message(line)) if bare else _split(line)
        cut = not line.endswith("\n")
        if program:
            programs.feed(program, cut=cut and message is None)
        if message is None:
            watcher.skip()
        else:
            kernel.feed(message, cut=cut)
            watcher.take(message)
    return Heard(programs.end(), kernel.end(), watcher.events())


def _split(line: str) -> tuple[str, str | None]:
    """Take a line apart; carriage returns stay in what a program wrote."""
    if "\r" not in line:
        return klog.split(line)
    parts = [klog.split(part) for part in line.split("\r")]
    messages = [message for _, message in parts if message is not None]
    return "\r".join(program for program, _ in parts), messages[0] if messages else None
