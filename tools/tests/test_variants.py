# SPDX-License-Identifier: GPL-2.0
"""What is left out of a stack whose series under test is cut."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from kseries.apply.conflict import PatchConflict
from kseries.lib.errors import CheckFailed
from kseries.lib.runfolder import RunFolder
from kseries.model import Stack
from kseries.run import stages, variants
from kseries.run.variants import Variant, _Maker
from tests.quickrun import GOOD, QuickRun, conflict, series, set_up_quick
from tests.test_variant import STACK

# On top of "toys" are "driver", "beside" and "tests"; of these all but "beside" require it.
NOTHING = cast("Any", None)


def made(patches: int, stack: Stack = STACK) -> _Maker:
    return _Maker(NOTHING, stack, patches)


def test_on_the_base_what_requires_the_series_is_left_out() -> None:
    base = made(0)
    assert base._out == ("driver", "tests")
    assert base._notes == [
        f"{name} is left out, as it requires the series" for name in ("driver", "tests")
    ]
    assert (made(1)._out, made(1)._notes) == ((), [])


@pytest.mark.parametrize(
    ("name", "out"), [("driver", ("driver", "tests")), ("beside", ("beside",))]
)
def test_what_does_not_apply_is_left_out_with_what_requires_it(
    name: str, out: tuple[str, ...]
) -> None:
    maker = made(2)
    maker.leave_out(conflict(name))
    assert maker._out == out
    assert maker._notes == [f"{one} is left out: it does not apply" for one in out]
    # The next one comes beside it, and none twice.
    maker.leave_out(conflict("tests" if name == "beside" else "beside"))
    assert set(maker._out) == {*out, "tests", "beside"}
    assert len(maker._out) == len(set(maker._out)) == len(maker._notes)


@pytest.mark.parametrize("name", ["prep", "toys"])
def test_what_does_not_apply_below_is_the_answer(name: str) -> None:
    error = conflict(name)
    with pytest.raises(PatchConflict) as caught:
        made(2).leave_out(error)
    assert caught.value is error


def test_what_does_not_build_is_tried_without_what_requires_the_series() -> None:
    maker, error = made(2), CheckFailed("it does not build")
    maker.leave_out(conflict("tests"))
    maker.leave_out(error)
    assert maker._out == ("tests", "driver")
    assert maker._notes[1:] == ["driver is left out: with it: it does not build"]
    with pytest.raises(CheckFailed) as caught:
        maker.leave_out(error)
    assert caught.value is error


@pytest.mark.parametrize("error", [CheckFailed("it does not build"), conflict("driver")])
def test_of_the_whole_nothing_is_left_out(error: CheckFailed) -> None:
    with pytest.raises(CheckFailed) as caught:
        made(3).leave_out(error)
    assert caught.value is error


def test_what_is_made_of_a_variant() -> None:
    assert variants.MADE == (stages.CONFIG, stages.BUILD, stages.INSTALL)


# ---- a variant


@pytest.fixture
def quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> QuickRun:
    """Give a run of a series between one below and two on top, of which one requires it."""
    run = set_up_quick(tmp_path, monkeypatch)
    toys, driver = series("toys", "1", "2", "3"), series("driver", "d", requires=("toys",))
    run.stack = replace(run.stack, series=(series("below", "b"), toys, driver, series("top", "t")))
    return run


def part_of(quick: QuickRun, patches: int, *, worth: bool = True) -> Variant:
    whole = quick.work()
    work = variants.beside(whole, RunFolder(quick.root / "a/part"), whole.plan, "part")
    return variants.make(work, quick.stack, patches, lambda *_: worth)


def test_the_work_on_a_variant_has_a_folder_and_a_tree_of_its_own(quick: QuickRun) -> None:
    whole = quick.work()
    whole.outcomes["test"] = "of the whole"
    folder, plan = RunFolder(quick.root / "a/part"), replace(whole.plan, name="other")
    work = variants.beside(whole, folder, plan, "part")
    assert folder.path.is_dir()
    assert (work.run, work.stack_folder.name) == (folder, "other-toy-part")
    # The base is the same, and nothing else is taken over.
    assert work.outcomes == {"fetch": whole.outcome(stages.FETCH)}
    variants.beside(whole, folder, plan, "part")  # it is there already


def test_a_variant_has_what_is_not_left_out(quick: QuickRun) -> None:
    part = part_of(quick, 2)
    assert (part.left_out, part.notes, part.built) == ((), (), True)
    assert quick.made == [{"b", "1", "2", "d", "t"}]
    (kept,) = [one for one in part.work.stack.series if one.name == "toys"]
    assert len(kept.patches) == 2
    assert part.work.run.load("series", stages.SERIES.adapter) == part.work.stack
    assert [one.name for one in part.work.outcome(stages.INSTALL).programs] == ["ping", "pong"]


def test_the_base_has_neither_the_series_nor_what_requires_it(quick: QuickRun) -> None:
    part = part_of(quick, 0)
    assert part.left_out == ("toys", "driver")
    assert part.notes == ("driver is left out, as it requires the series",)
    assert quick.made == [{"b", "t"}]


def test_what_is_not_worth_it_is_not_built(quick: QuickRun) -> None:
    part = part_of(quick, 2, worth=False)
    assert (part.built, quick.made) == (False, [])
    assert len(part.work.outcome(stages.APPLY).patches) == 5


def test_it_is_made_with_what_applies_and_builds(quick: QuickRun) -> None:
    def says(titles: frozenset[str]) -> dict[str, str]:
        if "t" in titles:
            raise conflict("top")
        if "d" in titles:
            raise CheckFailed("it does not build")
        return {"ping": GOOD}

    quick.says = says
    part = part_of(quick, 1)
    assert part.left_out == ("top", "driver")
    assert part.notes == (
        "top is left out: it does not apply",
        "driver is left out: with it: it does not build",
    )
    assert quick.made == [{"b", "1", "d"}, {"b", "1"}]
    with pytest.raises(PatchConflict):
        part_of(quick, 3)
