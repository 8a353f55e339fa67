# SPDX-License-Identifier: GPL-2.0
"""Rules of one machine at work: when it is booted, and whose complaints its kernel's are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import pytest

from kseries.machines.base import BootFailed, Starved
from kseries.model import EventKind, Ran, Status
from kseries.parse.attribution import Death
from kseries.parse.marks import Marks
from kseries.suites import linked
from kseries.test.observed import Seen
from kseries.test.session import NoBoot, Session
from kseries.test.shards import Shard
from tests.hosttarget import HostTarget
from tests.test_teststage import GOOD, KERNEL, Bench, bench

__all__ = ["bench"]  # a fixture

WARNING = "[    9.000001] WARNING: CPU: 0 PID: 7 at a.c:12 poll+0x1/0x2"


@contextmanager
def opened(bench: Bench, told: list[str], *, fresh: bool = False) -> Iterator[Session]:
    with bench.open(bench.run, 1) as target:
        yield Session(1, bench.installed, KERNEL, target, bench.run, told.append, fresh=fresh)


def test_a_machine_that_is_up_is_not_booted_again(bench: Bench) -> None:
    shard = Shard(bench.add("good", GOOD))
    told: list[str] = []
    with opened(bench, told) as session:
        for _ in range(2):
            session.boot()
            assert session.run_shard(shard).status is Status.PASS
        assert session.boots == 1
        session.end()
        session.boot()
        assert session.boots == 2
    boots = ["booting", "copying the tests"]
    assert told.count("demo/good") == 2
    assert [word for word in told if word.startswith(("boot", "copy"))] == [
        *boots,
        "booting again (2)",
        boots[1],
    ]


def test_one_that_hid_something_is_booted_again_once(bench: Bench) -> None:
    bench.add("good", GOOD)
    with opened(bench, []) as session:
        session.boot()
        session._logs[0]._watch.hidden = True
        for _ in range(2):
            session.boot()
            assert session.boots == 2


def test_one_that_is_to_be_fresh_is_booted_when_it_was_used(bench: Bench) -> None:
    shard = Shard(bench.add("good", GOOD))
    with opened(bench, [], fresh=True) as session:
        for boots in (1, 2):
            for _ in range(2):
                session.boot()
                assert session.boots == boots
            session.run_shard(shard)


@pytest.mark.parametrize(
    ("hung", "waited", "expected"), [(True, 99, Starved), (True, 0, NoBoot), (False, 99, NoBoot)]
)
def test_a_machine_that_hangs_while_a_busy_host_boots_it_says_nothing_of_the_kernel(
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    hung: bool,
    waited: int,
    expected: type[Exception],
) -> None:
    with opened(bench, []) as session:

        def boot(*_: object) -> None:
            (bench.path / "waited").write_text(str(waited))
            raise BootFailed("silence", where="console.log", hung=hung)

        monkeypatch.setattr(session.target, "boot", boot)
        with pytest.raises(expected):
            session.boot()
        assert not session.up


def test_a_kernel_that_dies_has_died_however_busy_the_host_is(bench: Bench) -> None:
    panic = "[    9.000000] Kernel panic - not syncing: x"
    began = "".join(f"echo '#  RUN           {case} ...'\n" for case in ("demo.a", "demo.b"))
    die = f"{began}echo 999 >$WAITED; echo '{panic}' >>$KMSG; echo dying; sleep 30"
    shard = Shard(bench.add("dies", f"#!/bin/sh\n{die}\n"))
    with opened(bench, []) as session:
        session.boot()
        result = session.run_shard(shard)
        assert result.status is Status.CRASH
        assert not session.up
        assert result.log == "tests/demo/dies.log"
        (seen,) = session.end()
        assert seen.deaths == (Death("demo/dies", len(seen.lines), "demo.b"),)
        assert [event.during for event in seen.events()] == ["demo/dies: demo.b"]


def test_what_a_program_prints_that_is_no_text_is_read(bench: Bench) -> None:
    shard = Shard(bench.add("odd", "#!/bin/sh\nprintf '1..1\\nok 1 a\\n\\377\\n'\n"))
    with opened(bench, []) as session:
        session.boot()
        assert session.run_shard(shard).status is Status.PASS
        (seen,) = session.end()
        assert seen.deaths == ()


def test_one_that_hangs_on_a_busy_host_does_not_say_so_of_its_kernel(bench: Bench) -> None:
    hang = "echo 999 >$WAITED; echo HUNG >>$KMSG; echo dying; sleep 30"
    shard = Shard(bench.add("hangs", f"#!/bin/sh\n{hang}\n"))
    with opened(bench, []) as session:
        session.boot()
        with pytest.raises(Starved):
            session.run_shard(shard)


def test_what_comes_once_it_was_told_to_power_off_is_of_no_program() -> None:
    signed = Marks.new()
    lines = ((1.0, signed.line("start", "net/ping")), (2.0, WARNING))
    for closed, during in ((3.0, "net/ping"), (2.0, "shutdown")):
        seen = Seen(1, "console.log", lines, 0, {}, (), closed, signed)
        (event,) = seen.events()
        assert (event.kind, event.during, event.log) == (EventKind.WARN, during, "console.log")


@contextmanager
def two(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Session, HostTarget]]:
    """A session on two linked machines; a program writes to the other's kernel log by $PEER."""
    monkeypatch.setattr(linked, "words", lambda *words: ["echo", *words])
    peer = HostTarget(bench.path / "peer", bench.run.peer_console(), ())
    monkeypatch.setenv("PEER", str(peer.kmsg))
    target = HostTarget(bench.path / "first", bench.run.console(), (), peer)
    with target:
        yield Session(1, bench.installed, KERNEL, target, bench.run, lambda _: None), peer


