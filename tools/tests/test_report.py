# SPDX-License-Identifier: GPL-2.0
"""What people see: the report, as golden files, and the live lines, on a real terminal.

KSERIES_UPDATE_GOLDEN=1 writes the golden files anew; read the difference before keeping it.
"""

from __future__ import annotations

import io
import os
import pty
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TextIO

import pytest

from kseries.build.watch import BuildWatch
from kseries.kbuild.diagnostics import Parser
from kseries.lib.errors import Interrupted
from kseries.model import (
    AppliedPatch,
    Case,
    Diagnostic,
    EventKind,
    KernelEvent,
    PatchState,
    ProgramResult,
    Provenance,
    RunResult,
    Severity,
    StageRecord,
    StageState,
    Status,
    Suspect,
    Verdict,
)
from kseries.report import terminal
from kseries.report.live import live
from kseries.report.words import counted, duration
from kseries.verdict import findings
from kseries.verdict.verdict import decided

GOLDEN = Path(__file__).parent / "data" / "report"

DONE = StageState.DONE
P, S, F = Status.PASS, Status.SKIP, Status.FAIL

STAGES = (
    StageRecord("series", DONE, 0.1, "debian-6.12 + zcrx-v7 (1 patch)"),
    StageRecord("fetch", DONE, 0.4, "Linux 6.12.117 (linux-source-6.12 6.12.117-1)"),
    StageRecord("apply", DONE, 3.2, "17 patches applied, 1 already in the base"),
    StageRecord("config", DONE, 11.3, "base+zcrx, 640 options on"),
    StageRecord("build", DONE, 278.1, "6.12.117, 4120 objects, 3 warnings"),
    StageRecord("install", DONE, 1.9, "7 test programs"),
    StageRecord("test", DONE, 61.0, "7 of 7 programs pass"),
    StageRecord("baseline", DONE, 0.1, "none: the base does not boot"),
)

PROGRAMS = (
    ProgramResult(
        "zcrx",
        "zcrx_register",
        P,
        0,
        1.25,
        (Case("registration.plain", P), Case("registration.twice", P), Case("caller.userns", S)),
        log="tests/zcrx/zcrx_register.log",
    ),
    ProgramResult("netdevsim", "ping.py", P, 0, 7.0, (Case("ping.v4", P), Case("ping.v6", P))),
)

PASSED = RunResult(
    run="20261122T101500-zcrx-v7",
    stack="zcrx-v7",
    under_test="zcrx-v7",
    started="2026-11-22T10:15:00+00:00",
    seconds=355.9,
    verdict=Verdict.PASS,
    stages=STAGES,
    provenance=Provenance(
        ("kseries", "run"), "0.1.0", "", "", "", kernel_release="6.12.117", accelerator="tcg"
    ),
    patches=(AppliedPatch("zcrx-v7", 1, "net: page_pool: add a hook", "", PatchState.APPLIED),),
    programs=PROGRAMS,
    suites=("zcrx", "netdevsim"),
    notes=("KVM does not work here (no timer interrupt in the guest): emulated",),
)

