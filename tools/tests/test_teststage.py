# SPDX-License-Identifier: GPL-2.0
"""The test stage, on a target that runs programs on this host and whose kernel is a script."""

from __future__ import annotations

import os
import re
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from kseries.lib.errors import CheckFailed, InfraError, Interrupted, UserError
from kseries.lib.progress import Silent
from kseries.lib.runfolder import RunFolder
from kseries.model import (
    BaseTree,
    BuildPlace,
    EventKind,
    InstalledSuites,
    Kernel,
    KernelConfig,
    LocalSource,
    NamedSource,
    ProgramResult,
    Status,
    TestOutcome,
    TestProgram,
    Tree,
)
from kseries.test import checkpoint, coverage, plan, ready, scheduler, session, testlog
from kseries.test import rerun as again
from kseries.test import stage as stage
from kseries.test.queue import Queue
from kseries.test.shards import Shard
from tests.hosttarget import HostTarget

WARN = """\
[    9.000000] ------------[ cut here ]------------
[    9.000001] WARNING: CPU: 0 PID: 7 at io_uring/zcrx.c:12 io_zcrx_refill+0x1/0x2
[    9.000002] ---[ end trace 0000000000000000 ]---"""

SAY_WARN = f"cat >>$KMSG <<'END'\n{WARN}\nEND"

HARNESS = """\
#!/bin/sh
echo "TAP version 13"
echo "1..3"
"""


@dataclass
class Bench:
    """A installed folder, a run folder, and a target."""

    path: Path
    run: RunFolder
    programs: list[TestProgram] = field(default_factory=list)
    boots: tuple[str, ...] = ()
    targets: list[HostTarget] = field(default_factory=list)

    def add(self, name: str, script: str, **more: object) -> TestProgram:
        file = self.path / "installed" / "demo" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(script)
        file.chmod(0o755)
        program = TestProgram("demo", name, (f"./{name}",), "demo", 20.0)
        self.programs.append(replace(program, **more))  # type: ignore[arg-type]
        return self.programs[-1]

    @property
    def installed(self) -> InstalledSuites:
        return InstalledSuites(self.path / "installed", tuple(self.programs))

    def test(
        self, *only: str, machines: int = 1, reruns: bool = False, extended: bool = False
    ) -> TestOutcome:
        return stage.test(
            self.installed,
            KERNEL,
            self.open,
            self.run,
            Silent(),
            only=only,
            machines=machines,
            reruns=reruns,
            extended=extended,
        )

    def open(self, folder: RunFolder, number: int) -> AbstractContextManager[HostTarget]:
        # A real target appends to the console's log; so does this one.
        root = self.path / f"machine-{folder.name}-{number}"
        target = HostTarget(root, folder.console(number), self.boots)
        self.targets.append(target)
        return target


SOURCE = NamedSource("toy", LocalSource("local", Path("/nowhere")))
TREE = Tree(Path("/nowhere"), BaseTree(SOURCE, Path("/nowhere"), "0" * 40, "6.12", ""), "", ())
KERNEL = Kernel(
    config=KernelConfig(TREE, BuildPlace(Path("/nowhere"), Path("/nowhere")), "toy", "", 0),
    image=Path(__file__),
    release="6.12.0",
    compiler="",
    objects=0,
    seconds=0.0,
    log=Path("/nowhere"),
)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    run = RunFolder(tmp_path / "run")
    run.path.mkdir()
    return Bench(tmp_path, run)


def brief(result: ProgramResult) -> list[tuple[str, Status]]:
    return [(case.name, case.status) for case in result.cases]


P, S, F, M = Status.PASS, Status.SKIP, Status.FAIL, Status.MISSING

GOOD = HARNESS + 'for n in 1 2 3; do echo "ok $n demo.case_$n"; done\n'
CASES = ("demo.case_1", "demo.case_2", "demo.case_3")


def test_all_pass(bench: Bench) -> None:
    bench.add("good", GOOD, cases=CASES)
    told = bench.test()
    (result,) = told.programs
    assert (result.status, result.exit_status, result.problems) == (P, 0, ())
    assert brief(result) == [(name, P) for name in CASES]
    assert told.events == ()
    assert told.notes == ()
    assert told.facts == {"accelerator": "none", "boots": "1"}
    assert (bench.run.path / result.log).read_text().splitlines()[-1] == "ok 3 demo.case_3"
    console = bench.run.console().read_text()
    assert re.search(
        r"kseries: start demo/good \[\w{28}\]\n.*kseries: end demo/good \[\w{28}\]\n", console
    )
    assert bench.targets[0].closed


def test_a_case_fails(bench: Bench) -> None:
    script = (
        HARNESS
        + "echo ok 1 a; echo '# x.c:3:b:Expected 1 == 2'; echo not ok 2 b; echo ok 3 c; exit 1\n"
    )
    bench.add("bad", script)
    (result,) = bench.test().programs
    assert (result.status, result.exit_status, result.problems) == (F, 1, ())
    assert result.cases[1].reason == "x.c:3:b:Expected 1 == 2"


def test_a_failure_that_is_indented_is_no_pass(bench: Bench) -> None:
    nested = "echo ok 1 a; printf '{}\\n'; echo ok 2 b; echo ok 3 c\n"
    for name, line in (
        ("blanks", "  not ok 1 x"),
        ("remark", "# not ok 7 x"),
        ("bail", "\\tBail out!"),
    ):
        bench.add(name, HARNESS + nested.format(line))
    bench.add("empty", HARNESS + "echo ok 1 a; echo '    # Subtest: b'; echo ok 2 b; echo ok 3 c\n")
    blanks, remark, bail, empty = bench.test().programs
    assert [result.status for result in (blanks, remark)] == [F, F]
    assert blanks.problems[0] == "b: says ok, but x below it is fail"
    assert (bail.status, bail.problems) == (Status.ERROR, ("b: Bail out!",))
    assert (empty.status, empty.cases[1].status) == (Status.ERROR, Status.ERROR)


def test_failed_case_and_exit_status_disagree(bench: Bench) -> None:
    bench.add("liar", HARNESS + "echo ok 1 a; echo not ok 2 b; echo ok 3 c\n")
    bench.add("moaner", GOOD + "exit 1\n")
    bench.add("victim", GOOD + "kill -SEGV $$\n")
    liar, moaner, victim = bench.test().programs
    assert (liar.status, liar.problems) == (F, ("exit status 0, although b is not good",))
    assert moaner.status is Status.ERROR
    assert moaner.problems == ("exit status 1, although no case failed",)
    assert victim.status is Status.ERROR
    assert victim.problems == ("it was ended by SIGSEGV",)


