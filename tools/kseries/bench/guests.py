# SPDX-License-Identifier: GPL-2.0
"""Guests that measure, several side by side; what each left is kept.

Each measurement has a guest of its own, so that none depends on what was measured before it, and a
single one can be repeated to the last instruction. So one that was made of the same parts need not
be. Where kernels are compared, and not what was measured, some can be made in one guest: it boots
for longer than it measures.
"""

from __future__ import annotations

import hashlib
import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from kseries.bench import cpio, machine, reading
from kseries.bench.model import Cpu
from kseries.bench.reading import Seen
from kseries.lib import atomicfile, proc, threads
from kseries.lib.deadline import Deadline
from kseries.lib.errors import InfraError
from kseries.lib.progress import Progress
from kseries.lib.untrusted import Untrusted

KEY = "made-of"  # a file that is written last: where it is, all that was left is there
PARTS = ("answer", "counts", "console")


class Item(Protocol):
    """What is measured: its name, which is that of a folder, and the guest that it wants."""

    @property
    def name(self) -> str:
        """Name it."""

    @property
    def cpu(self) -> Cpu:
        """Give the processor."""

    @property
    def seed(self) -> int:
        """Give what the guest's random numbers begin with besides."""


T = TypeVar("T", bound=Item)
R = TypeVar("R")


@dataclass(frozen=True)
class Bench:
    """What all measurements share. path: of the program, in the guest; more: its other programs."""

    kernel: Path
    init: bytes
    program: bytes
    plugin: bytes
    tables: str
    path: str
    more: tuple[tuple[str, bytes], ...] = ()

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """Digests of what all measurements share: the kernel's image has ten megabytes."""
        more = (part for _, part in self.more)
        parts = (self.init, self.program, self.plugin, self.tables.encode(), *more)
        image = Untrusted(self.kernel.parent).sha256(self.kernel.name)
        return image, *(hashlib.sha256(part).hexdigest() for part in parts)


class Guests(ABC, Generic[T, R]):
    """Carries out measurements side by side; what is one, and what comes of it, others say."""

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
        self._left: list[tuple[T, ...]] = []
        self._done: dict[T, R] = {}

    @abstractmethod
    def command(self, item: T) -> tuple[str, ...]:
        """Give the command line that measures."""

    @abstractmethod
    def read(self, item: T, seen: Seen) -> R:
        """Make a result of what a guest left. Raises Worthless."""

    @abstractmethod
    def lost(self, item: T, why: str) -> R:
        """Give the result that came to nothing."""

    def why_hung(self, item: T, hung: machine.Hung) -> str:
        """Say what did not end."""
        del item
        return str(hung)

    def run(self, items: Sequence[T], machines: int) -> tuple[R, ...]:
        """Measure all; give what came of each, in their order. Raises InfraError."""
        return self.run_together([(item,) for item in items], machines)

    def run_together(self, groups: Sequence[tuple[T, ...]], machines: int) -> tuple[R, ...]:
        """Measure those of a group in one guest, one after the other; they have one processor.

        Gives what came of each, in their order. Raises InfraError.
        """
        items = [item for group in groups for item in group]
        self._left = list(reversed(groups))
        self._progress.update("measuring", done=0, total=len(items))
        count = max(1, min(machines, len(groups)))
        work = [threading.Thread(target=self._work, args=(len(items),)) for _ in range(count)]
        threads.run(work, self._abort)
        if self._error is not None:
            raise self._error
        return tuple(self._done[item] for item in items)

    def _work(self, total: int) -> None:
        try:
            while (group := self._take()) is not None:
                done = self._measure(group)
                with self._lock:
                    self._done.update(zip(group, done, strict=True))
                    self._progress.update(group[-1].name, done=len(self._done), total=total)
        except BaseException as error:
            self._abort(error)

    def _take(self) -> tuple[T, ...] | None:
        with self._lock:
            return self._left.pop() if self._left and self._error is None else None

    def _abort(self, error: BaseException) -> None:
        with self._lock:
            self._error = self._error or error

    def _watch(self, _child: proc.Child) -> None:
        if self._error is not None:
            raise InfraError("The measurements were ended.")

    def _measure(self, group: tuple[T, ...]) -> list[R]:
        key = self._key(group)
        if self._go_on and (there := self._kept(group, key)) is not None:
            return there
        folders = [self._folder / item.name for item in group]
        for folder in folders:
            atomicfile.remove_tree(folder)
            folder.mkdir(parents=True)
        try:
            seen = self._boot(group, folders[0] / "qemu.log")
        except machine.Hung as hung:
            _keep(folders[0], hung.seen)
            return [
                self.lost(item, f"{self.why_hung(item, hung)} ({folders[0]})") for item in group
            ]
        parts = reading.apart(seen, len(group))
        for folder, part in zip(folders, parts, strict=True):
            _keep(folder, part)
            atomicfile.write_text(folder / KEY, key)
        return [self._read(item, part) for item, part in zip(group, parts, strict=True)]

    def _key(self, group: Sequence[T]) -> str:
        """Give a digest of all that decides about measurements in a guest."""
        first = group[0]
        told = (first.cpu, machine.MODELS[first.cpu], str(first.seed))
        words = (*self._bench.parts, *self._commands(group), *told)
        return hashlib.sha256("\0".join(words).encode()).hexdigest()

    def _commands(self, group: Sequence[T]) -> list[str]:
        """Give the words of all command lines, "" between two."""
        words = [word for item in group for word in ("", *self.command(item))]
        return words[1:]

    def _kept(self, group: Sequence[T], key: str) -> list[R] | None:
        """Give what was measured of the same parts before, where that is worth anything."""
        found: list[R] = []
        for item in group:
            there = _kept(self._folder / item.name, key)
            if there is None:
                return None
            try:
                found.append(self.read(item, there))
            except reading.Worthless:
                return None
        return found

    def _read(self, item: T, seen: Seen) -> R:
        try:
            return self.read(item, seen)
        except reading.Worthless as error:
            return self.lost(item, f"{error} ({self._folder / item.name})")

    def _boot(self, group: Sequence[T], log: Path) -> Seen:
        bench, first = self._bench, group[0]
        command = b"".join(word.encode() + b"\0" for word in self._commands(group))
        programs = {"init": bench.init, bench.path.lstrip("/"): bench.program, **dict(bench.more)}
        files = {**programs, "command": command}
        initrd, parts = cpio.archive(files), (bench.plugin, bench.tables)
        job = machine.Job(bench.kernel, initrd, *parts, first.cpu, first.seed)
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
