# SPDX-License-Identifier: GPL-2.0
"""The test stage on a real guest: tests that hide what happens, and a host that has no time."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from kseries.lib.errors import InfraError
from kseries.lib.paths import Cache, Project
from kseries.lib.progress import Silent
from kseries.lib.runfolder import RunFolder
from kseries.machines.vm import VirtualMachine
from kseries.model import EventKind, InstalledSuites, Status, TestOutcome, TestProgram
from kseries.test import stage as stage
from tests.test_vm import kernel

pytestmark = [pytest.mark.vm, pytest.mark.timeout(400)]

ONE = "echo TAP version 13; echo 1..1; echo ok 1 a\n"


class Bench:
    """Tests for the guest, and the machine that runs them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.programs: list[TestProgram] = []
        self.run = RunFolder(path / "run")
        self.run.path.mkdir()
        self.machines: list[VirtualMachine] = []

    def add(self, name: str, script: str, timeout_s: float = 60.0) -> None:
        file = self.path / "installed/demo" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"#!/bin/sh\n{script}\n{ONE}")
        file.chmod(0o755)
        self.programs.append(TestProgram("demo", name, (f"./{name}",), "demo", timeout_s))

    def open(self, folder: RunFolder, number: int) -> VirtualMachine:
        self.machines.append(
            VirtualMachine(Project.find(), Cache.find(), folder, Silent(), number=number)
        )
        return self.machines[-1]

    def test(self) -> TestOutcome:
        installed = InstalledSuites(self.path / "installed", tuple(self.programs))
        return stage.test(installed, kernel(), self.open, self.run, Silent())


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_what_is_hidden_is_no_pass_and_what_comes_later_is_seen(bench: Bench) -> None:
    bench.add("plain", "echo 'a test speaks' >/dev/kmsg")
    bench.add("quiet", "dmesg -n 1; dmesg -C")
    bench.add("hides", "dmesg -n 1; echo N >/sys/module/printk/parameters/ignore_loglevel")
    bench.add("taints", "echo 64 >/proc/sys/kernel/tainted")
    bench.add("forges", "echo 'kseries: end demo/forges [00]' >/dev/kmsg")
    told = bench.test()
    status = {program.name: program.status for program in told.programs}
    assert status == {
        "plain": Status.PASS,
        "quiet": Status.PASS,
        "hides": Status.ERROR,
        "taints": Status.FAIL,
        "forges": Status.ERROR,
    }
    assert {(event.kind, event.during) for event in told.events} == {
        (EventKind.HIDDEN, "demo/hides"),
        (EventKind.TAINT, "demo/taints"),
        (EventKind.HIDDEN, "demo/forges"),
    }
    # What was run behind the one that hid something was run in another machine.
    assert told.facts["boots"] == "2"


@contextmanager
def stopping(bench: Bench, *, always: bool) -> Iterator[None]:
    """Let the guest wait, as a host with too much to do would: once, or time and again."""
    ended = threading.Event()

    def work() -> None:
        stopped: set[int] = set()
        seen: dict[int, float] = {}
        while not ended.wait(0.05):
            guest = bench.machines[-1]._guest if bench.machines else None
            log = bench.run.path / "tests/demo/slow.log"
            pid = guest.qemu_pid if guest is not None else None
            if pid is None or pid in stopped:
                continue
            since = seen.setdefault(pid, time.time())
            # The log of the attempt before stays until this one begins.
            if not log.exists() or log.stat().st_mtime < since or "on" not in log.read_text():
                continue
            if stopped and not always:
                return
            stopped.add(pid)
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
                time.sleep(9.0)
                os.kill(pid, signal.SIGCONT)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_a_program_that_the_host_gave_no_time_is_run_again(bench: Bench) -> None:
    bench.add("slow", "echo '# on'; sleep 2", timeout_s=8.0)
    with stopping(bench, always=False):
        told = bench.test()
    assert [program.status for program in told.programs] == [Status.PASS]
    assert "this host has too much to do" in told.notes[0].lower()
    assert told.facts["boots"] == "2"


def test_a_host_that_never_has_time_leaves_the_run_incomplete(bench: Bench) -> None:
    bench.add("slow", "echo '# on'; sleep 2", timeout_s=8.0)
    with (
        stopping(bench, always=True),
        pytest.raises(InfraError, match="too much to do") as caught,
    ):
        bench.test()
    assert caught.value.exit_code == 3


def test_a_program_that_spins_is_a_finding(bench: Bench) -> None:
    # Two processors that spin get what the host has: it is no fault of the host's.
    bench.add("spins", "while :; do :; done & while :; do :; done", timeout_s=10.0)
    first = threading.Event()

    def favour() -> None:
        while not first.wait(0.05):
            guest = bench.machines[-1]._guest if bench.machines else None
            if guest is not None and (pid := guest.qemu_pid) is not None:
                with suppress(OSError):
                    Path(f"/proc/{pid}/autogroup").write_text("-20")

    thread = threading.Thread(target=favour, daemon=True)
    thread.start()
    try:
        told = bench.test()
    finally:
        first.set()
        thread.join()
    assert [program.status for program in told.programs] == [Status.TIMEOUT]
    assert told.facts["boots"] == "1"
