# SPDX-License-Identifier: GPL-2.0
"""Saved logs of others: which kind, what their tests did, any size, and logs that are broken."""

from __future__ import annotations

import gzip
import io
import itertools
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from kseries.errors import UserError
from kseries.model import RunResult, Status, Verdict
from kseries.report import terminal
from kseries.results import ktap, logfile, saved
from kseries.results.ktaplevel import Budget
from kseries.results.saved import Kind

DATA = Path(__file__).parent / "data"
RUNNER = DATA / "ktap" / "runner.log"
KLOG = DATA / "klog"
KUNIT = DATA / "saved" / "kunit.log"

P, S, F, M = Status.PASS, Status.SKIP, Status.FAIL, Status.MISSING


def read(file: Path) -> saved.Saved:
    with logfile.open_lines(str(file)) as lines:
        return saved.read(lines, file.name)


def parse(text: str) -> saved.Saved:
    return saved.read(io.StringIO(text), "log")


def result(log: saved.Saved) -> RunResult:
    return saved.result(log, "log", started="2026-01-01T00:00:00+00:00", seconds=0, version="1")


def test_log_of_the_kselftest_runner() -> None:
    log = read(RUNNER)
    assert log.kind is Kind.KSELFTEST
    assert [(p.suite, p.name, p.status) for p in log.programs] == [
        ("demo", "harness", F),
        ("demo", "plain", F),
        ("demo", "nodevice", S),
        ("demo", "py.py", F),
        ("demo", "needs.sh", S),
        ("demo", "silent.sh", P),
        ("demo", "slow.sh", Status.TIMEOUT),
        ("demo", "crash", F),
    ]
    assert len(log.programs[0].cases) == 9
    assert log.programs[-1].problems == ("2 of 4 planned results are missing",)
    made = result(log)
    assert (made.verdict, made.exit_code) == (Verdict.FAIL, 1)


def test_log_of_kunit() -> None:
    log = read(KUNIT)
    assert log.kind is Kind.KUNIT
    assert [(p.suite, p.name, p.status) for p in log.programs] == [
        ("kunit", "list-kunit-test", F),
        ("kunit", "crc", P),
        ("kunit", "quiet", P),
    ]
    assert log.programs[0].problems == ()
    assert [(case.name, case.status) for case in log.programs[0].cases] == [
        ("list_test_list_init", P), ("list_test_list_add", F), ("list_test_list_replace", S)
    ]  # fmt: skip
    assert "EXPECTATION FAILED at lib/list-test.c:57" in log.programs[0].cases[1].reason
    assert [case.name for case in log.programs[1].cases[0].children] == ["width 8", "width 16"]
    assert log.events == ()


def test_log_of_kunit_without_time_stamps() -> None:
    bare = "\n".join(line[15:] for line in KUNIT.read_text().splitlines()[2:])
    log = parse(bare)
    assert log.kind is Kind.KUNIT
    assert [(p.name, p.status) for p in log.programs] == [
        (p.name, p.status) for p in read(KUNIT).programs
    ]


def test_complaint_of_the_kernel_in_a_kunit_log() -> None:
    lines = KUNIT.read_text().splitlines(keepends=True)
    warn = (
        "[    1.250000] ------------[ cut here ]------------\n"
        "[    1.250001] WARNING: CPU: 0 PID: 7 at lib/crc.c:12 crc_test+0x1/0x2\n"
        "[    1.250002] ---[ end trace 0000000000000000 ]---\n"
    )
    log = parse("".join([*lines[:29], warn, *lines[29:]]))
    (event,) = log.events
    assert (event.line, event.where) == (30, "lib/crc.c:12")
    document = result(log)
    assert "the kernel log is not clean, line 30" in document.reasons[-1]
    (finding,) = document.findings
    assert (finding.title, finding.line, finding.count) == (event.title, 30, 1)
    assert document.events[0].fingerprint == finding.fingerprint


def test_the_same_complaint_of_a_saved_kernel_log_is_one_finding() -> None:
    log = (KLOG / "uaf.log").read_text()
    document = result(parse(log + log))
    assert len(document.events) == 2
    (finding,) = document.findings
    assert (finding.count, finding.where) == (2, "demo_uaf")
    assert finding.stack[:2] == ("demo_uaf", "splat_init")
    assert finding.undecoded == "a log alone does not tell files and lines"
    assert document.reasons[-1].endswith("in demo_uaf, 2 times")


