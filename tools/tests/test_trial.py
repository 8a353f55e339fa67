# SPDX-License-Identifier: GPL-2.0
"""What counts as noticing a mutant: going red twice. On a target that is this host."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from kseries.lib.progress import Silent
from kseries.machines.base import TargetLost
from kseries.model import TestProgram
from kseries.mutants.trial import Seen, Trials
from kseries.test.scheduler import Job
from kseries.test.shards import Shard
from tests.test_teststage import GOOD, HARNESS, KERNEL, SAY_WARN, Bench, bench

__all__ = ["bench"]  # a fixture

BAD = HARNESS + "echo ok 1 a; echo not ok 2 b; echo ok 3 c; exit 1\n"
# What it does the first so many times is told by who writes it.
FLAKY = HARNESS + (
    'n=$(cat "$STATE" 2>/dev/null || echo 0); echo $((n + 1)) >"$STATE"\n'
    "echo ok 1 a; case $n in @) echo not ok 2 b;; *) echo ok 2 b;; esac; echo ok 3 c\n"
)


def run(bench: Bench, programs: Sequence[TestProgram]) -> Seen:
    job = Job(bench.installed, KERNEL, bench.open, bench.run, Silent())
    return Trials(job).run([Shard(program) for program in programs], bench.run.path / "trial")


def ran(bench: Bench) -> list[str]:
    """Name the programs in the order in which they ran, over all attempts."""
    lines = [line for target in bench.targets for _, line in target.console()]
    return [line.split("kseries: start demo/")[1].split()[0] for line in lines if "start" in line]


def test_what_goes_red_is_run_once_more_and_alone(bench: Bench) -> None:
    programs = [bench.add("good", GOOD), bench.add("bad", BAD), bench.add("later", GOOD)]
    assert run(bench, programs) == Seen(("bad: b",))
    assert ran(bench) == ["good", "bad", "bad"]


def test_what_is_never_red_survives(bench: Bench) -> None:
    assert run(bench, [bench.add("good", GOOD), bench.add("later", GOOD)]) == Seen()
    assert ran(bench) == ["good", "later"]


def test_red_once_in_three_is_chance_and_the_rest_is_run(bench: Bench) -> None:
    programs = [bench.add("flaky", FLAKY.replace("@", "0")), bench.add("bad", BAD)]
    assert run(bench, programs) == Seen(("bad: b",), once=("flaky: b",))
    assert ran(bench) == ["flaky", "flaky", "flaky", "bad", "bad"]


def test_the_second_time_may_be_the_third(bench: Bench) -> None:
    programs = [bench.add("flaky", FLAKY.replace("@", "0|2")), bench.add("bad", BAD)]
    assert run(bench, programs) == Seen(("flaky: b",))


def test_a_complaint_of_the_kernel_has_all_that_ran_run_again(bench: Bench) -> None:
    warns = GOOD + SAY_WARN + "\n"
    programs = [bench.add("good", GOOD), bench.add("warns", warns)]
    seen = run(bench, programs)
    (said,) = seen.by
    assert said.startswith("kernel log: WARNING")
    assert ran(bench) == ["good", "warns"] * 2


def test_a_kernel_that_does_not_boot_is_red(bench: Bench) -> None:
    bench.boots = ("no root",) * 3
    seen = run(bench, [bench.add("good", GOOD)])
    assert any("did not boot" in said for said in seen.by)


def test_a_machine_that_the_host_lets_wait_shows_nothing(bench: Bench) -> None:
    (bench.path / "waited").write_text("1000")
    hangs = bench.add("hangs", "#!/bin/sh\nsleep 30\n", timeout_s=0.2)
    with pytest.raises(TargetLost, match="too much to do"):
        run(bench, [hangs])


def test_a_trial_that_was_ended_begins_no_more(bench: Bench) -> None:
    trials = Trials(Job(bench.installed, KERNEL, bench.open, bench.run, Silent()))
    trials.abort(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        trials.run([Shard(bench.add("good", GOOD))], bench.run.path / "trial")
    assert bench.targets == []
