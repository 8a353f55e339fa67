# SPDX-License-Identifier: GPL-2.0
"""Boot real virtual machines. The kernel: $KSERIES_TEST_KERNEL, else the newest one under out/."""

import itertools
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kseries import model
from kseries.kbuild.sandbox import NOBODY
from kseries.lib import proc, runfolder
from kseries.lib.deadline import Deadline
from kseries.lib.errors import InfraError, UserError
from kseries.lib.paths import Cache, Project
from kseries.lib.progress import Silent
from kseries.machines import confine, guest_process, vm
from kseries.machines.base import BootFailed, KernelDied, TargetLost
from kseries.machines.needs import Needs
from kseries.machines.vm import VirtualMachine
from kseries.suites import linked
from kseries.test import ready
from tests.builtkernel import kernel_image

pytestmark = [pytest.mark.vm, pytest.mark.timeout(300)]

BOOT_S = 120.0


def kernel() -> model.Kernel:
    image = kernel_image()
    if image is None or not image.is_file():
        pytest.skip("no kernel: build one, or set KSERIES_TEST_KERNEL to a bzImage")
    tree = model.Tree(Path("/"), model.BaseTree(None, Path("/"), "", "", ""), "", ())  # type: ignore[arg-type]
    config = model.KernelConfig(tree, model.BuildPlace(Path("/"), Path("/")), "", "", 0)
    return model.Kernel(config, image, "", "", 0, 0.0, Path("/"))


def soon(seconds: float = 60.0) -> Deadline:
    return Deadline.after(seconds)


@contextmanager
def machine(folder: Path, *arguments: str, boot: bool = True) -> Iterator[VirtualMachine]:
    booted = kernel()
    run = runfolder.create(folder / "runs", "vm")
    with VirtualMachine(Project.find(), Cache.find(), run, Silent(), arguments=arguments) as guest:
        if boot:
            guest.boot(booted, soon(BOOT_S))
        yield guest


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VirtualMachine]:
    with machine(tmp_path_factory.mktemp("shared")) as booted:
        yield booted


def output(guest: VirtualMachine, *argv: str, **more: object) -> tuple[int | None, list[str]]:
    lines: list[str] = []
    done = guest.run(argv, deadline=soon(), on_line=lambda _, line: lines.append(line), **more)  # type: ignore[arg-type]
    return done.status, lines


def test_a_program_prints_and_ends(guest: VirtualMachine) -> None:
    assert output(guest, "echo", "two words", "") == (0, ["two words "])


@pytest.mark.parametrize(
    ("script", "status"),
    [("exit 0", 0), ("exit 7", 7), ("kill -SEGV $$", 128 + 11), ("no-such-program", 127)],
)
def test_exit_statuses(guest: VirtualMachine, script: str, status: int) -> None:
    assert output(guest, "sh", "-c", script)[0] == status


def test_a_program_that_is_not_there(guest: VirtualMachine) -> None:
    status, lines = output(guest, "/no/such/program")
    assert (status, lines) == (127, ["cannot run /no/such/program: No such file or directory"])


def test_a_folder_that_is_not_there(guest: VirtualMachine) -> None:
    status, lines = output(guest, "true", cwd="/no/such")
    assert (status, lines) == (126, ["cannot change into /no/such: No such file or directory"])


def test_folder_and_variables(guest: VirtualMachine) -> None:
    status, lines = output(
        guest, "sh", "-c", 'pwd; echo "$A|$B|$HOME"', cwd="/usr/lib", env={"A": "x y", "B": "ü=1"}
    )
    assert (status, lines) == (0, ["/usr/lib", "x y|ü=1|/root"])


def test_both_streams_come_in_order_and_the_last_line_needs_no_end(guest: VirtualMachine) -> None:
    script = "echo one; echo two >&2; printf three"
    assert output(guest, "sh", "-c", script) == (0, ["one", "two", "three"])