def test_skip_by_exit_status(bench: Bench) -> None:
    bench.add("needs", "#!/bin/sh\necho 'SKIP: no jq'; exit 4\n", cases=("demo.a", "demo.b"))
    bench.add("nodevice", "#!/bin/sh\necho TAP version 13; echo '1..0 # SKIP no card'; exit 4\n")
    bench.add("rest", HARNESS + "echo ok 1 a; echo 'ok 2 # SKIP no more'; exit 4\n")
    needs, nodevice, rest = bench.test().programs
    assert (needs.status, needs.problems) == (S, ())
    assert [(c.name, c.reason) for c in needs.cases] == [
        ("demo.a", "SKIP: no jq"), ("demo.b", "SKIP: no jq")
    ]  # fmt: skip
    assert (nodevice.status, nodevice.cases[0].reason) == (S, "no card")
    assert (rest.status, brief(rest)) == (P, [("a", P), ("test 2", S), ("test 3", S)])


def test_failure_is_not_hidden_by_a_skip_status(bench: Bench) -> None:
    bench.add("half", HARNESS + "echo not ok 1 a; exit 4\n")
    (result,) = bench.test().programs
    assert not result.status.good


def test_program_without_results(bench: Bench) -> None:
    bench.add("silent", "#!/bin/sh\nexit 0\n")
    bench.add("gone", GOOD, argv=("./not-there",), cases=("demo.a",))
    bench.add("speaks", "#!/bin/sh\nexit 0\n", ktap=False)
    bench.add("groans", "#!/bin/sh\necho expected 3 bytes, got 0; exit 1\n", ktap=False)
    bench.add("gives_up", "#!/bin/sh\necho no socat; exit 4\n", ktap=False)
    silent, gone, speaks, groans, gives_up = bench.test().programs
    assert silent.status is Status.ERROR
    assert silent.problems == ("no result: the log holds no KTAP result line",)
    assert (gone.status, brief(gone)) == (Status.ERROR, [("demo.a", M)])
    why = "it, or what it called last, could not be started (exit status 127)"
    assert why in gone.problems
    assert (speaks.status, brief(speaks)) == (P, [("speaks", P)])
    assert (groans.status, groans.cases[0].reason) == (F, "expected 3 bytes, got 0")
    assert (gives_up.status, gives_up.cases[0].reason) == (S, "no socat")


def test_what_a_program_calls_in_vain_is_named_where_it_is_not_good(bench: Bench) -> None:
    bench.add("wants", "#!/bin/sh\nno-such-one; other-one; echo done; exit 1\n", ktap=False)
    bench.add("ktap", HARNESS + "no-such-one; echo not ok 1 a; echo ok 2 b; echo ok 3 c; exit 1\n")
    bench.add("copes", "#!/bin/sh\nno-such-one || true\n", ktap=False)
    wants, result, copes = bench.test().programs
    what = "it calls what the machine does not have"
    assert wants.problems == (f"{what}: no-such-one, other-one",)
    assert result.problems == (f"{what}: no-such-one",)
    assert (copes.status, copes.problems) == (P, ())


def test_planned_case_missing_and_unplanned_seen(bench: Bench) -> None:
    script = HARNESS + "echo ok 1 demo.case_1; echo ok 2 demo.other; echo ok 3 demo.case_3\n"
    bench.add("short", script, cases=CASES)
    told = bench.test()
    (result,) = told.programs
    assert result.status is M
    assert ("demo.case_2", M) in brief(result)
    assert result.problems == ("exit status 0, although demo.case_2 is not good",)
    assert told.notes == ("demo/short ran cases that were not planned: demo.other",)


def test_of_unplanned_cases_some_are_named_also_when_tests_are_run_again(bench: Bench) -> None:
    bad = "echo not ok 1 demo.case_1; for n in 2 3 4 5 6 7; do echo ok $n demo.new_$n; done\n"
    bench.add("more", HARNESS + bad, cases=CASES[:1])
    names = ", ".join(f"demo.new_{number}" for number in range(2, 7))
    told = bench.test(reruns=True)
    assert told.notes[0] == f"demo/more ran cases that were not planned: {names} and 1 more"


def test_log_cut_off_names_the_planned_cases(bench: Bench) -> None:
    bench.add("cut", HARNESS + "echo ok 1 demo.case_1; printf 'not o'; exit 1\n", cases=CASES)
    (result,) = bench.test().programs
    assert brief(result) == [("demo.case_1", P), ("demo.case_2", M), ("demo.case_3", M)]
    assert result.status is M


def test_what_is_not_good_leaves_evidence(bench: Bench) -> None:
    script = (
        HARNESS
        + 'echo "[    9.0] speaking" >>$KMSG; echo not ok 1 a; echo "# \033[1mend"; exit 1\n'
    )
    bench.add("good", GOOD)
    bench.add("bad", script)
    bench.add("after", 'echo "[    9.1] of another" >>$KMSG\n'.join(("#!/bin/sh\n", GOOD)))
    good, bad, after = bench.test().programs
    assert (good.tail, good.kernel_log) == ((), ())
    assert (after.tail, after.kernel_log) == ((), ())
    assert bad.tail == ("TAP version 13", "1..3", "not ok 1 a", "# end")
    assert bad.kernel_log == ("[    9.0] speaking",)


RUNS = """\
run() { echo "#  RUN           $1 ..."; }
"""


def test_kernel_dies_and_the_rest_goes_on(bench: Bench) -> None:
    script = (
        HARNESS + RUNS + "run demo.case_1; echo ok 1 demo.case_1; run demo.case_2\n"
        'echo "[    9.0] x" >>$KMSG\n'
        'echo "[    9.000000] Kernel panic - not syncing: Fatal exception" >>$KMSG\n'
        "echo dying; sleep 30\n"
    )
    bench.add("before", GOOD)
    bench.add("killer", script, cases=CASES)
    bench.add("after", GOOD)
    told = bench.test()
    before, killer, after = told.programs
    assert (before.status, after.status) == (P, P)
    assert (killer.status, killer.exit_status) == (Status.CRASH, None)
    assert brief(killer) == [
        ("demo.case_1", P), ("demo.case_2", Status.CRASH), ("demo.case_3", M)
    ]  # fmt: skip
    assert killer.problems[0] == "the kernel died (while demo.case_2 ran): Fatal exception"
    assert killer.seconds < 15
    assert [(event.kind, event.during) for event in told.events] == [
        (EventKind.PANIC, "demo/killer: demo.case_2")
    ]
    assert told.facts["boots"] == "2"