FAILED = replace(
    PASSED,
    patches=(
        *PASSED.patches,
        AppliedPatch(
            "zcrx-v7",
            4,
            "net: prepare for the provider",
            "",
            PatchState.IN_BASE,
            "",
            "1a2b3c4d5e6f",
        ),
    ),
    diagnostics=(
        Diagnostic(Severity.WARNING, "io_uring/zcrx.c", 12, 3, "-Wunused-variable", "unused"),
        Diagnostic(Severity.WARNING, "io_uring/zcrx.c", 40, 3, "-Wunused-variable", "unused"),
        Diagnostic(Severity.WARNING, "net/core/page_pool.c", 7, 1, "", "something"),
    ),
    programs=(
        ProgramResult(
            "zcrx",
            "zcrx_refill",
            F,
            1,
            2.0,
            (
                Case("ring.full", P),
                Case(
                    "ring.wraps",
                    F,
                    "zcrx_refill.c:112:wraps:Expected 4096 (4096) == ring.tail - ring.head (4095)",
                ),
            ),
            ("the kernel log says WARNING: at io_uring/zcrx.c:211 io_zcrx_refill",),
            "tests/zcrx/zcrx_refill.log",
        ),
        ProgramResult(
            "zcrx",
            "zcrx_lifetime",
            Status.CRASH,
            None,
            12.5,
            (
                Case("lifetime.close", P),
                Case("lifetime.kill", Status.CRASH, "it was running then"),
                *(
                    Case(f"lifetime.more_{n}", Status.MISSING, "planned, no result seen")
                    for n in range(9)
                ),
            ),
            ("the kernel died (while lifetime.kill ran): Fatal exception",),
            "tests/zcrx/zcrx_lifetime.log",
        ),
        *PROGRAMS,
    ),
    events=(
        KernelEvent(
            EventKind.WARN,
            "WARNING: at io_uring/zcrx.c:211 io_zcrx_refill",
            "io_zcrx_refill",
            812,
            (),
            "zcrx/zcrx_refill: ring.wraps",
        ),
        KernelEvent(
            EventKind.PANIC,
            "Kernel panic - not syncing: Fatal exception",
            "",
            1003,
            (),
            "zcrx/zcrx_lifetime: lifetime.kill",
        ),
    ),
)
WARNED, DIED = findings.together(FAILED.events)[1]
FAILED = replace(
    FAILED,
    findings=(
        replace(
            WARNED,
            count=24,
            during=tuple(f"zcrx/zcrx_refill: ring.wraps_{n}" for n in range(20)),
            stack=(
                "io_zcrx_refill (include/linux/list.h:12, io_uring/zcrx.c:211)",
                *(f"caller_{n} (io_uring/zcrx.c:{n})" for n in range(9)),
            ),
            undecoded="",
            suspect=Suspect(
                "zcrx-v7",
                3,
                "io_uring/zcrx: add a queue",
                "a" * 40,
                "io_uring/zcrx.c:3 in caller_3",
            ),
        ),
        replace(DIED, stack=("caller_1",), undecoded="the build folder has no vmlinux"),
    ),
)

BROKEN = replace(
    PASSED,
    stages=(
        *STAGES[:4],
        StageRecord(
            "build",
            StageState.FAILED,
            31.0,
            "The kernel does not build.",
            "The kernel does not build.\n"
            "  where: io_uring/zcrx.c:40:9: error: 'struct io_zcrx_ifq' has no member named 'rqx'\n"
            "         log: out/runs/20261122T101500-zcrx-v7/build.log\n"
            "  do:    fix the patch that brings this line",
        ),
        StageRecord("install", StageState.NOT_RUN),
        StageRecord("test", StageState.NOT_RUN),
    ),
    programs=(),
    notes=(),
    seconds=45.9,
)

INTERRUPTED = replace(
    PASSED,
    stages=(
        *STAGES[:2],
        StageRecord("apply", StageState.INTERRUPTED, 0.0, "interrupted by SIGTERM"),
        *(StageRecord(stage.name, StageState.NOT_RUN) for stage in STAGES[3:]),
    ),
    patches=(),
    programs=(),
    notes=(),
    under_test="",
    provenance=Provenance((), "", "", "", ""),
    seconds=0.4,
)


@pytest.mark.parametrize(
    ("name", "result", "width"),
    [
        ("passed", PASSED, 100),
        ("failed", FAILED, 100),
        ("failed-narrow", FAILED, 60),
        ("broken", BROKEN, 100),
        ("interrupted", INTERRUPTED, 100),
    ],
)
def test_report(name: str, result: RunResult, width: int) -> None:
    text = terminal.render(decided(result), width=width, color=False)
    file = GOLDEN / f"{name}.txt"
    if os.environ.get("KSERIES_UPDATE_GOLDEN"):
        file.write_text(text)
    assert text == file.read_text()
    # What a stage says is left whole, so that paths and commands can be copied.
    head = text[: text.index("\n\n", text.index("  stage "))]
    assert all(len(line) <= width for line in head.splitlines())


