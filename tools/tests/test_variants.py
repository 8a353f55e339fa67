# SPDX-License-Identifier: GPL-2.0
"""What is left out of a stack whose series under test is cut."""

from __future__ import annotations

from typing import Any, cast

import pytest

from kseries.apply.conflict import PatchConflict
from kseries.lib.errors import CheckFailed
from kseries.model import AppliedPatch, PatchState, Stack
from kseries.run import pipeline, variants
from kseries.run.variants import _Maker
from tests.test_variant import STACK

# On top of "toys" are "driver", "beside" and "tests"; of these all but "beside" require it.
NOTHING = cast("Any", None)


def conflict(series: str) -> PatchConflict:
    states = ((("prep"), PatchState.APPLIED), (series, PatchState.CONFLICT))
    patches = tuple(AppliedPatch(name, 1, "t", "", state) for name, state in states)
    return PatchConflict("it does not apply", where="", do="", patches=patches)


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
    ("series", "out"), [("driver", ("driver", "tests")), ("beside", ("beside",))]
)
def test_what_does_not_apply_is_left_out_with_what_requires_it(
    series: str, out: tuple[str, ...]
) -> None:
    maker = made(2)
    maker.leave_out(conflict(series))
    assert maker._out == out
    assert maker._notes == [f"{name} is left out: it does not apply" for name in out]
    # The next one comes beside it, and none twice.
    maker.leave_out(conflict("tests" if series == "beside" else "beside"))
    assert set(maker._out) == {*out, "tests", "beside"}
    assert len(maker._out) == len(set(maker._out)) == len(maker._notes)


@pytest.mark.parametrize("series", ["prep", "toys"])
def test_what_does_not_apply_below_is_the_answer(series: str) -> None:
    error = conflict(series)
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
    assert variants.MADE == (pipeline.CONFIG, pipeline.BUILD, pipeline.INSTALL)
