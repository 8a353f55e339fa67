# SPDX-License-Identifier: GPL-2.0
"""The agent of lab machines, run on this host, over connections that are cut.

An ssh that carries out here what it is told to carry out there stands in for the machine.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from kseries.hardware.stream import End, Stream
from kseries.lib import proc
from kseries.lib.deadline import Deadline
from kseries.machines import agentprogram
from kseries.machines.agent import Agent, Gone
from kseries.machines.command import Command

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")

SSH = """\
#!/bin/sh
[ -e {place}/away ] && exit 255
while [ "$1" != -- ]; do shift; done
shift 2
sh -c "$*"
status=$?
printf 'Connection to dut closed by remote host.\\r\\n' >&2
exit $status
"""


@dataclass
class Machine:
    """This host, as a machine with an agent."""

    place: Path
    program: Path
    wake: int
    cycles: int = 0

    @property
    def folder(self) -> Path:
        return self.place / "session"

    @property
    def boot(self) -> str:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()

    def serve(self) -> None:
        self.folder.mkdir()
        proc.run(
            [self.program, "serve", self.folder, "0"],
            cwd=self.place,
            deadline=Deadline.after(20.0),
        )

    def stream(self, *, patience_s: float = 20.0, boot: str = "") -> Stream:
        def cycle() -> bool:
            self.cycles += 1
            return self.cycles < 2

        return Stream(
            host="dut",
            program=str(self.program),
            folder=str(self.folder),
            boot=boot or self.boot,
            patience_s=patience_s,
            when_lost=cycle,
            log=self.place / "ssh.log",
        )

    def agent(self, stream: Stream) -> Agent:
        agent = Agent(stream.ours, self.wake)
        assert agent.wait_hello(soon())
        return agent

    def kill(self, how: str) -> None:
        """Kill those of the agent's processes that were started to serve, or to attach."""
        words = f"{self.program}\0{how}\0{self.folder}\0".encode()
        for process in proc.processes():
            with suppress(OSError):
                if Path(f"/proc/{process.pid}/cmdline").read_bytes().startswith(words):
                    os.kill(process.pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return agentprogram.compiled(agentprogram.DETACHED, tmp_path_factory.mktemp("agent") / "agent")


@pytest.fixture
def machine(program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    place = tmp_path / "bin"
    place.mkdir()
    (place / "ssh").write_text(SSH.format(place=tmp_path))
    (place / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{place}:/usr/sbin:/usr/bin:/sbin:/bin")
    wake = os.eventfd(0)
    made = Machine(tmp_path, program, wake)
    made.serve()
    yield made
    made.kill("serve")
    os.close(wake)


def soon() -> Deadline:
    return Deadline.after(30.0)


def shell(script: str) -> Command:
    return Command(("sh", "-c", script))


def test_a_program_and_its_output(machine: Machine) -> None:
    stream = machine.stream()
    agent, seen = machine.agent(stream), bytearray()
    assert agent.execute(shell("echo out; echo err >&2; exit 3"), soon(), seen.extend) == 3
    assert seen == b"out\nerr\n"
    stream.close()


def test_what_runs_is_on_the_disk_while_it_runs(machine: Machine) -> None:
    stream = machine.stream()
    agent = machine.agent(stream)
    running, seen = machine.folder / "running", bytearray()
    assert agent.execute(shell(f"cat {running}"), soon(), seen.extend) == 0
    assert seen.decode() == f"cd / && sh -c cat {running}\n"
    assert not running.exists()
    stream.close()


def test_a_cut_connection_loses_and_repeats_nothing(machine: Machine) -> None:
    stream = machine.stream()
    agent, seen = machine.agent(stream), bytearray()
    lines = 3000
    cut = f"pkill -9 -f '^{machine.program} attach'"
    script = (
        f"i=0; while [ $i -lt {lines} ]; do echo $i; i=$((i + 1));"
        f" [ $((i % 1000)) = 0 ] && {cut}; done; sleep 0.2; {cut}; cat"
    )
    fed = [b"input "] * 50
    command = Command(("sh", "-c", script), feed=fed)
    assert agent.execute(command, Deadline.after(60.0), seen.extend) == 0
    wanted = "".join(f"{number}\n" for number in range(lines)).encode() + b"".join(fed)
    assert seen == wanted
    assert stream.connections > 1
    stream.close()


def test_a_session_outlives_whoever_began_it(machine: Machine) -> None:
    first = machine.stream()
    agent, seen = machine.agent(first), bytearray()
    assert agent.execute(shell("echo once"), soon(), seen.extend) == 0
    first.close()
    second, heard = machine.stream(), b""
    while b"once\n" not in heard:  # all of it from the beginning
        heard += second.ours.recv(1 << 16)
    assert heard.startswith(b"H")
    second.close()


def test_all_that_a_program_has_started_is_killed(machine: Machine) -> None:
    stream = machine.stream()
    agent = machine.agent(stream)
    name = f"4{os.getpid()}"
    script = f"setsid sh -c 'setsid sleep {name} &' & setsid sleep {name} & sleep {name}"
    assert agent.execute(shell(script), Deadline.after(1.0), lambda _: None) is None
    agent.kill(soon())
    time.sleep(0.1)
    left = [
        process
        for process in proc.processes()
        if process.name == "sleep" and process.state not in "ZX" and _is(process.pid, name)
    ]
    assert left == []
    stream.close()


def _is(pid: int, word: str) -> bool:
    with suppress(OSError):
        return word.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def test_an_agent_that_is_gone(machine: Machine) -> None:
    stream = machine.stream()
    agent, seen = machine.agent(stream), bytearray()

    def sink(data: bytes) -> None:
        seen.extend(data)
        machine.kill("serve")

    with pytest.raises(Gone):
        agent.execute(shell("echo first; sleep 20"), soon(), sink)
    assert stream.wait_end(20.0) is End.ENDED
    stream.close()


def test_the_journal_is_read_after_another_boot(machine: Machine) -> None:
    stream = machine.stream(boot="of-another-kernel")
    agent, seen = machine.agent(stream), bytearray()
    # The program prints while nobody listens, and its machine "dies".
    away = machine.place / "away"
    script = (
        f"touch {away}; pkill -9 -f '^{machine.program} attach'; sleep 0.2; echo unheard;"
        f" sleep 0.5; rm {away}; pkill -9 -f '^{machine.program} serve'"
    )
    with pytest.raises(Gone):
        agent.execute(shell(script), soon(), seen.extend)
    assert stream.wait_end(20.0) is End.BOOTED
    agent.drain()
    assert seen == b"unheard\n"
    stream.close()


def test_a_machine_that_does_not_answer_is_given_up(machine: Machine) -> None:
    stream = machine.stream(patience_s=0.5)
    agent = machine.agent(stream)
    (machine.place / "away").touch()
    machine.kill("attach")
    with pytest.raises(Gone):
        agent.execute(shell("sleep 20"), soon(), lambda _: None)
    assert stream.wait_end(20.0) is End.LOST
    assert machine.cycles == 1
    stream.close()