def test_output_comes_while_the_program_runs(guest: VirtualMachine) -> None:
    times: list[float] = []
    guest.run(
        ["sh", "-c", "echo 1; sleep 1.5; echo 2"],
        deadline=soon(),
        on_line=lambda when, _: times.append(when),
    )
    assert times[1] - times[0] > 1.0
    assert times[1] <= time.monotonic()


def test_much_output_comes_whole(guest: VirtualMachine) -> None:
    status, lines = output(guest, "seq", "1", "300000")
    assert status == 0
    assert lines == [str(number) for number in range(1, 300001)]


def test_standard_input_is_empty(guest: VirtualMachine) -> None:
    assert output(guest, "sh", "-c", "wc -c; readlink /proc/self/fd/0") == (0, ["0", "/dev/null"])


def test_what_the_guest_offers(guest: VirtualMachine) -> None:
    script = (
        "test -e /dev/fd/0 && test -e /dev/stdout && test -d /sys/kernel/debug/tracing"
        " -o -d /sys/kernel/debug/x86 && ping -c 1 127.0.0.1 >/dev/null && udevadm settle"
        " && python3 -c 'import yaml' && touch /written && ethtool --help | grep -q tcp-data-split"
        " && ip netns add probe && ip netns del probe && for tool in"
        " awk bc bridge devlink jq socat tc timeout pkill; do command -v $tool; done | wc -l"
    )
    assert output(guest, "sh", "-c", script) == (0, ["9"])


def test_a_deadline_ends_the_program_and_its_children(guest: VirtualMachine) -> None:
    started = time.monotonic()
    lines: list[str] = []
    done = guest.run(
        ["sh", "-c", "setsid sleep 1111 & trap '' TERM; echo on; sleep 2222; sleep 3333"],
        deadline=soon(3.0),
        on_line=lambda _, line: lines.append(line),
    )
    assert done.status is None
    assert lines == ["on"]
    assert 2.9 < time.monotonic() - started < 8.0
    assert output(guest, "pgrep", "sleep") == (1, [])


def test_what_a_program_leaves_running_does_not_hold_it(guest: VirtualMachine) -> None:
    started = time.monotonic()
    assert output(guest, "sh", "-c", "sleep 50 & echo left") == (0, ["left"])
    assert time.monotonic() - started < 10.0
    assert output(guest, "pkill", "sleep")[0] == 0


def test_a_listener_that_raises_costs_the_machine_nothing_silently(tmp_path: Path) -> None:
    def fail(_: float, line: str) -> None:
        raise RuntimeError(line)

    with machine(tmp_path) as guest:
        with pytest.raises(RuntimeError, match="first"):
            guest.run(["sh", "-c", "echo first; sleep 5"], deadline=soon(), on_line=fail)
        with pytest.raises(TargetLost):
            guest.run(["true"], deadline=soon())


def test_arguments_that_cannot_be_passed(guest: VirtualMachine) -> None:
    with pytest.raises(UserError, match="NUL"):
        guest.run(["echo", "a\0b"], deadline=soon())
    assert output(guest, "true") == (0, [])


def test_a_folder_goes_there_and_back(guest: VirtualMachine, tmp_path: Path) -> None:
    source = tmp_path / "given"
    (source / "deep" / "er").mkdir(parents=True)
    (source / "deep" / "program").write_text("#!/bin/sh\necho ran\n")
    (source / "deep" / "program").chmod(0o755)
    (source / "deep" / "er" / "secret ü").write_bytes(bytes(range(256)))
    (source / "deep" / "er" / "secret ü").chmod(0o600)
    (source / "link").symlink_to("deep/program")
    (source / "empty").mkdir(mode=0o700)
    guest.put(source, "/root/new/place", soon())
    assert output(guest, "./link", cwd="/root/new/place") == (0, ["ran"])
    assert output(guest, "stat", "-c", "%U %a", "/root/new/place/deep/program")[1] == ["root 755"]
    guest.get("/root/new/place", tmp_path / "back", soon())
    assert listing(tmp_path / "back") == listing(source)


