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

from kseries import proc
from kseries.deadline import Deadline
from kseries.errors import UserError


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
    with pytest.raises(proc.CommandTimeout, match="did not end within 1 s"):
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
        "import sys\nfrom pathlib import Path\nfrom kseries import proc\n"
        "from kseries.deadline import Deadline\n"
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
