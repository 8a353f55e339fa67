# SPDX-License-Identifier: GPL-2.0
"""The command `mutants`: do the tests notice each deliberate fault of the series?"""

from __future__ import annotations

import datetime
import os
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from pydantic import TypeAdapter

import kselftest_zcrx
from kselftest_zcrx import EQUIVALENTS, LAST_LEVEL, MUTANTS
from kseries.cli.parser import command_line
from kseries.cli.request import with_settings
from kseries.cli.run_context import Opened, progress, resumable, take_up
from kseries.cli.screen import print_json
from kseries.kbuild import make as kbuild
from kseries.lib import atomicfile, runfolder
from kseries.lib.runfolder import RunFolder
from kseries.model import GeneratedMutant, MutantFate, Request
from kseries.mutants import byhand, equivalents, generated, together
from kseries.mutants import mutants as checker
from kseries.names import DEFAULT_STACK
from kseries.report import generated as generated_page
from kseries.report.mutants import line, page

BUDGET_S = 60.0
BUDGET_BY_HAND_S = 600.0
"""Of cases, for a mutant behind a switch, unless the user says it."""
SAMPLE = "sample"  # in the run folder


@dataclass(frozen=True)
class Sample:
    """Which of the mutants made by machine are tried. size: 0 for all."""

    size: int = 300
    seed: int = 16


_SAMPLE: TypeAdapter[Sample] = TypeAdapter(Sample)


def mutants(arguments: Namespace) -> int:
    """Try mutants made by hand, or those made by machine; or list them."""
    return _generated(arguments) if arguments.generated else _by_hand(arguments)


def _open(arguments: Namespace) -> Opened:
    """Begin a check of the stack that the mutants are for; the user's own counts elsewhere."""
    given = with_settings(Request(machines=arguments.machines))
    request = Request(
        stack=DEFAULT_STACK,
        configs=tuple(arguments.config),
        extended=arguments.extended,
        jobs=given.jobs,
        machines=given.machines,
        command=command_line(),
    )
    return take_up(arguments, lambda: request, checker.NAME)


def sample_of(run: RunFolder, size: int | None, seed: int | None) -> Sample:
    """Give the sample that is asked for, or else that of the run that goes on; keep it there."""
    before = run.load(SAMPLE, _SAMPLE) if run.has(SAMPLE) else Sample()
    size, seed = before.size if size is None else size, before.seed if seed is None else seed
    found = Sample(size, seed)
    run.save(SAMPLE, found, _SAMPLE)
    return found


def _session(arguments: Namespace, sample: Sample | None = None) -> tuple[str, ...]:
    """Give the words that repeat a check, for nox. sample: of mutants made by machine."""
    words = ["mutants", *arguments.names]
    for name in arguments.config:
        words += ["--config", name]
    if arguments.extended:
        words.append("--extended")
    if sample:
        words += ["--generated", "--sample", str(sample.size), "--seed", str(sample.seed)]
    if arguments.one_kernel:
        words.append("--one-kernel")
    return tuple(words)


def _by_hand(arguments: Namespace) -> int:
    chosen = checker.select(checker.read(MUTANTS), arguments.names)
    if arguments.list:
        _list(chosen, as_json=arguments.json)
        return 0
    opened = _open(arguments)
    with (
        progress(arguments) as shown,
        resumable(opened.run, "mutants", arguments.workspace, shown),
    ):
        work = replace(opened.work(shown), suffix=checker.NAME, session=_session(arguments))
        if arguments.one_kernel:
            together.check(
                work,
                chosen,
                checker.read(MUTANTS),
                kselftest_zcrx.case_rules(LAST_LEVEL),
                arguments.budget or BUDGET_BY_HAND_S,
            )
        results = checker.check(work, chosen, kselftest_zcrx.rules(LAST_LEVEL))
    if arguments.page:
        everything = checker.with_untried(checker.read(MUTANTS), checker.kept(opened.run))
        atomicfile.write_text(arguments.page, page(everything))
    missed = [result for result in results if result.fate is not MutantFate.KILLED]
    if arguments.json:
        print_json([asdict(result) for result in results])
        return 1 if missed else 0
    for result in missed:
        print(line(result))
    print(f"{len(results) - len(missed)} of {len(results)} mutants killed: {opened.run.path}")
    return 1 if missed else 0


def _list(chosen: Sequence[checker.Mutant], *, as_json: bool) -> None:
    if as_json:
        print_json([{**asdict(mutant), "patch": str(mutant.patch)} for mutant in chosen])
        return
    for mutant in chosen:
        print(f"{mutant.name}: {mutant.title} ({', '.join(mutant.rules)})")


def _generated(arguments: Namespace) -> int:
    opened = _open(arguments)
    sample = sample_of(opened.run, arguments.sample, arguments.seed)
    known = equivalents.read(EQUIVALENTS)
    with (
        progress(arguments) as shown,
        resumable(opened.run, "mutants --generated", arguments.workspace, shown),
    ):
        session = _session(arguments, sample)
        work = replace(opened.work(shown), suffix=checker.NAME, session=session)
        prepared = generated.prepare(work, checker.read(MUTANTS))
        equivalents.check(known, [*prepared.mutants, *prepared.left_out])
        inside = byhand.without(prepared.mutants)
        chosen = generated.sample(inside, sample.size, sample.seed)
        chosen = generated.select(chosen, arguments.names)
        if arguments.list:
            return _list_generated(chosen, as_json=arguments.json)
        cases = generated.reach(work, checker.SUITE, prepared)
        budget_s = arguments.budget or BUDGET_S
        trier = generated.Checker(work, checker.SUITE, cases, budget_s)
        if arguments.again:
            trier.forget_survivors(chosen)
        if arguments.killed_in:
            trier.take_over(runfolder.find(opened.project.runs, arguments.killed_in))
        results = trier.check(chosen, known.equivalent)
    if arguments.page:
        counts = (len(chosen), len(inside), len(byhand.without(prepared.left_out)))
        about = generated_page.About(sample.seed, budget_s, *counts, _host(), known.survivor)
        atomicfile.write_text(arguments.page, generated_page.page(results, about))
    survived = [result for result in results if result.fate is MutantFate.SURVIVED]
    status = 1 if survived or len(results) < len(chosen) else 0
    if arguments.json:
        print_json([asdict(result) for result in results])
        return status
    for result in survived:
        print(generated_page.line(result))
    faults = [result for result in results if result.fate is not MutantFate.EQUIVALENT]
    print(f"{len(faults) - len(survived)} of {len(faults)} mutants killed: {opened.run.path}")
    return status


def _host() -> str:
    """Say when it is, and how busy the host has been of late."""
    load = os.getloadavg()[2]
    return f"{datetime.date.today():%-d %B %Y}, load {load:.1f} of {kbuild.cores()} processors"


def _list_generated(chosen: Sequence[GeneratedMutant], *, as_json: bool) -> int:
    if as_json:
        print_json([asdict(mutant) for mutant in chosen])
        return 0
    for mutant in chosen:
        print(generated_page.describe(mutant))
    return 0