def test_colour_changes_nothing_else() -> None:
    colour = terminal.render(decided(FAILED), width=100, color=True)
    assert "\x1b[1;31mFAIL\x1b[0m" in colour
    assert re.sub(r"\x1b\[[0-9;]*m", "", colour) == (GOLDEN / "failed.txt").read_text()


def test_report_obeys_nobody() -> None:
    evil = "\x1b]0;title\x07\x1b[2Jpatch [red]bold[/red]\nPASS"
    result = replace(
        FAILED,
        under_test=evil,
        notes=(evil,),
        patches=(AppliedPatch("s", 1, evil, "", PatchState.CONFLICT),),
        programs=(ProgramResult("zcrx", evil, F, 1, 1.0, (Case(evil, F, evil),), (evil,)),),
    )
    text = terminal.render(decided(result), width=100, color=False)
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "patch [red]bold[/red] PASS" in text
    assert not any(line.startswith("PASS") for line in text.splitlines())


def test_long_lists_are_cut() -> None:
    # In as many places: the same one twenty times is one.
    events = tuple(
        replace(e, where=f"{e.where}{'x' * n}") for n in range(20) for e in FAILED.events
    )
    programs = tuple(replace(FAILED.programs[0], name=f"p{n}") for n in range(3))
    many = replace(FAILED, events=events, findings=(), programs=programs, suites=("zcrx",))
    text = terminal.render(decided(many), width=100, color=False)
    assert "and 30 more complaints" in text
    assert "- and 39 more, below" in text  # 3 programs and 40 complaints, 4 of them named


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (12.4, "12 s"),
        (59.9, "1 min 0 s"),
        (185, "3 min 5 s"),
        (3725, "1 h 2 min"),
    ],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_counted() -> None:
    assert [counted(1, "patch"), counted(2, "patch"), counted(0, "error")] == [
        "1 patch", "2 patches", "0 errors"
    ]  # fmt: skip


# ---- live


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_live_lines_in_a_file() -> None:
    stream, clock = io.StringIO(), Clock()
    with live(stream, clock=clock) as progress:
        progress.stage("build")
        for done in range(100):
            clock.now += 1.0
            progress.update("objects", done=done, total=4000)
        progress.note("ccache is not installed")
        progress.finish("6.12.117")
        progress.stage("test")
        clock.now += 2.0
        progress.update("booting")
        progress.finish("The kernel did not boot.", good=False)
    assert stream.getvalue().splitlines() == [
        "build: begins",
        "build: 14/4000 objects, 15 s",
        "build: 29/4000 objects, 30 s",
        "build: 44/4000 objects, 45 s",
        "build: 59/4000 objects, 1 min 0 s",
        "build: 74/4000 objects, 1 min 15 s",
        "build: 89/4000 objects, 1 min 30 s",
        "note: ccache is not installed",
        "build: done in 1 min 40 s: 6.12.117",
        "test: begins",
        "test: FAILED in 2.0 s: The kernel did not boot.",
    ]


def test_live_lines_in_a_file_when_interrupted() -> None:
    stream, clock = io.StringIO(), Clock()

    def build() -> None:
        with live(stream, clock=clock) as progress:
            progress.stage("build")
            clock.now += 3.0
            raise Interrupted("SIGTERM")

    with pytest.raises(Interrupted):
        build()
    assert stream.getvalue().splitlines() == ["build: begins", "build: interrupted after 3.0 s"]


def test_live_never_raises() -> None:
    stream = io.StringIO()
    with live(stream) as progress:
        stream.close()
        progress.stage("build")
        progress.note("x")
        progress.finish("x")


