# SPDX-License-Identifier: GPL-2.0
"""Test programs in shards: some of a program's cases, run in one go on one machine. Pure.

A program is one shard. It becomes several where it takes minutes and machines stand side by side,
where its kernel died or it hung and the cases after that are still to be run, and where a run that
was killed goes on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from kseries.model import ProgramResult, Status, TestProgram
from kseries.parse.casetree import leaves, walk
from kseries.parse.outcome import label_of, status_of
from kseries.test import merge
from kseries.test.plan import narrowed


@dataclass(frozen=True)
class Shard:
    """What is run in one go. number: of the shards of its program, from 1; names its log."""

    program: TestProgram  # its options and cases are those of the shard
    number: int = 1


@dataclass(frozen=True)
class Left:
    """What is to be run, and what an earlier attempt at the same has already done.

    done: of each program, by "suite/program".
    """

    shards: tuple[Shard, ...]
    done: Mapping[str, tuple[ProgramResult, ...]]


def plan(programs: Sequence[TestProgram], machines: int) -> tuple[Shard, ...]:
    """Give the shards of programs that are run for the first time."""
    return tuple(
        Shard(program, number)
        for whole in programs
        for number, program in enumerate(_cut(whole, side_by_side=machines > 1), start=1)
    )


def go_on(
    programs: Sequence[TestProgram],
    found: Mapping[str, Mapping[int, ProgramResult]],
    machines: int,
) -> Left:
    """Give what is left of programs of which an earlier attempt has left results.

    found: by "suite/program", the results of its shards by their numbers. A program that can be
    told which cases to run goes on with those that have no result; another one is run again
    unless it came to its end.
    """
    shards: list[Shard] = []
    done: dict[str, tuple[ProgramResult, ...]] = {}
    for program in programs:
        label = label_of(program)
        known = found.get(label, {})
        rest, kept = _rest(program, tuple(known.values()))
        done[label] = kept
        # Numbers that are taken stay so: what was done keeps its log.
        first = max(known) + 1 if kept else 1
        cut = _cut(rest, side_by_side=machines > 1) if rest is not None else ()
        shards += [Shard(part, first + number) for number, part in enumerate(cut)]
    return Left(tuple(shards), done)


def _rest(
    program: TestProgram, found: Sequence[ProgramResult]
) -> tuple[TestProgram | None, tuple[ProgramResult, ...]]:
    """Give what is left to be run of a program, and the results that stay."""
    if not found:
        return program, ()
    ended = [result for result in found if not _is_cut_off(result)]
    if not (program.case_option and program.cases):
        return (None, tuple(ended)) if ended else (program, ())
    seen = [_seen_of(result) if _is_cut_off(result) else result for result in found]
    kept = tuple(result for result in seen if result in ended or result.cases)
    told = {case.name: case.status for result in kept for case in walk(result.cases)}
    left = tuple(name for name in program.cases if name not in told)
    return (narrowed(program, left) if left else None), kept


def _is_cut_off(result: ProgramResult) -> bool:
    """Whether nobody saw the end of it, as kseries itself was ended."""
    return result.status is Status.MISSING and result.exit_status is None and not result.seconds


def _seen_of(result: ProgramResult) -> ProgramResult:
    """Give what is sure of a program that was cut off: the cases that had ended."""
    absent = [case.name for case in leaves(result.cases) if case.status is Status.MISSING]
    seen = merge.without(result, absent)
    return replace(seen, status=status_of(seen.cases), problems=())


def _cut(program: TestProgram, *, side_by_side: bool) -> tuple[TestProgram, ...]:
    """Cut a program that takes minutes into its cases, where that is of use."""
    if side_by_side and program.extended and program.case_option and len(program.cases) > 1:
        return tuple(narrowed(program, (case,)) for case in program.cases)
    return (program,)
