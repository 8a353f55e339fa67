# SPDX-License-Identifier: GPL-2.0
"""Choose the suites that cover what a series touches, within a time. Pure, given the tree's files.

In this order: tests that the series changes itself; suites of ours that name the files; KUnit tests
beside the code; targets of kselftest that are named like it; what MAINTAINERS lists beside it. Of
a target with many programs those come first whose names share words with the files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

from kseries.choice import words
from kseries.choice.treefiles import KunitTest, TreeFiles
from kseries.suite import SELFTESTS, Kselftest, Suite
from kseries.suites.catalogue import KSELFTEST, KUNIT, Catalogue

# What a test takes in an emulated machine, about: seconds.
PROGRAM_S = 15.0
KUNIT_S = 3.0
SUITE_S = 120.0  # of ours, as a whole
# Of a folder with many KUnit tests only those are taken that share a word with the files.
FEW = 4
GITIGNORE = ".gitignore"
# Folders of tests that are about the folder they stand in: fs/tests, drivers/gpu/drm/tests.
TEST_FOLDERS = frozenset({"test", "tests", "kunit", "selftests"})

# Names of files that are those of targets by chance.
NO_NAMES = frozenset({"core", "devices", "dma", "lib", "mm", "net", "size", "sync"})

SOURCES = (".c", ".h", ".S", ".rs", ".dts", ".dtsi")
CODE = (*SOURCES, "Makefile", "Kconfig")


@dataclass(frozen=True)
class Chosen:
    """A suite, or one program of a target, as `--suite` takes it. why: a half-sentence."""

    name: str
    why: str
    seconds: float


@dataclass(frozen=True)
class Choice:
    """What is run, nearest first. left_out: (name, why) of what would fit."""

    chosen: tuple[Chosen, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Give the names, as `--suite` takes them."""
        return tuple(one.name for one in self.chosen)


@dataclass
class _Candidates:
    """Collects what fits, each once, by the first reason."""

    found: dict[str, Chosen] = field(default_factory=dict)
    unfit: dict[str, str] = field(default_factory=dict)

    def add(self, one: Chosen) -> None:
        if one.name not in self.unfit:
            self.found.setdefault(one.name, one)


def choose(
    paths: Sequence[str],
    files: TreeFiles,
    catalogue: Catalogue,
    *,
    limit_s: float,
    has: Sequence[str] = (),
) -> Choice:
    """Choose suites for changed files.

    files: of the patched tree. limit_s: what all may take together. has: programs of the host
    that suites may need.
    """
    suites = [one.suite for one in catalogue.listed if one.suite is not None]
    found = _Candidates()
    own = {target: suite for suite in suites for target in _targets(suite)}
    for reasons in (
        _touched_tests(paths, files),
        _of_ours(paths, suites, files),
        _kunit(paths, files),
        _named_alike(paths, files),
        _of_maintainers(paths, files),
    ):
        for one in reasons:
            target = one.name.removeprefix(KSELFTEST).partition(":")[0]
            suite = own.get(target) if one.name.startswith(KSELFTEST) else None
            _offer(found, one, suite or _by_name(suites, one.name), has)
    return _within(found, limit_s)


def _offer(found: _Candidates, one: Chosen, suite: Suite | None, has: Sequence[str]) -> None:
    """Take a candidate over, unless its suite says that it cannot run here."""
    if suite is not None and _lists(suite, one.name):
        one = replace(one, name=suite.name)
    if suite is not None:
        lacking = [name for name in suite.told.host if name not in has]
        if suite.told.hardware:
            found.unfit.setdefault(one.name, f"it needs {suite.told.hardware}")
        elif lacking:
            found.unfit.setdefault(one.name, f"it needs {' and '.join(lacking)} on this host")
    found.add(one)


def _lists(suite: Suite, name: str) -> bool:
    """Whether a suite of ours names a program of a target itself."""
    target, _, program = name.removeprefix(KSELFTEST).partition(":")
    programs = suite.told.programs if isinstance(suite.told, Kselftest) else ()
    return (target, program) in [(one.folder, one.name) for one in programs]


