# SPDX-License-Identifier: GPL-2.0
"""A machine that tries one mutant after the other: what counts as noticed, and when it is renewed.

The machine is this host, and the switch a file of it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from kseries.lib.progress import Silent
from kseries.machines.base import Starved
from kseries.model import TestProgram
from kseries.mutants.bench import MOST
from kseries.mutants.bench import Bench as Machine
from kseries.mutants.trial import Seen
from kseries.test import checkpoint
from kseries.test.scheduler import Job
from tests.hosttarget import HostTarget
from tests.test_teststage import HARNESS, KERNEL, SAY_WARN, Bench, bench

__all__ = ["bench"]  # a fixture

# Case b does what stands for @ when the mutant is 7.
CASES = (
    HARNESS
    + 'echo ok 1 a; m=$(cat "$STATE"); r="ok 2 b"; [ $m = 7 ] && { @; }\n'
    + ('echo "$r"; echo ok 3 c; case "$r" in not*) exit 1;; esac\n')
)
RED = 'r="not ok 2 b"'


def machine(bench: Bench) -> tuple[Machine, HostTarget]:
    checkpoint.marks(bench.run)
    target = HostTarget(bench.path / "machine", bench.run.console(1), bench.boots)
    job = Job(bench.installed, KERNEL, bench.open, bench.run, Silent())
    switch, warn_once = str(bench.path / "state"), str(bench.path / "warn_once")
    return Machine(job, target, 1, lambda _: None, switch, warn_once), target


def program(bench: Bench, script: str, name: str = "p") -> TestProgram:
    return bench.add(name, script, cases=("a", "b", "c"))


def ran(bench: Bench) -> list[str]:
    """Give the numbers of the mutants in the order in which a program saw them."""
    return (bench.path / "seen").read_text().split()


def test_red_green_red_is_noticed_and_the_machine_stays(bench: Bench) -> None:
    tried, target = machine(bench)
    first = f'cat "$STATE" >>{bench.path / "seen"}\n'
    red = program(bench, CASES.replace("echo ok 1 a;", f"{first}echo ok 1 a;").replace("@", RED))
    assert tried.try_mutant(7, [red]) == Seen(("p: b",))
    assert ran(bench) == ["7", "0", "7"]
    assert tried.try_mutant(8, [red]) == Seen()
    assert target.boots == 1


def test_a_case_that_is_skipped_has_noticed(bench: Bench) -> None:
    tried, _ = machine(bench)
    skips = program(bench, CASES.replace("@", 'r="ok 2 b # SKIP no such thing"'))
    assert tried.try_mutant(7, [skips]).by == ("p: b is skipped",)


def test_what_is_red_without_the_mutant_says_nothing_of_it(bench: Bench) -> None:
    tried, target = machine(bench)
    always = program(bench, CASES.replace("[ $m = 7 ] &&", "").replace("@", RED))
    assert tried.try_mutant(7, [always]) == Seen((), ("p: b",))
    assert target.boots == 2  # a fresh one has shown it, too


def test_a_machine_that_the_mutant_has_damaged_is_renewed(bench: Bench) -> None:
    tried, target = machine(bench)
    damage = f"{RED}; touch ../../damaged"
    script = CASES.replace("@", damage)
    script = script.replace('echo "$r"', f'[ -e ../../damaged ] && {RED}; echo "$r"')
    damaged = program(bench, script)
    assert tried.try_mutant(7, [damaged]) == Seen(("p: b",))
    assert target.boots == 2


def test_what_is_red_once_is_chance_and_the_rest_is_run(bench: Bench) -> None:
    tried, _ = machine(bench)
    once = bench.path / "once"
    chance = f"[ -e {once} ] || {RED}; touch {once}"
    programs = [
        program(bench, CASES.replace("@", chance)),
        program(bench, CASES.replace("@", RED), "q"),
    ]
    assert tried.try_mutant(7, programs) == Seen(("q: b",), ("p: b",))


def test_a_complaint_of_the_kernel_is_noticed(bench: Bench) -> None:
    tried, _ = machine(bench)
    warns = program(bench, CASES.replace("@; }", f"\n{SAY_WARN}\n}}"))
    (said,) = tried.try_mutant(7, [warns]).by
    assert said.startswith("kernel log: WARNING")


def test_what_the_kernel_says_once_it_says_for_each_mutant(bench: Bench) -> None:
    tried, target = machine(bench)
    said = bench.path / "warn_once"
    said.write_text("")  # it has been said
    once = f"[ -z $(cat {said}) ] || {{\n{SAY_WARN}\n}}; : >{said}"
    warns = program(bench, CASES.replace("@", once))
    assert tried.try_mutant(7, [warns]).by
    assert tried.try_mutant(7, [warns]).by
    assert target.boots == 1


def test_a_machine_is_not_used_for_ever(bench: Bench) -> None:
    tried, target = machine(bench)
    good = program(bench, CASES.replace("@", "true"))
    for number in range(100, 101 + MOST):
        assert tried.try_mutant(number, [good]) == Seen()
    assert target.boots == 2


def test_what_the_host_lets_wait_is_not_tried(bench: Bench) -> None:
    tried, target = machine(bench)
    Path(bench.path / "waited").write_text("1000")
    hangs = bench.add("hangs", "#!/bin/sh\nsleep 30\n", timeout_s=0.2)
    with pytest.raises(Starved):
        tried.try_mutant(7, [hangs])
    assert target.boots == 1
