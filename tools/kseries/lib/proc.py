# SPDX-License-Identifier: GPL-2.0
"""The one door to other programs: a list of arguments, a folder, a deadline, a log.

Whatever is started here ends with us: each program leads a session of its own, which is ended
when the caller leaves, and the kernel kills it when we are killed ourselves (`setpriv
--pdeathsig`; prctl(2), PR_SET_PDEATHSIG). That signal follows the thread that forked, so a
program is started from the main thread, or from one that outlives it. Killed between the fork
and the prctl(), we send no signal: so the program is not begun where its parent is another by then.
"""

from __future__ import annotations

import os
import selectors
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from kseries.lib.bounded import MIB, ByteLines, HeadTail
from kseries.lib.deadline import Deadline
from kseries.lib.errors import InfraError, UserError

KILL_GRACE_S = 5.0
GONE_S = 2.0
TAIL_LINES = 20
TAIL_WIDTH = 2000  # characters
READ_SIZE = 1 << 16
WATCH_S = 1.0
PAGE = os.sysconf("SC_PAGE_SIZE")
# What is kept of a program's output, of its beginning and of its end: in memory, and in the log.
OUTPUT_HEAD, OUTPUT_TAIL = 64 * MIB, 1 * MIB
LOG_HEAD, LOG_TAIL = 64 * MIB, 4 * MIB

# What is started of a program: nothing, when who wanted it ($0) is gone already.
_WITH_US = ("/usr/bin/setpriv", "--pdeathsig", "KILL", "/bin/sh", "-c")
_BEGIN = 'test "$PPID" = "$0" && exec "$@"'

LineSink = Callable[[str], None]

Child = subprocess.Popen[bytes]
"""A program that was started."""

Watch = Callable[[Child], None]


@dataclass(frozen=True)
class Completed:
    """A program that ended by itself.

    returncode: its exit status, negative for the signal that ended it.
    output: stdout and stderr as they came, together, decoded with replacement. Of more than
    OUTPUT_HEAD bytes the beginning and the end, with a line between that says so.
    seconds: wall time.
    """

    argv: tuple[str, ...]
    returncode: int
    output: str
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether the exit status was 0."""
        return self.returncode == 0


class CommandFailed(InfraError):
    """A program ended with a status other than 0, or not in time (`completed` is None then)."""

    def __init__(self, what: str, *, where: str, completed: Completed | None) -> None:
        super().__init__(what, where=where)
        self.completed = completed


class CommandTimeout(CommandFailed):
    """A program was still running at its deadline and was ended."""


def which(program: str) -> Path | None:
    """Find a program on PATH, as the shell would; sbin included, which users often lack."""
    found = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    return Path(found) if found else None


def run(
    argv: Sequence[str | Path],
    *,
    cwd: Path,
    deadline: Deadline,
    env: Mapping[str, str] | None = None,
    stdin: IO[bytes] | None = None,
    log: Path | None = None,
    on_line: LineSink | None = None,
    watch: Watch | None = None,
    check: bool = True,
) -> Completed:
    """Run a program to its end.

    env: variables added to ours. log: gets the output as it comes, below a line that holds the
    command. on_line: is called with each line of output, without its newline. watch: is called
    about once a second while the program runs, and ends it by raising.

    Raises CommandFailed when `check` is set and the status is not 0, CommandTimeout at the
    deadline, UserError when the program is not there.
    """
    words = tuple(str(word) for word in argv)
    started = time.monotonic()
    with _log_file(log, words, cwd) as sink, start(words, cwd=cwd, env=env, stdin=stdin) as child:
        output = _Output(sink, on_line)
        in_time = _pump(child, output, deadline, watch)
        if in_time:
            returncode = child.wait()
    text = output.text()
    seconds = time.monotonic() - started
    if not in_time:
        raise CommandTimeout(
            f"{words[0]} did not end within {deadline.limit_s:.0f} s and was ended.",
            where=_where(words, cwd, log, text),
            completed=None,
        )
    completed = Completed(words, returncode, text, seconds)
    if check and not completed.ok:
        raise CommandFailed(
            f"{Path(words[0]).name} failed with {status_of(returncode)}.",
            where=_where(words, cwd, log, text),
            completed=completed,
        )
    return completed


@contextmanager
def start(
    argv: Sequence[str | Path],
    *,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    stdin: IO[bytes] | int | None = None,
    stdout: IO[bytes] | int = subprocess.PIPE,
    pass_fds: Sequence[int] = (),
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a program that lives as long as the block; it is ended on the way out.

    stdout takes both outputs of the program. Raises UserError when the program is not there.
    """
    words = [str(word) for word in argv]
    if which(words[0]) is None:
        raise UserError(
            f"The program {words[0]} is not installed.",
            do="`kseries doctor` prints the command that installs what is missing",
        )
    child = subprocess.Popen(
        [*_WITH_US, _BEGIN, str(os.getpid()), str(which(words[0])), *words[1:]],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdin=stdin if stdin is not None else subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        pass_fds=tuple(pass_fds),
    )
    try:
        yield child
    finally:
        end(child)


