# SPDX-License-Identifier: GPL-2.0
"""A machine with both ports, the second one in a namespace: that ends with each kernel."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from kseries.cli.main import main
from kseries.model import Status
from tests import labtarget, standin
from tests.labtarget import Lab
from tests.standin import ALONE, NAMESPACE, Boot, Pair
from tests.test_hardware_run import CASES, GOOD, HARNESS, boot, lab, release

__all__ = ["boot", "lab", "release"]  # fixtures

pytestmark = [pytest.mark.hardware, pytest.mark.timeout(900)]

MAKE = f"""
ip netns add {NAMESPACE}
ip link set dev eth2 netns {NAMESPACE}
ip -n {NAMESPACE} link set dev lo up
ip -n {NAMESPACE} link set dev eth2 up mtu 1400
ip -n {NAMESPACE} address add 203.0.113.2/24 dev eth2
"""
LOOK = f"""
ip -n {NAMESPACE} -o -4 address show | awk '{{ print $2, $4 }}'
ip netns exec {NAMESPACE} cat /sys/class/net/eth2/mtu
"""


@pytest.fixture(scope="module")
def pair(boot: Boot, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with standin.alone(boot, tmp_path_factory.mktemp("alone")) as machine:
        labtarget.give_initrd(machine)
        yield machine


@pytest.fixture
def before(lab: Lab, pair: Pair) -> Iterator[str]:
    """What the namespace is like that the machine's owner has made."""
    lab.target = ALONE
    lab.write()
    pair.ssh("dut", MAKE)
    yield pair.ssh("dut", LOOK)
    pair.ssh("dut", f"ip netns del {NAMESPACE}; sleep 1")


def test_it_is_made_for_the_kernel_under_test_and_again_for_the_own_one(
    lab: Lab, pair: Pair, before: str
) -> None:
    ping = "busybox ping -c 1 -w 5 192.0.2.2 && echo ok 2 demo.b"
    lab.add("good", f"{HARNESS}; ip -n {NAMESPACE} -brief address; {ping}", cases=CASES)
    told = lab.test()
    (good,) = told.programs
    assert good.status is Status.PASS, told.notes
    said = (lab.run.path / good.log).read_text()
    assert "192.0.2.2/24" in said
    assert "203.0.113.2/24" not in said  # another kernel, another namespace
    assert pair.ssh("dut", LOOK) == before


def test_ports_whose_names_a_kernel_swaps_are_told_apart(lab: Lab, pair: Pair, before: str) -> None:
    lab.arguments = ("standin.swap",)
    look = f"ip -brief address show dev eth2; ip -n {NAMESPACE} -brief address show dev eth1"
    lab.add("good", f"{GOOD}; {look}", cases=CASES)
    told = lab.test()
    (good,) = told.programs
    assert good.status is Status.PASS, told.notes
    ours, theirs = (lab.run.path / good.log).read_text().splitlines()[-2:]
    assert ("192.0.2.1/24" in ours, "192.0.2.2/24" in theirs) == (True, True)
    assert told.facts["interface"] == "eth2"
    assert pair.ssh("dut", LOOK) == before


def test_whoever_recovers_makes_it_again(lab: Lab, pair: Pair, before: str) -> None:
    lab.add("good", f"{GOOD}; sleep 300", cases=CASES)
    child = lab.start()
    end = time.monotonic() + 180
    cmdline = ""
    while "kseries.boot" not in cmdline:
        assert child.poll() is None
        assert time.monotonic() < end
        time.sleep(1)
        with suppress(AssertionError, subprocess.TimeoutExpired):  # it is booting
            cmdline = pair.ssh("dut", "cat /proc/cmdline")
    child.kill()
    child.wait()
    assert main(["hw", "recover", str(lab.path / "standin.toml")]) == 0
    assert pair.ssh("dut", LOOK) == before


def test_a_state_that_is_put_back_by_hand_makes_it_again(
    lab: Lab, pair: Pair, before: str, capsys: pytest.CaptureFixture[str]
) -> None:
    target, file = str(lab.path / "standin.toml"), str(lab.path / "before.json")
    assert main(["hw", "state", target, "--take", file]) == 0
    pair.ssh("dut", f"ip netns del {NAMESPACE}; sleep 1")  # as a boot does
    assert main(["hw", "state", target, "--compare", file]) == 3
    assert f"ip netns add {NAMESPACE}" in capsys.readouterr().err
    assert main(["hw", "state", target, "--restore", file]) == 0
    assert f"put back namespace: not there → {NAMESPACE}" in capsys.readouterr().out
    assert pair.ssh("dut", LOOK) == before
    assert main(["hw", "state", target, "--restore", file]) == 0
    assert "put back" not in capsys.readouterr().out
