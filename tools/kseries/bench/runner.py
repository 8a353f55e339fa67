# SPDX-License-Identifier: GPL-2.0
"""Measurements carried out: a boot each, several guests side by side.

Each has a guest of its own, so that none depends on what was measured before it, and a single one
can be repeated to the last instruction. So one that was made of the same parts need not be. Where
kernels are compared, and not what was measured, some can be made in one guest: it boots for longer
than it measures.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from kseries.bench import cpio, machine, plan, programs, reading, tables
from kseries.bench.elf import NotAnElf, functions
from kseries.bench.model import Lost, Measurement, Setup
from kseries.bench.reading import Seen
from kseries.lib import atomicfile, proc, threads
from kseries.lib.deadline import Deadline
from kseries.lib.errors import InfraError, UserError
from kseries.lib.progress import Progress
from kseries.lib.untrusted import NotPlain, Untrusted
from kseries.model import InstalledSuites, Kernel

PLACE = "drivers/net/zcrx"  # of the program, where tests are installed
PROGRAM = "zcrx_bench"
SYMBOLS = "System.map"
MAX_PROGRAM = 64 << 20
DEADLINE_S = 120.0

KEY = "made-of"  # a file that is written last: where it is, all that was left is there
PARTS = ("answer", "counts", "console")

Group = tuple[Setup, ...]
"""What is measured in one guest."""


@dataclass(frozen=True)
class Bench:
    """What all measurements share."""

    kernel: Path
    init: bytes
    program: bytes
    plugin: bytes
    tables: str

    @cached_property
    def _parts(self) -> tuple[str, ...]:
        """Digests of what all measurements share: the kernel's image has ten megabytes."""
        parts = (self.init, self.program, self.plugin, self.tables.encode())
        image = Untrusted(self.kernel.parent).sha256(self.kernel.name)
        return image, *(hashlib.sha256(part).hexdigest() for part in parts)

    def key(self, group: Sequence[Setup]) -> str:
        """Give a digest of all that decides about measurements in a guest."""
        setup = group[0]
        told = (setup.cpu, machine.MODELS[setup.cpu], str(setup.seed))
        words = (*self._parts, *_commands(group), *told)
        return hashlib.sha256("\0".join(words).encode()).hexdigest()


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
    return Bench(image, programs.compile_init(), program, plugin, told)


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


def _commands(group: Sequence[Setup]) -> list[str]:
    """Give the words of all command lines, "" between two."""
    words = [word for setup in group for word in ("", *plan.command(setup))]
    return words[1:]


class Runner:
    """Carries out measurements side by side."""

    def __init__(
        self,
        bench: Bench,
        folder: Path,
        progress: Progress,
        deadline_s: float,
        *,
        go_on: bool = False,
    ) -> None:
        """folder: for what each left. deadline_s: of one, on the host's clock.

        go_on: whether what was left there before is taken where it was made of the same parts.
        """
        self._go_on = go_on
        self._bench = bench
        self._folder = folder
        self._progress = progress
        self._deadline_s = deadline_s
        self._lock = threading.Lock()
        self._error: BaseException | None = None
        self._left: list[Group] = []
        self._done: dict[Setup, Measurement | Lost] = {}

    def run(self, setups: Sequence[Setup], machines: int) -> tuple[Measurement | Lost, ...]:
        """Measure all; give what came of each, in their order. Raises InfraError."""
        return self.run_together([(setup,) for setup in setups], machines)

    def run_together(
        self, groups: Sequence[Group], machines: int
    ) -> tuple[Measurement | Lost, ...]:
        """Measure those of a group in one guest, one after the other; they have one processor.

        Gives what came of each, in their order. Raises InfraError.
        """
        setups = [setup for group in groups for setup in group]
        self._left = list(reversed(groups))
        self._progress.update("measuring", done=0, total=len(setups))
        count = max(1, min(machines, len(groups)))
        work = [threading.Thread(target=self._work, args=(len(setups),)) for _ in range(count)]
        threads.run(work, self._abort)
        if self._error is not None:
            raise self._error
        return tuple(self._done[setup] for setup in setups)

    def _work(self, total: int) -> None:
        try:
            while (group := self._take()) is not None:
                done = self._measure(group)
                with self._lock:
                    self._done.update(zip(group, done, strict=True))
                    self._progress.update(group[-1].name, done=len(self._done), total=total)
        except BaseException as error:
            self._abort(error)

    def _take(self) -> Group | None:
        with self._lock:
            return self._left.pop() if self._left and self._error is None else None

    def _abort(self, error: BaseException) -> None:
        with self._lock:
            self._error = self._error or error

    def _watch(self, _child: proc.Child) -> None:
        if self._error is not None:
            raise InfraError("The measurements were ended.")

    def _measure(self, group: Group) -> list[Measurement | Lost]:
        key = self._bench.key(group)
        if self._go_on and (there := self._kept(group, key)) is not None:
            return there
        folders = [self._folder / setup.name for setup in group]
        for folder in folders:
            atomicfile.remove_tree(folder)
            folder.mkdir(parents=True)
        try:
            seen = self._boot(group, folders[0] / "qemu.log")
        except machine.Hung as hung:
            _keep(folders[0], hung.seen)
            return [Lost(setup, f"{hung} ({folders[0]})") for setup in group]
        parts = reading.apart(seen, len(group))
        for folder, part in zip(folders, parts, strict=True):
            _keep(folder, part)
            atomicfile.write_text(folder / KEY, key)
        return [self._read(setup, part) for setup, part in zip(group, parts, strict=True)]

    def _kept(self, group: Group, key: str) -> list[Measurement | Lost] | None:
        """Give what was measured of the same parts before, where that is worth anything."""
        found: list[Measurement | Lost] = []
        for setup in group:
            there = _kept(self._folder / setup.name, key)
            if there is None:
                return None
            try:
                found.append(reading.measurement(setup, there))
            except reading.Worthless:
                return None
        return found

    def _read(self, setup: Setup, seen: Seen) -> Measurement | Lost:
        try:
            return reading.measurement(setup, seen)
        except reading.Worthless as error:
            return Lost(setup, f"{error} ({self._folder / setup.name})")

    def _boot(self, group: Group, log: Path) -> Seen:
        bench, setup = self._bench, group[0]
        command = b"".join(word.encode() + b"\0" for word in _commands(group))
        files = {"init": bench.init, plan.PROGRAM.lstrip("/"): bench.program, "command": command}
        initrd, parts = cpio.archive(files), (bench.plugin, bench.tables)
        job = machine.Job(bench.kernel, initrd, *parts, setup.cpu, setup.seed)
        deadline = Deadline.after(self._deadline_s * len(group))
        return machine.boot(job, deadline, log, self._watch)


def _keep(folder: Path, seen: Seen) -> None:
    for name in PARTS:
        atomicfile.write_text(folder / f"{name}.txt", getattr(seen, name))


def _kept(folder: Path, key: str) -> Seen | None:
    """Give what a measurement left that was made of the same parts; None where there is none."""
    there = folder / KEY
    if not there.is_file() or there.read_text() != key:
        return None
    answer, counts, console = ((folder / f"{name}.txt").read_text() for name in PARTS)
    return Seen(answer, counts, console)
