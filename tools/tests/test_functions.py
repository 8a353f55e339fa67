# SPDX-License-Identifier: GPL-2.0
"""The sets of functions that complaints pass over: each name by a function that is in it."""

from __future__ import annotations

import pytest

from kseries.parse import carriers, finders
from kseries.parse.functions import Functions, source_name
from tests.klogcases import FOLDER

LINES = [line.split() for line in (FOLDER / "functions.txt").read_text().splitlines()]
TOLD = {name: [f for head, *rest in LINES if head == name for f in rest] for name, *_ in LINES}
SETS = {
    "HELPERS": finders.HELPERS,
    "ABOVE": finders.FINDERS,
    "BOTTOM": finders.BOTTOM,
    "LOCKERS": carriers.LOCKERS,
    "STOPPERS": carriers.STOPPERS,
    "MAKERS": carriers.MAKERS,
    "ASSERTERS": carriers.ASSERTERS,
    "WAITS": carriers.WAITS,
    "ALLOCATORS": carriers.ALLOCATORS,
    "DISPATCHERS": carriers.DISPATCHERS,
}


@pytest.mark.parametrize("name", TOLD)
def test_the_functions_of_a_set(name: str) -> None:
    assert [each for each in TOLD[name] if each not in SETS[name]] == []


def test_those_above_are_not_helpers() -> None:
    """Where they are named, and not in a call trace, they have the fault."""
    assert [each for each in TOLD["ABOVE"] if each in finders.HELPERS] == []
    assert [each for each in TOLD["HELPERS"] if each not in finders.FINDERS] == []


def test_makers_are_lockers_and_stoppers_too() -> None:
    others = TOLD["LOCKERS"] + TOLD["STOPPERS"]
    assert [each for each in others if each not in carriers.MAKERS] == []


@pytest.mark.parametrize("name", SETS)
def test_no_name_is_without_a_function_of_its_own(name: str) -> None:
    names = SETS[name].names
    inherited = finders.HELPERS.names if name == "ABOVE" else ()
    told = [f for each in TOLD.values() for f in each]
    lonely = []
    for one in set(names) - set(inherited):
        others = Functions(*(other for other in names if other != one))
        if not any(each in Functions(one) and each not in others for each in told):
            lonely.append(one)
    assert lonely == []


@pytest.mark.parametrize(
    "name",
    [
        "foo_write",
        "memory_copy",
        "kasan",
        "copy_page_to_iter",
        "copy_to_urb",
        "get_user_pages",
        "entry_points_to_object",
        "bitmap_ip_add",
        "schedule_bh",
        "rcu_sync_dtor",
        "check_igot_inode",
        "lock_extent",
        "lock_two_directories",
        "prepare_to_wait",
        "add_wait_queue",
        "diet",
        "debug_vm_pgtable",
        "plist_check_head",
        "console_lock",
        "blk_mq_requeue_work",
        "dump_schedule",
        "watchdog_release",
        "atomic_open",
    ],
)
def test_functions_that_may_have_a_fault(name: str) -> None:
    assert name not in finders.FINDERS


def test_a_name_is_told_whatever_stands_around_it() -> None:
    functions = Functions("foo bar_*", "*_baz a*z *mid*")
    for symbol in ("foo", "__foo", "foo_noprof", "foo.isra.0", "__foo_noprof.constprop.0.cold"):
        assert symbol in functions, symbol
    for symbol in ("bar_", "bar_a_b", "_a_baz", "az", "abz", "amid_b", "mid"):
        assert symbol in functions, symbol
    for symbol in ("foo2", "a_foo", "bar", "baz", "abzc", "bmi", "foo.x", ""):
        assert symbol not in functions, symbol
    assert 3 not in functions
    assert "" not in Functions("foo")
    assert "" not in Functions()


def test_the_name_in_the_source() -> None:
    suffixes = ("", ".isra.0", ".part.0.cold", ".llvm.123", ".lto_priv.0", ".constprop.0.isra.0")
    for suffix in suffixes:
        assert source_name(f"foo{suffix}") == "foo"
    for symbol in ("foo.islands", "foo.partial", "foo.0", "foo_isra"):
        assert source_name(symbol) == symbol