def listing(folder: Path) -> dict[str, tuple[int, bytes | str]]:
    found: dict[str, tuple[int, bytes | str]] = {}
    for path in folder.rglob("*"):
        content: bytes | str = ""
        if path.is_symlink():
            content = str(path.readlink())
        elif path.is_file():
            content = path.read_bytes()
        found[str(path.relative_to(folder))] = (path.lstat().st_mode, content)
    return found


def test_a_file_goes_there_and_back(guest: VirtualMachine, tmp_path: Path) -> None:
    data = os.urandom(20 << 20)
    (tmp_path / "big").write_bytes(data)
    guest.put(tmp_path / "big", "/tmp/renamed", soon())
    guest.get("/tmp/renamed", tmp_path / "out" / "back", soon())
    assert (tmp_path / "out" / "back").read_bytes() == data
    assert output(guest, "rm", "/tmp/renamed") == (0, [])


def test_to_get_what_is_not_there(guest: VirtualMachine, tmp_path: Path) -> None:
    with pytest.raises(InfraError, match="Could not copy /nothing") as caught:
        guest.get("/nothing", tmp_path / "back", soon())
    assert "No such file" in caught.value.where
    assert not (tmp_path / "back").exists()


def test_a_disk_that_is_full(guest: VirtualMachine, tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(bytes(4 << 20))
    output(guest, "sh", "-c", "mkdir /small && mount -t tmpfs -o size=1m none /small")
    with pytest.raises(InfraError, match="Could not copy") as caught:
        guest.put(tmp_path / "big", "/small/big", soon())
    assert "Wrote only" in caught.value.where
    assert output(guest, "umount", "/small") == (0, [])


def test_facts_and_console(guest: VirtualMachine) -> None:
    assert guest.facts["accelerator"] in ("kvm", "tcg")
    assert guest.facts["qemu"].startswith("QEMU emulator version ")
    assert guest.facts["guest"].startswith("guest-")
    before = time.monotonic()
    output(guest, "sh", "-c", "echo '<4>hello kseries' >/dev/kmsg; sleep 0.2")
    lines = guest.console()
    assert "Linux version" in lines[0][1]
    assert lines[-1][1].endswith("hello kseries")
    assert before < lines[-1][0] < time.monotonic()
    assert [time for time, _ in lines] == sorted(time for time, _ in lines)


def test_a_panic_ends_a_program_at_once(tmp_path: Path) -> None:
    with machine(tmp_path) as guest:
        lines: list[str] = []
        started = time.monotonic()
        with pytest.raises(KernelDied) as caught:
            guest.run(
                ["sh", "-c", "echo before; sleep 1; echo c >/proc/sysrq-trigger; sleep 100"],
                deadline=soon(100.0),
                on_line=lambda _, line: lines.append(line),
            )
        assert time.monotonic() - started < 10.0
        assert caught.value.reason == "Kernel panic - not syncing: sysrq triggered crash"
        assert lines == ["before"]
        place, _, line = caught.value.where.rpartition(":")
        log = Path(place).read_bytes().decode(errors="replace").split("\n")
        assert caught.value.reason in log[int(line) - 1]
        assert [text for _, text in guest.console()] == [text.rstrip("\r") for text in log[:-1]]
        with pytest.raises(TargetLost, match="does not run"):
            guest.run(["true"], deadline=soon())
        guest.boot(kernel(), soon(BOOT_S))
        assert output(guest, "echo", "again") == (0, ["again"])
        log = Path(place).read_bytes().decode(errors="replace").split("\n")
        assert [text for _, text in guest.console()] == [text.rstrip("\r") for text in log[:-1]]


def test_a_reset_without_a_word(tmp_path: Path) -> None:
    died = pytest.raises(KernelDied, match="the machine reset without a word")
    with machine(tmp_path) as guest, died:
        guest.run(["sh", "-c", "echo b >/proc/sysrq-trigger; sleep 100"], deadline=soon())


def test_a_panic_at_boot(tmp_path: Path) -> None:
    with machine(tmp_path, "root=/dev/none", boot=False) as guest:
        started = time.monotonic()
        with pytest.raises(BootFailed, match="Kernel panic - not syncing: VFS: Unable to mount"):
            guest.boot(kernel(), soon(BOOT_S))
        assert time.monotonic() - started < 30.0


def test_a_silent_hang_at_boot(tmp_path: Path) -> None:
    with machine(tmp_path, "init=/usr/bin/cat", boot=False) as guest:
        started = time.monotonic()
        with pytest.raises(BootFailed, match="did not come up within 8 s; its last line: "):
            guest.boot(kernel(), soon(8.0))
        assert 7.5 < time.monotonic() - started < 25.0


def test_an_image_that_is_no_kernel(tmp_path: Path) -> None:
    fake = tmp_path / "bzImage"
    fake.write_bytes(b"no kernel" * 1000)
    broken = kernel()
    object.__setattr__(broken, "image", fake)
    with machine(tmp_path, boot=False) as guest, pytest.raises(TargetLost):
        guest.boot(broken, soon(20.0))


def test_a_machine_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vm, "KILL_GRACE_S", 1.0)
    monkeypatch.setattr(guest_process, "PING_S", 1.0)
    with machine(tmp_path) as guest:
        assert guest._guest is not None
        pid = guest._guest.qemu_pid
        assert pid is not None
        with pytest.raises(KernelDied, match="it hangs: the machine does not answer any more"):
            guest.run(
                ["sh", "-c", "echo on; sleep 100"],
                deadline=soon(2.0),
                on_line=lambda *_: os.kill(pid, signal.SIGSTOP),
            )
        assert not Path(f"/proc/{pid}").exists()


