# SPDX-License-Identifier: GPL-2.0
"""Build one kernel with all mutants of the series under test that the compiler takes.

What stands on lines that the series wrote can be changed. Where a switch is no C (a constant
expression, a value that no type narrows) the mutant is left out, and told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter

from kseries.apply import blame, worktree
from kseries.build.stage import build
from kseries.config import kconfig_ask
from kseries.kbuild import failure
from kseries.kbuild import make as kbuild
from kseries.kbuild.diagnostics import Parser
from kseries.kbuild.sandbox import prepare as prepare_sandbox
from kseries.kbuild.sandbox import run_in
from kseries.lib import atomicfile
from kseries.lib.deadline import Deadline
from kseries.lib.errors import CheckFailed
from kseries.lib.gitrepo import Repository
from kseries.lib.progress import Progress
from kseries.model import Diagnostic, GeneratedMutant, Kernel, KernelConfig, Severity, Tree
from kseries.mutants import byhand, operators, schemata
from kseries.mutants.mutants import Mutant
from kseries.mutants.operators import Change
from kseries.run import stages
from kseries.run.context import RunContext

COMPILE_LIMIT_S = 3600.0
_UAPI = "include/uapi/"
_NUMBER = re.compile(r"kseries mutant (\d+)")
_MESSAGE = "mutants, each behind a switch\n"


@dataclass(frozen=True)
class Prepared:
    """What a kernel with switches has.

    mutants: by their numbers. left_out: faults for which a switch is no C.
    """

    mutants: tuple[GeneratedMutant, ...]
    left_out: tuple[GeneratedMutant, ...]


PREPARED: TypeAdapter[Prepared] = TypeAdapter(Prepared)


@dataclass(frozen=True)
class SourceFile:
    """A file of the series: its source, and what can be changed in it, by number."""

    name: str
    source: bytes
    changes: Mapping[int, Change]

    def lines(self, number: int) -> range:
        """Give the lines of a mutant in the file with switches; the first is its switch's."""
        change = self.changes[number]
        first = 2 + self.source.count(b"\n", 0, change.start)
        return range(first, first + self.source.count(b"\n", change.start, change.end) + 1)


def find(
    tree: Tree, series: str, by_hand: Sequence[Mutant]
) -> tuple[list[GeneratedMutant], list[SourceFile]]:
    """Find what can be changed on the lines of a series, in its files as the tree has them.

    by_hand: mutants that are patches for the tree; they come after the others.
    """
    repository = Repository(tree.base.repo)
    sources: list[tuple[str, bytes, list[Change]]] = []
    for file in blame.files(tree, series):
        source = repository.file_at(tree.head, file)
        if source is None or not file.endswith((".c", ".h")) or file.startswith(_UAPI):
            continue
        own = blame.lines(tree, file, series)
        sources.append((file, source, [c for c in operators.changes(source) if c.line in own]))
    with worktree.scratch(tree.path) as scratch:
        patches = [
            (file, source, [change])
            for file, source, change in byhand.changes(repository, tree.head, by_hand, scratch)
        ]
    named = schemata.name_all(sources)
    named += schemata.name_all(patches, first=1 + len(named))
    by_file: dict[str, dict[int, Change]] = {}
    for mutant, change in named:
        by_file.setdefault(mutant.file, {})[mutant.number] = change
    contents = {file: source for file, source, _changes in (*sources, *patches)}
    files = [SourceFile(file, contents[file], changes) for file, changes in by_file.items()]
    return [mutant for mutant, _change in named], files


def prepare(work: RunContext, by_hand: Sequence[Mutant]) -> tuple[Prepared, Kernel]:
    """Build the kernel with switches. The caller holds the lock of the worktree.

    Raises CheckFailed when it does not build even so.
    """
    tree: Tree = work.outcome(stages.APPLY)
    mutants, files = find(tree, work.plan.under_test, by_hand)
    of_hand = sum(mutant.operator == byhand.OPERATOR for mutant in mutants)
    work.progress.note(
        f"{len(mutants) - of_hand} faults can be put on the lines of the series;"
        f" of {len(by_hand)} made by hand {of_hand} can have a switch"
    )
    bench = _Bench(work, files)
    kept = fitting(files, bench.errors, work.progress)
    # What the preprocessor leaves out is in no kernel of this config.
    kept &= named(bench.errors(kept, show=True))
    kernel = bench.build(kept)
    inside = tuple(mutant for mutant in mutants if mutant.number in kept)
    left_out = tuple(mutant for mutant in mutants if mutant.number not in kept)
    return Prepared(inside, left_out), kernel


def named(errors: Sequence[Diagnostic]) -> frozenset[int]:
    """Give the mutants that errors name."""
    return frozenset(int(number) for error in errors for number in _NUMBER.findall(error.text))


def fitting(
    files: Sequence[SourceFile],
    compile_: Callable[[frozenset[int]], Sequence[Diagnostic]],
    progress: Progress,
) -> frozenset[int]:
    """Find the mutants with which the files compile.

    compile_: compiles the files with these mutants, gives the errors. First all are tried. Those
    of a line with an error are then tried one by one, one of each such line at a time. Raises
    CheckFailed for an error that is of no mutant.
    """
    good = frozenset(number for file in files for number in file.changes)
    waiting: dict[tuple[str, int], list[int]] = {}
    while True:
        progress.update(f"compiling {len(good)} mutants")
        errors = compile_(good)
        if not errors:
            break
        of_name, places = _blamed(errors, files, good)
        good -= of_name
        for place, suspects in places.items():
            good -= suspects
            waiting.setdefault(place, []).extend(sorted(suspects))
    while waiting:
        progress.update(f"trying {sum(map(len, waiting.values()))} mutants one by one")
        tried = frozenset(suspects.pop(0) for suspects in waiting.values())
        of_name, places = _blamed(compile_(good | tried), files, tried)
        good |= tried - of_name - frozenset().union(*places.values())
        waiting = {place: suspects for place, suspects in waiting.items() if suspects}
    return good


