# SPDX-License-Identifier: GPL-2.0
"""The base without the series: made once, kept, compared with. Real git, make and tests."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from kseries.errors import InfraError, Interrupted
from kseries.model import Baseline
from kseries.pipeline import Work
from tests.desk import git
from tests.toymachine import CORE, Toys, set_up_toys

PING = "netdevsim/ping.py"


@pytest.fixture
def toys(tmp_path: Path, toy_kernel: Path, monkeypatch: pytest.MonkeyPatch) -> Toys:
    return set_up_toys(tmp_path, toy_kernel, monkeypatch)


def effects(toys: Toys) -> dict[str, str]:
    against: dict[str, Any] = toys.desk.latest()["baseline"]
    return {test["test"]: test["effect"] for test in against["tests"]}


def kept(toys: Toys) -> list[Path]:
    return sorted((toys.desk.root.parent / "cache/kseries/baselines").glob("*.json"))


def test_what_the_series_broke_decides_and_the_base_is_tested_once(toys: Toys) -> None:
    toys.words("below", "b-fails", slot="below")
    toys.words("toys", "fine", "a-fails", "with-c")
    toys.stack("below", "toys", under_test="toys")
    assert toys.kseries("run") == 1
    assert effects(toys) == {
        f"{PING}: a": "broke",
        f"{PING}: b": "broken before",
        f"{PING}: c": "added",
    }
    (reason,) = toys.desk.latest()["reasons"]
    assert reason == f"{PING} failed: a"
    assert not toys.desk.latest()["baseline"]["kept"]
    assert len(kept(toys)) == 1
    evidence = toys.desk.root / "out/runs/latest/baseline"
    assert "not ok 2 b" in (evidence / "tests/netdevsim/ping.py.log").read_text()
    assert (evidence / "build.log").is_file()
    # Again: what is kept is used, and of the base nothing is built or booted.
    boots = toys.boots
    assert toys.kseries("run", "--until", "test") == 1
    with_series = toys.boots - boots
    boots = toys.boots
    assert toys.kseries("run") == 1
    assert toys.boots - boots == with_series
    assert toys.desk.latest()["baseline"]["kept"]
    assert (toys.desk.root / "out/runs/latest/baseline/baseline.json").is_file()
    assert len(kept(toys)) == 1


def test_broken_before_alone_passes(toys: Toys) -> None:
    toys.words("below", "a-fails", "b-warns", slot="below")
    toys.words("toys", "fine")
    toys.stack("below", "toys", under_test="toys")
    assert toys.kseries("run") == 0
    document = toys.desk.latest()
    assert (document["verdict"], document["reasons"]) == ("pass", [])
    assert effects(toys) == {f"{PING}: a": "broken before"}
    assert document["baseline"]["events_before"] == list(range(len(document["events"])))
    assert document["events"]
    # Without the comparison, all of it counts.
    assert toys.kseries("run", "--no-baseline") == 1
    assert "baseline" not in toys.desk.states()
    assert toys.desk.latest()["baseline"] is None


def test_what_the_series_mends_and_what_it_takes_away(toys: Toys) -> None:
    toys.change_base("below:", "below: b-fails")
    toys.desk.series("toys", (CORE, "toys:", "toys: no-a "), (CORE, "below: b-fails", "below:"))
    toys.stack("toys", under_test="toys")
    assert toys.kseries("run") == 1
    assert effects(toys) == {f"{PING}: a": "broke", f"{PING}: b": "fixed"}
    assert toys.desk.latest()["reasons"] == [
        f"{PING} passes on the base and has no result with the series: a"
    ]


def test_series_that_need_the_one_under_test_are_no_part_of_the_base(toys: Toys) -> None:
    toys.words("below", "fine", slot="below")
    toys.words("toys", "with-c")
    folder = toys.words("top", "fine", slot="top")
    (folder / "series.toml").write_text('requires = ["toys"]\n')
    toys.words("higher", "fine", upon="toys")  # it says nothing, and does not apply
    toys.stack("below", "toys", "top", "higher", under_test="toys")
    assert toys.kseries("run") == 0
    assert toys.desk.latest()["baseline"]["left_out"] == ["toys", "top", "higher"]
    base = Baseline(**json.loads(kept(toys)[0].read_text()))
    assert list(base.series) == ["below"]
    (tree,) = (toys.desk.root / "out/trees").glob("*-baseline")
    assert git(tree, "rev-parse", "HEAD").strip() == base.head


def test_the_base_is_shared_by_series_and_clones(
    toys: Toys, monkeypatch: pytest.MonkeyPatch
) -> None:
    toys.words("toys", "fine")
    toys.words("others", "a-fails")
    toys.stack("toys", under_test="toys")
    assert toys.kseries("run") == 0
    assert toys.kseries("run", "--series", "others", "--stack", "zcrx-v7", "--trusted") == 1
    against = toys.desk.latest()["baseline"]
    assert against["kept"]
    assert against["left_out"] == ["others"]  # and not what it was made without
    clone = toys.desk.root.with_name("clone")
    shutil.copytree(toys.desk.root, clone, ignore=shutil.ignore_patterns("out"))
    monkeypatch.setenv("KSERIES_ROOT", str(clone))
    assert toys.kseries("run") == 0
    assert len(kept(toys)) == 1
    # Another config is another base, and so is another patch below.
    toys.desk.write("configs/more.config", "CONFIG_NETDEVSIM=y\n")
    monkeypatch.setenv("KSERIES_ROOT", str(toys.desk.root))
    assert toys.kseries("run", "--config", "more") == 0
    assert len(kept(toys)) == 2
    toys.words("below", "fine", slot="below")
    toys.stack("below", "toys", under_test="toys")
    assert toys.kseries("run") == 0
    assert len(kept(toys)) == 3


def test_some_tests_use_what_is_kept_and_make_nothing(toys: Toys) -> None:
    toys.words("toys", "with-c")
    toys.change_base("below:", "below: a-fails")
    toys.stack("toys", under_test="toys")
    assert toys.kseries("run", "-k", "ping") == 1
    (note,) = [note for note in toys.desk.latest()["notes"] if "not compared" in note]
    assert "every failure counts as the series' own: none is kept" in note
    assert kept(toys) == []
    assert toys.kseries("run") == 0
    assert toys.kseries("run", "-k", "ping") == 0
    # What was not asked for is not gone.
    assert toys.kseries("run", "-k", "peer") == 0
    assert effects(toys) == {}


def test_a_tree_without_a_series_under_test(toys: Toys) -> None:
    assert toys.kseries("run", "--tree", str(toys.desk.kernel), "--trusted") == 0
    told = "there is nothing to compare with: the stack has no series under test"
    assert told in toys.desk.latest()["notes"]
    assert toys.desk.states()["baseline"] == "done"


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ('";\nint x = nothing; const char y[] = "', "does not build"),
        (" no-boot ", "did not boot"),
    ],
)
def test_a_base_that_cannot_be_tested_excuses_nothing(broken: str, told: str, toys: Toys) -> None:
    toys.change_base("below:", f"below:{broken}")
    toys.desk.series("toys", (CORE, f"below:{broken}", "below: a-fails "))
    toys.stack("toys", under_test="toys")
    assert toys.kseries("run") == 1
    document = toys.desk.latest()
    (note,) = [note for note in document["notes"] if "not compared" in note]
    assert told in note
    assert document["baseline"] is None
    assert document["reasons"] == [f"{PING} failed: a"]
    assert kept(toys) == []


def test_a_lost_machine_leaves_no_baseline(toys: Toys, monkeypatch: pytest.MonkeyPatch) -> None:
    toys.words("toys", "fine")
    toys.stack("toys", under_test="toys")
    ended_at_the_base(toys, monkeypatch, InfraError("The disk is gone."))
    assert toys.kseries("run") == 0
    (note,) = [note for note in toys.desk.latest()["notes"] if "not compared" in note]
    assert "The disk is gone." in note
    assert kept(toys) == []


def test_ended_while_the_base_is_tested_the_run_goes_on(
    toys: Toys, monkeypatch: pytest.MonkeyPatch
) -> None:
    toys.words("toys", "fine")
    toys.stack("toys", under_test="toys")
    ended_at_the_base(toys, monkeypatch, Interrupted("SIGTERM"))
    assert toys.kseries("run") == 3
    assert toys.desk.states()["baseline"] == "interrupted"
    assert kept(toys) == []
    assert toys.kseries("run", "--resume", "latest") == 0
    assert toys.desk.states()["baseline"] == "done"
    assert len(kept(toys)) == 1


def ended_at_the_base(toys: Toys, monkeypatch: pytest.MonkeyPatch, ends: BaseException) -> None:
    """Have the first machine for the base end like this."""
    given = Work.target
    left = [ends]

    def target(work: Work, *of: Any) -> Any:
        if work.room and left:
            raise left.pop()
        return given(work, *of)

    monkeypatch.setattr(Work, "target", target)


def test_symbols_of_the_series_are_not_promised_on_the_base(toys: Toys) -> None:
    toys.desk.series(
        "toys",
        ("net/Kconfig", "config PAGE_POOL\n", 'config TOYS\n\tbool "toys"\n\nconfig PAGE_POOL\n'),
    )
    toys.desk.write("configs/toys.config", "CONFIG_TOYS=y\n")
    toys.stack("toys", under_test="toys", config='"base", "toys"')
    assert toys.kseries("run") == 0
    assert toys.desk.latest()["baseline"] is not None
    # One that the tree has, and does not give, is in the way of the run, and no fault of the series.
    toys.desk.write("configs/toys.config", "CONFIG_TOYS=y\nCONFIG_PAGE_POOL=y\n")
    assert toys.kseries("run") == 2


def test_what_is_kept_and_cannot_be_read_is_made_again(toys: Toys) -> None:
    toys.words("toys", "fine")
    toys.stack("toys", under_test="toys")
    assert toys.kseries("run") == 0
    (file,) = kept(toys)
    file.write_text("{")
    assert toys.kseries("run") == 0
    assert not toys.desk.latest()["baseline"]["kept"]
    assert json.loads(file.read_text())["series"] == []
