# SPDX-License-Identifier: GPL-2.0
"""Runs on two machines reached only over ssh: kernels by kexec, programs, what goes wrong.

The kernel under test is Debian's own, started again with another command line. Each test ends with
the machine in its first state, which is what every test begins with.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from kseries.cli.main import main
from kseries.hardware.boots import NoKexec
from kseries.hardware.holder import Stranded
from kseries.hardware.lock import Held
from kseries.hardware.ssh import Refused
from kseries.lib.errors import InfraError
from kseries.model import EventKind, Status
from tests import labgridlab, labtarget, labtoys, powerswitch, sshserver, standin
from tests.labtarget import KERNEL, Lab
from tests.standin import Boot, Pair

pytestmark = [pytest.mark.hardware, pytest.mark.timeout(900)]

HARNESS = 'echo "TAP version 13"; echo "1..2"; echo "ok 1 demo.a"'
GOOD = f"{HARNESS}; echo ok 2 demo.b"
CASES = ("demo.a", "demo.b")
BEGUN = f"{HARNESS}; echo '#  RUN           demo.b ...'; sleep 2"
"""Up to the middle of the second case."""


@pytest.fixture(scope="module")
def boot() -> Boot:
    return standin.prepared()


@pytest.fixture(scope="module")
def pair(boot: Boot, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with standin.pair(boot, tmp_path_factory.mktemp("pair")) as machines:
        labtarget.give_initrd(machines)
        yield machines


@pytest.fixture(scope="module")
def release(pair: Pair) -> str:
    return pair.ssh("dut", "uname -r").strip()


@pytest.fixture
def lab(
    pair: Pair, boot: Boot, release: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Lab]:
    place = sshserver.ssh_of(tmp_path, pair.config)
    monkeypatch.setenv("PATH", f"{place}:/usr/sbin:/usr/bin:/sbin:/bin")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    made = Lab(pair, tmp_path, replace(KERNEL, image=boot.kernel, release=release))
    made.write()
    yield made
    try:
        first_state(pair)
    except AssertionError:
        main(["hw", "recover", str(made.write())])  # so that one failure is not that of all
        raise


def first_state(pair: Pair) -> None:
    """See that nothing of ours is left on the DUT but what is kept for the next time."""
    assert "kseries" not in pair.ssh("dut", "cat /proc/cmdline")
    left = pair.ssh("dut", "ls /var/lib/kseries; ls -d /kselftest 2>/dev/null; true").split()
    assert set(left) <= {"agent", "mutex", "store"}, left


@pytest.mark.quick
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


@pytest.mark.quick
def test_a_panic_is_charged_and_the_rest_runs(lab: Lab) -> None:
    lab.add("dies", f"{BEGUN}; echo c >/proc/sysrq-trigger; sleep 60", cases=CASES)
    lab.add("good", GOOD, cases=CASES)
    told = lab.test(reruns=True)
    dies, good = told.programs
    assert (dies.status, good.status) == (Status.CRASH, Status.PASS), told.notes
    assert [case.status for case in dies.cases] == [Status.PASS, Status.CRASH]
    assert any("sysrq triggered crash" in problem for problem in dies.problems)
    assert told.facts["boots"] == "2"
    assert any("takes the machine down" in note for note in told.notes)
    (panic,) = (event for event in told.events if event.kind is EventKind.PANIC)
    assert panic.during == "demo/dies: demo.b"


def test_a_panic_without_a_console(lab: Lab) -> None:
    lab.write(console=False)
    lab.add("dies", f"{BEGUN}; echo c >/proc/sysrq-trigger; sleep 60", cases=CASES)
    told = lab.test()
    (dies,) = told.programs
    assert dies.status is Status.CRASH, told.notes
    assert [case.status for case in dies.cases] == [Status.PASS, Status.CRASH]
    assert any("the machine reset meanwhile" in problem for problem in dies.problems)


def test_a_connection_that_is_cut(lab: Lab) -> None:
    cut = "for one in $(pgrep -f 'sshd-session|sshd: root'); do kill -9 $one; done"
    lab.add("cut", f"{HARNESS}; {cut}; sleep 3; echo ok 2 demo.b", cases=CASES)
    told = lab.test()
    (result,) = told.programs
    assert result.status is Status.PASS, told.notes
    assert told.facts["boots"] == "1"


def test_a_connection_that_is_cut_while_a_kernel_is_sent(lab: Lab, pair: Pair) -> None:
    master = f"^/usr/bin/ssh -F {pair.config} .* -M .*-- dut$"

    def cut() -> None:
        for _ in range(3):
            time.sleep(0.7)
            subprocess.run(["pkill", "-KILL", "-f", master], check=False)

    lab.progress.when["sending the kernel"] = threading.Thread(target=cut).start
    lab.add("good", GOOD, cases=CASES)
    told = lab.test()
    assert told.programs[0].status is Status.PASS, told.notes
    assert any("connecting again (1 of 5 times)" in note for note in lab.progress.notes)


def test_what_a_test_leaves_running_ends_with_it(lab: Lab) -> None:
    stays = "setsid sh -c 'setsid sleep 4321 &' & setsid sleep 4321 & sleep 100"
    lab.add("stays", f"{HARNESS}; {stays}", cases=CASES, timeout_s=5.0)
    lab.add("looks", f"{HARNESS}; pgrep -f 'sleep 4321' || echo ok 2 demo.b", cases=CASES)
    stays_, looks = lab.test().programs
    assert (stays_.status, looks.status) == (Status.TIMEOUT, Status.PASS)


def test_a_kernel_that_panics_at_boot(lab: Lab) -> None:
    lab.arguments = ("rdinit=/nonexistent", "root=/nonexistent")
    lab.add("good", GOOD, cases=CASES)
    told = lab.test()
    assert told.programs[0].status is Status.MISSING
    (note,) = (note for note in told.notes if "did not boot" in note)
    assert "came back on its own kernel" in note
    assert "Unable to mount root" in note
    assert any(event.kind is EventKind.PANIC for event in told.events)


def test_a_kernel_that_is_silent_is_switched_off(lab: Lab) -> None:
    lab.arguments = ("standin.silent",)
    lab.add("good", GOOD, cases=CASES)
    told = lab.test()
    (note,) = (note for note in told.notes if "did not boot" in note)
    assert "did not answer within 150 s" in note
    assert any("switched off and on" in note for note in lab.progress.notes)


def test_a_kernel_that_is_silent_where_nobody_can_switch(lab: Lab, pair: Pair) -> None:
    file = lab.write(power=False)
    lab.arguments = ("standin.silent",)
    lab.add("good", GOOD, cases=CASES)
    with pytest.raises(Stranded) as caught:
        lab.test()
    assert "kseries hw recover standin" in caught.value.do
    powerswitch.tell(str(pair.dut.monitor), "system_reset")
    assert main(["hw", "recover", str(file)]) == 0


def test_a_place_of_labgrid_is_had_and_switched_off(
    lab: Lab, pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monitor = str(pair.dut.monitor)
    ways = {"0": ("stop",), "1": ("system_reset", "cont")}
    monkeypatch.setenv("PATH", str(labgridlab.on_path(tmp_path)), prepend=":")
    with labgridlab.running(tmp_path / "labgrid") as managed:
        managed.when_worked = lambda value: powerswitch.tell(monitor, *ways[value])
        managed.shown = lambda: labgridlab.following(pair.dut.console)
        lab.write(console=False, power=False, more=managed.table)
        lab.arguments = ("standin.silent",)
        lab.add("good", GOOD, cases=CASES)
        told = lab.test()
        (note,) = (note for note in told.notes if "did not boot" in note)
        assert "did not answer within 150 s" in note
        assert managed.worked == ["0", "1"]
        assert managed.owner() == "None"
    assert "Linux version" in (lab.run.log("serial")).read_text()


def test_a_kernel_that_hangs_is_switched_off_and_the_rest_runs(lab: Lab, pair: Pair) -> None:
    lab.write(deadline_s=100.0)
    lab.progress.when["demo/hangs"] = lambda: threading.Timer(
        8.0, powerswitch.tell, (str(pair.dut.monitor), "stop")
    ).start()
    lab.add("hangs", f"{BEGUN}; sleep 100", cases=CASES, timeout_s=200.0)
    lab.add("good", GOOD, cases=CASES)
    told = lab.test(reruns=True)
    hangs, good = told.programs
    assert (hangs.status, good.status) == (Status.CRASH, Status.PASS), told.notes
    assert any("switched off and on" in problem for problem in hangs.problems)
    assert told.facts["boots"] == "2"


def test_a_watchdog_ends_a_hang(lab: Lab) -> None:
    lab.write(power=False)
    lab.add(
        "hangs", f"{BEGUN}; kill -STOP $(pgrep -f 'agent serve'); sleep 300", cases=CASES,
        timeout_s=300.0,
    )  # fmt: skip
    told = lab.test()
    (hangs,) = told.programs
    assert hangs.status is Status.CRASH, told.notes
    assert [case.status for case in hangs.cases] == [Status.PASS, Status.CRASH]


def test_the_wrong_kernel(lab: Lab) -> None:
    lab.kernel = replace(lab.kernel, release="9.9.9")
    lab.add("good", GOOD, cases=CASES)
    (note,) = (note for note in lab.test().notes if "did not boot" in note)
    assert "another kernel answered" in note
    assert "9.9.9" in note


def test_a_port_that_the_kernel_calls_otherwise(lab: Lab) -> None:
    lab.arguments = ("standin.rename=lan9",)
    lab.add("good", f"{GOOD}; ip -brief address show dev lan9", cases=CASES)
    told = lab.test()
    (good,) = told.programs
    assert good.status is Status.PASS, told.notes
    assert "192.0.2.1/24" in (lab.run.path / good.log).read_text()
    assert told.facts["interface"] == "lan9"


def test_a_driver_that_is_not_bound(lab: Lab) -> None:
    lab.arguments = ("module_blacklist=e1000e",)
    lab.add("good", GOOD, cases=CASES)
    (note,) = (note for note in lab.test().notes if "did not boot" in note)
    assert "no driver is bound to it (e1000e is expected)" in note


def test_a_link_that_is_down(lab: Lab, pair: Pair) -> None:
    lab.add("good", GOOD, cases=CASES)
    powerswitch.tell(str(pair.dut.monitor), "set_link cable off")
    try:
        (note,) = (note for note in lab.test().notes if "did not boot" in note)
    finally:
        powerswitch.tell(str(pair.dut.monitor), "set_link cable on")
    assert "eth1 has no link" in note


def test_a_peer_that_is_gone(lab: Lab, pair: Pair) -> None:
    file, monitor = str(lab.path / "standin.toml"), str(pair.peer.monitor)
    pair.ssh("dut", "ip link set dev eth1 mtu 1400")
    lab.progress.when["demo/good"] = lambda: powerswitch.tell(monitor, "stop")
    lab.add("good", f"{HARNESS}; sleep 15; echo ok 2 demo.b", cases=CASES)
    try:
        with pytest.raises(InfraError) as caught:
            lab.test()
        # Its own part is done nevertheless.
        assert "kseries" not in pair.ssh("dut", "cat /proc/cmdline")
        assert pair.ssh("dut", "cat /sys/class/net/eth1/mtu") == "1400\n"
    finally:
        powerswitch.tell(monitor, "cont")
    assert caught.value.what == "standin is not in its first state: peer does not answer."
    assert "kseries hw recover standin" in caught.value.do
    assert main(["hw", "recover", file]) == 0
    pair.ssh("dut", "ip link set dev eth1 mtu 1500")


def test_a_disk_that_is_full(lab: Lab, pair: Pair) -> None:
    lab.add("good", GOOD, cases=CASES)
    (lab.path / "installed" / "large").write_bytes(os.urandom(1 << 20))
    left = "$(($(df -k --output=avail / | tail -n 1) - 20000))"
    pair.ssh("dut", f"fallocate -l {left}KiB /fill")
    try:
        with pytest.raises(InfraError) as caught:
            lab.test()
    finally:
        pair.ssh("dut", "rm /fill")
    assert "make room there" in caught.value.do


def test_kexec_that_is_not_there(lab: Lab, pair: Pair) -> None:
    lab.add("good", GOOD, cases=CASES)
    pair.ssh("dut", "mv /usr/sbin/kexec /usr/sbin/kexec.away")
    try:
        with pytest.raises(NoKexec) as caught:
            lab.test()
    finally:
        pair.ssh("dut", "mv /usr/sbin/kexec.away /usr/sbin/kexec")
    assert "install kexec-tools" in caught.value.do


def test_a_host_key_that_changes(lab: Lab, pair: Pair) -> None:
    known = pair.known_hosts.read_text()
    _, peer = known.splitlines()

    def swap() -> None:
        pair.known_hosts.write_text(f"dut {peer.partition(' ')[2]}\n{peer}\n")

    lab.progress.when["sending the kernel"] = swap
    lab.add("good", GOOD, cases=CASES)
    try:
        with pytest.raises(Refused) as caught:
            lab.test()
    finally:
        pair.known_hosts.write_text(known)
    assert "another host key" in str(caught.value)
    assert main(["hw", "recover", str(lab.path / "standin.toml")]) == 0


def test_a_machine_of_somebody_else(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    file = str(lab.path / "standin.toml")
    with monkeypatch.context() as them:
        them.setenv("XDG_STATE_HOME", str(lab.path / "them"))
        assert main(["hw", "lock", file]) == 0
    lab.add("good", GOOD, cases=CASES)
    try:
        with pytest.raises(Held):
            lab.test()
    finally:
        assert main(["hw", "lock", file, "--take-over"]) == 0
        assert main(["hw", "unlock", file]) == 0


@pytest.mark.parametrize("seconds", [5.0, pytest.param(30.0, marks=pytest.mark.quick), 60.0])
def test_whoever_is_killed_leaves_it_to_the_next(lab: Lab, pair: Pair, seconds: float) -> None:
    lab.add("good", f"{HARNESS}; sleep 30; echo ok 2 demo.b", cases=CASES)
    child = lab.start()
    with suppress(subprocess.TimeoutExpired):
        child.wait(timeout=seconds)
    child.kill()
    child.wait()
    assert main(["hw", "recover", str(lab.path / "standin.toml")]) == 0
    left = pair.ssh("dut", "ls /var/lib/kseries").split()
    assert "before.json" not in left


def test_a_machine_that_is_on_its_way_to_a_kernel_of_ours_is_waited_for(
    lab: Lab, pair: Pair
) -> None:
    lab.add("good", f"{GOOD}; sleep 300", cases=CASES)
    # As a machine takes its time that has services to end.
    slow = """#!/bin/sh\n[ "$1" != -e ] || sleep 15\nexec /usr/sbin/kexec.own "$@"\n"""
    pair.ssh(
        "dut",
        f"mv /usr/sbin/kexec /usr/sbin/kexec.own; printf %s {shlex.quote(slow)} >/usr/sbin/kexec;"
        " chmod 755 /usr/sbin/kexec",
    )
    try:
        child = lab.start()
        while "starts" not in pair.ssh("dut", "ls /var/lib/kseries 2>/dev/null; true"):
            assert child.poll() is None
        child.kill()
        child.wait()
        assert main(["hw", "recover", str(lab.path / "standin.toml")]) == 0
        time.sleep(20)
        first_state(pair)
    finally:
        pair.ssh("dut", "mv /usr/sbin/kexec.own /usr/sbin/kexec")


def test_the_command_line(
    lab: Lab, toy_kernel: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """All stages of a run, but that the kernel which the toy's sources make is Debian's."""
    toys = labtoys.built(lab, toy_kernel, monkeypatch, tmp_path / "toys")
    asked = json.loads((labtoys.latest(toys) / "request.json").read_text())
    assert [Path(name).name for name in asked["configs"]] == ["hardware.config"]
    assert toys.kseries("test", "--run", "latest") == 0
    result = toys.toyproject.latest()
    assert result["verdict"] == "partial"  # one test of four was asked for, and is good
    (program,) = result["programs"]
    assert (program["name"], program["status"]) == ("queues.py", "pass")
    assert result["provenance"]["accelerator"] == "standin"
    assert "--target" in result["provenance"]["options"]