def test_a_program_that_cannot_be_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vm, "KILL_GRACE_S", 2.0)
    lost = pytest.raises(KernelDied, match="cannot be killed, it hangs in the kernel")
    with machine(tmp_path) as guest, lost:
        guest.run(["sh", "-c", "fsfreeze -f / && exec touch /stuck"], deadline=soon(3.0))


def test_what_a_program_has_started_cannot_be_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vm, "KILL_GRACE_S", 2.0)
    lost = pytest.raises(KernelDied, match="cannot be killed, it hangs in the kernel")
    stuck = "fsfreeze -f / && { setsid touch /stuck & sleep 100; }"
    with machine(tmp_path) as guest, lost:
        guest.run(["sh", "-c", stuck], deadline=soon(3.0))


def test_what_the_kernel_s_tests_call_is_there_and_works(tmp_path: Path) -> None:
    heard = (
        "ip link set lo up; tcpdump -i lo -c 1 -w heard & "
        "for n in 1 2 3 4 5 6 7 8 9; do"
        " ping -q -c 1 127.0.0.1; test -s heard && exit; sleep 1; done; exit 1"
    )
    with machine(tmp_path) as guest:
        assert output(guest, "which", "sh")[0] == 0
        assert output(guest, "sh", "-c", "pidof init || pidof agent")[0] == 0
        assert output(guest, "sh", "-c", f"cd $(mktemp -d) && {{ {heard}; }}")[0] == 0


def test_qemu_killed_from_outside(tmp_path: Path) -> None:
    with machine(tmp_path) as guest:
        assert guest._guest is not None
        pid = guest._guest.qemu_pid
        assert pid is not None
        with pytest.raises(TargetLost, match="QEMU ended with signal 9") as caught:
            guest.run(
                ["sh", "-c", "echo on; sleep 100"],
                deadline=soon(),
                on_line=lambda *_: os.kill(pid, signal.SIGKILL),
            )
        assert not isinstance(caught.value, KernelDied)


