# SPDX-License-Identifier: GPL-2.0
import re
from pathlib import Path

import pytest

from kseries.lib import proc
from kseries.machines import accel
from kseries.machines.accel import Accelerator

QEMU = "QEMU emulator version 7.2.22"
KERNEL = Path("/no/kernel")


@pytest.fixture
def device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    device = tmp_path / "kvm"
    device.touch()
    monkeypatch.setattr(accel, "DEVICE", device)
    return device


def test_the_user_decides(tmp_path: Path) -> None:
    assert accel.choose("kvm", tmp_path / "m", QEMU, KERNEL) == Accelerator("kvm")
    assert accel.choose("tcg", tmp_path / "m", QEMU, KERNEL) == Accelerator("tcg")


def test_without_a_device_there_is_emulation_at_once(tmp_path: Path, device: Path) -> None:
    device.unlink()
    chosen = accel.choose(None, tmp_path / "m", QEMU, KERNEL)
    assert chosen == Accelerator(
        "tcg", f"guests are emulated, which is slower: there is no {device}"
    )


@pytest.mark.parametrize(
    "found",
    [
        Accelerator("kvm", probed=True),
        Accelerator("tcg", "guests are emulated, which is slower: it spins", probed=True),
    ],
)
def test_an_answer_is_remembered(tmp_path: Path, device: Path, found: Accelerator) -> None:
    memory = tmp_path / "host" / "kvm.json"
    accel.remember(memory, QEMU, found)
    chosen = accel.choose(None, memory, QEMU, KERNEL)
    assert chosen == Accelerator(found.name, found.note)


def test_another_qemu_or_a_spoilt_file_has_no_answer(tmp_path: Path) -> None:
    memory = tmp_path / "kvm.json"
    assert accel.recall(memory, accel.host_key(QEMU)) is None
    accel.remember(memory, QEMU, Accelerator("kvm"))
    assert accel.recall(memory, accel.host_key(QEMU)) is not None
    assert accel.recall(memory, accel.host_key("QEMU emulator version 10")) is None
    memory.write_text('{"key": 1}')
    assert accel.recall(memory, accel.host_key(QEMU)) is None
    memory.write_bytes(b"\xff")
    assert accel.recall(memory, accel.host_key(QEMU)) is None


@pytest.mark.skipif(proc.which("qemu-system-x86_64") is None, reason="QEMU is not installed")
def test_a_probe_that_qemu_refuses(tmp_path: Path) -> None:
    (tmp_path / "none").write_text("no kernel")
    why = accel.probe(tmp_path / "none")
    # 1 for want of a kernel; where the host's KVM lacks a register, QEMU aborts before it looks
    assert re.search(r"QEMU ended with (exit status 1|signal SIGABRT): \S", why)


def test_a_device_one_may_not_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)
    device = tmp_path / "kvm"
    device.touch()
    assert accel.device_lack(device).startswith("this user may not open")
