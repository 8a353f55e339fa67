# SPDX-License-Identifier: GPL-2.0
"""Which patch makes a path dearer: the rule on counts made by hand; patches that change nothing."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from kseries.bench import answer as answers
from kseries.bench import cost, plan, rebuild, significance
from kseries.bench.answer import Receiver
from kseries.bench.cost import Built, Cost, Growth, PathCost
from kseries.bench.model import DMA, SENDER, SOFTIRQ, SYSCALL, Measurement, Row, Setup
from tests.test_benchreading import ANSWER

BASE = 3_000_000
PATCHES = 15
TITLES = tuple(f"net: change {n}" for n in range(1, PATCHES + 1))


def path(costs: Sequence[int], functions: dict[str, int] | None = None) -> PathCost:
    counts = functions or {"recv": min(costs)}
    return PathCost("epoll", "byte", 8 << 20, tuple(costs), counts)


def kernel(patch: int, of: PathCost | None, kind: cost.Kind = "patch", why: str = "") -> Built:
    title = TITLES[patch - 1] if patch else "the base"
    return Built(kind, patch, title, "head", "made of", (of,) if of else (), (), why)


def document(built: Sequence[Built]) -> Cost:
    return significance.judged(
        Cost("s", TITLES, ("epoll",), (1, 2, 3), ("nic",), tuple(built), PATCHES + 5)
    )


def wandering(chance: random.Random, about: float) -> tuple[int, ...]:
    """Give counts as real ones are: a few tens apart, now and then a few hundred."""
    return tuple(
        round(about) + chance.randrange(40) + (300 if chance.random() < 0.1 else 0)
        for _ in range(3)
    )


def session(chance: random.Random, dearer: int = 0, by: float = 0.0) -> Cost:
    """Give a series that changes nothing, but for what one patch adds."""

    def about(patch: int) -> float:
        return BASE * (1 + by * (0 < dearer <= patch))

    def made(patch: int) -> PathCost:
        return path(wandering(chance, about(patch)))

    built = [kernel(PATCHES, made(PATCHES))]
    built += [kernel(PATCHES, made(PATCHES), "rebuild") for _ in range(4)]
    built += [kernel(patch, made(patch)) for patch in range(PATCHES)]
    return document(built)


@pytest.mark.parametrize("seed", range(20))
def test_one_per_cent_is_pinned_to_its_patch_and_nothing_else_is_found(seed: int) -> None:
    chance = random.Random(seed)
    dearer = 1 + chance.randrange(PATCHES)
    (found,) = session(chance, dearer, 0.01).findings
    assert (found.patch, found.after, found.title) == (dearer, dearer - 1, TITLES[dearer - 1])
    assert found.change == pytest.approx(0.01, abs=0.0005)


@pytest.mark.parametrize("seed", range(20))
def test_what_changes_nothing_is_no_finding(seed: int) -> None:
    assert session(random.Random(100 + seed)).findings == ()


def test_the_limit_is_the_third_quartile_and_three_times_the_range() -> None:
    assert significance.differences([[100, 102], [100]]) == [0.0, 0.02]
    assert significance.differences([[100], [110], [121]]) == pytest.approx([0.1, 0.21, 0.1])
    assert significance.differences([[100, 200]]) == []  # of one kernel nothing is compared
    assert significance.spread([0.0, 0.1, 0.2, 0.3, 0.4]) == pytest.approx((0.1, 0.3, 0.9))


def test_a_change_is_found_beyond_the_limit_alone() -> None:
    rebuilt = [
        kernel(2, path([count]), "rebuild") for count in (100_000, 100_010, 100_020, 100_030)
    ]
    learned = document([kernel(2, path([100_000])), *rebuilt]).limits[0]
    assert learned.pairs == 10

    def after(count: int) -> tuple[cost.Finding, ...]:
        last = kernel(2, path([100_000]))
        steps = [last, *rebuilt, kernel(0, path([BASE])), kernel(1, path([count]))]
        return tuple(one for one in document(steps).findings if one.patch == 1)

    beyond = round(BASE * learned.fence)
    assert after(BASE + beyond - 1) == ()
    (dearer,) = after(BASE + beyond + 1)
    assert dearer.change > 0
    (cheaper,) = after(BASE - beyond - 1)
    assert cheaper.change < 0


def test_each_rebuild_is_judged_by_the_others() -> None:
    first = [kernel(1, path([1000 + n, 1002 + n])) for n in range(1)]
    rebuilt = [kernel(1, path([1000 + n, 1002 + n]), "rebuild") for n in range(4)]
    assert significance.mistaken(document([*first, *rebuilt])) == (0, 4)
    far = kernel(1, path([1100, 1101]), "rebuild")
    assert significance.mistaken(document([*first, *rebuilt, far])) == (1, 5)
    # Of so few nothing follows.
    assert significance.mistaken(document([*first, *rebuilt[:2]])) == (0, 0)


def test_where_nothing_differs_one_instruction_is_found() -> None:
    same = [kernel(1, path([500, 500]), kind) for kind in ("patch", "rebuild")]
    assert document([*same, kernel(0, path([500, 500]))]).findings == ()
    assert len(document([*same, kernel(0, path([499, 499]))]).findings) == 1


def test_nothing_is_found_before_something_was_learned() -> None:
    assert document([kernel(1, path([500])), kernel(0, path([400]))]).findings == ()
    one_pair = [kernel(1, path([500])), kernel(1, path([500]), "rebuild"), kernel(0, path([400]))]
    assert document(one_pair).limits == ()


def test_all_seeds_have_to_agree_and_the_median_one_is_told() -> None:
    same = [kernel(1, path([520, 500, 500]), kind) for kind in ("patch", "rebuild")]
    assert document([*same, kernel(0, path([480, 480, 500]))]).findings == ()
    (found,) = document([*same, kernel(0, path([400, 320, 400]))]).findings
    assert found.change == 0.25


def test_counts_are_apart_where_even_the_nearest_are() -> None:
    assert significance.apart([100, 110], [121, 133]) == pytest.approx(0.11)
    assert significance.apart([121, 133], [100, 110]) == pytest.approx(0.11)
    assert significance.apart([100, 120], [110, 130]) == 0.0
    assert significance.apart([0], [5]) == 5.0


def test_a_patch_that_does_not_build_is_passed_over_and_that_is_told() -> None:
    same = [kernel(3, path([500, 500]), kind) for kind in ("patch", "rebuild")]
    broken = kernel(1, None, why="it does not build")
    (found,) = document([*same, kernel(0, path([400])), broken, kernel(2, path([500]))]).findings
    assert (found.patch, found.after) == (2, 0)
    # What was not tried yet is no such gap.
    assert document([*same, kernel(0, path([400])), kernel(2, path([500]))]).findings == ()


def test_functions_that_wander_by_themselves_are_no_reason() -> None:
    before = {"recv": 1000, "lookup": 50, "gone": 7, "little": 5}
    after = {"recv": 1300, "lookup": 58, "new": 6, "little": 0}
    wander = {"lookup": 8, "recv": 299}
    assert significance.growths(before, after, wander) == (
        Growth("recv", 1000, 1300),
        Growth("gone", 7, 0),
        Growth("new", 0, 6),
    )


def test_a_finding_names_the_functions_that_grew() -> None:
    counts = [{"recv": 490, "hash": 10 + n} for n in (0, 3)]
    same = [
        kernel(1, path([501, 501], counts[0])),
        kernel(1, path([501, 501], counts[1]), "rebuild"),
    ]
    (found,) = document([*same, kernel(0, path([400], {"recv": 389, "hash": 11}))]).findings
    assert found.functions == (Growth("recv", 389, 490),)


def measurement(receiver: Receiver, syscall: int, **told: int) -> Measurement:
    rows = (
        Row(SYSCALL, "recv.isra.0", syscall),
        Row(SOFTIRQ, "recv", 5),
        Row(SENDER, "send", 100),
        Row(DMA, "copy", 7000),
    )
    answer = answers.read(json.dumps({**ANSWER, **told}))
    return Measurement(Setup(receiver, "prompt"), answer, rows, {}, 0)


def test_a_path_is_put_together_of_its_seeds() -> None:
    found = [measurement("udp", count, bytes=900, calls=30) for count in (40, 10, 20)]
    assert cost.of_measurements("udp", found) == PathCost(
        "udp", "datagram", 30, (45, 15, 25), {"recv": 25}
    )
    assert cost.of_measurements("epoll", [measurement("epoll", 40, bytes=900)]).units == 900


def test_who_asks_and_who_answers_are_told_together() -> None:
    found = cost.of_measurements("rr", [measurement("rr", 40, calls=3)])
    assert (found.unit, found.units, found.costs) == ("request", 3, (145,))
    assert found.functions == {"recv": 45, "send": 100}


def test_clones_of_a_function_are_that_function() -> None:
    names = ("f.isra.0", "f.constprop.0.isra.0", "f.part.3", "f.cold", "f")
    assert {cost._CLONE.sub("", name) for name in names} == {"f"}
    assert cost._CLONE.sub("", "f.isra_like") == "f.isra_like"


def test_the_paths_have_names_of_their_own_and_none_is_zero_copy_of_io_uring() -> None:
    for known in (plan.of_patches(), plan.all_of_patches()):
        names = [plan.path_name(setup) for setup in known]
        assert len(set(names)) == len(names)
        assert not any(name.startswith("zcrx") for name in names)
    assert [plan.path_name(setup) for setup in plan.of_patches()] == [
        "epoll",
        "uring",
        "epoll-zc",
        "rr",
        "udp",
    ]
    assert set(plan.of_patches()) < set(plan.all_of_patches())


def test_a_seed_gives_a_measurement_a_name_of_its_own() -> None:
    first = plan.of_patches()[0]
    names = {replace(first, seed=seed).name for seed in (0, *plan.SEEDS)}
    assert len(names) == 1 + len(plan.SEEDS)


# ---- counts of the default stack, on 30 November 2026

REAL = TypeAdapter(Cost).validate_json(
    (Path(__file__).parent / "data/bench/patches.json").read_bytes()
)


def dearer_from(patch: int, path_name: str, by: float) -> Cost:
    """Give the real counts with what one patch adds to a path."""

    def more(one: PathCost) -> PathCost:
        return replace(one, costs=tuple(round(count * (1 + by)) for count in one.costs))

    built = tuple(
        replace(
            kernel,
            paths=tuple(more(one) if one.path == path_name else one for one in kernel.paths),
        )
        if kernel.patch >= patch
        else kernel
        for kernel in REAL.built
    )
    return significance.judged(replace(REAL, built=built))


def test_no_kernel_that_was_built_anew_would_be_a_finding() -> None:
    wrong, tried = significance.mistaken(REAL)
    assert wrong == 0
    assert tried >= 4
    assert all(limit.fence < 0.002 for limit in significance.judged(REAL).limits)


@pytest.mark.parametrize("path_name", REAL.paths)
def test_one_per_cent_is_pinned_to_whichever_patch_it_is_added_to(path_name: str) -> None:
    known = {(one.path, one.patch) for one in significance.judged(REAL).findings}
    measured = [step.patch for step in REAL.steps()]
    for patch in (number for number in measured if number - 1 in measured):
        found = {
            (one.path, one.patch): one.change
            for one in dearer_from(patch, path_name, 0.01).findings
        }
        assert found.keys() - known == {(path_name, patch)} - known
        assert found[path_name, patch] == pytest.approx(0.01, abs=0.0015)


# ---- patches that change nothing

MAKEFILES = {
    "init/Makefile": "obj-y := main.o\n\ncflags := -O2",
    "net/ipv4/Makefile": (
        "# TCP/IP\nobj-y     := route.o \\\n\t     tcp_input.o udp.o\nobj-y += proc.o\n"
    ),
}


def test_rebuilds_differ_from_each_other() -> None:
    texts = {rebuild.patch(number, MAKEFILES.get) for number in range(1, 9)}
    assert len(texts) == 8


def test_a_rebuild_moves_functions_and_their_order() -> None:
    text = rebuild.patch(1, MAKEFILES.get)
    assert '+\tasm volatile(".skip 1104, 0x90");' in text
    assert "+obj-y += kseries_rebuild.o\n" in text
    assert "-obj-y     := route.o \\\n+obj-y     := udp.o tcp_input.o route.o \\\n" in text
    assert "proc.o\n+" not in text


def test_a_tree_without_such_files_gets_what_it_can_have() -> None:
    text = rebuild.patch(2, lambda _: None)
    assert text.count("diff --git") == 1
    other = rebuild.patch(2, {"net/ipv4/Makefile": "obj-m := x.o\n"}.get)
    assert "net/ipv4" not in other
