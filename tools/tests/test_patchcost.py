# SPDX-License-Identifier: GPL-2.0
"""A kernel for each patch, measured one by one, on the toy kernel: real git, real make.

What stands for a guest reads the image: the word costs-N makes its path dearer by N instructions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from kseries.bench.cost import LostPath, PathCost
from kseries.bench.document import BENCH, Bench
from kseries.cli import benchrun
from kseries.lib.errors import Interrupted
from kseries.lib.runfolder import RunFolder
from kseries.model import Kernel
from kseries.run import patchcost
from kseries.run.context import RunContext
from kseries.run.patchcost import Asked
from tests.toymachine import CORE, Toys, set_up_toys

FINE = "return budget;"
BROKEN = "return budgett;"


class ByWords:
    """Measures by the words in the image. asked: those that were measured, in their order."""

    key = "words"
    paths = ("epoll",)
    asked: list[str]
    ends: int  # after so many

    def __init__(self, work: RunContext, asked: Asked) -> None:
        del work
        self._seeds = asked.seeds

    def __call__(self, folder: RunFolder, kernel: Kernel) -> tuple[PathCost | LostPath, ...]:
        if len(ByWords.asked) == ByWords.ends:
            ByWords.ends = -1
            raise Interrupted("interrupted")
        ByWords.asked.append(folder.name)
        image = kernel.image.read_bytes()
        if b"loses " in image:
            return (LostPath("epoll", "it hangs"),)
        more = sum(map(int, re.findall(rb"costs-(\d+) ", image)))
        has_nic = b"nic " in image
        costs = tuple(1_000_000 * (1 + has_nic) + more + 3 * seed for seed in self._seeds)
        return (PathCost("epoll", "byte", 1000, costs, {"recv": 1000 + more}),)


@pytest.fixture
def toys(tmp_path: Path, toy_kernel: Path, monkeypatch: pytest.MonkeyPatch) -> Toys:
    monkeypatch.setattr(patchcost, "InGuests", ByWords)
    ByWords.asked, ByWords.ends = [], -1
    return set_up_toys(tmp_path, toy_kernel, monkeypatch)


def bench(
    toys: Toys, capsys: pytest.CaptureFixture[str], *words: str, code: int = 0
) -> tuple[Bench, str]:
    assert toys.kseries("bench", "--rebuilds", "2", "epoll-prompt", *words) == code
    run = RunFolder((toys.toyproject.root / "out/runs/latest").resolve())
    found = benchrun.kept(run)
    assert found is not None
    return found, capsys.readouterr().out


def order(bench: Bench) -> list[tuple[str, int]]:
    assert bench.patches is not None
    return [(one.kind, one.patch) for one in bench.patches.built]


def pinned(bench: Bench) -> list[tuple[int, Sequence[str]]]:
    assert bench.patches is not None
    return [(f.patch, [g.function for g in f.functions]) for f in bench.patches.findings]


def test_the_patch_that_makes_a_path_dearer_is_pinned(
    toys: Toys, capsys: pytest.CaptureFixture[str]
) -> None:
    toys.words("toys", "one", "costs-9000", "three")
    toys.words("nic", "nic", place="top")
    toys.stack("toys", "nic", under_test="toys")
    found, out = bench(toys, capsys, "--each-patch")
    assert order(found) == [
        ("patch", 3),
        ("rebuild", 3),
        ("rebuild", 3),
        ("patch", 2),
        ("patch", 1),
        ("patch", 0),
    ]
    assert pinned(found) == [(2, ["recv"])]
    # The base has what stands on top of the series, so that it is the same device.
    assert found.patches is not None
    assert found.patches.below == ("nic",)
    assert {one.paths[0].cost // 2_000_000 for one in found.patches.built} == {1}
    assert "patch 2 of 3, 'toys: change net/core.c': epoll is 0.450 % dearer" in out
    run = toys.toyproject.root / "out/runs/latest"
    assert (run / "bench.txt").read_text() in out
    assert "0.450 % dearer" in (run / "bench.html").read_text()
    assert BENCH.validate_json((run / "bench.json").read_bytes()) == found
    code = toys.kseries("bench", "--show", "latest", "--json")
    told = json.loads(capsys.readouterr().out)
    assert (code, told["patches"]["findings"][0]["patch"]) == (0, 2)


def test_a_session_that_was_ended_tells_what_is_known_and_goes_on_with_the_rest(
    toys: Toys, capsys: pytest.CaptureFixture[str]
) -> None:
    toys.words("toys", "one", "costs-9000", "three")
    toys.stack("toys", under_test="toys")
    ByWords.ends = 5
    found, out = bench(toys, capsys, "--each-patch", code=3)
    assert order(found)[-2:] == [("patch", 2), ("patch", 1)]
    assert pinned(found) == [(2, ["recv"])]
    assert "5 of 6 kernels measured" in out
    assert ByWords.asked == ["3", "rebuild-1", "rebuild-2", "2", "1"]
    assert toys.kseries("bench", "--resume", "latest") == 0
    assert ByWords.asked[5:] == ["0"]
    assert "6 of 6 kernels measured" in capsys.readouterr().out
    # Another series in its place is measured anew.
    assert toys.kseries("bench", "--resume", "latest") == 0
    assert len(ByWords.asked) == 6


def test_a_patch_that_does_not_build_is_passed_over(
    toys: Toys, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [(CORE, FINE, BROKEN), (CORE, BROKEN, FINE), (CORE, FINE, f"{FINE} /* 3 */")]
    toys.toyproject.series("toys", *words)
    toys.stack("toys", under_test="toys")
    found, out = bench(toys, capsys, "--each-patch")
    assert found.patches is not None
    assert [one.patch for one in found.patches.built if one.why] == [1]
    assert re.search(r"^   1 toys: change net/core.c +not built$", out, re.MULTILINE)
    assert found.patches.findings == ()


def test_what_does_not_apply_to_the_base_is_left_out(
    toys: Toys, capsys: pytest.CaptureFixture[str]
) -> None:
    toys.words("toys", "one", "two")
    toys.words("more", "more", upon="toys")
    toys.words("nic", "nic", place="top")
    toys.stack("toys", "more", "nic", under_test="toys")
    found, out = bench(toys, capsys, "--each-patch")
    assert found.patches is not None
    assert found.patches.below == ("nic",)
    assert "more is left out, as it does not apply to the base" in out


def test_a_path_that_is_lost_is_told_and_costs_the_exit_code(
    toys: Toys, capsys: pytest.CaptureFixture[str]
) -> None:
    toys.words("toys", "loses", "two")
    toys.stack("toys", under_test="toys")
    _, out = bench(toys, capsys, "--each-patch", code=3)
    assert "lost, after patch 1: epoll: it hangs" in out


def test_a_stack_without_a_series_under_test_is_refused(
    toys: Toys, capsys: pytest.CaptureFixture[str]
) -> None:
    toys.words("toys", "one", "two")
    toys.stack("toys", under_test="")
    assert toys.kseries("bench", "--each-patch") == 2
    assert "no series under test" in capsys.readouterr().err


def test_a_stack_without_the_program_is_refused(
    toys: Toys, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.chdir(toys.toyproject.root)
    toys.words("toys", "one", "two")
    toys.stack("toys", under_test="toys")
    status, out = toys.toyproject.kseries("bench", "--each-patch")
    assert status == 2
    assert "There is no program to measure with" in out
    del capsys


def test_the_session_that_was_begun_last_is_gone_on_with(
    toys: Toys, capsys: pytest.CaptureFixture[str]
) -> None:
    toys.words("toys", "one", "two")
    toys.stack("toys", under_test="toys")
    bench(toys, capsys, "--each-patch")
    # The other one has no program here, which is told after it has begun.
    assert toys.kseries("bench", "--run", "latest") == 2
    assert toys.kseries("bench", "--resume", "latest") == 2
    assert "There is no program to measure with" in capsys.readouterr().err
    assert len(ByWords.asked) == 5