def _blamed(
    errors: Sequence[Diagnostic], files: Sequence[SourceFile], among: frozenset[int]
) -> tuple[frozenset[int], dict[tuple[str, int], frozenset[int]]]:
    """Say which mutants errors are of: those that are named, and those on the lines with others."""
    of_name: set[int] = set()
    places: dict[tuple[str, int], frozenset[int]] = {}
    by_name = {file.name: file for file in files}
    for error in errors:
        found = {int(number) for number in _NUMBER.findall(error.text)} & among
        file = by_name.get(error.file)
        if found or file is None:
            of_name |= found
            continue
        own = among & file.changes.keys()
        on_line = {number for number in own if file.lines(number)[0] == error.line}
        around = {number for number in own if error.line in file.lines(number)}
        if on_line or around:
            places[error.file, error.line] = frozenset(on_line or around)
    if errors and not (of_name or places):
        raise CheckFailed(
            "The series does not compile with its mutants, and none of them is to blame.",
            where="\n".join(f"{item.file}:{item.line}: {item.text}" for item in errors[:3]),
            do="look whether its files compile without mutants: `kseries run`",
        )
    return frozenset(of_name), {place: found - of_name for place, found in places.items()}


@dataclass
class _Bench:
    """A worktree in which files are replaced and compiled."""

    work: RunContext
    files: Sequence[SourceFile]

    def __post_init__(self) -> None:
        self._config: KernelConfig = self.work.outcome(stages.CONFIG)
        self._tree: Tree = self.work.outcome(stages.APPLY)
        self._count = max((number for file in self.files for number in file.changes), default=0)
        # Of what this config compiles: an object of another file is not made, and has no mutant.
        made = kconfig_ask.sandbox(
            self._tree.path, self._config.place, trusted=self.work.stack.trusted
        )
        self._box = made
        objects = [f"{file.name.removesuffix('.c')}.o" for file in self.files]
        self._objects = [name for name in objects if made.made.has(name)]
        self._objects.append(f"{schemata.CODE.removesuffix('.c')}.o")

    def errors(self, numbers: frozenset[int], *, show: bool = False) -> tuple[Diagnostic, ...]:
        """Compile the files with these mutants; give what the compiler refuses.

        show: have it refuse, and name, each that it comes by.
        """
        self._move(numbers, show=show)
        prepare_sandbox(self._box)
        log = self.work.run.log("mutants")
        parser = Parser((str(self._box.inside_build), str(self._box.inside_tree)))
        kbuild.hand_on_config(self._box, log)
        done = run_in(
            self._box,
            kbuild.make(self._box, ["-k", *self._objects], jobs=kbuild.cores()),
            deadline=Deadline.after(COMPILE_LIMIT_S),
            log=log,
            on_line=parser.feed,
            check=False,
        )
        if done.ok:
            return ()
        error = failure.explain(parser, done, self._tree, log)
        if not isinstance(error, failure.BuildFailed):
            raise error
        found = [
            item for item in error.diagnostics if item.severity is Severity.ERROR and item.line
        ]
        if not found:
            raise error
        return tuple(found)

    def build(self, numbers: frozenset[int]) -> Kernel:
        """Build the kernel with these mutants."""
        tree = self._move(numbers)
        work = self.work
        config = replace(self._config, tree=tree)
        return build(config, work.stack, work.cache, work.run, work.progress)

    def _move(self, numbers: frozenset[int], *, show: bool = False) -> Tree:
        """Bring the worktree to a commit with these mutants."""
        work, tree = self.work, self._tree
        with worktree.scratch(tree.path) as scratch:
            repository = Repository(tree.base.repo)
            installed = repository.with_index(scratch / "index")
            installed.text("read-tree", tree.head)
            for name, content in self._contents(numbers, show=show):
                file = scratch / "content"
                atomicfile.write_bytes(file, content)
                blob = installed.text("hash-object", "-w", "--no-filters", file)
                installed.text("update-index", "--add", "--cacheinfo", f"100644,{blob},{name}")
            message = scratch / "message"
            atomicfile.write_text(message, _MESSAGE)
            commit = installed.commit_tree(
                installed.text("write-tree"), message=message, parent=tree.head
            )
            worktree.move(repository, tree.path, commit, work.run.log("apply"), work.progress)
        return replace(tree, head=commit)

    def _contents(self, numbers: frozenset[int], *, show: bool) -> Iterator[tuple[str, bytes]]:
        for file in self.files:
            own = [(n, change) for n, change in file.changes.items() if n in numbers]
            yield file.name, schemata.with_switches(file.source, own)
        makefile = Repository(self._tree.base.repo).file_at(self._tree.head, schemata.MAKEFILE)
        yield from schemata.support(self._count, makefile or b"", show=show).items()


def image(folder: Path) -> Path:
    """Where a run keeps the kernel with switches."""
    return folder / "bzImage"