def _by_name(suites: Sequence[Suite], name: str) -> Suite | None:
    return next((suite for suite in suites if suite.name == name), None)


def _targets(suite: Suite) -> tuple[str, ...]:
    return suite.told.targets if isinstance(suite.told, Kselftest) else ()


def _within(found: _Candidates, limit_s: float) -> Choice:
    chosen: list[Chosen] = []
    spent = 0.0
    left_out = list(found.unfit.items())
    for one in found.found.values():
        if chosen and spent + one.seconds > limit_s:
            left_out.append((one.name, f"it fits, but not into {limit_s / 60:.3g} minutes"))
            continue
        spent += one.seconds
        chosen.append(one)
    return Choice(tuple(chosen), tuple(left_out))


def _touched_tests(paths: Sequence[str], files: TreeFiles) -> Iterator[Chosen]:
    """Give tests that the series changes; first those whose own source it is."""
    others: list[Chosen] = []
    for path in paths:
        target, name = files.target_of(path), path.rpartition("/")[2]
        if not target or name == GITIGNORE:
            continue
        programs, why = files.programs(target), f"the series changes {path}"
        own = [_program(target, one, why) for one in programs if name in (one, f"{one}.c")]
        yield from own
        if not own:
            others += [_program(target, one, why) for one in programs]
    yield from others


def _of_ours(paths: Sequence[str], suites: Iterable[Suite], files: TreeFiles) -> Iterator[Chosen]:
    for suite in suites:
        told = suite.told
        covered = [p for p in paths if any(fnmatchcase(p, glob) for glob in told.covers)]
        if not covered:
            continue
        why = f"the suite {suite.name} covers {covered[0]}"
        if not isinstance(told, Kselftest) or told.programs:
            yield Chosen(suite.name, why, SUITE_S)
            continue
        for target in told.targets:
            yield from _all_of(target, paths, files, why)


def _kunit(paths: Sequence[str], files: TreeFiles) -> Iterator[Chosen]:
    code = [path for path in paths if path.endswith(CODE)]
    folders = {path.rpartition("/")[0] for path in code}
    beside = {test.symbol: test for test in files.kunit if _of_folder(test.folder) in folders}
    stems = {_stem(path): path for path in code}
    for test in files.kunit:
        if stem := next((stem for stem in map(_stem, test.objects) if stem in stems), ""):
            yield _symbol(test, f"its tests are named like {stems[stem]}")
    near = words.of_paths(code)
    by_folder: dict[str, list[KunitTest]] = {}
    for test in beside.values():
        by_folder.setdefault(test.folder, []).append(test)
    for folder, tests in by_folder.items():
        for test in tests:
            shared = words.words(" ".join(test.objects)) & near
            if shared or (len(tests) <= FEW and "/" in folder):
                yield _symbol(test, f"its tests stand in {folder}")


def _of_folder(folder: str) -> str:
    """Give the folder whose code the tests in one are about: fs/x, also for fs/x/tests."""
    above, _, last = folder.rpartition("/")
    return above if last in TEST_FOLDERS else folder


def _stem(name: str) -> str:
    """Give the subject of a file: "list" for list.h, list-test.o, list_kunit.o, test_list.c."""
    base = name.rpartition("/")[2].partition(".")[0].replace("-", "_")
    parts = [part for part in base.split("_") if part not in ("test", "tests", "kunit")]
    return "_".join(parts)


def _named_alike(paths: Sequence[str], files: TreeFiles) -> Iterator[Chosen]:
    """Give targets that are named like a source, or like a folder that it stands in."""
    for path in paths:
        if not path.endswith(SOURCES) or path.startswith("Documentation/"):
            continue
        folders, stem = _called(path), _stem(path)
        for target in sorted(files.targets):
            is_stem = stem not in NO_NAMES and target.rpartition("/")[2] == stem
            if is_stem or target in folders:
                yield from _all_of(target, paths, files, f"it is named like {path}")