def test_two_machines_have_the_tests_and_both_logs_are_read(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    shards = [
        Shard(bench.add("good", GOOD)),
        Shard(bench.add("warns", f"{GOOD}echo '{WARNING}' >>$PEER\n")),
    ]
    with two(bench, monkeypatch) as (session, peer):
        session.boot()
        assert (peer.root / "kselftest/demo/warns").is_file()
        for shard in shards:
            assert session.run_shard(shard).status is Status.PASS
        own, others = session.end()
    assert own.events() == ()
    (event,) = others.events()
    assert (event.during, event.log) == ("demo/warns", "console.peer.log")
    assert peer.closed


def test_the_death_of_the_other_machine_is_charged_to_the_program(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    panic = "[    9.000000] Kernel panic - not syncing: far away"
    dies = bench.add("dies", f"{GOOD}echo '{panic}' >>$PEER\n")
    after = bench.add("good", GOOD)
    with two(bench, monkeypatch) as (session, peer):
        session.boot()
        result = session.run_shard(Shard(dies))
        assert result.status is Status.CRASH
        assert "far away" in result.problems[0]
        session.boot()
        assert (session.boots, peer.boots) == (2, 2)
        assert session.run_shard(Shard(after)).status is Status.PASS
        _, others = session.end()
    assert [(event.kind, event.during) for event in others.events()] == [
        (EventKind.PANIC, "demo/dies")
    ]


def test_two_machines_that_cannot_be_linked(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.add("good", GOOD)
    with two(bench, monkeypatch) as (session, _):
        monkeypatch.setattr(linked, "words", lambda *_: ["sh", "-c", "echo no card; exit 1"])
        with pytest.raises(NoBoot, match=r"do not find each other.*no card"):
            session.boot()


# ---- when, and for how long


class Clock:
    """The clock of a session: each look takes a second and a bit."""

    def __init__(self, start: float) -> None:
        self._now = start

    def monotonic(self) -> float:
        self._now += 1.23456
        return self._now


def test_when_a_program_ran_is_told_to_the_millisecond(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    shard = Shard(bench.add("good", GOOD))
    with bench.open(bench.run, 1) as target:
        session = Session(
            1, bench.installed, KERNEL, target, bench.run, list[str]().append, began=100.0
        )
        session.boot()
        monkeypatch.setattr("kseries.test.session.time", Clock(200.0))
        assert session.run_shard(shard).ran == (Ran(1, 101.235, 1.235),)


def test_half_of_the_time_is_too_long_to_wait(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.getloadavg", lambda: (1.5, 8.0, 9.0))
    with opened(bench, []) as session:
        session._logs[0]._looked = 4
        for waited, is_starved in ((14.9, False), (15.0, True)):
            (bench.path / "waited").write_text(str(waited))
            with pytest.raises(Starved) if is_starved else nullcontext() as caught:
                session._raise_starved(70.0, 100.0)
        assert caught is not None
        assert caught.value.where == "machine 1, load 1.5"
        assert caught.value.do.startswith("go on when there is less to do")
        # Of the log it is what came since it was looked at last that says nothing.
        told = "from line 5: this host has too much to do: of 30 s the machine's processors"
        assert told in session.target.console()[-1][1]


LOCKUP = "[   60.000000] watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [test:99]"


def test_for_a_stall_the_time_before_it_counts(bench: Bench) -> None:
    asked: list[tuple[float, float]] = []

    class Asked(HostTarget):
        def waited(self, since: float, until: float) -> float:
            asked.append((since, until))
            return 0.0

    stall = f"#!/bin/sh\necho before >>$KMSG; echo '{LOCKUP}' >>$KMSG; echo after >>$KMSG\n{GOOD}"
    shards = [Shard(bench.add("good", GOOD)), Shard(bench.add("stalls", stall))]
    with Asked(bench.path / "m", bench.run.console(), ()) as target:
        session = Session(1, bench.installed, KERNEL, target, bench.run, list[str]().append)
        session.boot()
        for shard in (*shards, shards[0]):
            session.run_shard(shard)
        ((at, _),) = [line for line in target.console() if line[1] == LOCKUP]
    # Once, though the log goes on.
    assert asked == [(at - 30.0, at)]
