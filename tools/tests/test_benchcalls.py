# SPDX-License-Identifier: GPL-2.0
"""Who called whom, out of the plugin's lines; and the pictures that are made of it."""

from __future__ import annotations

import pytest

from kseries.bench import calls, counts
from kseries.bench.calls import Unreadable
from kseries.bench.model import Call
from kseries.report import flame

ROOTS = {"user": "receiver", "syscall": "receiver", "softirq": "softirq"}


def rooted(column: str, path: calls.Path) -> calls.Path | None:
    polls = ("poll",) if column == "softirq" else ()
    return (ROOTS[column], *calls.from_first(path, polls)) if column in ROOTS else None


def read(text: str) -> tuple[Call, ...]:
    return calls.read([line.split() for line in text.splitlines()], rooted)


def test_each_call_has_what_it_costs_with_all_below_the_dearest_first() -> None:
    found = read(
        "node 1 0 main\nspent user 10\nnode 2 1 recv\nspent syscall 100\n"
        "node 3 2 copy\nspent syscall 300\nnode 4 1 wait\nspent syscall 500\n"
    )
    assert found == (
        Call(-1, "receiver", 910),
        Call(0, "main", 910),
        Call(1, "wait", 500),
        Call(1, "recv", 400),
        Call(3, "copy", 300),
    )


def test_a_poll_is_a_root_of_its_own_whatever_it_interrupted() -> None:
    found = read(
        "node 1 0 main\nspent user 10\nnode 2 1 softirq\nspent shared 7\n"
        "node 3 2 poll\nspent softirq 20\n"
        "node 4 0 other\nspent sender 1000\nnode 5 4 poll\nspent softirq 30\n"
        "node 6 5 rx\nspent softirq 5\n"
    )
    assert found == (
        Call(-1, "softirq", 55),
        Call(0, "poll", 55),
        Call(1, "rx", 5),
        Call(-1, "receiver", 10),
        Call(3, "main", 10),
    )


def test_what_costs_little_is_its_callers() -> None:
    found = read("node 1 0 main\nspent user 998\nnode 2 1 little\nspent user 2\n")
    assert found == (Call(-1, "receiver", 1000), Call(0, "main", 1000))
    assert read("") == ()


def test_a_call_without_a_caller_is_refused() -> None:
    with pytest.raises(Unreadable, match="the call of f has no caller"):
        read("node 5 4 f\n")
    text = "segment\nnode 5 4 f\nfaults 0\ntotal 0\n"
    with pytest.raises(counts.Incomplete, match="the call of f has no caller"):
        counts.read(text)


CALLS = (
    Call(-1, "receiver", 750),
    Call(0, "main", 750),
    Call(1, "recv", 500),
    Call(1, "wait", 150),
    Call(-1, "softirq", 250),
)


def test_a_box_stands_upon_its_caller_and_is_as_wide_as_what_it_costs() -> None:
    made = flame.make("zcrx, late", CALLS, ("recv",), 11)
    assert made is not None
    assert made.height == 3 * flame.ROW
    assert [(box.x, box.width) for box in made.boxes] == [
        (0.0, 750.0),
        (0.0, 750.0),
        (0.0, 500.0),
        (500.0, 150.0),
        (750.0, 250.0),
    ]
    assert [box.y / flame.ROW for box in made.boxes] == [2, 1, 0, 0, 2]
    assert [box.colour for box in made.boxes] == [11, 11, 0, 11, 11]
    assert made.boxes[0].label == "the receiver's program"
    assert made.boxes[2].share == 50.0


def test_a_name_is_cut_where_there_is_no_room_for_it() -> None:
    calls_ = (Call(-1, "receiver", 1000), Call(0, "a_name_of_some_length", 100), Call(0, "b", 5))
    made = flame.make("", calls_, (), 0)
    assert made is not None
    assert [box.label for box in made.boxes[1:]] == ["a_name_of_som…", ""]


def test_without_calls_there_is_no_picture() -> None:
    assert flame.make("", (), (), 0) is None