def _called(path: str) -> set[str]:
    """Name targets after the folders of a file: net/mptcp, futex for kernel/futex.

    Those at the top are too much for one target: MAINTAINERS knows which parts belong together.
    So is drivers/net for a driver in a folder of its own.
    """
    top, *rest = path.split("/")[:-1] or [""]
    if top in ("", "include"):
        return set()
    if top in ("net", "drivers"):
        parts = [top, *rest]
        first = 2 if top == "net" else min(3, len(parts))
    else:
        parts, first = rest[1:] if top == "arch" else rest, 1
    return {"/".join(parts[:count]) for count in range(first, len(parts) + 1)}


def _of_maintainers(paths: Sequence[str], files: TreeFiles) -> Iterator[Chosen]:
    """Give the programs of the tests that MAINTAINERS lists beside the files, nearest first."""
    near: dict[str, tuple[int, str, str]] = {}  # pattern of tests → nearness, section, file
    for section in files.sections:
        tests = [file for file in section.files if file.startswith(f"{SELFTESTS}/")]
        for path in paths if tests else ():
            if nearness := section.nearness(path):
                for test in tests:
                    if nearness > near.get(test, (0,))[0]:
                        near[test] = (nearness, section.title, path)
    offers = []
    for pattern, (nearness, title, path) in near.items():
        for target, program, rank in _matching(pattern, paths, files):
            why = f"MAINTAINERS lists it beside {path} ({title})"
            offers.append((-nearness, -rank, _program(target, program, why)))
    offers.sort(key=lambda item: item[:2])
    yield from (one for _, _, one in offers)


def _matching(
    pattern: str, paths: Sequence[str], files: TreeFiles
) -> Iterator[tuple[str, str, float]]:
    """Give (target, program, how near) of what a pattern of MAINTAINERS names."""
    folder, _, last = pattern.rpartition("/")
    target = files.target_of(pattern if not last or "*" not in last else folder)
    if not target:
        return
    programs = files.programs(target)
    is_file = bool(last) and f"{SELFTESTS}/{target}" != pattern
    if is_file:
        programs = tuple(
            one for one in programs if fnmatchcase(one, last) or fnmatchcase(f"{one}.c", last)
        )
    ranks = words.ranked(programs, words.of_paths(paths))
    for program in programs:
        yield target, program, ranks[program]


def _all_of(target: str, paths: Sequence[str], files: TreeFiles, why: str) -> Iterator[Chosen]:
    """Give the programs of a target, nearest first; it as a whole where they are computed."""
    programs = files.programs(target)
    if not programs:
        yield Chosen(f"{KSELFTEST}{target}", why, SUITE_S)
    for program in _nearest(programs, paths):
        yield _program(target, program, why)


def _nearest(programs: Sequence[str], paths: Sequence[str]) -> list[str]:
    ranks = words.ranked(programs, words.of_paths(paths))
    return sorted(programs, key=lambda program: -ranks[program])


def _program(target: str, program: str, why: str) -> Chosen:
    return Chosen(f"{KSELFTEST}{target}:{program}", why, PROGRAM_S)


def _symbol(test: KunitTest, why: str) -> Chosen:
    return Chosen(f"{KUNIT}{test.symbol}", why, KUNIT_S)


@dataclass(frozen=True)
class Group:
    """Programs of a target that one reason holds for; () where it is a suite without any."""

    suite: str
    why: str
    programs: tuple[str, ...]


def grouped(named: Iterable[tuple[str, str]]) -> tuple[Group, ...]:
    """Put together what is of one target and has one reason. named: (name, why)."""
    found: dict[tuple[str, str], list[str]] = {}
    for name, why in named:
        suite, colon, program = name.partition(":")
        found.setdefault((suite, why), []).extend([program] if colon else [])
    return tuple(Group(suite, why, tuple(programs)) for (suite, why), programs in found.items())


def suites_of(names: Sequence[str]) -> dict[str, list[str]]:
    """Put the programs of each target together: suite → its programs, [] for what has none."""
    return {one.suite: list(one.programs) for one in grouped((name, "") for name in names)}
