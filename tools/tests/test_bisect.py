# SPDX-License-Identifier: GPL-2.0
"""The command bisect on the toy kernel: real git, real make, tests that look into the image."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kseries.bisect.predicate import find_line, seen
from kseries.lib.errors import InfraError, Interrupted
from kseries.lib.runfolder import RunFolder
from kseries.model import EventKind, KernelEvent, RunResult, TestOutcome
from kseries.parse.stamps import message
from kseries.report.words import moment
from kseries.run.context import RunContext
from kseries.verdict.bisection import Seen, Sought
from tests.toymachine import CORE, ToyMachine, Toys, set_up_toys
from tests.toyproject import git

PING = "netdevsim/ping.py"


@pytest.fixture
def toys(tmp_path: Path, toy_kernel: Path, monkeypatch: pytest.MonkeyPatch) -> Toys:
    return set_up_toys(tmp_path, toy_kernel, monkeypatch)


def latest(toys: Toys) -> Path:
    return (toys.toyproject.root / "out/runs/latest").resolve()


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
    tree = toys.toyproject.root / "out/trees/zcrx-v7-toy-bisect/linux"
    assert f"git -C {tree} show {told['commits'][3][:12]}\n" in output.out
    assert "toys: change net/core.c" in git(tree, "show", told["commits"][3])
    # It stays to be read.
    assert (run / "report.txt").read_text() == output.out
    assert toys.kseries("report") == 0
    assert capsys.readouterr().out == output.out
    assert "not ok 1 a" in (run / "steps/4/run-2/tests/netdevsim/ping.py.log").read_text()
    assert (run / "steps/4/build.log").is_file()
    assert toys.toyproject.latest()["exit_code"] == 0
    assert "./nox -s bisect -- 'netdevsim/ping.py: a'" in (run / "reproduce.sh").read_text()
    # Each answer took two machines, and only TEST ran in them.
    assert len(toys.machines) == 2 * len(told["steps"])
    assert not list(run.glob("steps/*/run-*/tests/netdevsim/queues.py.log"))


LAB = """\
kind = "ssh"
title = "nowhere"
[dut]
host = "dut"
interface = "eth1"
driver = "e1000e"
config = ["hardware"]
[peer]
host = "peer"
interface = "eth1"
"""


@pytest.mark.parametrize("of_run", [True, False])
def test_it_searches_on_the_lab_machine_that_it_is_told(
    toys: Toys, of_run: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    toys.words("toys", "one", "a-fails")
    toys.stack("toys", under_test="toys")
    (toys.toyproject.root / "configs" / "hardware.config").write_text("CONFIG_NET=y\n")
    file = tmp_path / "lab1.toml"
    file.write_text(LAB)
    if of_run:  # which ran on a virtual machine
        assert toys.kseries("run", "--no-baseline", "--no-reruns") == 1
    asked: list[str] = []

    def target(work: RunContext, folder: RunFolder, number: int) -> ToyMachine:
        asked.append(work.request.target)
        return toys.target(folder, number)

    monkeypatch.setattr(RunContext, "target", target)
    words = ("--run", "latest") if of_run else ()
    assert toys.kseries("bisect", f"{PING}: a", *words, "--target", str(file)) == 0
    assert found(toys)["first"] == 2
    assert set(asked) == {str(file)}
    # Each kernel is configured for that machine.
    request = json.loads((latest(toys) / "request.json").read_text())
    assert [Path(name).name for name in request["configs"]] == ["hardware.config"]


def test_ended_it_goes_on_with_what_is_missing(
    toys: Toys, capsys: pytest.CaptureFixture[str]
) -> None:
    toys.words("toys", "one", "a-fails", "three")
    toys.stack("toys", under_test="toys")
    toys.ends_after(3, Interrupted("SIGTERM"))
    assert toys.kseries("bisect", "ping.py: a") == 3
    assert "kseries bisect --resume" in capsys.readouterr().err
    assert toys.toyproject.states()["bisect"] == "interrupted"
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


def test_a_lost_machine_is_told_with_how_to_go_on(
    toys: Toys, capsys: pytest.CaptureFixture[str]
) -> None:
    toys.words("toys", "one", "a-fails")
    toys.stack("toys", under_test="toys")
    toys.ends_after(3, InfraError("The disk is gone."))
    assert toys.kseries("bisect", f"{PING}: a") == 3
    output = capsys.readouterr()
    assert "the stage 'bisect' was lost to the infrastructure: The disk is gone." in output.out
    assert f"kseries bisect --resume {latest(toys).name}\n" in output.err
    assert toys.kseries("bisect", "--resume", "latest") == 0
    assert found(toys)["first"] == 2
    # What was found before is not told of an attempt that does not come so far.
    for file in (toys.toyproject.root / "patches/toys").glob("*.patch"):
        file.write_text("no patch")
    capsys.readouterr()
    assert toys.kseries("bisect", "--resume", "latest") == 2
    assert toys.toyproject.states()["series"] == "usage"
    assert "FOUND" not in capsys.readouterr().out


def test_what_does_not_build_is_stepped_around_and_named(
    toys: Toys, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = '";\nint x = nothing; const char y[] = "'
    toys.toyproject.series(
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
    assert "nothing" in next(step["untestable"] for step in told["steps"] if step["patches"] == 2)
    assert (latest(toys) / "steps/2/error.txt").is_file()


def test_a_test_that_comes_with_the_series(toys: Toys, capsys: pytest.CaptureFixture[str]) -> None:
    place = "tools/testing/selftests/drivers/net/queues.py"
    script = (toys.toyproject.kernel / place).read_text()
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
        (("one", "two"), " a-fails ", "broken on the base", "broken on the base already"),
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
    assert toys.toyproject.states()["bisect"] == "failed"
    assert toys.toyproject.latest()["exit_code"] == 1


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
    tree = ("--tree", str(toys.toyproject.kernel), "--trusted")
    assert toys.kseries("bisect", "ping", *tree) == 2
    assert toys.toyproject.states()["bisect"] == "usage"


# ---- a kept baseline


def base(toys: Toys) -> dict[str, Any]:
    """Give the step of the base, as it is kept."""
    step: dict[str, Any] = json.loads((latest(toys) / "steps/0/step.json").read_text())
    assert step in found(toys)["steps"]
    return step


def test_a_kept_baseline_answers_for_the_base(
    toys: Toys, capsys: pytest.CaptureFixture[str]
) -> None:
    toys.words("toys", "one", "two", "three", "a-fails")
    toys.stack("toys", under_test="toys")
    assert toys.kseries("run") == 1
    run = toys.toyproject.latest()
    boots = toys.boots
    assert toys.kseries("bisect", f"{PING}: a") == 0
    assert (found(toys)["first"], answers(toys)[0]) == (4, "good")
    told = base(toys)["baseline"]
    assert (told["seen"], told["what"], told["run"]) == ("good", "pass", run["run"])
    assert (base(toys)["head"], told["made"]) == (run["baseline"]["head"], run["baseline"]["made"])
    copy = json.loads((latest(toys) / told["file"]).read_text())
    assert (copy["run"], copy["head"]) == (run["run"], base(toys)["head"])
    # Nothing was applied, built or booted for the base.
    assert sorted(p.name for p in (latest(toys) / "steps/0").iterdir()) == [
        "baseline.json",
        "step.json",
    ]
    assert toys.boots - boots == 2 * (len(found(toys)["steps"]) - 1)
    output = capsys.readouterr()
    assert f"note: the base: good (pass, in the baseline that {run['run']} made)" in output.err
    assert re.search(r"^ +base  good    baseline +pass$", output.out, re.MULTILINE)
    told_so = f"base: good in the baseline that {run['run']} made, {moment(told['made'])}"
    assert f"{told_so} (steps/0/baseline.json); not tested here" in " ".join(output.out.split())


def test_a_baseline_that_another_series_left(
    toys: Toys, capsys: pytest.CaptureFixture[str]
) -> None:
    toys.words("others", "one")
    toys.stack("others", under_test="others")
    assert toys.kseries("run", "--baseline") == 0
    toys.words("toys", "one", "a-fails")
    toys.words("top", "fine", place="top")
    (toys.toyproject.root / "patches/top/series.toml").write_text('requires = ["toys"]\n')
    toys.stack("toys", "top", under_test="toys")
    assert toys.kseries("bisect", f"{PING}: a", "--stack", "zcrx-v7") == 0
    assert found(toys)["first"] == 2
    # What the base has not is told in the words of the stack that is searched.
    assert base(toys)["baseline"]["seen"] == "good"
    assert base(toys)["left_out"] == ["toys", "top"]
    assert base(toys)["notes"] == ["top is left out"]
    assert "base: top is left out\n" in capsys.readouterr().out


def test_the_base_is_tested_after_all_where_the_answer_rests_on_it(
    toys: Toys, capsys: pytest.CaptureFixture[str]
) -> None:
    toys.words("toys", "a-fails", "two", "three")
    toys.stack("toys", under_test="toys")
    assert toys.kseries("run") == 1
    assert toys.kseries("bisect", f"{PING}: a") == 0
    assert found(toys)["first"] == 1
    assert [trial["seen"] for trial in base(toys)["trials"]] == ["good", "good"]
    assert base(toys)["baseline"]["seen"] == "good"
    assert (latest(toys) / "steps/0/build.json").is_file()
    output = " ".join(capsys.readouterr().out.split())
    assert "base good 2 good" in output
    assert "(steps/0/baseline.json); then tried here, as the answer rests on it" in output


def test_a_test_that_the_base_has_not_by_its_baseline(toys: Toys) -> None:
    toys.words("toys", "one", "with-c", "three", "c-fails")
    toys.stack("toys", under_test="toys")
    assert toys.kseries("run", "--extended") == 1
    assert toys.kseries("bisect", f"{PING}: c") == 0
    assert found(toys)["first"] == 4
    assert base(toys)["baseline"]["seen"] == "not there yet"
    assert base(toys)["trials"] == []


def test_a_baseline_that_shows_it_bad_is_not_believed(toys: Toys) -> None:
    toys.change_base("below:", "below: a-fails ")
    toys.words("toys", "one", "two")
    toys.stack("toys", under_test="toys")
    assert toys.kseries("run") == 0
    assert toys.kseries("bisect", f"{PING}: a") == 1
    assert found(toys)["conclusion"] == "broken on the base"
    assert base(toys)["baseline"] is None
    assert [trial["seen"] for trial in base(toys)["trials"]] == ["bad", "bad"]


def test_a_baseline_of_another_config_is_not_taken(toys: Toys) -> None:
    toys.words("toys", "one", "two", "a-fails")
    toys.stack("toys", under_test="toys")
    assert toys.kseries("run") == 1
    toys.toyproject.write("configs/more.config", "CONFIG_NETDEVSIM=y\n")
    assert toys.kseries("bisect", f"{PING}: a", "--config", "more") == 0
    assert found(toys)["first"] == 3
    assert base(toys)["baseline"] is None
    assert len(base(toys)["trials"]) == 2


def test_a_complaint_is_looked_for_in_the_baseline_and_another_line_is_not(toys: Toys) -> None:
    toys.words("toys", "one", "two", "b-warns", "four")
    toys.stack("toys", under_test="toys")
    assert toys.kseries("run") == 1
    run = toys.toyproject.latest()["run"]
    assert toys.kseries("bisect", "--log", "WARNING: .* net_poll") == 0
    assert (found(toys)["first"], found(toys)["sought"]["program"]) == (3, PING)
    assert base(toys)["baseline"]["seen"] == "good"
    # The kernel always says this; a baseline does not hold it.
    assert toys.kseries("bisect", "--log", "Linux version", "--run", run) == 1
    assert found(toys)["conclusion"] == "broken on the base"
    assert base(toys)["baseline"] is None


def test_ended_it_goes_on_with_what_the_baseline_said(toys: Toys) -> None:
    toys.words("toys", "a-fails", "two", "three")
    toys.stack("toys", under_test="toys")
    assert toys.kseries("run") == 1
    before = len(toys.machines)
    toys.ends_after(before + 2, Interrupted("SIGTERM"))
    assert toys.kseries("bisect", f"{PING}: a") == 3
    step = latest(toys) / "steps/0/step.json"
    kept = step.read_bytes()
    # The baseline goes, the answer stays; and it is run where the search comes to the base.
    shutil.rmtree(toys.toyproject.root.parent / "cache/kseries/baselines")
    toys.ends_after(before + 5, Interrupted("SIGTERM"))
    assert toys.kseries("bisect", "--resume", "latest") == 3
    (trial,) = json.loads(step.read_text())["trials"]
    assert json.loads(step.read_text())["baseline"] == json.loads(kept)["baseline"]
    assert toys.kseries("bisect", "--resume", "latest") == 0
    assert found(toys)["first"] == 1
    assert len(base(toys)["trials"]) == 2
    assert base(toys)["trials"][0] == trial
    assert base(toys)["baseline"] == json.loads(kept)["baseline"]
    assert len(toys.machines) == before + 6


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
    assert what == (message(line) if is_it else "the kernel did not boot")
