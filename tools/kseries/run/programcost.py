# SPDX-License-Identifier: GPL-2.0
"""What does a user's own program cost on a kernel? Measured as what each patch adds is."""

from __future__ import annotations

from collections.abc import Sequence

from kseries.bench import cost, programs, sections, tables, userprogram
from kseries.bench.cost import LostPath, PathCost
from kseries.bench.elf import functions
from kseries.bench.guests import Bench
from kseries.bench.runner import SYMBOLS
from kseries.bench.sections import Item, LostRun, Measured
from kseries.bench.userprogram import Program
from kseries.lib.errors import UserError
from kseries.lib.progress import Progress
from kseries.lib.runfolder import RunFolder
from kseries.lib.untrusted import NotPlain, Untrusted
from kseries.model import Kernel
from kseries.report.words import counted
from kseries.run.patchcost import Asked

PLACE = "programs"  # in the folder of a kernel


class Programs:
    """Measures the sections of programs, in a guest for each program and seed."""

    def __init__(self, found: Sequence[Program], asked: Asked, progress: Progress) -> None:
        self._programs = found
        self._asked = asked
        self._progress = progress
        self.key = f"{userprogram.key(found)} {asked.seeds}"
        self.paths = tuple(self._path(one, name) for one in found for name in one.sections)

    def __call__(self, folder: RunFolder, kernel: Kernel) -> tuple[PathCost | LostPath, ...]:
        """Run them all. Raises UserError for a kernel without symbols, InfraError."""
        return tuple(path for one in self._programs for path in self._cost(one, folder, kernel))

    def _path(self, program: Program, section: str) -> str:
        return section if len(self._programs) == 1 else f"{program.name}:{section}"

    def _cost(
        self, program: Program, folder: RunFolder, kernel: Kernel
    ) -> list[PathCost | LostPath]:
        asked = self._asked
        shared, place = _shared(program, kernel), folder.path / PLACE
        running = sections.Runner(shared, place, self._progress, asked.deadline_s, go_on=True)
        items = [Item(program.name, seed) for seed in asked.seeds]
        done = running.run(items, asked.machines)
        return [_put_together(self._path(program, name), name, done) for name in program.sections]


def _shared(program: Program, kernel: Kernel) -> Bench:
    made = kernel.config.place.made
    try:
        told = tables.with_sections(
            Untrusted(made).read_text(SYMBOLS), functions(program.data), program.marks
        )
    except (NotPlain, ValueError) as error:
        raise UserError(
            "The kernel has no symbols to book instructions by.",
            where=f"{made / SYMBOLS}\n{error}",
            do="build it anew: `kseries run --until build`",
        ) from error
    return Bench(
        kernel.image,
        programs.compile_init(),
        program.data,
        programs.compile_plugin(),
        told,
        sections.PROGRAM,
        ((sections.RUN.lstrip("/"), programs.compile_run()),),
    )


def _put_together(path: str, name: str, done: Sequence[Measured | LostRun]) -> PathCost | LostPath:
    lost = [one for one in done if isinstance(one, LostRun)]
    if lost:
        return LostPath(path, f"{counted(len(lost), 'seed')} of {len(done)}: {lost[0].why}")
    found = [one.sections[name] for one in done if isinstance(one, Measured)]
    for runs in found:
        if wrong := sections.wrong_with(name, runs):
            return LostPath(path, wrong)
    typical = [sections.typical(runs) for runs in found]
    if len({one.units for one in typical}) > 1:
        units = " and ".join(str(one.units) for one in typical)
        return LostPath(path, f"it did another number of operations with each seed ({units})")
    return cost.of_sections(path, typical)
