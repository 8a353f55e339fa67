# SPDX-License-Identifier: GPL-2.0
"""What one machine at work tells, what comes after its last program, and what is run there."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import pytest

from kseries.lib.deadline import Deadline
from kseries.machines.base import BootFailed, Exit, KernelDied, Witness
from kseries.model import EventKind, Status, TestProgram
from kseries.test.ready import bring_modules
from kseries.test.session import NoBoot, Session, _no_boot, command_of
from kseries.test.shards import Shard
from tests.hosttarget import HostTarget
from tests.test_rules_session import LOCKUP, WARNING, opened
from tests.test_teststage import GOOD, KERNEL, SAY_WARN, Bench, bench

__all__ = ["bench"]  # a fixture

# ---- what is told of it


def test_what_goes_on_is_told(bench: Bench) -> None:
    lines = ("#  RUN           a ...", "#  RUN           b ...", "ok 1 b", "ok 2 a")
    script = "\n".join(["#!/bin/sh", "echo 1..2", *(f"echo '{line}'" for line in lines)])
    shard = Shard(bench.add("good", script))
    told: list[str] = []
    with opened(bench, told) as session:
        session.boot()
        session.run_shard(shard)
        session.end()
        assert session.target.closed  # type: ignore[attr-defined]
    begun = told.index("demo/good")
    assert told[begun:] == [
        "demo/good", "demo/good: a", "demo/good: b", "demo/good: a", "demo/good: 2 cases done",
        "looking for memory leaks",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("died", "boots", "told"),
    [
        (BootFailed("silence", where=""), 1, "the kernel did not boot: silence"),
        (
            KernelDied("a panic", where=""),
            2,
            "the kernel died right after booting, at boot number 2: a panic",
        ),
    ],
)
def test_why_there_is_no_kernel(died: KernelDied, boots: int, told: str) -> None:
    assert _no_boot(died, boots) == told


def test_a_machine_that_does_not_boot_again_is_not_up(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.boots = ("", "no root")
    bench.add("good", GOOD)
    with opened(bench, []) as session:
        session.boot()
        session._logs[0]._watch.hidden = True
        with pytest.raises(NoBoot):
            session.boot()
        assert not session.up


def test_a_program_that_takes_too_long_is_no_death(bench: Bench) -> None:
    script = f"#!/bin/sh\necho '#  RUN           a ...'; sleep 30\n{GOOD}"
    shard = Shard(bench.add("hangs", script, timeout_s=0.5))
    with opened(bench, []) as session:
        session.boot()
        assert session.run_shard(shard).status is Status.TIMEOUT
        (seen,) = session.end()
        assert seen.deaths == ()


def test_what_comes_late_and_hidden_is_of_the_program_before(bench: Bench) -> None:
    shards = [Shard(bench.add(name, GOOD)) for name in ("first", "second")]

    class Late(HostTarget):
        def mark(self, line: str, deadline: Deadline) -> Witness:
            seen = super().mark(line, deadline)
            if "end demo/first" in line:
                (self.root / "hidden").write_text(f"{WARNING}\n")
            return seen

    with Late(bench.path / "m", bench.run.console(), ()) as target:
        session = Session(1, bench.installed, KERNEL, target, bench.run, list[str]().append)
        session.boot()
        for shard in shards:
            session.run_shard(shard)
        (seen,) = session.end()
        events = seen.events()
    assert {event.during for event in events} == {"demo/first"}
    assert EventKind.WARN in {event.kind for event in events}


# ---- after the last program


@pytest.mark.parametrize(
    ("late", "waited", "notes"),
    [
        (LOCKUP, "25", ["This host has too much to do: of 30 s the machine's processors waited"]),
        (LOCKUP, "5", []),
        ("LOST", "0", ["the machine was lost after the last test: The machine is gone."]),
    ],
)
def test_what_comes_after_the_last_program(
    bench: Bench, late: str, waited: str, notes: list[str]
) -> None:
    shard = Shard(bench.add("good", GOOD))
    with opened(bench, []) as session:
        session.boot()
        session.run_shard(shard)
        (bench.path / "waited").write_text(waited)
        root = session.target.root  # type: ignore[attr-defined]
        (root / "late").write_text(late)
        session.end()
    assert [note[: len(notes[0])] for note in session.notes] == notes


PANIC = "[    9.000000] Kernel panic - not syncing: x"


@pytest.mark.parametrize(
    ("first", "leaks", "kinds"),
    [
        (GOOD, f"{SAY_WARN}\necho '{PANIC}' >>$KMSG", [EventKind.WARN, EventKind.PANIC]),
        # That it has panicked before says nothing of how it died now.
        (
            f"#!/bin/sh\necho '{PANIC}' >>$KMSG; echo dying\n",
            "echo RESET >>$KMSG",
            [EventKind.PANIC, EventKind.TAINT],
        ),
    ],
)
def test_a_death_after_the_last_program_is_told_once(
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    first: str,
    leaks: str,
    kinds: list[EventKind],
) -> None:
    monkeypatch.setattr("kseries.test.session._LEAKS", f"{leaks}; echo dying; sleep 30")
    bench.add("first", first)
    bench.add("last", GOOD)
    assert [event.kind for event in bench.test().events] == kinds


def test_of_what_is_told_of_leaks_the_beginning_is_kept(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kmemleak").touch()
    monkeypatch.setattr("kseries.test.session.KMEMLEAK", str(tmp_path / "kmemleak"))
    monkeypatch.setattr("kseries.test.session.LEAK_AGE_S", 0)
    monkeypatch.setattr("kseries.test.session.LEAKS_BYTES", 4)
    bench.add("good", GOOD)
    bench.test()
    kept = bench.run.log("kmemleak").read_text()
    assert kept == "scan\n# kseries: 1 bytes of output were left out here\n"


# ---- what is run there


class Recorded(HostTarget):
    """Keeps the commands, and runs none."""

    ran: ClassVar[list[list[str]]] = []

    def run(self, argv: Sequence[str], *, deadline: Deadline, **_: object) -> Exit:
        assert deadline.limit_s < 300
        self.ran.append([*argv])
        return Exit(0, 0.0)


@pytest.mark.parametrize("is_there", [True, False])
def test_modules_are_found_where_modprobe_looks_for_them(bench: Bench, is_there: bool) -> None:
    bench.add("good", GOOD)
    if is_there:
        (bench.installed.folder / "lib/modules/6.12").mkdir(parents=True)
    target = Recorded(bench.path / "m", bench.run.console(), ())
    target.ran.clear()
    bring_modules(target, bench.installed)
    if not is_there:
        assert target.ran == []
        return
    ((*shell, script, name, of_tests, place),) = target.ran
    assert (shell, name) == (["sh", "-c"], "sh")
    assert (of_tests, place) == ("/kselftest/lib/modules", "/lib/modules")
    here = bench.path / "here"
    subprocess.run(["sh", "-c", script, "sh", bench.installed.folder / "lib/modules", here])
    assert (here / "6.12").readlink() == bench.installed.folder / "lib/modules/6.12"


@pytest.mark.parametrize(
    ("first", "runs"),
    [
        ("./test", "./test"),
        ("../test", "../test"),
        ("/bin/test", "/bin/test"),
        ("python3", "python3"),
        ("net/test.py", "/kselftest/net/test.py"),
    ],
)
def test_where_a_program_is(first: str, runs: str) -> None:
    program = TestProgram("demo", "test", (first, "a/b", "-r"), "demo", 1.0)
    assert command_of(program) == [runs, "a/b", "-r"]


def test_what_a_machine_gets_when_it_is_booted(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    monkeypatch.setattr(
        "kseries.test.ready.bring_modules", lambda *_: done.append("modules are found")
    )
    shard = Shard(bench.add("good", GOOD))
    with opened(bench, []) as session:
        coverage = session._coverage
        monkeypatch.setattr(coverage, "begin", lambda: done.append("functions are watched"))
        monkeypatch.setattr(coverage, "look", done.append)
        session.boot()
        session.run_shard(shard)
    assert done == ["modules are found", "functions are watched", "demo/good"]


def test_a_log_that_is_cut_within_a_character_is_read(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kseries.test.testlog.LOG_HEAD", 6)
    monkeypatch.setattr("kseries.test.testlog.LOG_TAIL", 9)
    shard = Shard(
        bench.add("odd", "#!/bin/sh\necho 1..1; echo \u00e4\u00e4\u00e4\u00e4; echo ok 1 a\n")
    )
    with opened(bench, []) as session:
        session.boot()
        result = session.run_shard(shard)
    assert "bytes of its output were left out of the log" in result.problems[-1]
