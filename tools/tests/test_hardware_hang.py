# SPDX-License-Identifier: GPL-2.0
"""A kernel under test that hangs with its interrupts off, as a driver's fault makes it.

Debian's kernel has nothing that does so on purpose (lkdtm, test_lockup, hwlat are not built). So
one of its modules gets other first instructions: cli, and a jump to itself. Nobody watches with
NMIs, as emulated processors count no cycles: the machine's watchdog is left, or its power switch.
"""

from __future__ import annotations

import base64
import lzma

import pytest

from kseries.bench import elf
from kseries.cli.main import main
from kseries.hardware.holder import Stranded
from kseries.model import Status, TestOutcome
from tests import powerswitch
from tests.labtarget import Lab
from tests.standin import Pair
from tests.test_hardware_run import BEGUN, CASES, GOOD, boot, lab, pair, release

__all__ = ["boot", "lab", "pair", "release"]  # fixtures

pytestmark = [pytest.mark.hardware, pytest.mark.timeout(900)]

MODULE = "/lib/modules/$(uname -r)/kernel/drivers/net/dummy.ko.xz"
SIGNED = b"~Module signature appended~\n"
BEGIN = bytes.fromhex("f30f1efa e800000000")  # endbr64; call __fentry__
HANG = bytes.fromhex("fa ebfe")  # cli; jmp .
ONE_CPU = ("maxcpus=1",)
NO_WATCHDOG = ("module_blacklist=i6300esb,iTCO_wdt,softdog",)


def hanging(module: bytes) -> bytes:
    """Give a module that hangs when it is loaded; a signature that is wrong would be refused."""
    if module.endswith(SIGNED):
        end = len(module) - len(SIGNED)
        module = module[: end - 12 - int.from_bytes(module[end - 4 : end], "big")]
    code = elf.section(module, ".init.text")
    assert code is not None
    assert (module.count(code.content), code.content.count(BEGIN)) == (1, 1)
    before, after = code.content.split(BEGIN)
    return module.replace(code.content, before + BEGIN + HANG + after[len(HANG) :])


def outcome(lab: Lab, pair: Pair, *, before: str = "", timeout_s: float = 300.0) -> TestOutcome:
    """Run a program that hangs the kernel, and one that is good."""
    told = pair.ssh("dut", f"base64 {MODULE}")
    lab.add("hangs", f"{BEGUN}; {before} insmod ./hangs.ko", cases=CASES, timeout_s=timeout_s)
    module = lab.path / "installed/demo/hangs.ko"
    module.write_bytes(hanging(lzma.decompress(base64.b64decode(told))))
    lab.add("good", GOOD, cases=CASES)
    return lab.test(reruns=True)


def require_charged(told: TestOutcome, *what: str) -> None:
    hangs, good = told.programs
    assert (hangs.status, good.status) == (Status.CRASH, Status.PASS), told.notes
    assert [case.status for case in hangs.cases] == [Status.PASS, Status.CRASH]
    assert any(any(text in problem for text in what) for problem in hangs.problems), hangs.problems
    assert told.facts["boots"] == "2"


def test_the_watchdog_ends_it(lab: Lab, pair: Pair) -> None:
    lab.write(power=False)
    lab.arguments = ONE_CPU
    require_charged(outcome(lab, pair), "the machine reset meanwhile")


def test_without_a_watchdog_the_power_switch_ends_it(lab: Lab, pair: Pair) -> None:
    lab.write(deadline_s=100.0)
    lab.arguments = (*ONE_CPU, *NO_WATCHDOG)
    require_charged(outcome(lab, pair), "switched off and on")


def test_without_either_it_is_told_where_the_machine_stands(lab: Lab, pair: Pair) -> None:
    file = lab.write(power=False, deadline_s=100.0)
    lab.arguments = (*ONE_CPU, *NO_WATCHDOG)
    with pytest.raises(Stranded) as caught:
        outcome(lab, pair)
    assert "is not in its first state" in caught.value.what
    assert "before.json" in caught.value.where
    assert "kseries hw recover standin" in caught.value.do
    powerswitch.tell(str(pair.dut.monitor), "system_reset")
    assert main(["hw", "recover", str(file)]) == 0


def test_one_processor_of_two_hangs(lab: Lab, pair: Pair) -> None:
    # What still runs on the other one, and for how long, is the kernel's luck.
    require_charged(
        outcome(lab, pair, before="taskset -c 1", timeout_s=45.0),
        *("the machine reset meanwhile", "switched off and on", "hangs"),
    )
