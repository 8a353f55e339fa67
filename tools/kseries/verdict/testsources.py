# SPDX-License-Identifier: GPL-2.0
"""What a series does to the sources of tests: which it removes, which it changes.

Both sides are read from git, so nothing is built and no worktree is made. What is planned for the
base and not with the series is removed; so is what a Makefile lists no longer, and a case that a
program lists on the base and has not shown now.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path, PurePosixPath

from kseries.lib.gitrepo import Repository
from kseries.model import ChangedTest, Effect, ProgramResult, SourceChanges, TestEffect, TestProgram
from kseries.parse.casetree import paths
from kseries.parse.outcome import label_of
from kseries.suite import SELFTESTS, Suite
from kseries.suites.listed import RUN, TARGETS, Words, cases_of, words_of
from kseries.suites.planning import Plan, files_that_decide, plan_suites

PLANNED = "planned"  # the state of a test that a base has and that was not run there

# Files beside tests that decide how they are run, and hold no code.
_SETTINGS = ("config", "settings")
_SILENT = (".gitignore", "*.rst", "*.md", "*.txt", "README*")


@dataclass(frozen=True)
class Sides:
    """The commits of a base and of a series on it. others: commits between of other series."""

    repository: Repository
    base: str
    head: str
    others: tuple[str, ...] = ()


def compare(
    sides: Sides, suites: Sequence[Suite], programs: Sequence[ProgramResult], installed: Path
) -> SourceChanges:
    """Compare the sources of tests.

    programs: what ran with the series. installed: the folder of the installed tests, laid out
    like the tree's; what stands beside a test there it may use.
    """
    return _Comparison(sides, tuple(suites), tuple(programs), installed).told()


class _Comparison:
    def __init__(
        self,
        sides: Sides,
        suites: tuple[Suite, ...],
        programs: tuple[ProgramResult, ...],
        installed: Path,
    ) -> None:
        self._sides = sides
        self._suites = suites
        self._ran = {(one.suite, one.name): one for one in programs}
        self._installed = installed
        self._states = dict(_diff(sides, sides.base, sides.head, suites))

    def told(self) -> SourceChanges:
        if not self._states:
            return SourceChanges(head=self._sides.base)
        removed = {effect.test: effect for effect in (*self._unplanned(), *self._unlisted_cases())}
        lists = [*self._lists()]
        removed |= {one.test: one for one in lists if isinstance(one, TestEffect)}
        return SourceChanges(
            head=self._sides.base,
            removed=tuple(removed.values()),
            changed=(*self._changed(), *(one for one in lists if isinstance(one, ChangedTest))),
            touched=frozenset(label_of(program) for program in self._touched),
            unclear=tuple(self._unclear()),
        )

    # ---- programs and cases

    @cached_property
    def _plans(self) -> tuple[Plan, Plan]:
        """The plans for the base and with the series."""
        files = files_that_decide(self._suites)
        if not any(str(file) in self._states for file in files):
            plan = self._plan(self._sides.base, files)
            return plan, plan
        return self._plan(self._sides.base, files), self._plan(self._sides.head, files)

    def _plan(self, commit: str, files: Sequence[Path]) -> Plan:
        with tempfile.TemporaryDirectory(prefix="kseries-") as folder:
            for file in files:
                content = self._sides.repository.file_at(commit, str(file))
                if content is not None:
                    (Path(folder) / file).parent.mkdir(parents=True, exist_ok=True)
                    (Path(folder) / file).write_bytes(content)
            return plan_suites(Path(folder), self._suites, "lib.mk")

    def _unplanned(self) -> Iterator[TestEffect]:
        """Give the planned programs and cases of the base that are not planned now."""
        base, now = self._plans
        there = {label_of(program): program for program in now.programs}
        for program in base.programs:
            label = label_of(program)
            if label not in there:
                yield _removed(label, self._why_out(program, now))
                continue
            for case in program.cases:
                if case not in there[label].cases:
                    yield _removed(f"{label}: {case}", "it is not planned for what the tree has")

    def _why_out(self, program: TestProgram, now: Plan) -> str:
        file = str(_file_of(program))
        reasons = [why for suite, why in now.left_out if suite == program.suite]
        return next((why for why in reasons if why.endswith(file)), next(iter(reasons), ""))

    @cached_property
    def _touched(self) -> tuple[TestProgram, ...]:
        """The programs of the tree that ran, and whose own file, or one beside it, was changed."""
        ran = [one for one in self._plans[0].programs if (one.suite, one.name) in self._ran]
        shared = any(self._is_shared(file) for file in self._files)
        return tuple(
            one for one in ran if not one.cases and (shared or str(_file_of(one)) in self._states)
        )

    def _unlisted_cases(self) -> Iterator[TestEffect]:
        for program in self._touched:
            seen = _parts(self._ran[program.suite, program.name])
            for case in sorted(self._listed(program) or ()):
                if case not in seen:
                    why = f"{_file_of(program)} has it on the base"
                    yield _removed(f"{label_of(program)}: {case}", why)

    def _listed(self, program: TestProgram) -> frozenset[str] | None:
        content = self._sides.repository.file_at(self._sides.base, str(_file_of(program)))
        return cases_of(content.decode(errors="replace")) if content is not None else None

    def _unclear(self) -> Iterator[str]:
        for program in self._touched:
            if not program.ktap:
                continue  # it is one case, whatever it does
            if self._listed(program) is None:
                yield f"the cases of {label_of(program)} are not known from its source"
        for commit in self._sides.others:
            parent = f"{commit}^"
            if any(True for _ in _diff(self._sides, parent, commit, self._suites)):
                yield "another series changes tests behind this one"
                return

    # ---- files

    @cached_property
    def _files(self) -> tuple[PurePosixPath, ...]:
        """What was changed or removed, relative to the folder of tests; what is new is no loss."""
        return tuple(
            PurePosixPath(path).relative_to(SELFTESTS)
            for path, state in self._states.items()
            if state != "A" and path.startswith(f"{SELFTESTS}/")
        )

    @cached_property
    def _folders(self) -> frozenset[str]:
        """The folders whose files tests may use."""
        planned = {program.folder for program in self._plans[0].programs}
        installed = {
            str(file.parent.relative_to(self._installed))
            for file in self._installed.rglob("*")
            if file.is_file()
        }
        return frozenset({".", *planned, *installed})

    @cached_property
    def _tests(self) -> frozenset[str]:
        """The files that are a test each, by Makefiles of the base and by the suites."""
        files = {f"{one.folder}/{one.name}" for one in self._plans[0].programs}
        for folder in {str(file.parent) for file in self._files}:
            for word in self._words(self._sides.base, folder, RUN).words:
                files |= {f"{folder}/{word}", f"{folder}/{word}.c"}
        return frozenset(files)

    def _is_shared(self, file: PurePosixPath) -> bool:
        """Whether tests stand on a file that is not a test itself."""
        if file.name in (*_SETTINGS, "Makefile") or any(map(file.match, _SILENT)):
            return False
        return str(file.parent) in self._folders and str(file) not in self._tests

    def _changed(self) -> Iterator[ChangedTest]:
        for program in self._touched:
            if str(_file_of(program)) in self._states:
                yield ChangedTest(label_of(program), str(_file_of(program)))
        for file in self._files:
            near = str(file.parent) in self._folders
            if self._is_shared(file):
                yield ChangedTest(str(SELFTESTS / file), "tests stand on it")
            elif near and file.name in _SETTINGS:
                yield ChangedTest(str(SELFTESTS / file), "how tests are run")

    # ---- Makefiles

    def _lists(self) -> Iterator[TestEffect | ChangedTest]:
        """Give what Makefiles list on the base and no longer: it counts where our suites are."""
        base = self._plans[0]
        targets = {t for install in base.installs for t in install.targets}
        planned = {f"{one.folder}/{one.name}" for one in base.programs}
        gone: dict[str, PurePosixPath] = {}
        new: set[str] = set()
        for path in self._states:
            makefile = PurePosixPath(path)
            if makefile.name != "Makefile" or not makefile.is_relative_to(SELFTESTS):
                continue
            folder = str(makefile.parent.relative_to(SELFTESTS))
            variables = TARGETS if folder == "." else RUN
            before = self._words(self._sides.base, folder, variables)
            after = self._words(self._sides.head, folder, variables)
            gone |= {str(PurePosixPath(folder, w)): makefile for w in before.words - after.words}
            new |= {PurePosixPath(word).name for word in after.words - before.words}
            if before.is_whole and not after.is_whole:
                yield ChangedTest(path, f"{variables[0]} is computed now")
        for test, makefile in sorted(gone.items()):
            told = f"{makefile} does not list it any more"
            is_target = str(makefile.parent) == str(SELFTESTS)
            ours = test in targets if is_target else str(PurePosixPath(test).parent) in targets
            known = test in planned and self._states.get(f"{SELFTESTS}/{test}") == "D"
            moved = PurePosixPath(test).name in new
            if known:
                continue  # it is told by the plan
            if ours and not moved and (is_target or self._has_source(test)):
                yield _removed(f"{SELFTESTS}/{test}", told)
            else:
                yield ChangedTest(f"{SELFTESTS}/{test}", told)

    def _has_source(self, test: str) -> bool:
        """Whether the base has what it lists; else it cannot run it either."""
        places = (f"{SELFTESTS}/{test}{end}" for end in ("", ".c", ".sh", ".py"))
        return any(
            self._sides.repository.file_at(self._sides.base, place) is not None for place in places
        )

    def _words(self, commit: str, folder: str, variables: tuple[str, ...]) -> Words:
        file = SELFTESTS / folder / "Makefile"
        content = self._sides.repository.file_at(commit, str(file)) or b""
        return words_of(
            content.decode(errors="replace"),
            variables,
            lambda pattern: self._matching(commit, folder, pattern),
        )

    def _matching(self, commit: str, folder: str, pattern: str) -> list[str]:
        place = f"{SELFTESTS / folder}/"
        names = self._sides.repository.entries("ls-tree", "-z", "--name-only", commit, "--", place)
        files = [name.removeprefix(place) for name in names]
        return [file for file in files if fnmatchcase(file, pattern)]


def _diff(sides: Sides, base: str, head: str, suites: Sequence[Suite]) -> Iterator[tuple[str, str]]:
    """Give (path, state) of what differs in the sources of tests; "A" is added, "D" deleted."""
    reads = map(str, files_that_decide(suites))
    words = ("diff-tree", "-r", "-z", "--no-renames", "--name-status", base, head, "--")
    entries = sides.repository.entries(*words, str(SELFTESTS), *reads)
    yield from zip(entries[1::2], entries[::2], strict=True)


def _parts(result: ProgramResult) -> set[str]:
    """Give the names of cases that were seen, and what they are made of: "ping.test_v4"."""
    names = {name for path, _ in paths(result.cases) for name in path}
    return names | {part for name in names for part in name.split(".")}


def _removed(test: str, how: str) -> TestEffect:
    return TestEffect(test, Effect.REMOVED, PLANNED, why_after=how)


def _file_of(program: TestProgram) -> Path:
    return SELFTESTS / program.folder / program.name
