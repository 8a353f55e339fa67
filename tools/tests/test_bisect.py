# SPDX-License-Identifier: GPL-2.0
"""The command bisect on the toy kernel: real git, real make, tests that look into the image."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kseries.errors import Interrupted
from kseries.model import EventKind, KernelEvent, RunResult, TestOutcome
from kseries.results import klog
from kseries.results.bisection import Seen, Sought
from kseries.results.sighting import find_line, seen
from tests.toymachine import CORE, Toys, set_up_toys

PING = "netdevsim/ping.py"


@pytest.fixture
def toys(tmp_path: Path, toy_kernel: Path, monkeypatch: pytest.MonkeyPatch) -> Toys:
    return set_up_toys(tmp_path, toy_kernel, monkeypatch)


def latest(toys: Toys) -> Path:
    return (toys.desk.root / "out/runs/latest").resolve()


def found(toys: Toys) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((latest(toys) / "bisect.json").read_text())
    return told


def answers(toys: Toys) -> dict[int, str]:
    told = found(toys)
    return {
        step["patches"]: answer for step, answer in zip(told["steps"], told["answers"], strict=True)
    }


def test_the_first_bad_patch_is_found_with_its_evidence(
    toys: Toys, capsys: pytest.CaptureFixture[str]
) -> None:
    toys.words("toys", "one", "two", "three", "a-fails", "five", "six")
    toys.stack("toys", under_test="toys")
    assert toys.kseries("bisect", f"{PING}: a") == 0
    output = capsys.readouterr()
    told = found(toys)
    assert (told["conclusion"], told["first"], told["last"]) == ("found", 4, 4)
    assert (told["sought"]["program"], told["sought"]["case"]) == (PING, "a")
    assert answers(toys)[4] == "bad"
    assert answers(toys)[3] == "good"
    line = f"FOUND  {PING}: a: goes wrong with patch 4 of 6 of toys, 'toys: change net/core.c'.\n"
    assert line in output.out
    assert f"commit {told['commits'][3][:12]}" in output.out
    run = latest(toys)
    assert "not ok 1 a" in (run / "steps/4/run-2/tests/netdevsim/ping.py.log").read_text()
    assert (run / "steps/4/build.log").is_file()
    assert toys.desk.latest()["exit_code"] == 0
    assert "./nox -s bisect -- 'netdevsim/ping.py: a'" in (run / "reproduce.sh").read_text()
    # Each answer took two machines, and only TEST ran in them.
    assert len(toys.machines) == 2 * len(told["steps"])
    assert not list(run.glob("steps/*/run-*/tests/netdevsim/queues.py.log"))


def test_ended_it_goes_on_with_what_is_missing(
    toys: Toys, capsys: pytest.CaptureFixture[str]
) -> None:
    toys.words("toys", "one", "a-fails", "three")
    toys.stack("toys", under_test="toys")
    toys.ends_after(3, Interrupted("SIGTERM"))
    assert toys.kseries("bisect", "ping.py: a") == 3
    assert "kseries bisect --resume" in capsys.readouterr().err
    assert toys.desk.states()["bisect"] == "interrupted"
    before = len(toys.machines)
    assert before == 3
    kept = (latest(toys) / "steps/3/step.json").stat().st_mtime_ns
    assert toys.kseries("bisect", "--resume", "latest") == 0
    assert found(toys)["first"] == 2
    assert (latest(toys) / "steps/3/step.json").stat().st_mtime_ns == kept
    assert len(toys.machines) == 2 * len(found(toys)["steps"])
    # Once more there is nothing left to do.
    assert toys.kseries("bisect", "--resume", "latest") == 0
    assert len(toys.machines) == 2 * len(found(toys)["steps"])


def test_what_does_not_build_is_stepped_around_and_named(
    toys: Toys, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = '";\nint x = nothing; const char y[] = "'
    toys.desk.series(
        "toys",
        (CORE, "toys:", "toys: one "),
        (CORE, "toys: one ", f"toys: one {broken}"),
        (CORE, f"{broken}", f" a-fails {broken}"),
        (CORE, broken, ""),
        (CORE, "top:", "top: five "),
    )
    toys.stack("toys", under_test="toys")
    assert toys.kseries("bisect", f"{PING}: a") == 0
    told = found(toys)
    assert (told["conclusion"], told["first"], told["last"]) == ("one of several", 2, 4)
    assert {n for n, answer in answers(toys).items() if answer == "cannot be tested"} == {2, 3}
    output = capsys.readouterr().out
    assert "goes wrong with one of patches 2 to 4 of 5 of toys" in output
    assert "nothing" in next(step["lack"] for step in told["steps"] if step["patches"] == 2)
    assert (latest(toys) / "steps/2/error.txt").is_file()


def test_a_test_that_comes_with_the_series(toys: Toys, capsys: pytest.CaptureFixture[str]) -> None:
    place = "tools/testing/selftests/drivers/net/queues.py"
    script = (toys.desk.kernel / place).read_text()
    toys.change_base("below:", "below: b-fails ")
    toys.remove(place)
    toys.words("toys", "one", "two", "three")
    toys.add_to("toys", place, script.replace("ok 1", "not ok 1"))
    toys.stack("toys", under_test="toys")
    assert toys.kseries("bisect", "netdevsim/queues.py: fine") == 0
    assert found(toys)["first"] == 4
    assert "Before it the test is not there yet." in capsys.readouterr().out
    # The steps without the test were not even built.
    assert [p.parent.name for p in latest(toys).glob("steps/*/build.json")] == ["4"]


@pytest.mark.parametrize(
    ("words", "base", "conclusion", "told"),
    [
        (("one", "two"), "", "not broken", "not broken with the whole series, in 5 runs"),
        (("one", "two"), " a-fails ", "broken before", "broken on the base already"),
        (("one", "a-flaky"), "", "flaky", "comes and goes; first seen with patch 2 of 2"),
    ],
)
def test_there_is_no_first_bad_patch(
    words: tuple[str, ...],
    base: str,
    conclusion: str,
    told: str,
    toys: Toys,
    capsys: pytest.CaptureFixture[str],
) -> None:
    toys.change_base("below:", f"below:{base} ")
    toys.words("toys", *words)
    toys.stack("toys", under_test="toys")
    assert toys.kseries("bisect", f"{PING}: a") == 1
    assert found(toys)["conclusion"] == conclusion
    assert told in capsys.readouterr().out
    assert toys.desk.states()["bisect"] == "failed"
    assert toys.desk.latest()["exit_code"] == 1


def test_a_line_of_the_kernel_log_of_an_earlier_run(toys: Toys) -> None:
    toys.words("toys", "one", "two", "b-warns", "four")
    toys.stack("toys", under_test="toys")
    assert toys.kseries("run", "--no-baseline") == 1
    said = "WARNING: CPU: 1 PID: 99 at net/core.c:99 net_poll+0x5/0x6"
    assert toys.kseries("bisect", "--log", said) == 0
    told = found(toys)
    assert (told["conclusion"], told["first"]) == ("found", 3)
    assert told["sought"]["program"] == PING
    # Without a run that tells, all tests run.
    assert toys.kseries("bisect", "--log", "at net/core", "--stack", "zcrx-v7") == 0
    assert (found(toys)["first"], found(toys)["sought"]["program"]) == (3, "")


def test_series_on_top_that_do_not_fit_are_left_out_and_named(
    toys: Toys, capsys: pytest.CaptureFixture[str]
) -> None:
    toys.words("toys", "one", "two", "a-fails", "four")
    toys.words("top", "b-fails", upon="toys")
    toys.stack("toys", "top", under_test="toys")
    assert toys.kseries("bisect", f"{PING}: a") == 0
    assert found(toys)["first"] == 3
    assert "2: top is left out: Patch 1 of 1 of top" in capsys.readouterr().out


def test_a_test_that_is_not_there_is_told_before_anything_is_built(
    toys: Toys, capsys: pytest.CaptureFixture[str]
) -> None:
    toys.words("toys", "one")
    toys.stack("toys", under_test="toys")
    assert toys.kseries("bisect", "netdevsim/pong.py") == 2
    assert "netdevsim/ping.py" in capsys.readouterr().out
    assert not list(latest(toys).glob("steps/*/build.log"))
    assert toys.kseries("bisect", "netdevsim") == 2
    assert "is a part of the names of 4 tests" in capsys.readouterr().out


def test_what_is_not_asked_for_rightly(toys: Toys) -> None:
    toys.stack("good", under_test="good")
    assert toys.kseries("bisect") == 2
    assert toys.kseries("bisect", "ping", "--log", "x") == 2
    assert toys.kseries("bisect", "ping", "--run", "nothing") == 2
    tree = ("--tree", str(toys.desk.kernel), "--trusted")
    assert toys.kseries("bisect", "ping", *tree) == 2
    assert toys.desk.states()["bisect"] == "usage"


# ---- what is seen


EVENT = KernelEvent(
    EventKind.WARN, "WARNING: at net/core.c:12 net_poll", "net_poll", 3, ("x",), "net/ping: a"
)


@pytest.mark.parametrize(
    ("during", "program", "at_boot"),
    [("net/ping: a", "net/ping", False), ("boot", "", True), ("shutdown", "", False)],
)
def test_the_program_that_ran_is_taken_from_the_run(
    during: str, program: str, at_boot: bool, passing_run: RunResult
) -> None:
    run = replace(passing_run, events=(replace(EVENT, during=during),))
    sought = find_line(Sought(log="net_poll"), run)
    assert (sought.program, sought.at_boot) == (program, at_boot)
    assert find_line(Sought(log="other"), run) == Sought(log="other")


@pytest.mark.parametrize(
    ("log", "line", "is_it"),
    [
        ("net_p.ll", "[    9.000001] WARNING: at net/core.c:12 net_poll", True),
        ("WARNING: CPU: 1 PID: 9 at net/core.c:50 net_poll+0x1/0x2",
         "[    9.000001] WARNING: CPU: 0 PID: 7 at net/core.c:12 net_poll+0x7/0x8", True),
        ("BUG: kernel NULL pointer dereference, address: 0000000000000008",
         "BUG: kernel NULL pointer dereference, address: 0000000000000010", True),
        ("at net/core.c:12 [broken", "[    9.0] at net/core.c:12 [broken", True),
        ("at net/core.c:12 net_poll+0x1/0x2", "at net/core.c:12 net_send+0x1/0x2", False),
    ],
)  # fmt: skip
def test_a_line_is_known_though_its_numbers_change(log: str, line: str, is_it: bool) -> None:
    nothing_ran = TestOutcome((), (), {}, ("the kernel did not boot",))
    told, what = seen(Sought(log=log), nothing_ran, [line])
    assert told is (Seen.BAD if is_it else Seen.NO_BOOT)
    assert what == (klog.message(line) if is_it else "the kernel did not boot")
