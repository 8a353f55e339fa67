# SPDX-License-Identifier: GPL-2.0
"""What it costs to receive, measured in guests by the program that the suite `zcrx` brings."""

from __future__ import annotations

from pathlib import Path

from kseries.bench import plan, programs, reading, tables
from kseries.bench.elf import NotAnElf, functions
from kseries.bench.guests import Bench, Guests
from kseries.bench.model import Lost, Measurement, Setup
from kseries.bench.reading import Seen
from kseries.lib.errors import UserError
from kseries.lib.untrusted import NotPlain, Untrusted
from kseries.model import InstalledSuites, Kernel

PLACE = "drivers/net/zcrx"  # of the program, where tests are installed
PROGRAM = "zcrx_bench"
SYMBOLS = "System.map"
MAX_PROGRAM = 64 << 20
DEADLINE_S = 120.0


def prepare(kernel: Kernel, installed: InstalledSuites) -> Bench:
    """Make what all measurements share. Raises as `of_folders`."""
    return of_folders(kernel.image, kernel.config.place.made, installed.folder)


def of_folders(image: Path, made: Path, installed: Path) -> Bench:
    """Make the same of a kernel's image, its build folder and the folder of its tests.

    Raises UserError for a kernel without symbols or tests without the program, InfraError for a
    QEMU that takes no plugin.
    """
    plugin = programs.compile_plugin()
    program = program_of(installed)
    try:
        told = tables.tables(Untrusted(made).read_text(SYMBOLS), functions(program))
    except (NotPlain, NotAnElf, ValueError) as error:
        raise UserError(
            "The kernel has no symbols to book instructions by.",
            where=f"{made / SYMBOLS}\n{error}",
            do="build it anew: `kseries run --until install`",
        ) from error
    return Bench(image, programs.compile_init(), program, plugin, told, plan.PROGRAM)


def program_of(installed: Path) -> bytes:
    """Give the program that measures, of a folder of tests. Raises UserError where it is not."""
    place = Untrusted(installed / PLACE)
    if not place.has(PROGRAM):
        raise UserError(
            "There is no program to measure with: the stack receives nothing by zero copy.",
            where=str(installed / PLACE),
            do="take a stack with the whole series, and the suite zcrx among its tests",
        )
    return place.read_bytes(PROGRAM, MAX_PROGRAM)


class Runner(Guests[Setup, Measurement | Lost]):
    """Measures receivers."""

    def command(self, item: Setup) -> tuple[str, ...]:
        """Give the program's command line."""
        return plan.command(item)

    def read(self, item: Setup, seen: Seen) -> Measurement:
        """Check what a guest left. Raises Worthless."""
        return reading.measurement(item, seen)

    def lost(self, item: Setup, why: str) -> Lost:
        """Say what came to nothing."""
        return Lost(item, why)
