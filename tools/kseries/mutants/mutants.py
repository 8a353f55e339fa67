# SPDX-License-Identifier: GPL-2.0
"""Mutation check: does the suite go red for each deliberate fault of the series?

A mutant is a patch of a line or two on top of the stack. Each is built in a worktree kept for
this, where make rebuilds what it changes, and tested by the programs of the stack, those that
test the rules it breaks before the others, until one goes red twice. The tests are those of the
series without fault.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter

from kseries.apply import worktree
from kseries.build.stage import build
from kseries.lib import atomicfile
from kseries.lib.errors import CheckFailed, UserError
from kseries.lib.gitrepo import Repository
from kseries.lib.locks import locked
from kseries.lib.runfolder import RunFolder
from kseries.model import (
    InstalledSuites,
    Kernel,
    KernelConfig,
    MutantFate,
    MutantResult,
    TestProgram,
    Tree,
)
from kseries.mutants import unmutated
from kseries.mutants.trial import Seen, Trials
from kseries.report.mutants import line
from kseries.run import stages
from kseries.run.context import RunContext
from kseries.test.scheduler import Job
from kseries.test.shards import Shard

NAME = "mutants"
SUITE = "zcrx"
LIMIT_S = 90.0
"""What a program is given: three times what the slowest takes; a mutant may hang for ever."""
CHECKED_LIMIT_S = 600.0
"""The same for a kernel with all checkers, and for programs that take minutes."""

_SEPARATOR = "\n---\n"
_RULE = re.compile(r"^Rule: (R\d+(?:, R\d+)*)$", re.MULTILINE)
_MESSAGE = "a mutant\n"


@dataclass(frozen=True)
class Mutant:
    """A deliberate fault."""

    name: str  # of its file, without ending
    title: str  # what is wrong, a sentence
    why: str  # what harm it does
    rules: tuple[str, ...]  # of docs/zcrx.md, that it breaks
    patch: Path


RESULTS: TypeAdapter[tuple[MutantResult, ...]] = TypeAdapter(tuple[MutantResult, ...])


def read(folder: Path) -> tuple[Mutant, ...]:
    """Read the mutants of a folder, by name. Raises UserError for one that is not well-formed."""
    return tuple(_read(file) for file in sorted(folder.glob("*.patch")))


def _read(file: Path) -> Mutant:
    head, separator, diff = file.read_text().partition(_SEPARATOR)
    title, _, rest = head.partition("\n\n")
    found = _RULE.search(rest)
    lacking = [
        what
        for what, there in (
            ("a line `---` between the words and the diff", separator),
            ("a first line that says what is wrong", title and "\n" not in title),
            ("a line `Rule: R1, R2`", found),
            ("a diff", diff.startswith("diff --git ")),
        )
        if not there
    ]
    if lacking or found is None:
        raise UserError(
            f"A mutant lacks {lacking[0]}.", where=str(file), do="write it as the others are"
        )
    why = " ".join(rest[: found.start()].split())
    return Mutant(file.stem, title, why, tuple(found[1].split(", ")), file)


def with_untried(
    mutants: Sequence[Mutant], results: Sequence[MutantResult]
) -> tuple[MutantResult, ...]:
    """Give a result for each mutant, that of those without one being that it was not tried."""
    found = {result.name: result for result in results}
    untried = {
        m.name: MutantResult(m.name, m.title, m.rules, MutantFate.UNTRIED, (), 0.0) for m in mutants
    }
    return tuple(found.get(mutant.name, untried[mutant.name]) for mutant in mutants)


def select(mutants: Sequence[Mutant], names: Sequence[str]) -> tuple[Mutant, ...]:
    """Choose by parts of names; no name chooses all. Raises UserError for one that fits none."""
    for name in names:
        if not any(name in mutant.name for mutant in mutants):
            raise UserError(
                f"There is no mutant '{name}'.",
                where=f"{len(mutants)} mutants",
                do=f"take for example {mutants[0].name}" if mutants else "write one",
            )
    return tuple(m for m in mutants if not names or any(name in m.name for name in names))


def check(
    work: RunContext, mutants: Sequence[Mutant], rules: Mapping[str, frozenset[str]]
) -> tuple[MutantResult, ...]:
    """Try the mutants that the run has no result of yet; give the results of these mutants.

    rules: name of a program → the rules that it tests. Results are kept after each mutant.
    Raises CheckFailed when the suite is red without a mutant.
    """
    done = {result.name: result for result in kept(work.run)}
    if all(mutant.name in done for mutant in mutants):
        return tuple(done[mutant.name] for mutant in mutants)
    unmutated.build(work)
    with locked(work.stack_folder, work.progress):
        return _Checker(work, rules).check(mutants)


class _Checker:
    def __init__(self, work: RunContext, rules: Mapping[str, frozenset[str]]) -> None:
        self._work = work
        self._rules = rules
        self._tree: Tree = work.outcome(stages.APPLY)
        self._config: KernelConfig = work.outcome(stages.CONFIG)
        self._kernel: Kernel = work.outcome(stages.BUILD)
        installed: InstalledSuites = work.outcome(stages.INSTALL)
        limit_s = CHECKED_LIMIT_S if work.extended else LIMIT_S
        self._staged = replace(
            installed,
            programs=tuple(
                replace(program, timeout_s=min(program.timeout_s, limit_s))
                for program in installed.programs
                if program.suite == SUITE and (work.extended or not program.extended)
            ),
        )
        self._trials = Trials(self._job(self._kernel, work.run))

    def check(self, mutants: Sequence[Mutant]) -> tuple[MutantResult, ...]:
        run, progress = self._work.run, self._work.progress
        done = {result.name: result for result in kept(run)}
        progress.stage("mutants")
        left = [mutant for mutant in mutants if mutant.name not in done]
        if left:
            progress.update("without a mutant")
            self._see_green()
        for number, mutant in enumerate(left):
            progress.update(mutant.name, done=number, total=len(left))
            result = self._try(mutant)
            done[mutant.name] = result
            run.save("mutants", tuple(done.values()), RESULTS)
            progress.note(line(result))
        tried = [done[mutant.name] for mutant in mutants]
        killed = sum(result.fate is MutantFate.KILLED for result in tried)
        progress.finish(f"{killed} of {len(tried)} killed", good=killed == len(tried))
        return tuple(tried)

    def _see_green(self) -> None:
        folder = _folder(self._work.run, "none")
        seen = self._test(self._kernel, self._staged, folder)
        unmutated.require_green((*seen.once, *seen.by), folder.path)

    def _try(self, mutant: Mutant) -> MutantResult:
        began = time.monotonic()
        folder = _folder(self._work.run, mutant.name)
        by: tuple[str, ...]
        try:
            kernel = self._build(mutant, folder)
        except CheckFailed as error:
            fate, by = MutantFate.BROKEN, (error.what,)
        else:
            by = self._test(kernel, self._ordered(mutant), folder).by
            fate = MutantFate.KILLED if by else MutantFate.SURVIVED
        seconds = time.monotonic() - began
        return MutantResult(mutant.name, mutant.title, mutant.rules, fate, by, seconds)

    def _build(self, mutant: Mutant, folder: RunFolder) -> Kernel:
        work = self._work
        with worktree.scratch(self._tree.path) as scratch:
            repository = Repository(self._tree.base.repo)
            commit = _commit(repository.with_index(scratch / "index"), self._tree, mutant, scratch)
            worktree.move(repository, self._tree.path, commit, folder.log("apply"), work.progress)
        config = replace(self._config, tree=replace(self._tree, head=commit))
        return build(config, work.stack, work.cache, folder, work.progress)

    def _ordered(self, mutant: Mutant) -> InstalledSuites:
        """Give the programs, those that test most of what the mutant breaks before the others."""

        def untested(program: TestProgram) -> int:
            return -len(self._rules[program.name].intersection(mutant.rules))

        return replace(self._staged, programs=tuple(sorted(self._staged.programs, key=untested)))

    def _test(self, kernel: Kernel, installed: InstalledSuites, folder: RunFolder) -> Seen:
        shards = [Shard(program) for program in installed.programs]
        machines, job = self._work.machines, self._job(kernel, folder)
        return self._trials.run(shards, folder.path / "tests", machines=machines, job=job)

    def _job(self, kernel: Kernel, folder: RunFolder) -> Job:
        return unmutated.job(self._work, self._staged, kernel, folder)


def _commit(repository: Repository, tree: Tree, mutant: Mutant, scratch: Path) -> str:
    """Make the commit of a mutant on top of the stack. Raises CheckFailed when it does not fit."""
    repository.text("read-tree", tree.head)
    answer = repository.ask("apply", "--cached", mutant.patch)
    if not answer.ok:
        raise CheckFailed(
            "It does not apply.",
            where=f"{mutant.patch}\n{answer.stderr}",
            do="write it anew for the series as it is",
        )
    message = scratch / "message"
    atomicfile.write_text(message, _MESSAGE)
    return repository.commit_tree(repository.text("write-tree"), message=message, parent=tree.head)


def _folder(run: RunFolder, name: str) -> RunFolder:
    path = run.path / "mutants" / name
    atomicfile.remove_tree(path)  # of a check that was killed
    path.mkdir(parents=True)
    return RunFolder(path)


def kept(run: RunFolder) -> tuple[MutantResult, ...]:
    """Give the results that a run has so far."""
    return run.load("mutants", RESULTS) if run.has("mutants") else ()
