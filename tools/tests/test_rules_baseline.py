# SPDX-License-Identifier: GPL-2.0
"""Rules of the baseline that one small change of a line would break: what is made, kept, told."""

from __future__ import annotations

import datetime
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kseries.lib import atomicfile
from kseries.lib.errors import CheckFailed
from kseries.model import (
    AgainstBase,
    Baseline,
    Case,
    ChangedTest,
    Effect,
    EventKind,
    KernelEvent,
    LocalSource,
    NamedSource,
    NoBaseline,
    Patch,
    PatchState,
    ProgramResult,
    Request,
    Series,
    SourceChanges,
    Stack,
    Status,
    TestEffect,
    TestOutcome,
    Tree,
)
from kseries.names import RUN_STAGES
from kseries.run import baseline, stages
from kseries.run.context import RunContext
from kseries.run.stages import Stage
from kseries.verdict.testsources import Sides
from tests.quickrun import BAD, DEMO, GOOD, QuickRun, set_up_quick
from tests.quickrun import series as of_titles

P, S, F, X = Status.PASS, Status.SKIP, Status.FAIL, Status.XFAIL
PING = ProgramResult("net", "ping", P, 0, 1.0, (Case("a", P),))
WARN = KernelEvent(EventKind.WARN, "WARNING: at a.c:1 f", "f", 3, (), "boot")
AGAINST = AgainstBase("b" * 40, (), "run-7", "now", False, (), (), ())


def outcome(*programs: ProgramResult, events: tuple[KernelEvent, ...] = ()) -> TestOutcome:
    return TestOutcome(programs, events, {})


def test_what_a_base_may_excuse() -> None:
    good = tuple(replace(PING, status=status) for status in (P, S, X))
    assert baseline._failure(outcome(*good)) == ""
    assert baseline._failure(outcome(*good, replace(PING, status=F))) == "a test is not good"
    assert baseline._failure(outcome(*good, events=(WARN,))) == "the kernel complained"


@pytest.mark.parametrize(
    ("program", "is_unclear"),
    [
        (PING, False),
        (replace(PING, status=S), True),
        (replace(PING, cases=(Case("a", P), Case("b", S))), True),
        (replace(PING, cases=(Case("sub", P, children=(Case("b", S),)),)), True),
    ],
)
def test_a_changed_test_that_skips_something_is_unclear(
    program: ProgramResult, *, is_unclear: bool
) -> None:
    touched = SourceChanges(touched=frozenset({"net/ping"}))
    why = "the series changes net/ping, which skips something" if is_unclear else ""
    assert baseline._unclear(outcome(program), touched) == why
    assert baseline._unclear(outcome(program), SourceChanges()) == ""
    told = SourceChanges(unclear=("first", "second"))
    assert baseline._unclear(outcome(program), told) == "first"


def test_what_was_not_asked_for_is_not_missed() -> None:
    test = TestEffect("net/ping: a", Effect.REMOVED)
    assert baseline._is_asked(test, ())
    assert baseline._is_asked(test, ("pong", "ping"))
    assert not baseline._is_asked(test, ("pong",))


def series(name: str, *requires: str) -> Series:
    patch = Patch(1, "t", "A <a@b.c>", "", Path("p"), "0" * 64)
    return Series(name, name, "", 1, 1, "", requires, (), (patch,), "")


def stack(*names: Series, under_test: str = "toys") -> Stack:
    source = NamedSource("toy", LocalSource("local", Path("/toy")))
    return Stack("all", source, names, under_test, (), ())


def test_a_base_is_named_by_what_it_has() -> None:
    toys, top = series("toys"), series("top", "toys")
    assert baseline._name(stack(toys, top)) == "bare"
    assert baseline._lacking(stack(series("below"), toys, top)) == ("toys", "top")
    assert baseline._name(stack(series("below"), toys, top, series("beside"))) == "below+beside"
    just = [series("n" * 40), series("m" * 39)]
    assert baseline._name(stack(*just, toys)) == f"{'n' * 40}+{'m' * 39}"
    names = f"{'n' * 40}+{'m' * 40}"
    digest = hashlib.sha256(names.encode()).hexdigest()[:8]
    long = stack(series("n" * 40), series("m" * 40), toys)
    assert baseline._name(long) == f"{names[:80]}-{digest}"


