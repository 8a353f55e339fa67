# SPDX-License-Identifier: GPL-2.0
"""How long a host lets a guest wait: real processes, and a real guest."""

import os
import signal
import sys
import threading
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


def test_what_a_host_above_took_counts_since_the_sample_before() -> None:
    before = Sample(10.0, {}, stopped=False, stolen=7.0)
    assert waited_between(before, Sample(12.0, {}, stopped=False, stolen=7.5)) == 0.5
    stat = "cpu  1 2 3 4 5 6 7 {} 9 10\ncpu0 1 2 3 4 5 6 7 8 9 10\ncpu1 0\nintr 7 8 9\n"
    assert starvation.stolen(stat.format(10 * os.sysconf("SC_CLK_TCK"))) == 5.0


def test_time_between_samples_is_shared_out() -> None:
    meter = Meter()
    samples = [
        Sample(10.0 + 2 * at, {1: at * at / 2}, stopped=False, stolen=0.0) for at in range(3)
    ]
    for before, now in zip([None, *samples], samples, strict=False):
        meter._add(before, now)
    assert meter.waited(10.0, 14.0) == 2.0
    assert meter.waited(12.0, 12.5) == 0.375
    assert meter.waited(14.0, 10.0) == 0.0
    assert meter.waited(-5.0, 19.0) == 2.0
    assert Meter().waited(0.0, 1.0) == 0.0


GUEST = """\
import ctypes, threading
libc = ctypes.CDLL(None)
def named(name, ready):
    libc.prctl(15, name, 0, 0, 0)
    print(threading.get_native_id(), flush=True)
    ready.release()
    threading.Event().wait()
libc.prctl(15, b"\\xff) T 9", 0, 0, 0)
for name in (b"CPU 0/TCG", b"\\xff", b"a CPU "):
    ready = threading.Semaphore(0)
    threading.Thread(target=named, args=(name, ready), daemon=True).start()
    ready.acquire()
threading.Event().wait()
"""


def test_only_threads_that_run_the_guest_count() -> None:
    with proc.start([sys.executable, "-c", GUEST], cwd=Path("/")) as child:
        assert child.stdout is not None
        processor, *_ = (int(child.stdout.readline()) for _ in range(3))
        seen = starvation.sample(child.pid)
        assert seen is not None
        assert set(seen.waiting) == {child.pid, processor}
        assert not seen.stopped


def test_how_long_it_waited_is_told_in_seconds() -> None:
    pid = os.getpid()

    def waited_ns() -> int:
        return int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()[1])

    before = waited_ns()
    seen = starvation.sample(pid)
    assert seen is not None
    assert 0 < before * 0.99e-9 <= seen.waiting[pid] <= waited_ns() * 1.01e-9


def test_measuring_does_not_keep_the_program_alive() -> None:
    with Meter().measuring(os.getpid(), "none"):
        threads = [each for each in threading.enumerate() if each.name == "meter"]
        assert [each.daemon for each in threads] == [True]
    assert not threads[0].is_alive()


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
