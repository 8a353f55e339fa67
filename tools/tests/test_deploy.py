# SPDX-License-Identifier: GPL-2.0
"""What is decided on this host of kernels on lab machines: their words, the first step."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kseries.cli.main import main
from kseries.hardware import boots, port, power, serial, store
from kseries.hardware.boots import Running
from kseries.hardware.target import (
    CommandConsole,
    CommandPower,
    Dut,
    Ipmi,
    Lab,
    Peer,
    SshConsole,
    Target,
    Without,
)
from kseries.hardware.visit import Visit
from kseries.lib.errors import InfraError, UserError
from kseries.lib.proc import CommandFailed
from kseries.lib.runfolder import RunFolder
from kseries.model import (
    AppliedPatch,
    BaseTree,
    EventKind,
    Finding,
    LocalSource,
    NamedSource,
    PatchState,
    ProgramResult,
    Status,
    Suspect,
    TestOutcome,
    Tree,
)
from kseries.run import firststep
from tests.labtarget import Told

OWN = Running(
    "b1",
    "6.12.0",
    "x86_64",
    ("BOOT_IMAGE=/boot/vmlinuz", "root=/dev/sda1", "ro", "console=ttyS0", "panic=0", "quiet"),
)


def test_the_command_line_is_the_own_kernels_and_what_resets_the_machine() -> None:
    words = boots.arguments(OWN, "t0", ("iommu=pt", "panic=3"))
    assert words == (
        *("root=/dev/sda1", "ro", "console=ttyS0"),
        *("panic=10", "nmi_watchdog=panic", "printk.devkmsg=on", "log_buf_len=4M"),
        *("kseries.boot=t0", "iommu=pt", "panic=3"),
    )
    ours = replace(OWN, arguments=words)
    assert (OWN.token, ours.token) == ("", "t0")
    assert boots.arguments(ours, "t1", ()).count("kseries.boot=t1") == 1
    assert "kseries.boot=t0" not in boots.arguments(ours, "t1", ())


CONSOLE = """\
Debian GNU/Linux
[  100.000000] kexec_core: Starting new kernel
[    0.000000] Linux version 6.12.0 (new)
[    1.000000] Kernel panic - not syncing: VFS: Unable to mount root fs
[    1.000001] ---[ end Kernel panic - not syncing: VFS: Unable to mount root fs ]---
[    1.000002] Rebooting in 10 seconds..
SeaBIOS (version 1.16)
[    0.000000] Linux version 6.1.0 (own)
[    1.000000] BUG: of the machine's own kernel
"""


def test_the_consoles_lines_of_the_kernel_under_test() -> None:
    lines = serial.of_kernel(CONSOLE.splitlines())
    assert lines[0].endswith("Starting new kernel")
    assert lines[-1].endswith("Rebooting in 10 seconds..")
    assert serial.death(lines) == "Kernel panic - not syncing: VFS: Unable to mount root fs"


def test_without_a_reset_line_it_ends_where_the_next_kernel_begins() -> None:
    text = CONSOLE.replace("[    1.000002] Rebooting in 10 seconds..\n", "")
    assert not any("own" in line for line in serial.of_kernel(text.splitlines()))


def test_no_last_words() -> None:
    assert serial.of_kernel(["login:", ""]) == []
    assert serial.death([]) == ""


def test_a_switch_is_worked_by_commands() -> None:
    assert power.switch_commands(Without(kind="none")) == []
    pdu = CommandPower(kind="command", off=("pdu", "off"), on=("pdu", "on"))
    assert power.switch_commands(pdu) == [["pdu", "off"], ["pdu", "on"]]
    bmc = Ipmi(kind="ipmi", bmc="bmc", user="op", password_file="/secret")
    (cycle,) = power.switch_commands(bmc)
    assert cycle == [
        *("ipmitool", "-I", "lanplus", "-H", "bmc", "-U", "op", "-f", "/secret"),
        *("chassis", "power", "cycle"),
    ]
    assert power.console_command(bmc)[-2:] == ["sol", "activate"]


def test_a_switch_that_does_not_work_says_so(tmp_path: Path) -> None:
    works = CommandPower(kind="command", off=("true",), on=("true",))
    fails = CommandPower(kind="command", off=("false",), on=("true",))
    power.cycle(works, tmp_path / "log")
    with pytest.raises(CommandFailed, match="false failed with exit status 1"):
        power.cycle(fails, tmp_path / "log")
    assert not power.can_switch(Without(kind="none"))


@pytest.mark.parametrize(
    ("off", "done", "told"),
    [
        ("true", True, "lab1 was switched off and on"),
        ("false", False, "its power switch does not work: false failed with exit status 1."),
        ("", False, "it has no power switch"),
    ],
)
def test_a_run_says_what_became_of_the_switch(
    tmp_path: Path, off: str, done: bool, told: str
) -> None:
    way = CommandPower(kind="command", off=(off,), on=("true",)) if off else Without(kind="none")
    lab = Lab(
        kind="ssh",
        title="t",
        dut=Dut(host="dut", interface="eth1", driver="e1000e"),
        peer=Peer(host="peer", interface="eth1"),
        power=way,
    )
    progress = Told()
    assert Visit(Target("lab1", lab), RunFolder(tmp_path), progress).cycle() is done
    assert progress.notes[0] == "lab1 does not answer"
    assert progress.notes[1].startswith(told)


def ipmitool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> Path:
    """Stand in for ipmitool; give the file with what it was called with."""
    program, called = tmp_path / "bin" / "ipmitool", tmp_path / "called"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$* $IPMITOOL_PASSWORD" >>{called}\n{script}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return called


def test_the_password_of_ipmi_is_no_word_of_a_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called = ipmitool(tmp_path, monkeypatch, "echo Chassis Power is on")
    bmc = Ipmi(kind="ipmi", bmc="bmc", user="op", password_env="LAB1_BMC")
    with pytest.raises(UserError, match="not in the environment"):
        power.state(bmc)
    monkeypatch.setenv("LAB1_BMC", "hunter2")
    assert power.state(bmc) == "On"
    power.cycle(bmc, tmp_path / "log")
    words = "-I lanplus -H bmc -U op -E chassis power"
    assert called.read_text() == f"{words} status hunter2\n{words} cycle hunter2\n"
    assert "hunter2" not in (tmp_path / "log").read_text()


def test_a_password_file_of_ipmi_is_ours_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called = ipmitool(tmp_path, monkeypatch, "echo Chassis Power is off")
    secret = tmp_path / "password"
    secret.write_text("hunter2\n")
    secret.chmod(0o644)
    bmc = Ipmi(kind="ipmi", bmc="bmc", user="op", password_file=str(secret))
    with pytest.raises(UserError, match="Others may read"):
        power.state(bmc)
    with pytest.raises(UserError, match="Others may read"), power.shown(bmc, tmp_path / "s", []):
        pass
    assert not called.exists()
    secret.chmod(0o600)
    assert power.state(bmc) == "Off"


def test_a_bmc_that_tells_nothing_is_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ipmitool(tmp_path, monkeypatch, "echo Unable to get Chassis Power Status")
    monkeypatch.setenv("LAB1_BMC", "hunter2")
    with pytest.raises(InfraError, match="does not tell"):
        power.state(Ipmi(kind="ipmi", bmc="bmc", user="op", password_env="LAB1_BMC"))


def test_consoles_are_shown_by_commands(tmp_path: Path) -> None:
    assert power.console_command(Without(kind="none")) == []
    remote = SshConsole(kind="ssh", host="con", command=("picocom", "/dev/ttyUSB0"))
    assert power.console_command(remote)[-4:] == ["--", "con", "picocom", "/dev/ttyUSB0"]
    lines: list[tuple[float, str]] = []
    local = CommandConsole(kind="command", command=("sh", "-c", "echo hello; sleep 60"))
    with power.shown(local, tmp_path / "serial.log", lines):
        while not lines:
            pass
    assert [text for _, text in lines] == ["hello"]
    assert (tmp_path / "serial.log").read_text() == "hello\n"


def test_content_is_names_modes_and_bytes(tmp_path: Path) -> None:
    folder = tmp_path / "tests"
    folder.mkdir()
    (folder / "a").write_text("1")
    seen = {store.content(folder)}
    assert store.content(folder) in seen
    (folder / "a").write_text("2")
    seen.add(store.content(folder))
    (folder / "a").chmod(0o755)
    seen.add(store.content(folder))
    (folder / "a").rename(folder / "b")
    seen.add(store.content(folder))
    (folder / "c").symlink_to("b")
    seen.add(store.content(folder))
    assert len(seen) == 5


def patch(index: int) -> AppliedPatch:
    return AppliedPatch("s", index, f"title {index}", "", PatchState.APPLIED)


def test_where_the_kernels_tests_of_drivers_are() -> None:
    dut = Dut(
        host="root@dut", interface="ens1", driver="bnxt_en",
        addresses=("192.0.2.1/24", "2001:db8::1/64", "192.0.2.7/24"),
    )  # fmt: skip
    peer = Peer(host="root@peer", interface="ens2", addresses=("192.0.2.2/24",))
    lab = Lab(kind="ssh", title="t", dut=dut, peer=peer)
    assert port.environment(lab, "lan9") == {
        "NETIF": "lan9",
        "LOCAL_V4": "192.0.2.1",
        "LOCAL_V6": "2001:db8::1",
        "REMOTE_V4": "192.0.2.2",
        "REMOTE_TYPE": "ssh",
        "REMOTE_ARGS": "root@peer",
    }
    near = replace(lab, peer=Peer(namespace="far", interface="ens2"))
    found = port.environment(near, "lan9")
    assert (found["REMOTE_TYPE"], found["REMOTE_ARGS"]) == ("netns", "far")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ("example = true", "is an example"),
        ('[boot]\nmethod = "none"', "boot.method"),
        (
            '[power]\nkind = "redfish"\nurl = "https://bmc"\nuser = "op"\n'
            'password_file = "/nowhere/secret"',
            "The file with the password of the BMC's user op cannot be read",
        ),
    ],
)
def test_a_target_that_no_run_can_use_is_refused_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: str, word: str
) -> None:
    head, table = (change, "") if change.startswith("example") else ("", change)
    file = tmp_path / "lab1.toml"
    file.write_text(
        f'kind = "ssh"\ntitle = "t"\n{head}\n[dut]\nhost = "dut"\ninterface = "eth1"\n'
        f'driver = "e1000e"\n[peer]\nhost = "peer"\ninterface = "eth1"\n{table}\n'
    )
    assert main(["run", "--target", str(file), "--workspace", str(tmp_path)]) == 2
    assert word in capsys.readouterr().err


SOURCE = NamedSource("toy", LocalSource("local", Path("/nowhere")))
TREE = Tree(
    Path("/nowhere"),
    BaseTree(SOURCE, Path("/nowhere"), "0" * 40, "6.12", ""),
    "",
    tuple(map(patch, range(1, 6))),
)


def result(status: Status, seconds: float = 0.0) -> ProgramResult:
    return ProgramResult("demo", "one", status, None, seconds, ())


def test_a_bisection_begins_in_the_middle() -> None:
    told = TestOutcome((result(Status.MISSING),), (), {})
    (note,) = firststep.note(told, TREE, "s", "r1")
    assert note.startswith("begin a bisection with patch 3 of 5, 'title 3'")
    assert note.endswith("kseries bisect demo/one --run r1")


def test_a_bisection_begins_where_the_log_points_to() -> None:
    suspect = Suspect("s", 4, "title 4", "", "x.c:1 in y")
    finding = Finding("f", EventKind.PANIC, "t", "w", 1, 1, ("boot",), suspect=suspect)
    told = TestOutcome((result(Status.MISSING),), (), {}, findings=(finding,))
    (note,) = firststep.note(told, TREE, "s", "r1")
    assert "patch 4 of 5, 'title 4' (the kernel log points to it)" in note


@pytest.mark.parametrize(
    "programs", [(), (result(Status.PASS, 1.0),), (result(Status.MISSING, 2.0),)]
)
def test_no_bisection_of_what_came_up(programs: tuple[ProgramResult, ...]) -> None:
    assert firststep.note(TestOutcome(programs, (), {}), TREE, "s", "r1") == ()
