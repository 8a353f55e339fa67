# SPDX-License-Identifier: GPL-2.0
"""Machines at work on the same shards, without the stage around them."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from kseries.lib.deadline import Deadline
from kseries.lib.errors import Interrupted
from kseries.lib.progress import Silent
from kseries.lib.runfolder import RunFolder
from kseries.model import Kernel, ProgramResult, Status
from kseries.test import checkpoint
from kseries.test.queue import Queue
from kseries.test.scheduler import Job, Scheduler
from kseries.test.shards import Shard
from tests.hosttarget import HostTarget
from tests.test_teststage import GOOD, KERNEL, Bench, add_by_case, bench

__all__ = ["bench"]  # a fixture

PASS, CRASH = Status.PASS, Status.CRASH


class Heard(Silent):
    """Keeps what is going on; ends the work where a text comes."""

    def __init__(self, end_at: str = "\0") -> None:
        self.told: list[tuple[str, int | None, int | None]] = []
        self._end_at = end_at

    def update(self, text: str, *, done: int | None = None, total: int | None = None) -> None:
        self.told.append((text, done, total))
        if self._end_at in text:
            raise Interrupted("SIGTERM")


def scheduler(bench: Bench, progress: Heard | None = None, **more: Any) -> Scheduler:
    job = Job(bench.installed, KERNEL, bench.open, bench.run, progress or Heard(), **more)
    return Scheduler(job)


def wait_for(file: str) -> str:
    """Write what waits for a file in the folder beside all machines."""
    return f'while [ ! -e "$STATE.{file}" ]; do sleep 0.02; done'


def test_nothing_to_do_takes_no_machine(bench: Bench) -> None:
    scheduler(bench).work((), 2)
    assert bench.targets == []


def test_no_more_machines_than_shards_or_than_asked_for(bench: Bench) -> None:
    shards = [Shard(bench.add(name, GOOD)) for name in ("a", "b")]
    for machines in (1, 2, 3):
        bench.targets.clear()
        scheduler(bench).work(shards, machines)
        assert len(bench.targets) == min(machines, 2)


def test_what_is_left_of_a_shard_gets_the_next_number(bench: Bench) -> None:
    add_by_case(bench, "killer", "if [ $c = demo.case_1 ]; then panic x; fi")
    made = scheduler(bench)
    made.work([Shard(bench.programs[0], 5), Shard(replace(bench.programs[0], name="other"), 9)], 1)
    assert [shard.number for shard, _ in made.parts] == [5, 6, 9, 10]
    made = scheduler(bench)
    made.work([Shard(bench.programs[0], 5), Shard(bench.programs[0], 2)], 1)
    assert sorted(shard.number for shard, _ in made.parts) == [2, 5, 6, 7]


def test_what_goes_on_is_told_of_all_machines(bench: Bench) -> None:
    one = f'touch "$STATE.one"; {wait_for("two")}'
    add_by_case(bench, "killer", f"if [ $c = demo.case_1 ]; then {one}; panic x; fi")
    bench.add("other", f'#!/bin/sh\n{wait_for("one")}\ntouch "$STATE.two"\n{GOOD}')
    heard = Heard()
    scheduler(bench, heard).work([Shard(program) for program in bench.programs], 2)
    assert heard.told[0] == ("booting", 0, 2)
    texts = [text for text, _, _ in heard.told]
    assert any(text.startswith("demo/killer: demo.case_1 | ") for text in texts)
    # Who has nothing to do says nothing, and what is left of a program is one shard more.
    assert heard.told[-1][2] == 3
    assert not [text for text in texts if not text or text.startswith(" |") or text.endswith("| ")]
    assert {" | " in text for text in texts} == {True, False}


def test_the_first_machine_alone_finds_out_whether_the_kernel_boots(bench: Bench) -> None:
    shards = [Shard(bench.add(name, GOOD)) for name in ("a", "b")]
    other_boots = threading.Event()

    class Slow(HostTarget):
        def boot(self, kernel: Kernel, deadline: Deadline) -> None:
            if self.kmsg == bench.run.console(1):
                other_boots.wait(0.5)
            else:
                other_boots.set()
            super().boot(kernel, deadline)

    def opened(folder: RunFolder, number: int) -> HostTarget:
        return Slow(bench.path / f"m{number}", folder.console(number), ("no root",))

    made = Scheduler(Job(bench.installed, KERNEL, opened, bench.run, Silent()))
    made.work(shards, 2)
    assert not other_boots.is_set()
    assert made.boots == 1
    assert made.notes == ["the kernel did not boot: no root"]
    assert [result.problems for _, result in made.parts] == [(note,) for note in made.notes * 2]


class Gated(HostTarget):
    """Comes up when there is a file, or for want of it after a time."""

    def boot(self, kernel: Kernel, deadline: Deadline) -> None:
        (self.root.parent / "state.boots").touch()
        end = time.monotonic() + 10
        while not (self.root.parent / "state.second").exists() and time.monotonic() < end:
            time.sleep(0.02)
        super().boot(kernel, deadline)


def gated(bench: Bench, *boots: str) -> Scheduler:
    """Give machines of which all but the first come up when the second program has run."""

    def opened(folder: RunFolder, number: int) -> HostTarget:
        kind, deaths = (HostTarget, ()) if number == 1 else (Gated, boots)
        target = kind(bench.path / f"m{number}", folder.console(number), deaths)
        bench.targets.append(target)
        return target

    return Scheduler(Job(bench.installed, KERNEL, opened, bench.run, Silent()))


def first_and_second(bench: Bench) -> list[Shard]:
    first = bench.add("first", f"#!/bin/sh\n{wait_for('boots')}\n{GOOD}")
    second = bench.add("second", f'#!/bin/sh\ntouch "$STATE.second"\n{GOOD}')
    return [Shard(first), Shard(second)]


def test_what_waits_while_another_machine_boots_runs_on_the_one_that_is_up(bench: Bench) -> None:
    shards = first_and_second(bench)
    made = gated(bench)
    made.work(shards, 2)
    assert [(result.status, result.ran[0].machine) for _, result in made.parts] == [(PASS, 1)] * 2
    assert all(target.closed for target in bench.targets)
    assert made.boots == 2


def test_a_kernel_that_comes_up_once_and_not_again_is_told_also_when_all_has_run(
    bench: Bench,
) -> None:
    shards = first_and_second(bench)
    made = gated(bench, "no root")
    made.work(shards, 2)
    assert [result.status for _, result in made.parts] == [PASS] * 2
    assert made.notes == ["the kernel did not boot: no root"]


def test_times_are_told_from_when_the_tests_began(bench: Bench) -> None:
    shard = Shard(bench.add("good", GOOD))
    made = scheduler(bench, began=time.monotonic() - 1000)
    made.work([shard], 1)
    ((_, result),) = made.parts
    assert 1000 <= result.ran[0].began < 1100


def test_threads_of_machines_do_not_keep_the_program_alive(bench: Bench) -> None:
    shard = Shard(bench.add("good", GOOD))
    made = scheduler(bench)
    daemons = set[bool]()

    def enough(_: ProgramResult) -> bool:
        daemons.add(threading.current_thread().daemon)
        return False

    replace(made, enough=enough).work([shard], 1)
    assert daemons == {True}


def test_of_what_is_enough_nothing_is_left(bench: Bench) -> None:
    add_by_case(bench, "killer", "if [ $c = demo.case_1 ]; then panic x; fi")
    made = replace(scheduler(bench), enough=lambda result: result.status is CRASH)
    made.work([Shard(bench.programs[0])], 1)
    ((_, result),) = made.parts
    assert [case.status for case in result.cases] == [CRASH, Status.MISSING, Status.MISSING]
    assert result.problems[0].startswith("the kernel died (while demo.case_1 ran)")


def test_a_kernel_that_does_not_boot_again_when_no_more_is_run(bench: Bench) -> None:
    given_up = threading.Event()

    class Late(HostTarget):
        def boot(self, kernel: Kernel, deadline: Deadline) -> None:
            if self.boots == 1:
                given_up.wait(10)
                self.dies_at_boot = ["", "no root"]
            super().boot(kernel, deadline)

    def opened(folder: RunFolder, number: int) -> HostTarget:
        return Late(bench.path / f"m{number}", folder.console(number), ())

    def enough(result: ProgramResult) -> bool:
        return result.name == "enough"

    class Noting(Scheduler):
        def _give_up(self, why: str, left: Sequence[Shard]) -> None:
            super()._give_up(why, left)
            given_up.set()

    bench.add("enough", f"#!/bin/sh\n{wait_for('taken')}\n{GOOD}")
    bench.add("other", GOOD)

    class Taking(Heard):
        def update(self, text: str, *, done: int | None = None, total: int | None = None) -> None:
            if "| booting again" in text:
                (bench.path / "state.taken").touch()

    bench.add("another", GOOD)
    job = Job(bench.installed, KERNEL, opened, bench.run, Taking())
    made = Noting(job, enough, fresh=True)
    made.work([Shard(program) for program in bench.programs], 2)
    why = "the kernel did not boot, at boot number 2: no root"
    assert made.notes == ["not run: the outcome was known by then", why]
    assert {shard.program.name: result.problems for shard, result in made.parts} == {
        "enough": (),
        "other": (),
        "another": (why,),
    }


# ---- ended from outside


class Ending(Scheduler):
    """Ends the work when the first program has done a case, and says so to the second."""

    def abort(self, error: BaseException) -> None:
        super().abort(error)
        (self.job.run.path.parent / "state.ended").touch()


def end_while_the_second_runs(bench: Bench, then: str) -> Ending:
    """Have the second program do something in its second case when the work is ended."""
    bench.add("first", f"#!/bin/sh\n{wait_for('began')}\n{GOOD}")
    body = f'touch "$STATE.began"; {wait_for("ended")}; {then}'
    add_by_case(bench, "second", f"if [ $c = demo.case_2 ]; then {body}; fi")
    bench.add("third", GOOD)
    made = Ending(scheduler(bench, Heard("first: 1 cases done")).job)
    with pytest.raises(Interrupted):
        made.work([Shard(program) for program in bench.programs], 2)
    assert [target.aborted for target in bench.targets] == [True, True]
    assert sorted(checkpoint.shards(bench.run)) == ["demo/first", "demo/second"]
    return made


def test_what_another_machine_leaves_when_all_are_ended_is_kept(bench: Bench) -> None:
    end_while_the_second_runs(bench, "panic x")
    kept = checkpoint.shards(bench.run)["demo/second"]
    assert [(case.name, case.status) for case in kept[1].cases] == [
        ("demo.case_1", PASS), ("demo.case_2", CRASH)
    ]  # fmt: skip
    assert kept[2].problems == ("not run: the tests were ended",)


def test_a_machine_that_is_lost_when_all_are_ended_keeps_what_was_seen(bench: Bench) -> None:
    made = end_while_the_second_runs(bench, 'echo LOST >>"$KMSG"; echo dying; sleep 30')
    assert made.notes == []
    (seen,) = checkpoint.shards(bench.run)["demo/second"].values()
    assert (seen.cases[0].name, seen.cases[0].status) == ("demo.case_1", PASS)


def test_work_that_was_ended_before_it_began_takes_nothing(bench: Bench) -> None:
    shard = Shard(bench.add("good", "#!/bin/sh\ntouch ../../ran\n"))
    made = scheduler(bench)
    made.abort(Interrupted("SIGTERM"))
    with pytest.raises(Interrupted):
        made.work([shard], 1)
    assert made.parts == []
    assert not list(bench.path.rglob("ran"))
    assert bench.targets[0].closed


# ---- the queue


def test_who_wants_to_be_alone_comes_last(bench: Bench) -> None:
    alone, one, two = (Shard(bench.add(name, GOOD, alone=name == "a")) for name in "abc")
    queue = Queue([alone, one, two])
    assert [queue.take(), queue.take()] == [one, two]
    assert queue.done(one) == queue.done(two) == ()
    assert queue.take() == alone


def test_what_was_not_begun_is_given_once(bench: Bench) -> None:
    one, two = (Shard(bench.add(name, GOOD)) for name in "ab")
    queue = Queue([one, two])
    assert queue.take() == one
    assert queue.close() == (two,)
    assert queue.close() == ()
    assert queue.done(one, one) == (one,)
    assert queue.take() is None


@pytest.mark.parametrize("how", ["close", "done"])
def test_who_waits_for_the_queue_is_told_when_there_will_be_no_more(bench: Bench, how: str) -> None:
    shard = Shard(bench.add("good", GOOD))
    queue = Queue([shard])
    assert queue.take() == shard
    got: list[Shard | None] = []
    waiting = threading.Thread(target=lambda: got.append(queue.take()), daemon=True)
    waiting.start()
    waiting.join(0.05)
    assert waiting.is_alive()
    assert (queue.close() if how == "close" else queue.done(shard)) == ()
    waiting.join(10)
    assert got == [None]
