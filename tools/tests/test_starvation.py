# SPDX-License-Identifier: GPL-2.0
"""How long a host lets a guest wait: real processes, and a real guest."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from kseries.lib import proc
from kseries.machines import starvation
from kseries.machines.starvation import Meter, Sample, waited_between
from tests.test_vm import machine, soon

SPIN = ["sh", "-c", "while :; do :; done"]


def test_of_several_threads_the_one_that_waited_longest_counts() -> None:
    before = Sample(10.0, {1: 1.0, 2: 5.0}, stopped=False, stolen=0.0)
    now = Sample(12.0, {1: 2.5, 2: 5.1, 3: 9.0}, stopped=False, stolen=0.25)
    assert waited_between(before, now) == 1.75
    assert waited_between(before, Sample(12.0, {1: 9.0}, stopped=False, stolen=0.0)) == 2.0
    assert waited_between(before, Sample(12.0, {}, stopped=True, stolen=0.0)) == 2.0


def test_time_between_samples_is_shared_out() -> None:
    meter = Meter()
    samples = [Sample(float(at), {1: at * at / 2}, stopped=False, stolen=0.0) for at in range(3)]
    for before, now in zip([None, *samples], samples, strict=False):
        meter._add(before, now)
    assert meter.waited(0.0, 2.0) == 1.5
    assert meter.waited(1.0, 1.5) == 0.5
    assert meter.waited(-5.0, 9.0) == 1.5
    assert Meter().waited(0.0, 1.0) == 0.0


@contextmanager
def crowd(number: int) -> Iterator[int]:
    """Have that many processes want all of one processor, and give the last one."""
    one = {min(os.sched_getaffinity(0))}
    with ExitStack() as stack:
        for _ in range(number):
            child = stack.enter_context(proc.start(SPIN, cwd=Path("/")))
            os.sched_setaffinity(child.pid, one)
        yield child.pid


def measured(seconds: float, pid: int, program: str) -> float:
    meter = Meter()
    with meter.measuring(pid, program):
        started = time.monotonic()
        time.sleep(seconds)
        until = time.monotonic()
    return meter.waited(started, until) / (until - started)


@pytest.fixture
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starvation, "PERIOD_S", 0.05)


@pytest.mark.usefixtures("looks_often")
def test_one_that_gets_no_processor_waits_and_one_that_sleeps_does_not() -> None:
    with crowd(5) as hungry:
        assert measured(1.0, hungry, "sh") > 0.5
        with proc.start(["sleep", "50"], cwd=Path("/")) as asleep:
            assert measured(0.5, asleep.pid, "sleep") < 0.5


@pytest.mark.usefixtures("looks_often")
def test_one_that_was_stopped_waits() -> None:
    with proc.start(["sleep", "50"], cwd=Path("/")) as child:
        while proc.descendant(child.pid, "sleep") is None:  # setpriv, so far
            time.sleep(0.01)
        os.kill(child.pid, signal.SIGSTOP)
        assert measured(0.5, child.pid, "sleep") > 0.5
        os.kill(child.pid, signal.SIGCONT)


def test_one_that_is_gone_is_no_sample() -> None:
    with proc.start(["true"], cwd=Path("/")) as child:
        child.wait()
    assert starvation.sample(child.pid) is None


def give_the_first_place(pid: int) -> None:
    """Have a process run before all others, so that a busy host does not spoil the test."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        os.setpriority(os.PRIO_PROCESS, int(task.name), -20)
    # Where each session has its share, that of the session counts (sched(7), autogroup).
    group = Path(f"/proc/{pid}/autogroup")
    if group.exists():
        group.write_text("-20")


@pytest.mark.vm
@pytest.mark.timeout(300)
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give QEMU the first place")
def test_a_guest_that_spins_was_not_made_to_wait_and_one_that_was_stopped_was(
    tmp_path: Path,
) -> None:
    with machine(tmp_path) as guest:
        assert guest._guest is not None
        pid = guest._guest.qemu_pid
        assert pid is not None
        give_the_first_place(pid)
        started = time.monotonic()
        spin = "timeout 8 sh -c 'while :; do :; done' & timeout 8 sh -c 'while :; do :; done'; wait"
        guest.run(["sh", "-c", spin], deadline=soon())
        until = time.monotonic()
        assert guest.waited(started, until) < 0.5 * (until - started)
        os.kill(pid, signal.SIGSTOP)
        time.sleep(6.0)
        os.kill(pid, signal.SIGCONT)
        stopped = time.monotonic()
        assert guest.run(["true"], deadline=soon()).status == 0
        assert guest.waited(until, stopped) > 0.5 * (stopped - until)
