# SPDX-License-Identifier: GPL-2.0
"""Rules of starting and ending programs, and of their output, that one small change would break."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kseries.lib import bounded, proc
from kseries.lib.bounded import ByteLines, HeadTail
from kseries.lib.deadline import Deadline
from kseries.lib.proc import CommandFailed, CommandTimeout


def soon() -> Deadline:
    return Deadline.after(30)


# ---------------------------------------------------------------- output in bounded memory


def test_the_bounds() -> None:
    mib = 1 << 20
    assert (mib, mib) == (bounded.MIB, bounded.LINE_MAX)
    assert (64 * mib, mib) == (proc.OUTPUT_HEAD, proc.OUTPUT_TAIL)
    assert (64 * mib, 4 * mib) == (proc.LOG_HEAD, proc.LOG_TAIL)
    assert (proc.TAIL_LINES, proc.TAIL_WIDTH) == (20, 2000)
    assert (proc.KILL_GRACE_S, proc.GONE_S, proc.WATCH_S) == (5.0, 2.0, 1.0)
    assert os.sysconf("SC_PAGE_SIZE") == proc.PAGE


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
@pytest.mark.parametrize("length", range(13))
def test_of_a_stream_no_byte_is_lost_but_those_that_are_counted(size: int, length: int) -> None:
    data = bytes(range(65, 65 + length))
    kept = HeadTail(4, 3)
    head = b"".join(kept.feed(data[at : at + size]) for at in range(0, length, size))
    end = kept.end()
    lost = max(length - 7, 0)
    assert (head, kept.lost) == (data[:4], lost)
    told = b"\n# kseries: %d bytes of output were left out here\n" % lost if lost else b""
    assert end == told + (data[-3:] if length > 7 else data[4:])
    # What was given is not given again.
    assert kept.end().endswith(told)


def test_of_a_stream_the_head_alone_may_be_kept() -> None:
    kept = HeadTail(2, 0)
    assert kept.feed(b"abc") + kept.feed(b"d") == b"ab"
    assert kept.end() == b"\n# kseries: 2 bytes of output were left out here\n"


def test_memory_is_bound_while_a_stream_goes_on() -> None:
    kept = HeadTail(0, 4)
    for _ in range(1000):
        kept.feed(b"abc")
        assert kept._held == sum(map(len, kept._tail)) < 4 + 3
    assert kept.lost + kept._held == 3000


def test_lines_are_cut_where_they_end() -> None:
    cutter = ByteLines()
    assert cutter.feed(b"a") == []
    assert cutter.feed(b"b\n\nc\nd") == [b"ab", b"", b"c"]
    assert cutter.flush() == [b"d"]
    assert cutter.flush() == []
    assert cutter.feed(b"\n") == [b""]


def test_a_line_as_long_as_may_be_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded, "LINE_MAX", 10)
    mark = bounded.CONTINUED
    assert mark.decode() == "\N{HORIZONTAL ELLIPSIS}"
    cutter = ByteLines()
    assert cutter.feed(b"0123456789\n") == [b"0123456789"]
    assert cutter.feed(b"0123456789a\n") == [b"0123456789", mark + b"a"]
    assert cutter.feed(b"01234") + cutter.feed(b"56789") == []
    assert cutter.feed(b"abcdefg") == [b"0123456789"]
    assert cutter.feed(b"h\n") == [mark + b"abcdefg", mark + b"h"]


# ---------------------------------------------------------------- programs


def test_what_a_program_gets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OURS", "1")
    script = 'echo "$OURS $MORE"; pwd; cat; ps -o sid= -p $$ | tr -d " "; echo $$; echo e >&2'
    done = proc.run(["sh", "-c", script], cwd=tmp_path, deadline=soon(), env={"MORE": "2"})
    variables, place, session, pid, error = done.output.splitlines()
    assert (variables, place, error) == ("1 2", str(tmp_path), "e")
    # Its input is empty, and it leads a session of its own.
    assert session == pid
    assert done.argv == ("sh", "-c", script)
    assert done.ok
    assert 0 < done.seconds < 30


def test_a_program_reads_what_it_is_given(tmp_path: Path) -> None:
    (tmp_path / "in").write_text("given")
    with (tmp_path / "in").open("rb") as given:
        assert proc.run(["cat"], cwd=tmp_path, deadline=soon(), stdin=given).output == "given"


def test_a_program_does_not_read_what_is_ours(tmp_path: Path) -> None:
    kept, (reader, writer) = os.dup(0), os.pipe()
    try:
        os.write(writer, b"ours")
        os.close(writer)
        os.dup2(reader, 0)
        assert proc.run(["cat"], cwd=tmp_path, deadline=soon()).output == ""
    finally:
        os.dup2(kept, 0)
        os.close(kept)
        os.close(reader)


def test_programs_of_root_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for folder in ("/usr/sbin", "/sbin"):
        name = next(path.name for path in Path(folder).iterdir() if os.access(path, os.X_OK))
        assert proc.which(name) is not None
    (tmp_path / "mine").write_text("#!/bin/sh\n")
    assert proc.which("mine") is None
    (tmp_path / "mine").chmod(0o755)
    assert proc.which("mine") == tmp_path / "mine"
    monkeypatch.delenv("PATH")
    assert proc.which("mine") is None


def test_a_failure_tells_the_last_lines_cut_to_a_width(tmp_path: Path) -> None:
    script = "seq 30; head -c 3000 /dev/zero | tr '\\0' x; exit 1"
    with pytest.raises(CommandFailed) as caught:
        proc.run(["sh", "-c", script], cwd=tmp_path, deadline=soon(), log=tmp_path / "a/b/log")
    command, log, *tail = caught.value.where.splitlines()
    assert command.endswith(f"(in {tmp_path})")
    assert log == f"log: {tmp_path}/a/b/log"
    assert tail == [*(f"| {n}" for n in range(12, 31)), "| " + 2000 * "x"]


def test_logs_go_on(tmp_path: Path) -> None:
    for word in ("one", "two words"):
        log = tmp_path / "log"
        proc.run(["echo", word], cwd=tmp_path, deadline=soon(), log=log)
    start = f"$ cd {tmp_path} && echo"
    assert log.read_text() == f"{start} one\none\n{start} 'two words'\ntwo words\n"


def test_a_log_has_what_came_so_far(tmp_path: Path) -> None:
    log, seen = tmp_path / "log", list[str]()

    def read(line: str) -> None:
        seen.append(log.read_text().partition("\n")[2])
        (tmp_path / "read").touch()

    script = "echo one; while [ ! -e read ]; do sleep 0.02; done; sleep 0.1; echo two"
    proc.run(["sh", "-c", script], cwd=tmp_path, deadline=soon(), log=log, on_line=read)
    assert seen == ["one\n", "one\ntwo\n"]


def test_output_that_is_no_text_is_read(tmp_path: Path) -> None:
    lines: list[str] = []
    script = "printf 'a\\377b\\nc'"
    done = proc.run(["sh", "-c", script], cwd=tmp_path, deadline=soon(), on_line=lines.append)
    assert done.output == "a\N{REPLACEMENT CHARACTER}b\nc"
    assert lines == done.output.split("\n")


@pytest.mark.parametrize(
    ("returncode", "words"), [(0, "exit status 0"), (3, "exit status 3"), (-9, "signal SIGKILL")]
)
def test_how_a_program_ended(returncode: int, words: str) -> None:
    assert proc.status_of(returncode) == words


def test_a_program_that_closes_its_output_has_until_the_deadline(tmp_path: Path) -> None:
    quiet = ["sh", "-c", "exec >/dev/null 2>&1; sleep 0.5"]
    assert proc.run(quiet, cwd=tmp_path, deadline=soon()).ok
    for words in (quiet, ["sh", "-c", "echo x; sleep 60"]):
        with pytest.raises(CommandTimeout) as caught:
            proc.run(words, cwd=tmp_path, deadline=Deadline.after(0.2))
        assert caught.value.completed is None
    assert caught.value.where.endswith("| x")


def test_a_watch_ends_a_program(tmp_path: Path) -> None:
    seen: list[int] = []

    def watch(child: proc.Child) -> None:
        seen.append(child.pid)
        if len(seen) == 2:
            raise CommandFailed("enough", where="", completed=None)

    with pytest.raises(CommandFailed, match="enough"):
        proc.run(["sleep", "60"], cwd=tmp_path, deadline=soon(), watch=watch)
    assert len(set(seen)) == 1
    assert not Path("/proc", str(seen[0])).exists()


@pytest.mark.parametrize("script", ["seq 9", "exec >/dev/null 2>&1; sleep 0.3"])
def test_a_program_that_ends_soon_is_not_watched(tmp_path: Path, script: str) -> None:
    seen: list[proc.Child] = []
    assert proc.run(["sh", "-c", script], cwd=tmp_path, deadline=soon(), watch=seen.append).ok
    assert seen == []


def test_a_program_that_prints_nothing_for_long_is_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proc, "WATCH_S", 0.05)
    done = proc.run(["sh", "-c", "sleep 0.3; echo late"], cwd=tmp_path, deadline=soon())
    assert done.output == "late\n"


def test_what_was_killed_is_waited_for_and_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = (
        "import os, time\n"
        "os.fork()\n"
        "held = bytearray(64 << 20)\n"
        "os.write(1, b'ready\\n')\n"
        "time.sleep(60)\n"
    )
    with proc.start([sys.executable, "-c", script], cwd=tmp_path) as child:
        assert child.stdout is not None
        assert [child.stdout.readline() for _ in range(2)] == [b"ready\n"] * 2
    assert not proc._group_lives(child.pid)
    # What is gone is not waited for, and what stays no longer than so.
    monkeypatch.setattr(proc, "GONE_S", 1000.0)
    assert proc.run(["true"], cwd=tmp_path, deadline=soon()).ok
    monkeypatch.setattr(proc, "GONE_S", 0.05)
    asked: list[int] = []

    def lives(group: int) -> bool:
        asked.append(group)
        return True

    monkeypatch.setattr(proc, "_group_lives", lives)
    with proc.start(["true"], cwd=tmp_path) as child:
        pass
    assert len(asked) > 1
    assert set(asked) == {child.pid}


def test_a_program_is_asked_to_end_and_killed_when_it_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    polite = "trap 'echo asked >asked; exit 0' TERM; echo ready; while :; do sleep 0.05; done"
    with proc.start(["sh", "-c", polite], cwd=tmp_path) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
    assert (tmp_path / "asked").exists()
    assert child.returncode == 0
    assert child.stdout.closed
    monkeypatch.setattr(proc, "KILL_GRACE_S", 0.1)
    stubborn = "trap '' TERM; echo ready; while :; do sleep 0.05; done"
    with proc.start(["sh", "-c", stubborn], cwd=tmp_path) as child:
        assert child.stdout is not None
        child.stdout.readline()
    assert child.returncode == -signal.SIGKILL
    proc.end(child)  # once more does nothing
    proc.kill(child)


def test_a_program_is_killed_from_any_thread_without_waiting(tmp_path: Path) -> None:
    with proc.start(["sh", "-c", "sleep 60 & echo $!; wait"], cwd=tmp_path) as child:
        assert child.stdout is not None
        other = int(child.stdout.readline())
        proc.kill(child)
        child.wait()
        assert child.returncode == -signal.SIGKILL
    # Whoever has to may not have reaped it yet.
    assert not [each for each in proc.processes() if each.pid == other and each.state not in "ZX"]


def test_files_are_handed_over_and_output_goes_where_it_is_told(tmp_path: Path) -> None:
    (tmp_path / "given").write_text("handed over")
    with (tmp_path / "given").open() as given, (tmp_path / "out").open("wb") as out:
        number = given.fileno()
        words = ["sh", "-c", f"cat /proc/self/fd/{number}; echo e >&2"]
        with proc.start(words, cwd=tmp_path, stdout=out, pass_fds=[number]) as child:
            assert child.wait() == 0
    assert (tmp_path / "out").read_text() == "handed overe\n"


# ---------------------------------------------------------------- processes


def test_who_descends_from_whom(tmp_path: Path) -> None:
    script = "sleep 61 & (sleep 62 & echo ready; wait) & wait"
    with proc.start(["sh", "-c", script], cwd=tmp_path) as child:
        assert child.stdout is not None
        child.stdout.readline()
        for _ in range(500):  # a shell that was started for a program becomes it a moment later
            below = list(proc.descendants(child.pid))
            names = sorted(each.name for each in below)
            if names == ["sh", "sh", "sleep", "sleep"]:
                break
            time.sleep(0.02)
        assert names == ["sh", "sh", "sleep", "sleep"]
        assert below[0].pid == child.pid
        sleeps = [each.pid for each in below if each.name == "sleep"]
        assert proc.descendant(child.pid, "sleep") in sleeps
        assert proc.descendant(child.pid, "no-such") is None
        assert {each.group for each in below} == {child.pid}
        assert {each.state for each in below} <= set("SRD")
    assert list(proc.descendants(child.pid)) == []


def test_names_are_as_long_as_the_kernel_keeps_them(tmp_path: Path) -> None:
    program = tmp_path / "a-long-name-of-a-program"
    program.symlink_to("/usr/bin/sleep")
    with proc.start([program, "60"], cwd=tmp_path) as child:
        for _ in range(200):
            if proc.descendant(child.pid, program.name):
                break
            time.sleep(0.02)
        assert proc.descendant(child.pid, program.name) == child.pid


def test_a_group_lives_as_long_as_one_of_its_processes() -> None:
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as child:
        assert proc._group_lives(child.pid)
        child.kill()
        # It was asked for, and not sent a signal.
        assert child.wait() == -signal.SIGKILL
        assert not proc._group_lives(child.pid)