@contextmanager
def terminal_pair() -> Iterator[tuple[TextIO, Callable[[], str]]]:
    """Give one end of a terminal, and what has been shown on it."""
    ours, theirs = pty.openpty()
    os.set_blocking(ours, False)
    shown = bytearray()

    def read() -> str:
        try:
            while data := os.read(ours, 1 << 16):
                shown.extend(data)
        except (BlockingIOError, OSError):
            pass
        return shown.decode()

    try:
        with os.fdopen(theirs, "w", encoding="utf-8") as stream:
            yield stream, read
    finally:
        os.close(ours)


SHOW_CURSOR, HIDE_CURSOR = "\x1b[?25h", "\x1b[?25l"


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


@pytest.fixture
def _terminal_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("_terminal_kind")
def test_live_line_on_a_terminal() -> None:
    with terminal_pair() as (stream, read):
        with live(stream) as progress:
            progress.stage("build")
            progress.update("objects", done=1234, total=4000)
            deadline = time.monotonic() + 5.0
            while "1234/4000 objects" not in plain(read()) and time.monotonic() < deadline:
                time.sleep(0.02)
            assert "1234/4000 objects" in plain(read())
            progress.note("ccache is not installed")
            progress.finish("6.12.117")
            progress.stage("test")
            progress.finish("The kernel did not boot.", good=False)
            # Between stages others may print.
            assert read().count(HIDE_CURSOR) == read().count(SHOW_CURSOR) == 2
        text = read()
    assert "✓ build" in plain(text)
    assert "✗ test" in plain(text)
    assert "· ccache is not installed" in plain(text)


@pytest.mark.usefixtures("_terminal_kind")
def test_the_time_left_fits_a_line_of_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    clock = Clock()
    with terminal_pair() as (stream, read):
        with live(stream, clock=clock) as progress:
            progress.stage("baseline")
            watch = BuildWatch(progress, Parser(), expected=12900, rough=True, clock=clock)
            clock.now += 3000.0
            watch.objects = 1234
            watch.tell()
            deadline = time.monotonic() + 5.0
            while "1234/12900" not in plain(read()) and time.monotonic() < deadline:
                time.sleep(0.02)
        line = next(line for line in plain(read()).splitlines() if "1234/12900" in line)
    assert "1234/12900 objects, about 472:41 left" in line
    assert "50 min 0 s" in line


@pytest.mark.usefixtures("_terminal_kind")
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, Interrupted])
def test_terminal_is_restored(error: type[BaseException]) -> None:
    def build(stream: TextIO) -> None:
        with live(stream) as progress:
            progress.stage("build")
            time.sleep(0.05)
            raise error("ended")

    with terminal_pair() as (stream, read):
        with pytest.raises(error):
            build(stream)
        text = read()
    assert text.rindex(SHOW_CURSOR) > text.rindex(HIDE_CURSOR)
    assert "✗ build" in plain(text)


@pytest.mark.usefixtures("_terminal_kind")
def test_terminal_is_restored_after_a_signal() -> None:
    def interrupt(number: int, frame: object) -> None:
        raise Interrupted("SIGUSR1")

    def build(stream: TextIO) -> None:
        with live(stream) as progress:
            progress.stage("build")
            os.kill(os.getpid(), signal.SIGUSR1)
            time.sleep(5.0)

    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        with terminal_pair() as (stream, read):
            with pytest.raises(Interrupted):
                build(stream)
            text = read()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert text.rindex(SHOW_CURSOR) > text.rindex(HIDE_CURSOR)


@pytest.mark.usefixtures("_terminal_kind")
def test_live_line_obeys_nobody() -> None:
    with terminal_pair() as (stream, read):
        with live(stream) as progress:
            progress.stage("test")
            progress.update("\x1b]0;title\x07[red]x")
            time.sleep(0.3)
            progress.note("\x1b[2J[bold]y")
            progress.finish("\x1b[2Jz")
        text = read()
    assert "\x1b]0" not in text
    assert "\x1b[2J" not in text
    assert "[bold]y" in text
