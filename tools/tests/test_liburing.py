# SPDX-License-Identifier: GPL-2.0
"""The log of liburing's test runner: real ones, and what may be wrong with one."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from kseries.model import ProgramResult, RunResult, Status, Verdict
from kseries.parse import logfile
from kseries.verdict import savedlog
from kseries.verdict.savedlog import Kind

LOGS = Path(__file__).parent / "data" / "saved"

P, S, F, M = Status.PASS, Status.SKIP, Status.FAIL, Status.MISSING

END = "Test run complete, kernel: 6.18.44 #1 SMP PREEMPT_DYNAMIC\nAll tests passed\n"


def recorded(name: str) -> savedlog.Saved:
    with logfile.open_blocks(str(LOGS / name)) as blocks:
        return savedlog.read(blocks, name)


def read(text: str) -> savedlog.Saved:
    return savedlog.read([text], "log")


def began(name: str, rest: str = "") -> str:
    """The line with which the runner begins a test, and what stands behind it."""
    return f"Running test {name:<55}{rest}"


def passes(log: savedlog.Saved) -> bool:
    return result(log).verdict is Verdict.PASS


def result(log: savedlog.Saved) -> RunResult:
    return savedlog.result(log, "log", started="2026-01-01T00:00:00+00:00", seconds=0, version="1")


def brief(log: savedlog.Saved) -> list[tuple[str, Status]]:
    return [(program.name, program.status) for program in log.programs]


def only(log: savedlog.Saved) -> ProgramResult:
    (program,) = log.programs
    return program


def test_recorded_log() -> None:
    """16 tests of liburing 2.15 with few file descriptors and 3 s each; two are not built."""
    log = recorded("liburing.log")
    assert log.kind is Kind.LIBURING
    assert brief(log) == [
        ("232c93d07b74.t", Status.TIMEOUT),
        ("accept.t", F),
        ("close-opath.t", P),
        ("fixed-pipe.t", F),
        ("fc2a85cb02ef.t", S),
        ("file-register.t", F),
        ("multicqes_drain.t", F),
        ("nop.t", P),
        ("pipe-eof.t", P),
        ("poll-many.t", Status.TIMEOUT),
        ("ring-leak.t", S),
        ("sendmsg_fs_cve.t", F),
        ("socket-rw.t", P),
        ("teardowns.t", P),
        ("timeout.t", Status.TIMEOUT),
        ("zcrx.t", S),
    ]
    cases = {program.name: program.cases[0] for program in log.programs}
    assert cases["accept.t"].reason == "test_multishot_fixed_accept failed (failed with ret 1)"
    assert cases["zcrx.t"].reason == "zcrx and query are not supported, skip"
    assert cases["timeout.t"].reason == "timed out (may not be a failure)"
    statuses = {program.name: program.exit_status for program in log.programs}
    assert (statuses["fixed-pipe.t"], statuses["nop.t"], statuses["zcrx.t"]) == (127, 0, 77)
    assert result(log).exit_code == 1


def test_recorded_log_that_a_test_wrote_over() -> None:
    """All tests, into a file: the one of fixed pipes wrote to the beginning of it."""
    log = recorded("liburing-overwritten.log")
    assert Counter(program.status for program in log.programs) == {
        P: 232, S: 21, Status.TIMEOUT: 1, Status.ERROR: 1
    }  # fmt: skip
    assert log.programs[-1].problems == (f"a result without its test: t{' ' * 41}4 sec",)
    # "All tests passed" says the runner, whom a test that did not end does not trouble.
    assert not passes(log)


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("1 sec\n", P),
        ("1 sec [2]\n", P),
        ("some words\n1 sec\n", P),
        ("some words0 sec\n", P),
        ("0 sec\nwords of a child that was left behind\n", P),
        ("All tests passed\nTests are off\n1 sec\n", P),
        ("All tests passed\n", M),
        ("Skipped\n", S),
        ("no such thing, skipSkipped\n", S),
        ("Test skipped\n", S),
        ("Test a.t failed with ret 1\n", F),
        ("wordsTest a.t failed with ret 1\n", F),
        ("Test a.t failed dmesg check\n", F),
        ("Test a.t expected fail status 1 but returned 0\n", F),
        ("Test a.t timed out (may not be a failure)\n", Status.TIMEOUT),
        ("\n", M),
        ("5 seconds left\n", M),
        ("waited 5 sec\nnow it dies\n", M),
        ("1 sec\nTest a.t failed with ret 1\n", F),
        ("Test a.t failed with ret 1\n1 sec\n", F),
    ],
)
def test_what_became_of_a_test(said: str, status: Status) -> None:
    text = f"{began('a.t', said)}{began('b.t')}0 sec\n{END}"
    assert brief(read(text))[:2] == [("a.t", status), ("b.t", P)]
    assert passes(read(text)) is status.good


def test_how_it_ended_is_said_once() -> None:
    log = read(f"{began('a.t', 'wordsTest a.t failed with ret 1')}\n{END}")
    (case,) = log.programs[0].cases
    assert case.reason == "failed with ret 1"


def test_log_of_which_the_beginning_is_lost() -> None:
    log = read(f"words\nTest a.t failed with ret 1\n{END}")
    assert (log.kind, brief(log)[0]) == (Kind.LIBURING, ("a.t", F))
    assert read(END).kind is Kind.LIBURING
    assert read("Tests failed (1): <a.t>\n").kind is Kind.LIBURING


def test_last_words_alone_are_no_pass() -> None:
    assert not passes(read(END))
    text = f"{END.splitlines()[0]}\nTests failed (3): <a.t> <b.t> <c.t>\n"
    for end in range(len(text)):
        assert not passes(read(text[:end])), text[:end]


def test_coloured_log() -> None:
    lines = f"{began('a.t')}1 sec\n{END}".splitlines(keepends=True)
    log = read("".join(f"\x1b[32m{line}" for line in lines))
    assert (log.kind, brief(log)) == (Kind.LIBURING, [("a.t", P)])


def test_all_is_well() -> None:
    log = read(f"{began('a.t')}1 sec\n{began('a.t /dev/nvme0n1')}Skipped\n{END}")
    assert brief(log) == [("a.t", P), ("a.t /dev/nvme0n1", S)]
    assert passes(log)
    assert log.programs[0].seconds == 1.0


def test_cut_off_anywhere() -> None:
    text = f"{began('a.t')}1 sec\n{began('b.t')}b says 5 sec\n12 sec [3]\n{END}"
    for end in range(len(text) - 1):
        log = read(text[:end])
        assert not passes(log), text[:end]
    cut = read(began("a.t", "5 sec"))
    assert brief(cut) == [("a.t", M), ("(the runner)", Status.ERROR)]


def test_what_the_runner_says_in_the_end_counts() -> None:
    text = f"{began('a.t')}1 sec\nTests failed (1): <b.t>\n"
    assert brief(read(text)) == [("a.t", P), ("b.t", F)]
    text = f"{began('a.t')}1 sec\nTests failed (2): <b.t>\n"
    assert "2 tests failed, but 1 are named" in read(text).programs[-1].problems
    text = f"{began('a.t', 'Test a.t failed with ret 1')}\n{END}"
    assert read(text).programs[-1].problems == ("the runner does not name a.t in the end",)


def test_line_that_begins_a_test_is_spoilt() -> None:
    text = f"{began('a.t')}0 sec\nR\ufffdnning test b.t    words\nTest b.t failed with ret 1\n{END}"
    assert ("b.t", F) in brief(read(text))
    spoilt = began("a.t").replace("a.t ", "a.t \ufffd", 1)
    assert brief(read(f"{spoilt}Test a.t failed with ret 1\n{END}"))[0] == ("a.t", F)
    text = f"words{began('b.t')}Test b.t failed with ret 1\n{END}"
    assert brief(read(f"{began('a.t')}{text}"))[:2] == [("a.t", M), ("b.t", F)]


def test_long_output_without_a_line_end() -> None:
    for words in ("." * 1_500_000, "Test " * 300_000, "Test" * 300_000, "Running test " * 100_000):
        text = (
            f"{began('a.t', words)}Test a.t failed with ret 1\n{began('b.t', words)} 0 sec\n{END}"
        )
        assert brief(read(text))[:2] == [("a.t", F), ("b.t", P)]
        assert max(len(line) for program in read(text).programs for line in program.tail) <= 2000


def test_kernel_writes_in_between() -> None:
    text = f"{began('a.t')}[    9.000000] Running test a.t:\n1 sec[    9.100000] eth0: up\n{END}"
    assert brief(read(text)) == [("a.t", P)]
    warn = "[    9.000000] WARNING: CPU: 0 PID: 7 at io_uring/rw.c:12 io_read+0x1/0x2\n"
    log = read(f"{began('a.t')}Test a.t failed dmesg check\nFound dmesg file x:\n{warn}{END}")
    assert [event.where for event in log.events] == ["io_read"]