def test_reboots_are_bounded(bench: Bench) -> None:
    script = 'echo "[    1.000000] Kernel panic - not syncing: x" >>$KMSG; echo dying\n'
    for number in range(scheduler.MAX_DEATHS + 3):
        bench.add(f"killer_{number}", f"#!/bin/sh\n{script}")
    told = bench.test()
    statuses = [result.status for result in told.programs]
    assert statuses == [Status.CRASH] * (scheduler.MAX_DEATHS + 1) + [M] * 2
    assert told.programs[-1].problems == (
        f"not run: the kernel died {scheduler.MAX_DEATHS + 1} times before",
    )
    assert told.facts["boots"] == str(scheduler.MAX_DEATHS + 1)


def test_hang(bench: Bench) -> None:
    script = HARNESS + RUNS + "echo ok 1 demo.case_1; run demo.case_2; sleep 30\n"
    bench.add("hangs", script, cases=CASES, timeout_s=2.0)
    bench.add("after", GOOD)
    hangs, after = bench.test().programs
    assert (hangs.status, hangs.exit_status) == (Status.TIMEOUT, None)
    assert brief(hangs) == [
        ("demo.case_1", P), ("demo.case_2", Status.TIMEOUT), ("demo.case_3", M)
    ]  # fmt: skip
    assert hangs.problems[0] == (
        "it was still running after 2 s and was ended (while demo.case_2 ran)"
    )
    assert after.status is P


def test_warning_during_the_second_of_three(bench: Bench) -> None:
    script = (
        HARNESS + RUNS + "run demo.case_1; echo ok 1 demo.case_1; run demo.case_2\n"
        f"cat >>$KMSG <<'END'\n{WARN}\nEND\n"
        "echo '# look'; echo ok 2 demo.case_2; echo ok 3 demo.case_3\n"
    )
    bench.add("before", GOOD)
    bench.add("warns", script, cases=CASES)
    told = bench.test()
    before, warns = told.programs
    (event,) = told.events
    assert event.during == "demo/warns: demo.case_2"
    assert event.title == "WARNING: at io_uring/zcrx.c:12 io_zcrx_refill"
    console = bench.run.console().read_text().splitlines()
    assert console[event.line - 1].endswith("[ cut here ]------------")
    assert before.status is P
    assert warns.status is F  # though each of its cases passed
    assert [status for _, status in brief(warns)] == [P, P, P]
    assert warns.problems == (
        "the kernel log says WARNING: at io_uring/zcrx.c:12 io_zcrx_refill, while demo.case_2 ran",
    )


def test_kernel_does_not_boot(bench: Bench) -> None:
    bench.add("good", GOOD, cases=CASES)
    bench.boots = ("VFS: Unable to mount root fs",)
    told = bench.test()
    (result,) = told.programs
    why = "the kernel did not boot: VFS: Unable to mount root fs"
    assert (result.status, result.problems) == (M, (why,))
    assert brief(result) == [(name, M) for name in CASES]
    assert told.notes == (why,)
    assert [(event.kind, event.during) for event in told.events] == [(EventKind.PANIC, "boot")]


def test_kernel_does_not_boot_again(bench: Bench) -> None:
    bench.add("killer", '#!/bin/sh\necho "Kernel panic - not syncing: x" >>$KMSG; echo dying\n')
    bench.add("after", GOOD)
    bench.boots = ("", "no root")
    told = bench.test()
    assert [result.status for result in told.programs] == [Status.CRASH, M]
    assert told.notes == ("the kernel did not boot, at boot number 2: no root",)


def test_lost_machine_is_an_exception_and_what_was_seen_stays(bench: Bench) -> None:
    bench.add("good", GOOD)
    bench.add(
        "last", HARNESS + "echo ok 1 a; echo LOST >>$KMSG; echo ok 2 b; echo dying; sleep 30\n"
    )
    bench.add("never", GOOD)
    with pytest.raises(InfraError, match="The machine is gone"):
        bench.test()
    seen = checkpoint.collect(bench.run).programs
    assert [(result.name, result.status) for result in seen] == [("good", P), ("last", M)]
    assert brief(seen[1]) == [("a", P), ("b", P), ("test 3", M)]
    assert seen[1].problems == ("the run was ended while it ran",)
    assert bench.targets[0].closed


def test_interrupted(bench: Bench) -> None:
    bench.add("good", f"#!/bin/sh\ncat >>$KMSG <<'END'\n{WARN}\nEND\necho 1..1; echo ok 1 a\n")
    bench.add("last", HARNESS + "echo ok 1 a; sleep 30\n")

    class Impatient(Silent):
        def update(self, text: str, *, done: int | None = None, total: int | None = None) -> None:
            if text.startswith("demo/last: 1"):
                raise Interrupted("SIGTERM")

    with pytest.raises(Interrupted):
        stage.test(bench.installed, KERNEL, bench.open, bench.run, Impatient())
    seen = checkpoint.collect(bench.run)
    assert [(result.name, result.status) for result in seen.programs] == [("good", F), ("last", M)]
    assert [event.during for event in seen.events] == ["demo/good"]


def test_results_are_written_one_by_one(bench: Bench) -> None:
    bench.add("good", GOOD)
    told = bench.test()
    assert checkpoint.collect(bench.run).programs == told.programs
    text = (bench.run.path / "tests/demo/good.json").read_bytes()
    assert TypeAdapter(ProgramResult).validate_json(text) == told.programs[0]
    adapter = TypeAdapter(TestOutcome)
    assert adapter.validate_json(adapter.dump_json(told)) == told


def test_again_in_the_same_run_folder(bench: Bench) -> None:
    bench.add("old", GOOD)
    bench.test()
    bench.programs.clear()
    bench.add("new", GOOD)
    bench.test()
    assert [result.name for result in checkpoint.collect(bench.run).programs] == ["new"]
    assert bench.run.console().read_text().count("Linux version") == 1