def test_plain_tap() -> None:
    log = parse("TAP version 13\n1..2\nok 1 a\nok 2 b # SKIP no card\n")
    (program,) = log.programs
    assert (log.kind, program.name, program.status) == (Kind.TAP, "log", P)
    assert result(log).exit_code == 0


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no result"),
        ("hello\nworld\n", "no result"),
        ("1..3\nok 1 a\n", "2 of 3 planned results are missing"),
        ("1..1\nok 1 a\nBail out! no memory\n", "Bail out! no memory"),
        ("1..2\nok 1 a # SKIP x\nok 2 b # SKIP x\n", "tested nothing"),
        ("1..0 # SKIP no device\n", "tested nothing"),
    ],
)
def test_nothing_seen_is_never_a_pass(text: str, reason: str) -> None:
    made = result(parse(text))
    assert (made.verdict, made.exit_code) == (Verdict.FAIL, 1)
    told = [*made.reasons, *(text for p in made.programs for text in p.problems)]
    assert any(reason in each for each in told)


def test_runner_log_that_was_cut_off() -> None:
    lines = RUNNER.read_text().splitlines(keepends=True)
    # After its first program, and in the middle of it: then only the runner's line names it.
    for cut, status, problem in ((43, F, "7 of 8 planned"), (30, M, "8 of 8 planned")):
        harness, absent, whole = parse("".join(lines[:cut])).programs
        assert (harness.suite, harness.name, harness.status) == ("demo", "harness", status)
        assert len(absent.cases) == 7
        assert whole.problems[0].startswith(problem)


def test_says_not_ok_though_all_below_it_is_good() -> None:
    log = parse(
        "TAP version 13\n1..1\n# selftests: net: a.sh\n# TAP version 13\n# 1..1\n# ok 1 x\n"
        "not ok 1 selftests: net: a.sh # exit=1\n"
    )
    (program,) = log.programs
    assert (program.suite, program.name, program.status) == ("net", "a.sh", F)
    assert program.problems


def test_terminal_report_of_a_log() -> None:
    text = terminal.render(result(read(RUNNER)), width=100, color=False)
    assert text.startswith("FAIL  log (")
    assert "kselftest log, 8 programs" in text
    assert "kseries report" not in text


# ---- the file


def lines_of(file: Path) -> list[str]:
    with logfile.open_lines(str(file)) as lines:
        return list(lines)


def test_gzip_is_seen_by_its_first_bytes(tmp_path: Path) -> None:
    packed = tmp_path / "log.txt"
    packed.write_bytes(gzip.compress(RUNNER.read_bytes()))
    assert read(packed).programs == read(RUNNER).programs


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    for data in (b"ok 1 a\n", gzip.compress(b"ok 1 a\n")):
        stream = io.TextIOWrapper(io.BufferedReader(io.BytesIO(data)))
        monkeypatch.setattr("sys.stdin", stream)
        with logfile.open_lines(logfile.STDIN) as lines:
            assert list(lines) == ["ok 1 a\n"]


def test_invalid_utf8_and_long_lines(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_bytes(b"ok 1 \xff\xfe\n" + b"x" * 5_000_000 + b"\nok 2 b\n" + b"y" * 9_000)
    first, long, second, last = lines_of(file)
    assert first == "ok 1 \ufffd\ufffd\n"
    assert len(long) == len(last) == logfile.MAX_BYTES
    assert second == "ok 2 b\n"


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    packed = gzip.compress(RUNNER.read_bytes())
    for name, data in (("cut.gz", packed[:-20]), ("bad.gz", packed[:40] + b"\0" * 400)):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(UserError, match="cannot be read"):
            read(tmp_path / name)
    for missing in (tmp_path / "nothing", tmp_path):
        with pytest.raises(UserError, match="cannot be read"):
            read(missing)


def many_lines(count: int) -> Iterator[str]:
    yield "TAP version 13\n1..5000\n"
    numbers = itertools.count(1)
    for number in range(count):
        if number % 100:
            yield f"# line {number} that a program prints, as long as such lines are wont to be\n"
        else:
            yield f"ok {next(numbers)} selftests: net: test_{number}.sh\n"


def test_a_long_log_is_not_held_in_memory() -> None:
    peaks = []
    for count in (20_000, 80_000):
        tracemalloc.start()
        saved.read(many_lines(count), "log")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # 60,000 lines of 80 characters more; what stays is the diagnostics of 600 cases.
    assert peaks[1] - peaks[0] < 60_000 * 80 * 3
    with_room = ktap.parse(many_lines(1000), max_cases=5)
    assert with_room.problems[-1] == "more than 5 results; the rest was left out"


def test_diagnostics_have_an_end() -> None:
    budget = Budget(text_good=100, text_bad=100)
    assert budget.keep(["x" * 60], good=True)
    assert not budget.keep(["x" * 60], good=True)
    # Good cases do not take the room of bad ones.
    assert budget.keep(["x" * 60], good=False)
