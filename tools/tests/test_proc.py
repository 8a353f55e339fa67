# SPDX-License-Identifier: GPL-2.0
"""The door to other programs, with real ones."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kseries.lib import bounded, proc
from kseries.lib.deadline import Deadline
from kseries.lib.errors import UserError


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_until_gone(pid: int, seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.02)
    return not alive(pid)


def test_run_gives_output_status_and_lines(tmp_path: Path) -> None:
    lines: list[str] = []
    completed = proc.run(
        ["sh", "-c", "echo one; echo two >&2; printf three; exit 7"],
        cwd=tmp_path,
        deadline=Deadline.after(10),
        on_line=lines.append,
        log=tmp_path / "log",
        check=False,
    )
    assert completed.returncode == 7
    assert completed.output == "one\ntwo\nthree"
    assert lines == ["one", "two", "three"]
    log = (tmp_path / "log").read_text()
    assert log.startswith(f"$ cd {tmp_path} && sh -c ")
    assert log.endswith("one\ntwo\nthree")


def test_a_failure_names_command_folder_status_and_tail(tmp_path: Path) -> None:
    with pytest.raises(proc.CommandFailed) as caught:
        proc.run(["sh", "-c", "seq 100; exit 3"], cwd=tmp_path, deadline=Deadline.after(10))
    assert caught.value.what == "sh failed with exit status 3."
    assert f"(in {tmp_path})" in caught.value.where
    assert caught.value.where.endswith("| 99\n| 100")
    assert "| 80\n" not in caught.value.where
    assert caught.value.completed is not None
    assert caught.value.completed.returncode == 3


def test_a_signal_is_named(tmp_path: Path) -> None:
    with pytest.raises(proc.CommandFailed, match="signal SIGSEGV"):
        proc.run(["sh", "-c", "kill -SEGV $$"], cwd=tmp_path, deadline=Deadline.after(10))


def test_at_the_deadline_the_program_and_its_children_end(tmp_path: Path) -> None:
    script = "sleep 1000 & echo $! > child; wait"
    with pytest.raises(proc.CommandTimeout, match=r"^sh did not end within 1 s"):
        proc.run(["sh", "-c", script], cwd=tmp_path, deadline=Deadline.after(1))
    assert wait_until_gone(int((tmp_path / "child").read_text()))


def test_a_child_left_behind_holding_the_pipe_does_not_block(tmp_path: Path) -> None:
    completed = proc.run(
        ["sh", "-c", "sleep 1000 & echo $!"], cwd=tmp_path, deadline=Deadline.after(20)
    )
    assert completed.seconds < 10
    assert wait_until_gone(int(completed.output))


def test_a_missing_program_is_the_users_to_mend(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no-such-program is not installed") as caught:
        proc.run(["no-such-program"], cwd=tmp_path, deadline=Deadline.after(1))
    assert "kseries doctor" in caught.value.do


def test_what_we_started_dies_with_us(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom pathlib import Path\nfrom kseries.lib import proc\n"
        "from kseries.lib.deadline import Deadline\n"
        "proc.run(['sh', '-c', 'echo $$ > pid; exec sleep 1000'], cwd=Path(sys.argv[1]),"
        " deadline=Deadline.after(100))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    parent = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], env=environment)
    pid = tmp_path / "pid"
    end = time.monotonic() + 20
    while not (pid.exists() and pid.read_text().strip()) and time.monotonic() < end:
        time.sleep(0.02)
    child = int(pid.read_text())
    assert alive(child)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert wait_until_gone(child)


def test_what_we_are_about_to_start_dies_with_us(tmp_path: Path) -> None:
    # Killed right behind the fork, before the child can ask the kernel for its signal.
    script = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom kseries.lib import proc\n"
        "late = 'sleep 0.3; echo late'\n"
        "with proc.start(['sh', '-c', late], cwd=Path(), stdout=sys.stdout):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    for _ in range(6):
        # The child holds the pipe, too, so that its end is waited for.
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True
        )
        assert (done.returncode, done.stdout) == (-signal.SIGKILL, b"")


def test_output_without_end_is_kept_at_its_head_and_tail(tmp_path: Path) -> None:
    # 200 MB without a newline: to look at it anew with each block would take hours.
    log, seen = tmp_path / "log", []
    script = "head -c 200M /dev/zero | tr '\\0' x; printf '\\nthe end\\n'"
    done = proc.run(
        ["sh", "-c", script],
        cwd=tmp_path,
        deadline=Deadline.after(100.0),
        log=log,
        on_line=lambda line: seen.append(len(line)),
    )
    assert len(done.output) < proc.OUTPUT_HEAD + proc.OUTPUT_TAIL + 100
    assert done.output.endswith("the end\n")
    assert "bytes of output were left out here" in done.output
    assert log.stat().st_size < proc.LOG_HEAD + proc.LOG_TAIL + 1000
    with log.open("rb") as kept:
        kept.seek(-8, os.SEEK_END)
        assert kept.read() == b"the end\n"
    assert max(seen) <= bounded.LINE_MAX
    assert sum(seen) >= 200 << 20


def test_heads_and_tails() -> None:
    for size in (1, 3, 100):
        kept = bounded.HeadTail(10, 4)
        data = bytes(range(65, 91))
        head = b"".join(kept.feed(data[at : at + size]) for at in range(0, len(data), size))
        assert head == data[:10]
        assert kept.end() == b"\n# kseries: 12 bytes of output were left out here\n" + data[-4:]
        assert kept.lost == 12
    short = bounded.HeadTail(10, 4)
    assert short.feed(b"0123456789abcd") + short.end() == b"0123456789abcd"


def test_lines_longer_than_can_be_held_come_in_parts() -> None:
    cutter = bounded.ByteLines()
    data = b"a" * (bounded.LINE_MAX * 2 + 5) + b"\n\nb"
    whole = [
        line for at in range(0, len(data), 70_000) for line in cutter.feed(data[at : at + 70_000])
    ]
    whole += cutter.flush()
    assert [len(line) for line in whole[:2]] == [bounded.LINE_MAX] * 2
    assert all(line.startswith(bounded.CONTINUED) for line in whole[1:3])
    assert b"".join(whole).replace(bounded.CONTINUED, b"") == data.replace(b"\n", b"")
    assert whole[3:] == [b"", b"b"]


def test_what_is_dead_and_not_reaped_is_not_waited_for(tmp_path: Path) -> None:
    """Where the machine's first process does not reap, each program in bubblewrap leaves one."""
    script = (
        "import os, time\n"
        "if not (child := os.fork()):\n"
        "    os.setpgid(0, 0)\n"
        "    os._exit(0)\n"
        "os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)\n"
        "print('ready', flush=True)\n"
        "time.sleep(60)\n"
    )
    with (
        proc.start(["sleep", "60"], cwd=tmp_path) as leader,
        proc.start([sys.executable, "-c", script], cwd=tmp_path) as hoarder,
    ):
        assert hoarder.stdout is not None
        assert hoarder.stdout.readline() == b"ready\n"
        dead = [
            each.pid
            for each in proc.processes()
            if each.state == "Z" and each.parent == hoarder.pid
        ]
        assert len(dead) == 1
        assert proc._group_lives(leader.pid)
        assert not proc._group_lives(dead[0])


def test_processes_are_known_whatever_they_are_called(tmp_path: Path) -> None:
    script = (
        "import ctypes, time\n"
        "ctypes.CDLL(None).prctl(15, b'\\xff (a) Z 1', 0, 0, 0)\n"
        "held = bytearray(32 << 20)\n"
        "print('ready', flush=True)\n"
        "time.sleep(60)\n"
    )
    with proc.start([sys.executable, "-c", script], cwd=tmp_path) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        (found,) = [each for each in proc.descendants(child.pid) if each.pid == child.pid]
        assert (found.name, found.parent, found.group) == (
            "\ufffd (a) Z 1", os.getpid(), child.pid
        )  # fmt: skip
        assert 32 << 20 < found.resident < 256 << 20


def test_a_program_that_closes_its_output_is_watched_on(tmp_path: Path) -> None:
    seen = []

    def watch(child: proc.Child) -> None:
        seen.append(child.pid)
        if len(seen) == 2:
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        proc.run(
            ["sh", "-c", "exec >&- 2>&-; sleep 20"],
            cwd=tmp_path,
            deadline=Deadline.after(10),
            watch=watch,
        )
