# SPDX-License-Identifier: GPL-2.0
"""Rules of building each patch that one small change of a line would break."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from kseries.kbuild import make as kbuild
from kseries.lib.errors import CheckFailed
from kseries.lib.progress import Silent
from kseries.model import (
    BuildPlace,
    KernelConfig,
    LocalSource,
    NamedSource,
    Patch,
    PatchState,
    ProgramResult,
    Series,
    Stack,
    Status,
    TestOutcome,
    Tree,
)
from kseries.run import eachpatch, pipeline, stages
from kseries.run.context import RunContext
from kseries.run.eachpatch import EachPatch
from tests.quickrun import QuickRun, set_up_quick
from tests.quickrun import series as of_titles

Commit = Callable[[Tree, str, str, str], Tree]
SOURCE = NamedSource("toy", LocalSource("local", Path("/toy")))


def series(name: str, patches: int, *requires: str) -> Series:
    made = tuple(
        Patch(number, f"change {number}", "", "", Path(), "") for number in range(1, patches + 1)
    )
    return Series(name, name, "", 1, patches, "", requires, (), made, "")


STACK = Stack(
    "toy",
    SOURCE,
    (series("below", 1), series("toys", 3), series("top", 1, "toys")),
    "toys",
    (),
    (),
)


# ---- what it says


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (EachPatch(0), "nothing to compile one by one"),
        (EachPatch(1), "1 patch and the last one, each builds"),
        (EachPatch(3, known=2), "3 patches and the last one, each builds (2 known)"),
        (
            EachPatch(3, left_out=7),
            "left out: 7 objects would be compiled for 3 patches, which takes longer than the"
            " tests (--each-patch)",
        ),
    ],
)
def test_what_was_compiled_is_summed_up(found: EachPatch, told: str) -> None:
    assert eachpatch._summary(found) == told


@pytest.mark.parametrize(("others", "more"), [((), ""), ((3,), " (2 patches of 3 so)")])
def test_the_first_that_does_not_build_is_told(others: tuple[int, ...], more: str) -> None:
    failed = {number: CheckFailed(f"why {number}", where=f"f{number}") for number in (*others, 2)}
    told = eachpatch._first(failed, STACK)
    assert told.what == (
        f"patch 2 of 3, 'change 2', does not build without those after it{more}: why 2"
    )
    assert (told.where, told.do) == ("f2", "each patch has to build, for those who bisect")


def test_it_goes_from_the_last_but_one_to_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[tuple[str, int | None, int | None]] = []

    class Heard(Silent):
        def update(self, text: str, *, done: int | None = None, total: int | None = None) -> None:
            heard.append((text, done, total))

    @dataclass(frozen=True)
    class Work:
        request: Any
        stack: Stack = STACK
        progress: Heard = field(default_factory=Heard)
        stack_folder: Path = tmp_path / "tree"
        suffix: str = ""

    walk = SimpleNamespace(known=1, down_to=lambda _: None)
    monkeypatch.setattr(eachpatch, "_Walk", lambda _: walk)
    work = Work(SimpleNamespace(each_patch=True))
    assert eachpatch.check(cast("Any", work)) == EachPatch(2, known=1)
    assert heard == [("up to patch 2", 1, 3), ("up to patch 1", 2, 3)]


# ---- what it costs


def test_what_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kbuild, "cores", lambda: 2)
    assert eachpatch._takes_s(60, 3) == 10 + 36
    programs = tuple(
        ProgramResult("net", name, Status.PASS, 0, seconds)
        for name, seconds in (("a", 30.0), ("b", 20.0))
    )
    for machines, seconds in ((1, 50.0), (2, 25.0), (0, 50.0)):
        work: Any = SimpleNamespace(
            machines=machines, outcome=lambda _: TestOutcome(programs, (), {})
        )
        assert eachpatch._tests_s(work) == seconds


def test_each_patch_costs_what_reads_the_files_it_changes(
    toy_tree: Tree, toy_commit: Commit, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = _changed(toy_tree, toy_commit)
    work: Any = SimpleNamespace(
        stack=STACK, outcome=lambda _: SimpleNamespace(config=_config(tree))
    )
    asked: list[set[str]] = []

    def readers(_config: KernelConfig, _stack: Stack, paths: set[str]) -> dict[str, frozenset[str]]:
        asked.append(paths)
        objects = {"net/core.c": ("core.o",), "include/linux/toy.h": ("core.o", "zcrx.o")}
        return {path: frozenset(found) for path, found in objects.items()}

    monkeypatch.setattr("kseries.compiled.changed.readers", readers)
    # Without the third patch and what stands on it: two objects; without the second: one.
    assert eachpatch._objects(work) == 2 + 1
    assert asked == [{"net/core.c", "include/linux/toy.h", "init/main.c"}]


def _changed(tree: Tree, commit: Commit) -> Tree:
    """Apply a patch of "below", three of "toys", of which one is there already, and "top"."""
    files = ["drivers/netdevsim.c", "io_uring/zcrx.c", "net/core.c", "include/linux/toy.h"]
    for file in (*files, "init/main.c"):
        end = "*/" if file.endswith(".h") else "\n"
        tree = commit(tree, file, end, f" {end}")
    names = (("below", 2), ("toys", 1), ("toys", 2), ("toys", 3), ("top", 1))
    patches = [
        replace(patch, series=name, index=index)
        for patch, (name, index) in zip(tree.patches, names, strict=True)
    ]
    there = replace(patches[0], series="toys", index=4, state=PatchState.IN_BASE, commit="")
    return replace(tree, patches=(*patches[:3], there, *patches[3:]))


def test_what_each_step_changes(toy_tree: Tree, toy_commit: Commit) -> None:
    tree = _changed(toy_tree, toy_commit)
    assert list(eachpatch._changes(tree, STACK)) == [
        {"include/linux/toy.h", "init/main.c"},  # the third, and what stands on top
        {"net/core.c"},
    ]


# ---- on the way down


@dataclass
class Walked:
    """A run whose series is compiled patch by patch, by what does not compile."""

    quick: QuickRun
    work: RunContext
    broken: dict[int, str]  # how many patches are in → what does not build then
    compiled: list[tuple[int, KernelConfig]]  # how many, and as what
    copied: list[tuple[BuildPlace, KernelConfig]]
    jobs: set[int | None]  # of make
    differing: dict[str, tuple[str, ...]]  # head → files that differ from the step before


@pytest.fixture
def walked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Walked:
    run = set_up_quick(tmp_path, monkeypatch)
    run.stack = replace(run.stack, series=(*run.stack.series, of_titles("top", "t")))
    work = run.work(each_patch=True, jobs=3)
    run.through(work, stages.STAGES[2:6])
    made = Walked(run, work, {}, [], [], set(), {})

    def compile_objects(config: KernelConfig, part: Stack, *_: Any, jobs: int | None) -> None:
        count = len(part.series[0].patches)
        made.compiled.append((count, config))
        assert config.tree.patches[-1].index == count
        assert not part.whole
        made.jobs.add(jobs)
        if count in made.broken:
            raise CheckFailed(made.broken[count], where="here")

    def differ(_: object) -> Any:
        return SimpleNamespace(changed_between=lambda _old, new: made.differing.get(new, ("a.c",)))

    monkeypatch.setattr("kseries.build.stage.compile_objects", compile_objects)

    def take_over(place: BuildPlace, config: KernelConfig, of: Stack) -> None:
        assert of.whole
        made.copied.append((place, config))

    monkeypatch.setattr("kseries.build.stage.take_over", take_over)
    monkeypatch.setattr(eachpatch, "Repository", differ)
    return made


def test_each_patch_is_compiled_without_what_follows_it(walked: Walked) -> None:
    assert eachpatch.check(walked.work) == EachPatch(3)
    assert [count for count, _ in walked.compiled] == [3, 2, 1]
    # In a worktree and a place of their own, which begin with what the run has built.
    ((place, config),) = walked.copied
    built = walked.work.outcome(stages.BUILD).config
    assert (place, config.sha256) == (built.place, built.sha256)
    apart = walked.work.stack_folder.with_name("st-toy-patches")
    assert config.tree.path == apart / "linux"
    assert config.place.folder.is_relative_to(apart)
    assert {each.place for _, each in walked.compiled} == {config.place}
    assert (apart.parent / ".st-toy-patches.lock").is_file()
    assert "copying what was built" in walked.quick.heard.updates
    assert walked.jobs == {3}
    # Again, nothing is: all was seen to build.
    walked.compiled.clear()
    assert eachpatch.check(walked.work) == EachPatch(3, known=3)
    assert walked.compiled == []


def test_what_does_not_build_is_told_and_tried_again(walked: Walked) -> None:
    walked.broken |= {3: "three", 1: "one"}
    with pytest.raises(CheckFailed, match=r"patch 1 of 4, '1', .* \(2 patches of 4 so\): one"):
        eachpatch.check(walked.work)
    assert [count for count, _ in walked.compiled] == [3, 2, 1]
    walked.compiled.clear()
    walked.broken.clear()
    assert eachpatch.check(walked.work) == EachPatch(3, known=1)
    assert [count for count, _ in walked.compiled] == [3, 1]


def test_only_what_can_change_the_config_has_it_made_again(
    walked: Walked, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    through = walked.quick.through

    def counted(work: RunContext, stages: Any) -> None:
        made.extend(f"{work.run.name}: {stage.name}" for stage in stages)
        through(work, stages)

    monkeypatch.setattr(pipeline, "through", counted)
    walked.differing["commit-2"] = ("net/core.c", "net/Kconfig")
    eachpatch.check(walked.work)
    assert made == ["whole: apply", "3: apply", "2: apply", "2: config", "1: apply"]
    whole, other = walked.copied[0][1].sha256, walked.compiled[1][1].sha256
    assert whole != other
    assert [config.sha256 for _, config in walked.compiled] == [whole, other, other]
    assert len({config.place for _, config in walked.compiled}) == 1


def test_of_two_patches_the_first_is_compiled(walked: Walked) -> None:
    walked.work.outcomes["series"] = replace(
        walked.quick.stack, series=(of_titles("toys", "1", "2"),)
    )
    walked.work.request = replace(walked.work.request, jobs=0)
    assert eachpatch.check(walked.work) == EachPatch(1)
    assert [count for count, _ in walked.compiled] == [1]
    assert walked.jobs == {None}  # one for each core


@pytest.mark.parametrize(("objects", "left_out"), [(0, 0), (1, 1)])
def test_what_takes_longer_than_the_tests_is_left_out(
    walked: Walked, monkeypatch: pytest.MonkeyPatch, objects: int, left_out: int
) -> None:
    work = replace(walked.work, request=replace(walked.work.request, each_patch=None))
    program = ProgramResult("net", "ping", Status.PASS, 0, 4 * 12.0)
    work.outcomes["test"] = TestOutcome((program,), (), {})
    monkeypatch.setattr(eachpatch, "_objects", lambda _: objects)
    assert eachpatch.check(work) == EachPatch(3, left_out=left_out)
    assert len(walked.compiled) == (0 if left_out else 3)


# ---- what is known


def _config(tree: Tree, **more: Any) -> KernelConfig:
    place = BuildPlace(Path("/nowhere"), Path("/nowhere"), compiler="gcc")
    return replace(KernelConfig(tree, place, "toy", "0" * 64, 0), **more)


def test_what_was_seen_to_build_is_known_by_all_that_decides(toy_tree: Tree) -> None:
    one = _config(toy_tree)
    others = [
        _config(replace(toy_tree, head="1" * 40)),
        _config(toy_tree, sha256="1" * 64),
        _config(toy_tree, place=replace(one.place, compiler="gcc-13")),
    ]
    keys = {eachpatch._key(config) for config in (one, *others)}
    assert len(keys) == 4
    assert {len(key) for key in keys} == {64}
    assert eachpatch._key(one) == eachpatch._key(_config(toy_tree))


def test_the_latest_stay_known(tmp_path: Path) -> None:
    record = tmp_path / eachpatch.KNOWN
    assert eachpatch._read(record) == []
    eachpatch._write(record, [str(number) for number in range(1001)])
    assert eachpatch._read(record) == [str(number) for number in range(1, 1001)]


def test_one_patch_or_none_is_nothing_to_do() -> None:
    for stack in (replace(STACK, under_test=""), replace(STACK, under_test="below")):
        work = cast("Any", SimpleNamespace(stack=stack))
        assert eachpatch.check(work) == EachPatch(0)
