# SPDX-License-Identifier: GPL-2.0
"""Zero copy over ports that are set up as a NIC's, on the real kernel that was built last.

The ports are netdevsims with a cable, as no other device here restarts a queue; the one that sends
is in a namespace. All that is asked and set goes through the very scripts that go over ssh.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, cast

import pytest

from kseries.bench import nicrun
from kseries.bench.answer import Receiver
from kseries.bench.nic import Asked, Item, OverNic, not_hardware
from kseries.hardware import probe
from kseries.hardware.machine import LabMachine
from kseries.hardware.probe import Facts, Question
from kseries.hardware.target import Dut, Lab, Peer
from kseries.lib import proc
from kseries.lib.deadline import Deadline
from kseries.lib.progress import Silent
from kseries.machines.base import Exit, TimedLine
from kseries.machines.vm import VirtualMachine
from kseries.model import Kernel
from kseries.report import nicbench
from tests.test_vm import kernel, machine
from tests.test_zcrx_bench import program

__all__ = ["program"]  # a fixture

pytestmark = [pytest.mark.vm, pytest.mark.timeout(600)]

LAB = Lab(
    kind="ssh",
    title="two netdevsims",
    dut=Dut(host="vm", interface="ours", driver="netdevsim", addresses=("192.0.2.1/24",)),
    peer=Peer(interface="theirs", namespace="peer", addresses=("192.0.2.2/24",)),
)
MAKE = r"""
set -e
ip netns add peer
for number in 1 2; do echo "$number 1 4" >/sys/bus/netdevsim/new_device; done
first=$(ls /sys/bus/netdevsim/devices/netdevsim1/net)
second=$(ls /sys/bus/netdevsim/devices/netdevsim2/net)
ip link set dev "$first" name ours
ip link set dev "$second" name theirs netns peer
exec 3</proc/self/ns/net 4</run/netns/peer
theirs=$(ip -netns peer -o link show dev theirs | cut -d: -f1)
echo "3:$(cat /sys/class/net/ours/ifindex) 4:$theirs" >/sys/bus/netdevsim/link_device
"""
UP = r"""
set -e
ip link set dev ours up
ip address replace 192.0.2.1/24 dev ours
ip -netns peer link set dev theirs up
ip -netns peer address replace 192.0.2.2/24 dev theirs
"""
BOTH = 'ip netns exec peer sh -c "$1" </kselftest/zcrx_bench >/tmp/sent 2>&1 & shift; "$@"'


class Guest:
    """A virtual machine in place of a lab machine and its peer."""

    lab = LAB

    def __init__(self, guest: VirtualMachine) -> None:
        self._guest = guest
        self._sends: str = ""
        self._is_asked, self._is_over = threading.Event(), threading.Event()

    @property
    def ends(self) -> Guest:
        return self

    def boot(self, booted: Kernel, deadline: Deadline) -> None:
        self._guest.boot(booted, deadline)
        self._do(MAKE)
        self.set_up_ports()

    def set_up_ports(self) -> None:
        self._do(UP)

    def put(self, source: Path, destination: str, deadline: Deadline) -> None:
        self._guest.put(source, destination, deadline)

    def dut(self, questions: Sequence[Question]) -> Facts:
        return self._asked(questions, "ours")

    def peer(self, questions: Sequence[Question]) -> Facts:
        return self._asked(questions, "theirs", "ip", "netns", "exec", "peer")

    def run_on_peer(self, script: str, source: IO[bytes], deadline: Deadline) -> proc.Completed:
        """Have it run beside what is run next: the guest runs one command at a time."""
        self._sends = script
        self._is_asked.set()
        assert self._is_over.wait(deadline.remaining())
        self._is_over.clear()
        return proc.Completed(("send",), 0, "", 0.0)

    def run(
        self,
        argv: Sequence[str],
        *,
        deadline: Deadline,
        env: Mapping[str, str] | None = None,
        on_line: TimedLine | None = None,
    ) -> Exit:
        if not argv[0].endswith(nicrun.PROGRAM):
            return self._guest.run(argv, deadline=deadline, env=env, on_line=on_line)
        assert self._is_asked.wait(deadline.remaining())
        self._is_asked.clear()
        words = ["sh", "-c", BOTH, "sh", self._sends, *argv]
        try:
            return self._guest.run(words, deadline=deadline, env=env, on_line=on_line)
        finally:
            self._is_over.set()

    def _asked(self, questions: Sequence[Question], interface: str, *before: str) -> Facts:
        script = probe.written(questions, "mark", interface=interface)
        facts, ended = probe.read("vm", self._do(script, *before))
        assert ended
        return facts

    def _do(self, script: str, *before: str) -> list[str]:
        lines: list[str] = []
        done = self._guest.run(
            [*before, "sh", "-c", script],
            deadline=Deadline.after(180),
            on_line=lambda _, line: lines.append(line),
        )
        assert done.status == 0, lines
        return lines


def measured(program: Path, folder: Path, *receivers: Receiver, made: type[Guest]) -> OverNic:
    items = tuple(Item("same", name) for name in receivers)
    asked = Asked(items, seconds=1, repeats=2, warm_up=4 << 20)
    booted = kernel()
    with machine(folder, boot=False) as guest:
        lab = cast(LabMachine, made(guest))
        words = (lab, booted, program.read_bytes(), "vm", asked, Silent(), lambda _: None)
        return nicrun.Session(*words).run()


class Astray(Guest):
    """One whose flow comes on another queue, in spite of the rule that was taken."""

    def set_up_ports(self) -> None:
        super().set_up_ports()
        rules = "$(ethtool -n ours | sed -n 's/^Filter: //p')"
        self._do(f"for rule in {rules}; do ethtool -N ours delete $rule; done")


def test_what_is_copied_after_all_is_no_figure_of_zero_copy(program: Path, tmp_path: Path) -> None:
    done = measured(program, tmp_path, "zcrx", made=Astray)
    assert done.proof is not None
    assert done.proof.copies > done.proof.pieces / 2
    assert "NO FIGURES OF ZERO COPY" in "\n".join(nicbench.lines(done))


def test_zero_copy_gets_a_queue_of_its_own_and_every_figure_is_told(
    program: Path, tmp_path: Path
) -> None:
    receivers: tuple[Receiver, ...] = ("epoll", "zcrx")
    done = measured(program, tmp_path, *receivers, made=Guest)
    assert (done.skipped, done.lost) == ((), ())
    assert [sample.answer.receiver for sample in done.samples] == [*receivers, *receivers]
    set_up = {step.name: step.why_not for step in done.steps}
    assert set_up["rule"] == set_up["rings.tcp-data-split"] == ""
    assert done.port.settings["rings.tcp-data-split"] == "on"
    assert "Direct to queue 3" in next(
        value for name, value in done.port.settings.items() if name.startswith("rule.")
    )
    # Nearly nothing was copied, and where headers are left where they are, all is.
    assert done.proof is not None
    assert (done.proof.why_not, done.proof.doubt) == ("", "")
    assert done.proof.pieces > 100
    # It has no interrupts that go anywhere, and no NIC.
    assert "none" in set_up["interrupts"]
    told = "\n".join(nicbench.lines(done))
    assert "the driver netdevsim has no NIC" in told
    assert not_hardware(done.machine, done.port.driver) != ()
    assert "| io_uring" in told