def test_functions_are_watched_on_each_machine(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A kernel that has no such folder cannot watch them, and that is noted.
    nowhere = partial(coverage.Coverage, tracing=str(bench.path / "nowhere"))
    monkeypatch.setattr(session, "Coverage", nowhere)
    bench.add("good", GOOD)
    stage.test(
        bench.installed, KERNEL, bench.open, bench.run, Silent(), functions=("toy_poll", "toy_read")
    )
    assert coverage.ran(bench.run) == {"toy_poll": "", "toy_read": ""}


def test_environment_and_folder(bench: Bench) -> None:
    script = '#!/bin/sh\necho 1..1; echo "ok 1 $NETIF $(basename $PWD) $1"\n'
    bench.add("shows", script, env=(("NETIF", "eni1"),), argv=("demo/shows", "two words"))
    (result,) = bench.test().programs
    assert brief(result) == [("eni1 demo two words", P)]


def test_nothing_planned(bench: Bench) -> None:
    told = bench.test()
    assert (told.programs, bench.targets) == ((), [])
    # Nor is anything left of what was planned before.
    bench.add("old", GOOD)
    bench.test()
    bench.programs.clear()
    bench.test()
    assert checkpoint.collect(bench.run).programs == ()


def test_none_runs_after_a_result_that_is_enough(bench: Bench) -> None:
    bench.add("good", GOOD)
    bench.add("red", "#!/bin/sh\necho TAP version 13; echo 1..1; echo not ok 1 a; exit 1\n")
    bench.add("after", "#!/bin/sh\ntouch ../../ran\n")

    def is_red(result: ProgramResult) -> bool:
        return not result.status.good

    told = stage.test(bench.installed, KERNEL, bench.open, bench.run, Silent(), enough=is_red)
    assert [result.status for result in told.programs] == [P, F, M]
    assert told.programs[2].exit_status is None
    assert told.notes == ("not run: the outcome was known by then",)
    assert not list(bench.path.rglob("ran"))


def test_binary_output(bench: Bench) -> None:
    bench.add("binary", HARNESS + r"printf 'ok 1 a\n\377\376\000\033[2J\nok 2 b\nok 3 c\n'" + "\n")
    (result,) = bench.test().programs
    assert brief(result) == [("a", P), ("b", P), ("c", P)]


def test_what_the_kernel_has_lost_is_told_and_kept(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tmp_path / "kmemleak"
    monkeypatch.setattr(session, "KMEMLEAK", str(told))
    monkeypatch.setattr(session, "LEAK_AGE_S", 0)
    bench.add("good", "#!/bin/sh\necho TAP version 13; echo 1..1; echo ok 1 a\n")
    assert bench.test().notes == ()
    assert not bench.run.log("kmemleak").exists()
    told.write_text("")
    (note,) = bench.test().notes
    assert "kmemleak.log" in note
    # The real file answers with the list; this one with what was last written to it.
    assert bench.run.log("kmemleak").read_text() == "scan\n"


def test_kmemleak_that_has_given_up_is_told_of(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing can be written to this device.
    monkeypatch.setattr(session, "KMEMLEAK", "/dev/full")
    bench.add("good", GOOD)
    assert bench.test().notes == ("kmemleak has given up: whether memory was lost is not known",)
    assert not bench.run.log("kmemleak").exists()


def test_a_machine_that_is_lost_after_the_tests_takes_nothing_back(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_LEAKS", "echo LOST >>$KMSG; echo dying; sleep 30")
    bench.add("good", GOOD)
    told = bench.test()
    assert [program.status for program in told.programs] == [P]
    lost = "the machine was lost while it looked for memory leaks: The machine is gone."
    assert told.notes[0] == lost
    assert [note.partition(":")[0] for note in told.notes[1:]] == ["memory was lost"]
    assert told.events == ()


@pytest.mark.parametrize("word", ["RESET", "HUNG"])
@pytest.mark.parametrize(
    ("script", "when"),
    [
        ("echo {} >>$KMSG; echo dying; sleep 30", "while it looked for memory leaks"),
        ("echo {} >$LATE", "after the last test"),
    ],
)
def test_a_kernel_that_dies_without_a_word_after_the_tests_is_no_pass(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, word: str, script: str, when: str
) -> None:
    monkeypatch.setattr(session, "_LEAKS", script.format(word))
    bench.add("good", GOOD)
    told = bench.test()
    died = f"the kernel died {when}: {word.lower()} it has"
    assert died in told.notes
    (event,) = told.events
    assert (event.kind, event.title, event.during) == (EventKind.TAINT, died, "demo/good")
    assert [program.status for program in told.programs] == [F]


@pytest.mark.parametrize("script", ["echo '{}' >>$KMSG; echo dying; sleep 30", "echo '{}' >$LATE"])
def test_a_panic_after_the_tests_is_told_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    panic = "[    9.000000] Kernel panic - not syncing: x"
    monkeypatch.setattr(session, "_LEAKS", script.format(panic))
    bench.add("good", GOOD)
    told = bench.test()
    assert [event.kind for event in told.events] == [EventKind.PANIC]
    assert "the kernel died" in " ".join(told.notes)


def test_a_machine_that_the_host_let_wait_after_the_tests_has_not_hung(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    hang = "echo 99999 >$WAITED; echo HUNG >>$KMSG; echo dying; sleep 30"
    monkeypatch.setattr(session, "_LEAKS", hang)
    bench.add("good", GOOD)
    told = bench.test()
    assert (told.events, [program.status for program in told.programs]) == ((), [P])
    assert "This host has too much to do" in " ".join(told.notes)


# ---- -k


PROGRAMS = (
    TestProgram("zcrx", "zcrx_register", ("./r",), "z", 1.0, CASES, case_option="-r"),
    TestProgram("zcrx", "zcrx_refill", ("./f",), "z", 1.0, ("ring.full", "ring.wraps")),
    TestProgram("netdevsim", "ping.py", ("./ping.py",), "n", 1.0),
)


@pytest.mark.parametrize(
    ("only", "names"),
    [
        ([], ["zcrx_register", "zcrx_refill", "ping.py"]),
        (["zcrx/"], ["zcrx_register", "zcrx_refill"]),
        (["ping"], ["ping.py"]),
        (["*/zcrx_re*"], ["zcrx_register", "zcrx_refill"]),
        (["netdevsim/*"], ["ping.py"]),
        (["case_2"], ["zcrx_register"]),
        (["ring.*"], ["zcrx_refill"]),
        (["ping", "case_2"], ["zcrx_register", "ping.py"]),
    ],
)
def test_choice_of_programs(only: list[str], names: list[str]) -> None:
    assert [program.name for program in plan.select(PROGRAMS, only)] == names


def test_choice_of_cases() -> None:
    (chosen,) = plan.select(PROGRAMS, ["case_[23]"])
    assert chosen.argv == ("./r", "-r", "demo.case_2", "-r", "demo.case_3")
    assert chosen.cases == ("demo.case_2", "demo.case_3")
    # A program that cannot be told runs whole, and all its cases stay planned.
    (whole,) = plan.select(PROGRAMS, ["ring.full"])
    assert whole == PROGRAMS[1]
    # By its own name, a program runs whole.
    assert plan.select(PROGRAMS, ["zcrx_register"]) == (PROGRAMS[0],)


def test_choice_of_cases_by_several_patterns() -> None:
    (chosen,) = plan.select(PROGRAMS, ["case_3", "case_2", "case_[23]"])
    assert chosen.argv == ("./r", "-r", "demo.case_2", "-r", "demo.case_3")
    # What one of them names as a whole runs whole.
    assert plan.select(PROGRAMS, ["case_3", "zcrx_register"]) == (PROGRAMS[0],)
    with pytest.raises(UserError, match=r"No test matches 'pong\.py'"):
        plan.select(PROGRAMS, ["case_3", "pong.py"])


def test_programs_that_take_minutes_run_when_asked_for() -> None:
    slow = replace(PROGRAMS[1], name="zcrx_refill_long", cases=("long.full",), extended=True)
    programs = (*PROGRAMS, slow)
    assert plan.select(programs, []) == PROGRAMS
    assert plan.select(programs, [], extended=True) == programs
    assert plan.select(programs, ["zcrx_refill"]) == (PROGRAMS[1],)
    assert plan.select(programs, ["zcrx_refill"], extended=True) == (PROGRAMS[1], slow)
    # Nothing else matches: it is clear what is wanted.
    assert plan.select(programs, ["zcrx_refill_long"]) == (slow,)
    assert plan.select(programs, ["long.full"]) == (slow,)


def test_a_case_is_told_how_long_it_ran(bench: Bench) -> None:
    body = "printf '#  RUN           a ...\\n'; sleep 0.3; printf 'ok 1 a\\nok 2 b\\n'\n"
    bench.add("timed", "#!/bin/sh\necho TAP version 13; echo 1..2\n" + body)
    (result,) = bench.test().programs
    slow, quick = (case.seconds for case in result.cases)
    assert slow is not None
    assert quick is not None
    assert 0.2 < slow < 60
    assert quick < slow


def test_no_match_names_what_comes_close() -> None:
    with pytest.raises(UserError) as caught:
        plan.select(PROGRAMS, ["pong.py"])
    assert "No test matches 'pong.py'" in str(caught.value)
    assert "netdevsim/ping.py" in str(caught.value)


def test_where_nothing_comes_close_some_are_named() -> None:
    many = [TestProgram("demo", f"p{number}", ("x",), "demo", 1.0) for number in range(7)]
    with pytest.raises(UserError, match="No test matches") as error:
        plan.select(many, ["??????????"])
    names = ", ".join(f"demo/p{number}" for number in range(5))
    assert error.value.do == f"take for example: {names}"
    assert error.value.where == "7 programs of demo"


def test_a_name_is_matched_by_itself_whatever_is_in_it() -> None:
    assert plan.matches("net/ping: case[1]", "case[1]")
    assert plan.matches("net/ping: case[1]", "p*g: c")
    assert not plan.matches("net/ping: case[1]", "case1")


def test_only_reaches_the_program(bench: Bench) -> None:
    script = '#!/bin/sh\necho 1..1; test "$1 $2" = "-r demo.case_2" && echo ok 1 demo.case_2\n'
    bench.add("asked", script, cases=CASES, case_option="-r")
    (result,) = bench.test("case_2").programs
    assert (result.status, brief(result)) == (P, [("demo.case_2", P)])


# ---- shards, machines side by side, going on, running again


def by_case(body: str) -> str:
    """Write a program that runs the cases it is told by -r, else all; `body` does case $c."""
    return f"""\
#!/bin/sh
mkdir -p "$STATE"
panic() {{ echo "[    9.000000] Kernel panic - not syncing: $1" >>"$KMSG"; echo dying; sleep 30; }}
count() {{ echo x >>"$STATE/$c"; wc -l <"$STATE/$c"; }}
body() {{ :; {body}
}}
asked=""; while [ $# -gt 0 ]; do asked="$asked $2"; shift 2; done
set -- ${{asked:-{" ".join(CASES)}}}
echo TAP version 13; echo 1..$#
n=0; bad=0
for c; do
    n=$((n + 1)); echo "#  RUN           $c ..."
    if body; then echo "ok $n $c"; else echo "not ok $n $c"; bad=1; fi
done
exit $bad
"""


def add_by_case(bench: Bench, name: str, body: str, **more: object) -> None:
    bench.add(name, by_case(body), cases=CASES, case_option="-r", **more)


def test_a_crash_costs_its_case_and_the_rest_of_the_program_goes_on(bench: Bench) -> None:
    add_by_case(bench, "killer", 'if [ $c = demo.case_2 ]; then panic "no more"; fi')
    told = bench.test()
    (killer,) = told.programs
    assert brief(killer) == [(CASES[0], P), (CASES[1], Status.CRASH), (CASES[2], P)]
    assert (killer.status, killer.exit_status) == (Status.CRASH, None)
    assert killer.problems == ("the kernel died (while demo.case_2 ran): no more",)
    assert [event.during for event in told.events] == ["demo/killer: demo.case_2"]
    assert told.facts["boots"] == "2"
    # One log of both shards, one result.
    log = (bench.run.path / killer.log).read_text()
    assert log.count("TAP version 13") == 2
    assert sorted(path.name for path in bench.run.path.glob("tests/demo/*")) == [
        "killer.json", "killer.log"
    ]  # fmt: skip
    assert checkpoint.collect(bench.run).programs == told.programs


def test_each_case_crashes_and_that_is_bounded(bench: Bench) -> None:
    bench.add("killer", by_case("panic x"), cases=(*CASES, "d", "e", "f"), case_option="-r")
    (killer,) = bench.test().programs
    crashed = [case for case in killer.cases if case.status is Status.CRASH]
    assert len(crashed) == scheduler.MAX_EARLY_ENDS + 1
    assert [case.status for case in killer.cases if case not in crashed] == [M, M]


def test_a_crash_that_no_case_is_to_blame_for_is_not_tried_again_and_again(bench: Bench) -> None:
    bench.add("killer", "#!/bin/sh\n" + by_case("").replace("asked=", "panic x\nasked=", 1),
              cases=CASES, case_option="-r")  # fmt: skip
    told = bench.test()
    assert brief(told.programs[0]) == [(name, M) for name in CASES]
    assert told.facts["boots"] == "1"


def test_a_hang_costs_its_case(bench: Bench) -> None:
    body = "if [ $c = demo.case_1 ]; then sleep 30; fi"
    add_by_case(bench, "hangs", body, timeout_s=2.0)
    (hangs,) = bench.test().programs
    assert brief(hangs) == [(CASES[0], Status.TIMEOUT), (CASES[1], P), (CASES[2], P)]


def test_machines_side_by_side(bench: Bench) -> None:
    # Each of the two waits for the other: one machine alone would not come to an end.
    body = (
        'touch "$STATE/here-$c"; n=0; while [ $(ls "$STATE" | grep -c ^here-) -lt 2 ];'
        " do sleep 0.05; n=$((n + 1)); [ $n -lt 200 ] || return 1; done"
    )
    add_by_case(bench, "long", body, extended=True)
    told = bench.test(machines=2, extended=True)
    (program,) = told.programs
    assert brief(program) == [(name, P) for name in CASES]
    assert told.facts["boots"] == "2"
    assert [file.name for file in bench.run.consoles] == ["console.log", "console-2.log"]
    assert all("start demo/long" in file.read_text() for file in bench.run.consoles)
    assert all(target.closed for target in bench.targets)
    # One of the cases of the first two ran on each, at the same time.
    assert {ran.machine for ran in program.ran} == {1, 2}
    first, second = sorted(program.ran, key=lambda ran: ran.began)[:2]
    assert first.machine != second.machine
    assert second.began < first.began + first.seconds


def test_events_name_the_log_of_their_machine(bench: Bench) -> None:
    body = f"touch $STATE/$c; while [ $(ls $STATE | wc -l) -lt 2 ]; do sleep 0.05; done\n{SAY_WARN}"
    bench.add("one", by_case(body), cases=("a",), case_option="-r", argv=("./one", "-r", "a"))
    bench.add("two", by_case(body), cases=("b",), case_option="-r", argv=("./two", "-r", "b"))
    told = bench.test(machines=2)
    assert sorted((event.log, event.during.partition(":")[0]) for event in told.events) in (
        [("console-2.log", "demo/one"), ("console.log", "demo/two")],
        [("console-2.log", "demo/two"), ("console.log", "demo/one")],
    )
    assert [program.status for program in told.programs] == [F, F]
    assert checkpoint.collect(bench.run).events == tuple(
        replace(event, during=event.during.partition(":")[0])
        for event in sorted(told.events, key=lambda event: -len(event.log), reverse=True)
    )


def test_a_program_that_wants_the_host_for_itself(bench: Bench) -> None:
    busy = 'mkdir "$STATE/busy-$c"; sleep 0.3; rmdir "$STATE/busy-$c"'
    alone = '! ls "$STATE" | grep -q busy && sleep 0.3 && ! ls "$STATE" | grep -q busy'
    bench.add("alone", by_case(alone), cases=CASES, alone=True)
    bench.add("one", by_case(busy), cases=CASES)
    bench.add("two", by_case(busy.replace("busy", "busy-2")), cases=CASES)
    told = bench.test(machines=3)
    assert [program.status for program in told.programs] == [P, P, P]


def test_a_machine_that_is_lost_once_costs_nothing(bench: Bench) -> None:
    body = 'if [ $c = demo.case_2 ] && [ $(count) = 1 ]; then echo LOST >>"$KMSG"; echo dying; fi'
    add_by_case(bench, "unlucky", body)
    bench.add("after", GOOD)
    told = bench.test()
    assert [program.status for program in told.programs] == [P, P]
    assert told.notes == ("a machine was lost, demo/unlucky was rerun: The machine is gone.",)
    assert told.facts["boots"] == "2"


@pytest.mark.parametrize("losses", [scheduler.MAX_LOSSES, scheduler.MAX_LOSSES + 1])
def test_machines_may_be_lost_so_often_and_no_more(losses: int, bench: Bench) -> None:
    body = (
        f"if [ $c = demo.case_2 ] && [ $(count) -le {losses} ]; then"
        ' echo LOST >>"$KMSG"; echo dying; fi'
    )
    add_by_case(bench, "unlucky", body)
    if losses > scheduler.MAX_LOSSES:
        with pytest.raises(InfraError, match="The machine is gone"):
            bench.test()
        return
    told = bench.test()
    assert [program.status for program in told.programs] == [P]
    assert told.facts["boots"] == str(losses + 1)


def test_what_changes_its_mind_is_flaky_and_not_good(bench: Bench) -> None:
    body = (
        "case $c in demo.case_1) [ $(count) = 2 ];; demo.case_2) [ $(count) = 3 ];;"
        " demo.case_3) false;; esac"
    )
    add_by_case(bench, "moody", body)
    told = bench.test(reruns=True)
    (program,) = told.programs
    assert program.status is F
    assert [(case.status, case.reruns, case.flaky) for case in program.cases] == [
        (F, (P,), True), (F, (F, P), True), (F, (F, F), False)
    ]  # fmt: skip
    assert told.facts["boots"] == "3"
    assert (bench.run.path / "rerun-1/tests/demo/moody.log").is_file()
    # The evidence is that of the first time.
    assert program.tail[-1] == "not ok 3 demo.case_3"
    assert "# RUN" not in (bench.run.path / program.log).read_text()
    # Who reads the run later is told the same.
    assert checkpoint.collect(bench.run).programs == told.programs


def test_a_program_that_is_bad_by_the_kernel_log_is_run_again_whole(bench: Bench) -> None:
    add_by_case(bench, "warns", f"if [ $c = demo.case_2 ] && [ $(count) = 1 ]; then {SAY_WARN}\nfi")
    add_by_case(bench, "always", f"if [ $c = demo.case_2 ]; then {SAY_WARN}\nfi")
    told = bench.test(reruns=True)
    warns, always = told.programs
    assert (warns.status, warns.reruns, warns.flaky) == (F, (P,), True)
    assert (always.status, always.reruns, always.flaky) == (F, (F, F), False)
    assert {event.log for event in told.events} == {
        "console.log", "rerun-1/console.log", "rerun-2/console.log"
    }  # fmt: skip


def test_a_case_whose_second_time_upsets_the_kernel_is_not_good(bench: Bench) -> None:
    body = f"if [ $c = demo.case_2 ]; then if [ $(count) = 1 ]; then false; else {SAY_WARN}\nfi; fi"
    add_by_case(bench, "worse", body)
    (program,) = bench.test(reruns=True).programs
    assert program.cases[1].reruns == (F, F)


def test_what_takes_too_long_is_not_run_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(again, "BUDGET_S", 0.0)
    add_by_case(bench, "bad", "sleep 0.01; false")
    told = bench.test(reruns=True)
    assert told.notes == ("demo/bad was not rerun: it takes too long",)
    assert told.programs[0].cases[0].reruns == ()


class Killed(Silent):
    """Ends the tests when a case begins."""

    def __init__(self, at: str) -> None:
        self.at = at

    def update(self, text: str, *, done: int | None = None, total: int | None = None) -> None:
        if text.endswith(self.at):
            raise Interrupted("SIGTERM")


def end_at(bench: Bench, case: str, **more: object) -> None:
    with pytest.raises(Interrupted):
        stage.test(bench.installed, KERNEL, bench.open, bench.run, Killed(case), **more)  # type: ignore[arg-type]


def test_tests_that_were_ended_go_on_with_what_is_missing(bench: Bench) -> None:
    body = "count >/dev/null; if [ $c = demo.case_2 ]; then sleep 0.2; fi"
    add_by_case(bench, "first", body.replace("count", "c=first-$c count"))
    add_by_case(bench, "second", body)
    bench.add("third", GOOD)
    end_at(bench, "demo/second: demo.case_2")
    told = bench.test()
    assert [(program.name, program.status) for program in told.programs] == [
        ("first", P), ("second", P), ("third", P)
    ]  # fmt: skip
    assert brief(told.programs[1]) == [(name, P) for name in CASES]
    # When an earlier attempt ran them says nothing about this one.
    assert [bool(program.ran) for program in told.programs] == [False, True, True]
    state = bench.path / "state"
    times = {file.name: len(file.read_text().splitlines()) for file in state.iterdir()}
    assert times["demo.case_1"] == 1
    assert times["demo.case_2"] in (1, 2)  # it had begun, at least
    assert times["demo.case_3"] == 1
    assert bench.run.console().read_text().count("Linux version") == 2


def test_what_the_kernel_said_before_the_end_is_not_forgotten(bench: Bench) -> None:
    bench.add("warns", f"#!/bin/sh\n{SAY_WARN}\necho 1..1; echo ok 1 a\n")
    add_by_case(bench, "second", "sleep 0.2")
    end_at(bench, "demo/second: demo.case_2")
    told = bench.test()
    assert [(event.during, event.line) for event in told.events] == [("demo/warns", 4)]
    assert [program.status for program in told.programs] == [F, P]


def test_tests_of_another_kernel_or_of_another_choice_begin_anew(bench: Bench) -> None:
    bench.add("first", GOOD)
    add_by_case(bench, "second", "sleep 0.2")
    end_at(bench, "demo/second: demo.case_2")
    told = bench.test("second")
    assert [program.name for program in told.programs] == ["second"]
    assert bench.run.console().read_text().count("Linux version") == 1
    end_at(bench, "demo/second: demo.case_2")
    other = bench.path / "other"
    other.write_text("another kernel")
    stage.test(bench.installed, replace(KERNEL, image=other), bench.open, bench.run, Silent())
    assert bench.run.console().read_text().count("Linux version") == 1
    # So do those that were built anew.
    end_at(bench, "demo/second: demo.case_2")
    (bench.path / "installed/demo/data\udcff").write_text("other")  # no UTF-8
    bench.test()
    assert bench.run.console().read_text().count("Linux version") == 1


def test_tests_that_came_to_their_end_are_run_again_when_asked_for(bench: Bench) -> None:
    add_by_case(bench, "good", "count >/dev/null")
    bench.test()
    bench.test()
    assert (bench.path / "state/demo.case_1").read_text().count("x") == 2


def test_the_board_hands_out_what_is_left_first() -> None:
    one, two, three = (Shard(replace(PROGRAMS[2], name=name)) for name in "abc")
    queue = Queue([one, two])
    assert queue.take() == one
    queue.done(one, three)
    assert queue.take() == three
    assert queue.close() == (two,)
    assert queue.take() is None


# ---- tests that hide what the kernel says


ONE = "echo TAP version 13; echo 1..1; echo ok 1 a\n"


def test_a_test_that_hides_the_console_does_not_pass(bench: Bench) -> None:
    bench.add("before", GOOD)
    bench.add(
        "hides", f"#!/bin/sh\ntouch $DARK; cat >$HIDDEN <<'END'\n{WARN}\nEND\nrm $DARK\n{ONE}"
    )
    bench.add("dark", f"#!/bin/sh\ntouch $DARK\n{ONE}")
    told = bench.test()
    before, hides, dark = told.programs
    assert before.status is P
    assert hides.status is Status.ERROR
    assert [(e.kind, e.during) for e in told.events if e.during == "demo/hides"] == [
        (EventKind.HIDDEN, "demo/hides"), (EventKind.WARN, "demo/hides")
    ]  # fmt: skip
    assert "WARNING: at io_uring/zcrx.c:12 io_zcrx_refill" in hides.problems[1]
    console = bench.run.console().read_text().splitlines()
    warn = next(e for e in told.events if e.kind is EventKind.WARN)
    assert console[warn.line - 1].endswith("[ cut here ]------------")
    assert dark.status is Status.ERROR
    assert dark.problems[0].endswith("a mark did not come to the console")


def test_a_taint_without_a_word_in_the_log_is_a_finding(bench: Bench) -> None:
    bench.add("before", GOOD)
    bench.add("taints", f"#!/bin/sh\necho 512 1 0 >$COUNTS\n{ONE}")
    bench.add("later", GOOD)
    bench.add("again", f"#!/bin/sh\necho 512 2 0 >$COUNTS\n{ONE}")
    bench.add("warns", f"#!/bin/sh\n{SAY_WARN}\necho 512 3 0 >$COUNTS\n{ONE}")
    told = bench.test()
    assert [program.status for program in told.programs] == [P, F, P, F, F]
    assert [(event.kind, event.during) for event in told.events] == [
        (EventKind.TAINT, "demo/taints"), (EventKind.TAINT, "demo/again"),
        (EventKind.WARN, "demo/warns"),
    ]  # fmt: skip
    assert "taint flag W: the kernel gave a warning" in told.programs[1].problems[0]


def test_forged_and_copied_marks_move_no_complaint(bench: Bench) -> None:
    bench.add("before", GOOD)
    forge = 'echo "kseries: start demo/before [$(printf %028d 0)]" >>$KMSG'
    copy = "grep 'start demo/before' $KMSG | head -1 >>$KMSG"
    bench.add("forges", f"#!/bin/sh\n{forge}\n{SAY_WARN}\n{ONE}")
    bench.add("copies", f"#!/bin/sh\n{copy}\n{SAY_WARN}\n{ONE}")
    told = bench.test()
    assert [program.status for program in told.programs] == [P, Status.ERROR, Status.ERROR]
    assert [(event.kind, event.during) for event in told.events] == [
        (EventKind.HIDDEN, "demo/forges"), (EventKind.WARN, "demo/forges"),
        (EventKind.HIDDEN, "demo/copies"), (EventKind.WARN, "demo/copies"),
    ]  # fmt: skip


def test_what_was_hidden_before_the_end_is_not_forgotten(bench: Bench) -> None:
    bench.add("hides", f"#!/bin/sh\necho 512 1 0 >$COUNTS; touch $DARK\n{ONE}")
    add_by_case(bench, "second", "sleep 0.2")
    end_at(bench, "demo/second: demo.case_2")
    told = bench.test()
    assert {(event.kind, event.during) for event in told.events} == {
        (EventKind.HIDDEN, "demo/hides"), (EventKind.TAINT, "demo/hides")
    }  # fmt: skip
    assert [program.status for program in told.programs] == [Status.ERROR, P]


def test_output_that_is_too_much_is_cut_and_is_no_pass(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(testlog, "LOG_HEAD", 1000)
    monkeypatch.setattr(testlog, "LOG_TAIL", 200)
    flood = "i=0; while [ $i -lt 500 ]; do echo '# a line of 20 chars'; i=$((i + 1)); done\n"
    bench.add("floods", f"#!/bin/sh\necho TAP version 13; echo 1..1\n{flood}echo ok 1 a\n")
    (result,) = bench.test().programs
    log = (bench.run.path / result.log).read_text()
    assert log.startswith("TAP version 13\n1..1\n")
    assert log.endswith("ok 1 a\n")
    assert len(log) < 1300
    assert (result.status, brief(result)) == (Status.ERROR, [("a", P)])
    assert "of its output were left out of the log" in result.problems[0]


def test_a_sparse_file_among_the_tests_is_refused(bench: Bench) -> None:
    bench.add("good", GOOD)
    with (bench.path / "installed/sparse").open("wb") as file:
        file.truncate(1 << 42)
    with pytest.raises(CheckFailed, match="too large for the guest"):
        bench.test()


def test_a_pipe_among_the_tests_is_not_waited_for(bench: Bench) -> None:
    bench.add("good", GOOD)
    os.mkfifo(bench.path / "installed/fifo")
    monkey = bench.open

    def open_without(folder: RunFolder, number: int) -> AbstractContextManager[HostTarget]:
        (bench.path / "installed/fifo").unlink(missing_ok=True)
        return monkey(folder, number)

    told = stage.test(bench.installed, KERNEL, open_without, bench.run, Silent())
    assert [program.status for program in told.programs] == [P]


def test_as_long_as_kmemleak_wants_is_waited_and_not_for_ever() -> None:
    assert session.LEAK_AGE_S > 5  # MSECS_MIN_AGE of mm/kmemleak.c
    assert session.LEAKS_S < 600
    assert session.BOOT_S < 300
    assert ready.PUT_S < 300


# ---- a host that has too much to do


LOCKUP = "[   60.000000] watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [test:99]"
ONCE = "[ ! -e $STATE.once ] && touch $STATE.once"


STALLS = {
    LOCKUP: 30,
    "[   60.000000] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:": 30,
    "[  200.000000] INFO: task test:99 blocked for more than 120 seconds.": 130,
}


@pytest.mark.parametrize("line", STALLS)
def test_a_stall_that_the_host_caused_is_run_again(bench: Bench, line: str) -> None:
    waited = STALLS[line] * 2 // 3
    stall = f"if {ONCE}; then echo '{line}' >>$KMSG; echo {waited} >$WAITED; else rm -f $WAITED; fi"
    bench.add("stalls", f"#!/bin/sh\n{stall}\n{ONE}")
    told = bench.test()
    assert [program.status for program in told.programs] == [P]
    assert told.events == ()
    (note,) = told.notes
    assert f"of {STALLS[line]} s the machine's processors waited {waited} s" in note
    assert told.facts["boots"] == "2"
    assert line in bench.run.console().read_text()
    assert checkpoint.events(bench.run) == ()


def test_a_stall_that_the_kernel_made_itself_is_a_finding(bench: Bench) -> None:
    bench.add("stalls", f"#!/bin/sh\necho '{LOCKUP}' >>$KMSG; echo 3 >$WAITED\n{ONE}")
    told = bench.test()
    assert [program.status for program in told.programs] == [F]
    assert [event.kind for event in told.events] == [EventKind.LOCKUP]
    assert told.notes == ()


def test_another_complaint_of_a_machine_that_had_to_wait_stays(bench: Bench) -> None:
    stall = f"echo '{LOCKUP}' >>$KMSG; echo 20 >$WAITED\n{SAY_WARN}"
    script = f"#!/bin/sh\nif {ONCE}; then :; {stall}\nelse rm -f $WAITED; fi\n{ONE}"
    bench.add("stalls", script)
    told = bench.test()
    assert [event.kind for event in told.events] == [EventKind.WARN]
    assert [program.status for program in told.programs] == [F]


def test_a_timeout_of_a_machine_that_had_to_wait_is_run_again(bench: Bench) -> None:
    slow = f"if {ONCE}; then echo 2 >$WAITED; sleep 30; else rm -f $WAITED; fi"
    bench.add("slow", f"#!/bin/sh\n{slow}\n{ONE}", timeout_s=2.0)
    told = bench.test()
    assert [program.status for program in told.programs] == [P]
    assert "was rerun" in told.notes[0]


def test_a_host_that_never_has_time_says_nothing_of_the_series(bench: Bench) -> None:
    bench.add("stalls", f"#!/bin/sh\necho '{LOCKUP}' >>$KMSG; echo 29 >$WAITED\n{ONE}")
    with pytest.raises(InfraError, match="This host has too much to do") as caught:
        bench.test()
    assert caught.value.exit_code == 3
    assert bench.targets[0].boots == scheduler.MAX_LOSSES + 1
    assert checkpoint.events(bench.run) == ()


def test_complaints_that_a_test_makes_on_purpose_are_no_findings(bench: Bench) -> None:
    meant = WARN.replace("io_zcrx_refill+0x1/0x2", "oob+0x1/0x2 [kasan_test]")
    says = GOOD + SAY_WARN.replace(WARN, meant) + "\n"
    bench.add("kasan", says, provokes=("[kasan_test]",))
    bench.add("other", says)
    bench.add("also", f"{GOOD}{SAY_WARN}\n", provokes=("[kasan_test]",))
    told = bench.test()
    assert [result.status for result in told.programs] == [Status.PASS, Status.FAIL, Status.FAIL]
    assert {event.during for event in told.events} == {"demo/other", "demo/also"}
    assert "complaints of the kernel that demo/kasan makes on purpose: 1" in told.notes
    # A machine that has complained looks for less: it is booted again before anything else runs.
    assert told.facts["boots"] == "2"


def test_they_are_none_when_it_is_rerun_either(bench: Bench) -> None:
    meant = WARN.replace("io_zcrx_refill+0x1/0x2", "oob+0x1/0x2 [kasan_test]")
    fails = "#!/bin/sh\necho 1..1; echo not ok 1 demo.a\n" + SAY_WARN.replace(WARN, meant)
    bench.add("kasan", f"{fails}\nexit 1\n", provokes=("[kasan_test]",))
    told = bench.test(reruns=True)
    (result,) = told.programs
    assert result.cases[0].reruns == (F, F)
    assert told.events == ()