def test_qemu_has_no_rights_and_sees_nothing_of_the_host(tmp_path: Path) -> None:
    before = set(confine.PLACES.glob(f"{confine.PREFIX}*"))
    with machine(tmp_path) as guest:
        assert guest._guest is not None
        place = Path(f"/proc/{guest._guest.qemu_pid}")
        status = dict(
            line.split(":", 1)
            for line in (place / "status").read_text().splitlines()
            if ":" in line
        )
        assert status["Uid"].split() == [str(os.geteuid() or NOBODY)] * 4
        assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
        assert (status["NoNewPrivs"].strip(), status["Seccomp"].strip()) == ("1", "2")
        if confine.why_open():
            pytest.skip(confine.why_open())
        assert {path.name for path in (place / "root").iterdir()} <= {
            *("bin", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "sbin", "usr", "vm")
        }
        assert sorted(path.name for path in (place / "root/vm").iterdir()) == ["kernel", "tmp"]
        interfaces = (place / "net/dev").read_text().splitlines()[2:]
        assert [line.split(":")[0].strip() for line in interfaces] == ["lo"]
        assert output(guest, "sh", "-c", "head -c 50M /dev/zero >/written; sync") == (0, [])
    mine = f"{confine.PREFIX}{os.getpid()}-*"
    assert set(confine.PLACES.glob(mine)) <= before


def test_two_machines_at_once(tmp_path: Path) -> None:
    with machine(tmp_path) as one, machine(tmp_path) as two:
        output(one, "touch", "/mine")
        assert output(one, "ls", "/mine") == (0, ["/mine"])
        assert output(two, "sh", "-c", "ls /mine 2>&-")[0] != 0


def test_nothing_is_left_open(tmp_path: Path) -> None:
    def state() -> tuple[int, int]:
        return len(list(Path("/proc/self/fd").iterdir())), threading.active_count()

    before = state()
    with machine(tmp_path) as guest:
        output(guest, "true")
        guest.close()
        guest.close()
    assert state() == before


CHILD = """
import sys, time
from pathlib import Path
sys.path.insert(0, {tests!r})
import test_vm
with test_vm.machine(Path({folder!r})) as guest:
    print(guest._guest.qemu_pid, flush=True)
    guest.run(["sleep", "100"], deadline=test_vm.soon(100))
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_qemu_ends_with_us(tmp_path: Path, number: signal.Signals) -> None:
    kernel()
    script = CHILD.format(tests=str(Path(__file__).parent), folder=str(tmp_path))
    with proc.start([sys.executable, "-c", script], cwd=Path.cwd()) as child:
        assert child.stdout is not None
        pid = int(child.stdout.readline())
        assert Path(f"/proc/{pid}").exists()
        os.kill(child.pid, number)
        for _ in itertools.takewhile(lambda _: Path(f"/proc/{pid}").exists(), range(100)):
            time.sleep(0.1)
        assert not Path(f"/proc/{pid}").exists()


def test_two_machines_with_a_cable(tmp_path: Path) -> None:
    run = runfolder.create(tmp_path / "runs", "vm")
    needs = Needs(linked.PACKAGES, machines=2)
    folder = tmp_path / "installed"
    folder.mkdir()
    (folder / "probe").write_text("#!/bin/sh\ncat /proc/sys/kernel/random/boot_id\n")
    (folder / "probe").chmod(0o755)
    with VirtualMachine(Project.find(), Cache.find(), run, Silent(), needs=needs) as here:
        for _ in range(2):  # a second boot, as after a kernel that died
            here.boot(kernel(), soon(BOOT_S))
            if output(here, "ls", "/sys/bus/virtio/drivers/virtio_net")[0] != 0:
                pytest.skip("this kernel has no VIRTIO_NET")
            ready.bring(here, model.InstalledSuites(folder, ()))
            assert here.peer is not None
            probe = f"{ready.PLACE}/probe"
            own, other = output(here, probe), output(here.peer, probe)
            assert own != other
            assert output(here, "ssh", "peer", probe) == other
            assert output(here, "ping", "-q", "-c1", "2001:db8::2")[0] == 0
            here.mark("a mark here", soon())
            here.peer.mark("a mark there", soon())
    assert "a mark here" in run.console().read_text()
    assert "a mark here" not in run.peer_console().read_text()
    assert "a mark there" in run.peer_console().read_text()
