# SPDX-License-Identifier: GPL-2.0
"""Runs on two machines reached only over ssh: kernels by kexec, programs, what goes wrong.

The kernel under test is Debian's own, started again with another command line. Each test ends with
the machine in its first state, which is what every test begins with.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kseries.model import Status
from tests import labtarget, sshserver, standin
from tests.labtarget import KERNEL, Lab
from tests.standin import Boot, Pair

pytestmark = [pytest.mark.hardware, pytest.mark.timeout(900)]

HARNESS = 'echo "TAP version 13"; echo "1..2"; echo "ok 1 demo.a"'
GOOD = f"{HARNESS}; echo ok 2 demo.b"
CASES = ("demo.a", "demo.b")


@pytest.fixture(scope="module")
def boot() -> Boot:
    return standin.prepared()


@pytest.fixture(scope="module")
def pair(boot: Boot, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with standin.pair(boot, tmp_path_factory.mktemp("pair")) as machines:
        labtarget.give_initrd(machines)
        yield machines


@pytest.fixture
def lab(pair: Pair, boot: Boot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    place = sshserver.ssh_of(tmp_path, pair.config)
    monkeypatch.setenv("PATH", f"{place}:/usr/sbin:/usr/bin:/sbin:/bin")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    release = pair.ssh("dut", "uname -r").strip()
    made = Lab(pair, tmp_path, replace(KERNEL, image=boot.kernel, release=release))
    made.write()
    yield made
    first_state(pair)


def first_state(pair: Pair) -> None:
    """See that nothing of ours is left on the DUT but what is kept for the next time."""
    assert "kseries" not in pair.ssh("dut", "cat /proc/cmdline")
    left = pair.ssh("dut", "ls /var/lib/kseries; ls -d /kselftest 2>/dev/null; true").split()
    assert sorted(left) == ["agent", "mutex", "store"]


def test_a_run_and_back(lab: Lab, pair: Pair) -> None:
    before = pair.ssh("dut", "cat /proc/sys/kernel/random/boot_id")
    lab.add("good", f"{GOOD}; ip -brief address show dev eth1; cat /proc/cmdline", cases=CASES)
    lab.add("bad", f"{HARNESS}; echo not ok 2 demo.b; exit 1", cases=CASES)
    told = lab.test()
    good, bad = told.programs
    assert (good.status, bad.status) == (Status.PASS, Status.FAIL), told.notes
    said = (lab.run.path / good.log).read_text()
    assert "kseries.boot=" in said
    assert "192.0.2.1/24" in said
    assert told.events == ()
    assert told.facts["accelerator"] == "standin"
    assert "Linux version" in lab.run.console().read_text()
    assert pair.ssh("dut", "cat /proc/sys/kernel/random/boot_id") != before