def end(child: subprocess.Popen[bytes]) -> None:
    """End a program and what it started: asked first, killed after a grace. Safe to repeat."""
    if child.poll() is None:
        _signal_group(child, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            child.wait(timeout=KILL_GRACE_S)
    # The leader may be gone while members of its session still run.
    _signal_group(child, signal.SIGKILL)
    child.wait()
    _wait_group_gone(child)
    if child.stdout is not None:
        child.stdout.close()


def kill(child: subprocess.Popen[bytes]) -> None:
    """Kill a program and what it started, without waiting; from any thread."""
    if child.returncode is None:
        _signal_group(child, signal.SIGKILL)


@dataclass(frozen=True)
class Process:
    """A process of this machine, as proc(5) tells of it in its stat."""

    pid: int
    name: str  # at most 15 characters
    state: str
    parent: int
    group: int
    resident: int  # bytes


def processes() -> Iterator[Process]:
    """Give all processes; what ends meanwhile is passed over."""
    for place in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # "7 (name) S 1 7 …"; the name can hold anything.
            number, _, rest = place.read_text(errors="replace").partition(" (")
            name, _, told = rest.rpartition(") ")
            fields = told.split()
            parent, group, pages = (int(fields[at]) for at in (1, 2, 21))
            yield Process(int(number), name, fields[0], parent, group, pages * PAGE)


def descendants(pid: int) -> Iterator[Process]:
    """Give a process and all that descend from it."""
    below: dict[int, list[Process]] = {}
    waiting = []
    for process in processes():
        below.setdefault(process.parent, []).append(process)
        if process.pid == pid:
            waiting.append(process)
    while waiting:
        process = waiting.pop()
        yield process
        waiting += below.get(process.pid, [])


def descendant(pid: int, program: str) -> int | None:
    """Find the process, `pid` or below it, that runs a program; None when there is none."""
    # The kernel keeps the first 15 characters.
    return next((each.pid for each in descendants(pid) if each.name == program[:15]), None)


def command_text(argv: Sequence[str]) -> str:
    """Give the command as one could type it."""
    return shlex.join(argv)


class _Output:
    """Collects output, cuts it into lines for the listener. Holds and writes a bounded part."""

    def __init__(self, sink: IO[bytes] | None, on_line: LineSink | None) -> None:
        self._sink = sink
        self._on_line = on_line
        self._chunks: list[bytes] = []
        self._held = HeadTail(OUTPUT_HEAD, OUTPUT_TAIL)
        self._written = HeadTail(LOG_HEAD, LOG_TAIL)
        self._lines = ByteLines()

    def feed(self, data: bytes) -> None:
        self._chunks.append(self._held.feed(data))
        self._write(self._written.feed(data))
        if self._on_line is not None:
            self._tell(self._lines.feed(data))

    def close(self) -> None:
        self._chunks.append(self._held.end())
        self._write(self._written.end())
        self._tell(self._lines.flush())

    def text(self) -> str:
        return b"".join(self._chunks).decode(errors="replace")

    def _write(self, data: bytes) -> None:
        if self._sink is not None:
            self._sink.write(data)
            self._sink.flush()

    def _tell(self, lines: list[bytes]) -> None:
        for line in lines:
            if self._on_line is not None:
                self._on_line(line.decode(errors="replace"))


def _pump(
    child: subprocess.Popen[bytes], output: _Output, deadline: Deadline, watch: Watch | None
) -> bool:
    """Move output until the program closes it; tell whether that was in time."""
    assert child.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        looked = time.monotonic()
        while not deadline.expired:
            if watch is not None and time.monotonic() - looked >= WATCH_S:
                watch(child)
                looked = time.monotonic()
            if not selector.select(timeout=min(deadline.remaining(), WATCH_S)):
                if child.poll() is not None:
                    # A left-over child of the program still holds the pipe: do not wait for it.
                    break
                continue
            data = os.read(child.stdout.fileno(), READ_SIZE)
            if not data:
                break
            output.feed(data)
    output.close()
    return _wait(child, deadline, watch)


def _wait(child: subprocess.Popen[bytes], deadline: Deadline, watch: Watch | None) -> bool:
    """Wait for a program that has closed its output; tell whether it ended in time."""
    while child.poll() is None:
        try:
            child.wait(timeout=min(max(deadline.remaining(), 0.01), WATCH_S))
        except subprocess.TimeoutExpired:
            if deadline.expired:
                return False
            if watch is not None:
                watch(child)
    return True


@contextmanager
def _log_file(log: Path | None, argv: tuple[str, ...], cwd: Path) -> Iterator[IO[bytes] | None]:
    if log is None:
        yield None
        return
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as sink:
        sink.write(f"$ cd {shlex.quote(str(cwd))} && {command_text(argv)}\n".encode())
        yield sink


def _signal_group(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)


def _wait_group_gone(child: subprocess.Popen[bytes]) -> None:
    """Wait until what was killed has let go of its files and memory; not for what nobody reaps."""
    deadline = Deadline.after(GONE_S)
    while not deadline.expired and _group_lives(child.pid):
        time.sleep(0.01)


def _group_lives(group: int) -> bool:
    """Whether a process of a group has files or memory; one that is dead and not reaped has none.

    Whoever is the first process of a machine may take its time to reap what is left to it.
    """
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return any(each.group == group and each.state not in "ZX" for each in processes())


def status_of(returncode: int) -> str:
    """Say how a program ended: by itself, or by which signal."""
    if returncode >= 0:
        return f"exit status {returncode}"
    return f"signal {signal.Signals(-returncode).name}"


def _where(argv: tuple[str, ...], cwd: Path, log: Path | None, text: str) -> str:
    lines = [f"{command_text(argv)} (in {cwd})"]
    if log is not None:
        lines.append(f"log: {log}")
    tail = text[-TAIL_LINES * TAIL_WIDTH :].splitlines()[-TAIL_LINES:]
    lines += [f"| {line[:TAIL_WIDTH]}" for line in tail]
    return "\n".join(lines)
