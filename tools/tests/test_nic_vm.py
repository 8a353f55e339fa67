# SPDX-License-Identifier: GPL-2.0
"""Zero copy over ports that are set up as a NIC's, on the real kernel that was built last.

The ports are netdevsims with a cable, as no other device here restarts a queue; the one that sends
is in a namespace. All that is asked and set goes through the very scripts that go over ssh.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, cast

import jsonschema
import pytest

from kseries.bench import document, nicrun, runner
from kseries.bench.answer import Receiver
from kseries.bench.document import BENCH
from kseries.bench.nic import Asked, Item, OverNic, not_hardware
from kseries.hardware import probe
from kseries.hardware.machine import LabMachine
from kseries.hardware.probe import Facts, Question
from kseries.hardware.target import Dut, Lab, Peer
from kseries.lib import proc
from kseries.lib.deadline import Deadline
from kseries.lib.paths import Cache, Project
from kseries.lib.progress import Silent
from kseries.lib.runfolder import RunFolder
from kseries.machines.base import Exit, TimedLine
from kseries.machines.vm import VirtualMachine
from kseries.model import Kernel
from kseries.report import nicbench
from kseries.run.context import RunContext
from tests.test_vm import kernel, machine
from tests.test_zcrx_bench import program
from tests.toymachine import set_up_toys

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
FILE = """\
kind = "ssh"
title = "two netdevsims"
[dut]
host = "vm"
interface = "ours"
driver = "netdevsim"
config = ["hardware"]
[peer]
interface = "theirs"
namespace = "peer"
"""
BOTH = 'ip netns exec peer sh -c "$1" </kselftest/zcrx_bench >/tmp/sent 2>&1 & shift; "$@"'


class Guest:
    """A virtual machine in place of a lab machine and its peer."""

    lab = LAB
    facts: Mapping[str, str] = {"note": "dut: put back 1 settings (link.mtu)"}

    def __init__(self, guest: VirtualMachine) -> None:
        self._guest = guest
        self._sends: str = ""
        self._is_asked, self._is_over = threading.Event(), threading.Event()

    def __enter__(self) -> Guest:
        self._guest.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._guest.__exit__(*error)

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


def test_the_command_line_builds_measures_keeps_and_tells(
    program: Path,
    toy_kernel: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """All of it, but that the kernel which the toy's sources make is the real one."""
    booted = kernel()

    class Lab(Guest):
        def boot(self, kernel: Kernel, deadline: Deadline) -> None:
            super().boot(booted, deadline)

    def lab_machine(work: RunContext, folder: RunFolder, number: int) -> Lab:
        return Lab(VirtualMachine(own, cache, folder, Silent(), number=number))

    own, cache = Project.find(), Cache.find()
    toys = set_up_toys(tmp_path, toy_kernel, monkeypatch)
    monkeypatch.setattr(RunContext, "lab_machine", lab_machine)
    monkeypatch.setattr(runner, "program_of", lambda _: program.read_bytes())
    toys.words("toys", "one")
    toys.stack("toys", under_test="toys")
    (toys.toyproject.root / "configs" / "hardware.config").write_text("CONFIG_NET=y\n")
    file = tmp_path / "lab1.toml"
    file.write_text(FILE)
    words = ("--target", str(file), "--seconds", "1", "--repeat", "2", "discard", "same")
    assert toys.kseries("bench", *words) == 0
    told = capsys.readouterr().out
    assert "over a NIC: lab1" in told
    assert "Pinned to _same_ core:\n(no figures of hardware: the driver netdevsim" in told
    assert "note: dut: put back 1 settings (link.mtu)" in told
    run = toys.toyproject.root / "out" / "runs" / "latest"
    text = (run / "bench.json").read_text()
    jsonschema.validate(json.loads(text), document.schema())
    nic = BENCH.validate_json(text).nic
    assert nic is not None
    assert [sample.item.name for sample in nic.samples] == 2 * ["discard-same"]
    assert nic.samples[0].gbps > 0
    assert "MSG_TRUNC" in (run / "bench.html").read_text()
    assert toys.kseries("bench", "--show", "latest") == 0
    assert "over a NIC: lab1" in capsys.readouterr().out
    # Each kernel is configured for that machine, and a session can be gone on with.
    asked = json.loads((run / "request.json").read_text())
    assert [Path(name).name for name in asked["configs"]] == ["hardware.config"]
    assert (run / "bench-target-asked.json").is_file()
    # As if it had been ended before the second turn.
    done = json.loads(text)
    del done["nic"]["samples"][1:]
    (run / "bench.json").write_text(json.dumps(done))
    assert toys.kseries("bench", "--resume", "latest") == 0
    again = BENCH.validate_json((run / "bench.json").read_text()).nic
    assert again is not None
    assert not [note for note in again.notes if "anew" in note]
    assert again.samples[0] == nic.samples[0]
    assert again.samples[1] != nic.samples[1]
    assert len(again.samples) == 2
