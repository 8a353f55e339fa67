# SPDX-License-Identifier: GPL-2.0
"""A stack cut to the first patches of its series under test."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kseries.model import Baseline, LocalSource, NamedSource, Patch, Series, Stack
from kseries.stacks.variant import above, beneath, cut, lacking, needing


def series(name: str, patches: int, *requires: str) -> Series:
    made = tuple(
        Patch(number, f"{name} {number}", "", "", Path(), "") for number in range(1, patches + 1)
    )
    return Series(name, name, "", 1, patches, "", requires, (), made, "")


STACK = Stack(
    name="st",
    source=NamedSource("toy", LocalSource("local", Path())),
    series=(
        series("prep", 2),
        series("toys", 3, "prep"),
        series("driver", 1, "toys"),
        series("beside", 1, "prep"),
        series("tests", 1, "driver"),
    ),
    under_test="toys",
    fragments=(),
    suites=(),
)


def shape(stack: Stack) -> dict[str, int]:
    return {one.name: len(one.patches) for one in stack.series}


def test_what_needs_the_series_needs_it_through_others_too() -> None:
    assert needing(STACK) == ("driver", "tests")
    assert needing(STACK, "driver") == ("tests",)
    assert above(STACK) == ("driver", "beside", "tests")
    # Where another series takes its place, what needs the old one needs it.
    other = replace(STACK, series=(STACK.series[0], series("v8", 2), *STACK.series[2:]))
    assert needing(replace(other, under_test="v8")) == ()
    instead = replace(other, under_test="v8", replaces="toys")
    assert needing(instead) == ("driver", "tests")
    assert needing(instead, "driver") == ("tests",)
    assert needing(instead, "beside") == ()


def test_the_base() -> None:
    base = cut(STACK, 0, needing(STACK))
    assert shape(base) == {"prep": 2, "beside": 1}
    assert not base.whole


def test_the_first_patches() -> None:
    part = cut(STACK, 2)
    assert shape(part) == {"prep": 2, "toys": 2, "driver": 1, "beside": 1, "tests": 1}
    assert [patch.index for patch in part.series[1].patches] == [1, 2]
    assert not part.whole
    assert shape(cut(STACK, 2, ["tests"])) == {"prep": 2, "toys": 2, "driver": 1, "beside": 1}


def test_all_of_it_is_the_stack() -> None:
    assert cut(STACK, 3) == STACK
    assert STACK.whole
    # What is no whole stack becomes none, and without a series it is none any more.
    assert not cut(replace(STACK, whole=False), 3).whole
    assert not cut(STACK, 3, ["tests"]).whole


def test_what_a_baseline_has_not() -> None:
    base = Baseline("b" * 40, ("prep", "other", "beside"), "run", "now", (), (), ())
    assert lacking(STACK, base) == ("toys", "driver", "tests")


@pytest.mark.parametrize("patches", [-1, 4])
def test_no_other_number(patches: int) -> None:
    with pytest.raises(ValueError, match="of 3 patches"):
        cut(STACK, patches)


def test_what_stands_on_top_goes_below_in_its_order() -> None:
    tested = STACK.under_test
    names = [one.name for one in STACK.series if one.name != tested]
    put = beneath(STACK)
    assert [one.name for one in put.series] == [*names, tested]
    assert above(put) == ()
    assert not put.whole
    assert put.under_test == tested
    left_out = beneath(STACK, above(STACK)[:1])
    assert [one.name for one in left_out.series][-1] == tested
    assert set(names) - {one.name for one in left_out.series} == set(above(STACK)[:1])
    # The base has all of them.
    assert [one.name for one in cut(put, 0).series] == names