def test_how_a_comparison_is_summed_up() -> None:
    counts = "broke 0, fixed 0, added 0; 0 pre-existing"
    for against, told in (
        (NoBaseline("why"), "none: why"),
        (AGAINST, f"{counts} (made by run-7)"),
        (replace(AGAINST, kept=True), f"{counts} (kept from run-7)"),
        (
            replace(AGAINST, by_sources=True),
            "not built, as no test failed; by its sources: removed 0, changed 0",
        ),
    ):
        assert baseline._summary(against) == told


# ---------------------------------------------------------------- what decides


def test_what_of_the_toolkit_decides_nothing() -> None:
    assert set(baseline.NOT_DECIDING) == {
        "__main__.py",
        "bisect",
        "cli",
        "host",
        "mutants",
        "report",
        "lib/progress.py",
        "run/provenance.py",
        "suites/selftestpatch.py",
    }
    for name in baseline.NOT_DECIDING:
        assert (baseline.TOOLKIT / name).exists()


def test_contents_are_names_and_digests_in_order(tmp_path: Path) -> None:
    def digest(text: str) -> str:
        return hashlib.sha256(text.encode()).hexdigest()

    for name in ("b.py", "a/deep/c", "a/__pycache__/x", "cli/main.py", "other", "report/cli"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    found = list(baseline._contents(tmp_path, ("*.py", "a", "b.*"), ()))
    assert found == ["a/deep/c", digest("a/deep/c"), "b.py", digest("b.py")]
    names = list(baseline._contents(tmp_path, ("*",), ("cli", "other")))[::2]
    assert names == ["a/deep/c", "b.py", "report/cli"]


def test_what_cannot_be_read_is_not_kept(tmp_path: Path) -> None:
    place = tmp_path / "x.json"
    assert baseline._read(place) is None
    kept = Baseline("b" * 40, ("below",), "run", "now", (PING,), (WARN,), ("net/pong",))
    place.write_bytes(baseline.BASELINE.dump_json(kept))
    assert baseline._read(place) == kept
    for text in ("", "{", "[]", '{"head": 3}'):
        place.write_text(text)
        assert baseline._read(place) is None


# ---------------------------------------------------------------- made, kept, compared


@pytest.fixture
def quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> QuickRun:
    """Give a run on a series below; the base is asked for what no test of it tells."""
    run = set_up_quick(tmp_path, monkeypatch)
    below, toys = of_titles("below", "0"), of_titles("toys", "1")
    top = of_titles("top", "2", requires=("toys",))
    run.stack = replace(stack(below, toys, top), suites=(DEMO,))
    monkeypatch.setattr(baseline, "_read_sources", lambda _: SourceChanges(head="f" * 40))
    return run


def ready(quick: QuickRun, name: str = "run", **asked: Any) -> RunContext:
    """Give a run that has come to its baseline."""
    work = quick.work(name, **asked)
    quick.through(work, stages.STAGES[2:])
    return work


def in_cache(work: RunContext) -> list[Baseline]:
    """Give the baselines that are kept."""
    found = [baseline._read(file) for file in work.cache.baselines.glob("*.json")]
    return [one for one in found if one is not None]


def without_the_series(titles: frozenset[str]) -> bool:
    return titles == {"0"}


def test_the_stages_of_a_run_are_those_that_users_name() -> None:
    assert tuple(stage.name for stage in baseline.STAGES) == RUN_STAGES


def test_a_base_is_made_once_and_taken_from_then_on(quick: QuickRun) -> None:
    quick.says = lambda _: {"ping": BAD, "pong": GOOD}
    work = ready(quick)
    found = baseline.compare(work)
    assert isinstance(found, AgainstBase)
    assert (found.head, found.left_out, found.run) == ("commit-0", ("toys", "top"), "run")
    assert not found.kept
    assert [(test.test, test.effect) for test in found.tests] == [
        ("demo/ping: a", Effect.PRE_EXISTING)
    ]
    assert quick.made[1:] == [{"0"}]
    assert quick.heard.notes == [
        "the base without the series is built and tested: a test is not good",
        "top is left out, as it requires the series",
    ]
    (file,) = work.cache.baselines.glob("*.json")
    assert file.name == f"{baseline.key(work)}.json"
    (kept,) = in_cache(work)
    assert (kept.series, kept.not_run, kept.events) == (("below",), (), ())
    assert [one.status for one in kept.programs] == [F, P]
    made = datetime.datetime.fromisoformat(kept.made)
    assert (made.utcoffset(), made.microsecond) == (datetime.timedelta(), 0)
    folder = work.run.path / "baseline"
    assert baseline._read(folder / "baseline.json") == kept
    assert (folder / "tests/demo/ping.log").is_file()
    # By its name it shares worktree and compiler cache with all that tests on the same.
    assert json.loads((folder / "series.json").read_text())["name"] == "below"
    locks = [file.name for file in work.project.trees.glob(".*.lock")]
    assert locks == [".below-toy-baseline.lock"]
    # Another run of the same: nothing is built, and the copy says what it was compared with.
    again = ready(quick, "again")
    quick.made.clear()
    found = baseline.compare(again)
    assert isinstance(found, AgainstBase)
    assert (found.kept, found.run, quick.made) == (True, "run", [])
    assert baseline._read(again.run.path / "baseline/baseline.json") == kept


def test_what_an_attempt_left_that_was_killed_is_no_evidence(quick: QuickRun) -> None:
    quick.says = lambda _: {"ping": BAD}
    work = ready(quick)
    (work.run.path / "baseline").mkdir()
    (work.run.path / "baseline/old.log").touch()
    baseline.compare(work)
    assert not (work.run.path / "baseline/old.log").exists()


@pytest.mark.parametrize(
    ("bad", "only", "asked", "told"),
    [
        (False, (), None, "by sources"),
        (False, (), True, "made: it was asked for"),
        (False, ("ping",), None, "by sources"),
        (False, ("ping",), True, "made: it was asked for"),
        (True, (), None, "made: a test is not good"),
        (True, ("ping",), None, "none is kept for this base and config"),
        (True, ("ping",), True, "made: a test is not good"),
    ],
)
def test_when_the_base_is_made(
    quick: QuickRun, *, bad: bool, only: tuple[str, ...], asked: bool | None, told: str
) -> None:
    quick.says = lambda titles: {"ping": BAD if bad and "1" in titles else GOOD, "pong": GOOD}
    work = ready(quick, only=only, baseline=asked)
    found = baseline.compare(work)
    if told == "by sources":
        assert isinstance(found, AgainstBase)
        assert (found.by_sources, found.head, found.left_out) == (True, "f" * 40, ("toys", "top"))
    elif told.startswith("made: "):
        assert isinstance(found, AgainstBase)
        assert (found.by_sources, found.head) == (False, "commit-0")
        why = told.removeprefix("made: ")
        assert quick.heard.notes[0] == f"the base without the series is built and tested: {why}"
        # What is kept is of all tests, whatever was asked for.
        (kept,) = in_cache(work)
        assert [program.name for program in kept.programs] == ["ping", "pong"]
        broke = [] if not bad else [("demo/ping: a", Effect.BROKE)]
        assert [(test.test, test.effect) for test in found.tests] == broke
    else:
        assert isinstance(found, NoBaseline)
        assert found.why.startswith(told)
    assert len(in_cache(work)) == told.startswith("made: ")


def test_with_what_is_unclear_the_base_is_made_unless_only_some_tests_ran(
    quick: QuickRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    unclear = SourceChanges(unclear=("who knows",), changed=(ChangedTest("demo/ping", "a"),))
    monkeypatch.setattr(baseline, "_read_sources", lambda _: unclear)
    some = baseline.compare(ready(quick, "some", only=("ping",)))
    assert isinstance(some, AgainstBase)
    assert some.by_sources
    made = baseline.compare(ready(quick))
    assert isinstance(made, AgainstBase)
    assert not made.by_sources
    # What the sources tell is told in either case.
    assert made.changed == some.changed[:1] == unclear.changed
    assert quick.heard.notes[0].endswith("is built and tested: who knows")


def test_without_a_series_there_is_nothing_to_compare_with(quick: QuickRun) -> None:
    work = ready(quick, baseline=True)
    work.outcomes["series"] = replace(quick.stack, under_test="")
    assert baseline.compare(work) == NoBaseline("the stack has no series under test")


def test_a_base_that_cannot_be_built_is_none_and_says_why(quick: QuickRun) -> None:
    def says(titles: frozenset[str]) -> dict[str, str]:
        if without_the_series(titles):
            raise CheckFailed("It does not build.", where="here")
        return {"ping": BAD}

    quick.says = says
    work = ready(quick)
    assert baseline.compare(work) == NoBaseline("It does not build. (baseline/error.txt)")
    assert "It does not build." in (work.run.path / "baseline/error.txt").read_text()
    assert not (work.run.path / "baseline/baseline.json").exists()
    assert in_cache(work) == []


def test_a_base_without_tests_is_not_built(quick: QuickRun) -> None:
    quick.says = lambda titles: {} if without_the_series(titles) else {"ping": BAD}
    work = ready(quick)
    quick.made.clear()
    found = baseline.compare(work)
    assert isinstance(found, AgainstBase)
    assert (found.head, quick.made) == ("commit-0", [])
    assert [(test.test, test.effect) for test in found.tests] == [
        ("demo/ping: a", Effect.FAILS), ("demo/ping: b", Effect.ADDED)
    ]  # fmt: skip


def test_a_base_whose_kernel_does_not_boot_is_none(quick: QuickRun) -> None:
    quick.says = lambda _: {"ping": BAD}
    work = ready(quick)
    quick.boots = ("no root",) * 9
    found = baseline.compare(work)
    assert isinstance(found, NoBaseline)
    assert "did not boot" in found.why
    assert in_cache(work) == []


def test_what_did_not_run_on_the_base_is_named(quick: QuickRun) -> None:
    dies = f"{GOOD}echo '[    1.0] Kernel panic - not syncing: x' >>$KMSG; echo dying\n"
    quick.says = lambda _: {"ping": dies, "pong": GOOD}
    quick.extended = ("pong",)
    work = ready(quick)
    baseline.compare(work)
    (kept,) = in_cache(work)
    assert kept.not_run == ("demo/pong",)
    assert [program.name for program in kept.programs] == ["ping"]


def test_baselines_of_the_usual_tests_and_of_all_are_found(quick: QuickRun) -> None:
    work = ready(quick)
    assert list(baseline.kept(work)) == []
    usual, whole = (Baseline("b" * 40, (), run, "now", (), (), ()) for run in ("usual", "whole"))
    for found, extended in ((whole, True), (usual, False)):
        asked = replace(work, request=replace(work.request, extended=extended))
        atomicfile.write_bytes(baseline._place(asked), baseline.BASELINE.dump_json(found))
        assert list(baseline.kept(work))[-1] == whole
    assert list(baseline.kept(asked)) == [usual, whole]
    # Which tests are asked for does not matter, as only the facts count.
    assert len(list(baseline.kept(replace(work, request=Request(extended=True))))) == 2


# ---------------------------------------------------------------- its key


def test_the_key_is_made_of_all_that_decides(quick: QuickRun) -> None:
    fragment, vm = quick.root / "base.config", quick.root / "project/configs/targets/vm.toml"
    fragment.write_text("CONFIG_NET=y\n")
    quick.stack = replace(quick.stack, fragments=(fragment,))
    work = ready(quick)
    keys = [baseline.key(work)]
    assert re.fullmatch("[0-9a-f]{32}", keys[0])

    def other(stage: Stage[Any], **changes: Any) -> str:
        outcomes = {**work.outcomes, stage.name: replace(work.outcome(stage), **changes)}
        return baseline.key(replace(work, outcomes=outcomes))

    facts = work.outcome(stages.TEST).facts
    assert facts["accelerator"]
    below, toys, top = quick.stack.series
    changed = replace(below, patches=(replace(below.patches[0], sha256="9" * 64),))
    keys += [
        other(stages.FETCH, commit="c" * 40),
        other(stages.CONFIG, added=("CONFIG_DEBUG_INFO=y",)),
        other(stages.BUILD, compiler="clang"),
        other(stages.TEST, facts={**facts, "accelerator": "kvm"}),
        other(stages.TEST, facts={**facts, "qemu": "QEMU 11"}),
        other(stages.SERIES, suites=()),
        other(stages.SERIES, series=(changed, toys, top)),
        baseline.key(replace(work, request=replace(work.request, extended=True))),
        baseline.key(replace(work, request=replace(work.request, append=("debug",)))),
    ]
    for file in (
        vm, quick.root / "TOOLKIT/verdict/new.py", quick.root / "GENERATOR/table.py",
        quick.root / "GENERATOR/cases/a.toml", quick.root / "GENERATOR/templates/a.c",
    ):  # fmt: skip
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x")
        keys.append(baseline.key(work))
    fragment.write_text("CONFIG_NET=y\nCONFIG_INET=y\n")
    keys.append(baseline.key(work))
    assert len(set(keys)) == len(keys)
    # Nothing of the series and of those that require it, no name, and nothing that decides nothing.
    now = keys[-1]
    others = (replace(below, name="x"), replace(toys, patches=changed.patches), top)
    assert other(stages.SERIES, series=others[:2]) == now
    assert other(stages.TEST, facts={**facts, "boots": "7"}) == now
    for name in ("TOOLKIT/cli/new.py", "TOOLKIT/data/x", "GENERATOR/README", "project/configs/x"):
        (quick.root / name).parent.mkdir(parents=True, exist_ok=True)
        (quick.root / name).write_text("x")
    assert baseline.key(work) == now


# ---------------------------------------------------------------- the sources of its tests


def test_the_sources_of_tests_are_compared_with_the_commit_before_the_series(
    toy_tree: Tree,
    toy_commit: Callable[[Tree, str, str, str], Tree],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sides: list[Sides] = []

    def compared(of: Sides, *_: Any) -> SourceChanges:
        sides.append(of)
        removed = (
            TestEffect("net/ping: a", Effect.REMOVED),
            TestEffect("net/pong", Effect.REMOVED),
        )
        return SourceChanges(head="f" * 40, removed=removed)

    monkeypatch.setattr("kseries.verdict.testsources.compare", compared)
    tree = toy_tree
    for number in range(5):
        tree = toy_commit(tree, "net/core.c", "return", f"return {number} +")
    names = ("below", "toys", "beside", "top", "last")
    patches = [replace(p, series=name) for p, name in zip(tree.patches, names, strict=True)]
    in_base = replace(patches[1], state=PatchState.IN_BASE, commit="")
    tree = replace(tree, patches=(in_base, *patches))
    of = stack(*map(series, names[:3]), series("top", "toys"), series("last"))
    outcomes = {
        "apply": tree,
        "test": outcome(),
        "install": SimpleNamespace(folder=Path("installed")),
    }

    def read(only: tuple[str, ...], **changes: Any) -> SourceChanges:
        left = {**outcomes, **changes}
        work: Any = SimpleNamespace(
            stack=of, outcome=lambda stage: left[stage.name], request=Request(only=only)
        )
        return baseline._read_sources(work)

    told = read(())
    (side,) = sides
    assert (side.base, side.head) == (patches[0].commit, tree.head)
    assert side.others == (patches[2].commit, patches[4].commit)
    assert [test.test for test in told.removed] == ["net/ping: a", "net/pong"]
    # What was not asked for is not missed.
    assert [test.test for test in read(("pong",)).removed] == ["net/pong"]
    # Where the base has all of the series, nothing is another than there.
    assert read((), apply=replace(tree, patches=(in_base,))) == SourceChanges(head=tree.head)
