# SPDX-License-Identifier: GPL-2.0
"""Saved logs of others: which kind, what their tests did, any size, and logs that are broken."""

from __future__ import annotations

import gzip
import io
import itertools
import os
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from kseries.lib.errors import UserError
from kseries.model import RunResult, Status, Verdict
from kseries.parse import ktap, logfile
from kseries.parse.casetree import walk
from kseries.parse.ktaplevel import Budget
from kseries.report import terminal
from kseries.verdict import savedlog
from kseries.verdict.savedlog import Kind
from tests.stampkinds import RELAYS

DATA = Path(__file__).parent / "data"
RUNNER = DATA / "ktap" / "runner.log"
KLOG = DATA / "klog"
KUNIT = DATA / "saved" / "kunit.log"

P, S, F, M = Status.PASS, Status.SKIP, Status.FAIL, Status.MISSING


def read(file: Path) -> savedlog.Saved:
    with logfile.open_blocks(str(file)) as blocks:
        return savedlog.read(blocks, file.name)


def parse(text: str) -> savedlog.Saved:
    return savedlog.read(io.StringIO(text), "log")


def result(log: savedlog.Saved) -> RunResult:
    return savedlog.result(log, "log", started="2026-01-01T00:00:00+00:00", seconds=0, version="1")


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


def counts(log: savedlog.Saved) -> dict[Status, int]:
    cases = (case for program in log.programs for case in walk(program.cases))
    return Counter(case.status for case in cases if not case.children)


def test_recorded_log_of_kunit() -> None:
    """Linux 6.12 in a virtual machine; the code under qos-kunit-test was broken on purpose."""
    log = read(DATA / "saved" / "kunit-x86.log")
    assert (log.kind, len(log.programs)) == (Kind.KUNIT, 49)
    assert counts(log) == {P: 363, S: 43, F: 2}
    assert not any(program.problems for program in log.programs)
    (failed,) = (program for program in log.programs if not program.status.good)
    reasons = [case.reason for case in failed.cases if not case.status.good]
    read_min = "freq_qos_read_value(&qos, FREQ_QOS_MIN)"
    assert reasons == [
        f"freq_qos_test_min: EXPECTATION FAILED at drivers/base/power/qos-test.c:24:"
        f" Expected {read_min} == 2000, but {read_min} == 2001 (0x7d1)",
        f"freq_qos_test_readd: EXPECTATION FAILED at drivers/base/power/qos-test.c:86:"
        f" Expected {read_min} == 0, but {read_min} == 1 (0x1)",
    ]
    # One test has the kernel follow a null pointer, and is content when it does.
    (event,) = log.events
    assert (event.line, event.where) == (393, "kunit_test_null_dereference")


def test_recorded_log_of_kunit_in_user_mode() -> None:
    """The same kernel as a process (UML), which writes no time stamps."""
    log = read(DATA / "saved" / "kunit-uml.log")
    assert (log.kind, len(log.programs)) == (Kind.KUNIT, 46)
    assert counts(log) == {P: 372, S: 9}
    (event,) = log.events
    assert event.title == "WARNING: at arch/um/drivers/virt-pci.c:1005 um_pci_init"


def test_recorded_log_of_the_kselftest_runner() -> None:
    """20 folders of Linux 6.12's kselftest, run by a user without privileges."""
    log = read(DATA / "saved" / "kselftest.log")
    assert (log.kind, len(log.programs)) == (Kind.KSELFTEST, 78)
    assert [(p.suite, p.name, p.status) for p in log.programs if not p.status.good] == [
        ("core", "unshare_test", F),
        ("futex", "run.sh", F),
        ("kcmp", "kcmp_test", F),
        ("proc", "fd-003-kthread", F),
        ("proc", "proc-multiple-procfs", F),
        ("proc", "proc-fsconfig-hidepid", F),
        ("ptrace", "vmaccess", F),
        ("rlimits", "rlimits-per-userns", F),
    ]
    told = {p.name: p.problems for p in log.programs if p.problems}
    # run.sh forgets the status of what it runs; kcmp_test prints no results.
    assert told == {
        "run.sh": ("says ok, but test 1 below it is fail",),
        "kcmp_test": (
            "3 of 3 planned results are missing",
            "the Totals line says pass:3 fail:0 xfail:0 skip:0,"
            " the results are pass:0 fail:0 xfail:0 skip:0",
            "says ok, but test 1 below it is missing",
        ),
    }
    by_name = {program.name: program for program in log.programs}
    statuses = Counter(case.status for case in by_name["resolve_test"].cases)
    assert statuses == {S: 88}


def test_log_of_kunit_without_time_stamps() -> None:
    bare = "\n".join(line[15:] for line in KUNIT.read_text().splitlines()[2:])
    log = parse(bare)
    assert log.kind is Kind.KUNIT
    assert [(p.name, p.status) for p in log.programs] == [
        (p.name, p.status) for p in read(KUNIT).programs
    ]


def test_complaint_of_the_kernel_in_a_kunit_log() -> None:
    lines = KUNIT.read_text().splitlines(keepends=True)
    log = parse("".join([*lines[:29], WARN, *lines[29:]]))
    (event,) = log.events
    assert (event.line, event.where) == (30, "crc_test")
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


WARN = (
    "[    1.250000] ------------[ cut here ]------------\n"
    "[    1.250001] WARNING: CPU: 0 PID: 7 at lib/crc.c:12 crc_test+0x1/0x2\n"
    "[    1.250002] ---[ end trace 0000000000000000 ]---\n"
)


@pytest.mark.parametrize(
    "text",
    [
        f"TAP version 13\n1..2\nok 1 a\n{WARN}ok 2 b\n",
        f"1..1\n# selftests: net: a\n# 1..1\n{WARN}# ok 1 x\nok 1 selftests: net: a\n",
        "1..1\nok 1 a\nhalf a line[    9.000000] BUG: KASAN: slab-use-after-free in foo+0x1/0x2\n",
    ],
)  # fmt: skip
def test_complaint_of_the_kernel_in_a_log_of_programs(text: str) -> None:
    log = parse(text)
    assert len(log.events) == 1
    assert all(program.status is P for program in log.programs)
    assert result(log).exit_code == 1


def test_ordinary_lines_are_no_part_of_a_complaint() -> None:
    text = (
        "[    1.000000] {}\n" * 3 + "[    2.000000] BUG: KASAN: wild-memory-access in foo+0x1/0x2\n"
    )
    (event,) = parse(text.format("=" * 66, "eth0: up", "eth1: up")).events
    assert (event.line, len(event.lines)) == (4, 1)


def test_kernel_log_that_a_program_shows() -> None:
    shown = "# dmesg: [    1.250001] WARNING: CPU: 0 PID: 7 at lib/crc.c:12 crc_test+0x1/0x2\n"
    log = parse(f"1..1\n# selftests: lkdtm: BUG.sh\n{shown}ok 1 selftests: lkdtm: BUG.sh\n")
    assert (log.events, log.kind) == ((), Kind.KSELFTEST)


def test_kernel_writes_into_the_line_of_a_result() -> None:
    boot = "[    0.000000] Linux version 6.12.0\n"
    for text in (
        "1..2\nok 1 a[    9.000000] eth0: up\nnot ok 2 b[    9.100000][   T12] eth0: down\n",
        "1..2\nok 1 a\n[    9.000000] not ok, says eth0\nat 1 %\rnot ok 2 b[    9.1000000] x\n",
    ):
        (program,) = parse(boot + text).programs
        assert [case.status for case in program.cases] == [P, F]
        assert program.cases[0].name == "a"


def test_results_of_the_kernel_and_of_programs_in_one_log() -> None:
    log = parse(KUNIT.read_text() + RUNNER.read_text())
    assert [(p.suite, p.name) for p in log.programs][:2] == [("demo", "harness"), ("demo", "plain")]
    assert [(p.suite, p.name, p.status) for p in log.programs][-3:] == [
        ("kunit", "list-kunit-test", F), ("kunit", "crc", P), ("kunit", "quiet", P)
    ]  # fmt: skip
    assert not any(program.problems for program in log.programs[:7])


def test_kernel_log_without_results() -> None:
    log = parse("[    0.000000] Linux version 6.12.0\n[    0.100000] ACPI: bus type PCI\n")
    assert log.kind is Kind.KERNEL
    assert (result(log).exit_code, log.programs[0].status) == (1, Status.ERROR)


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


@pytest.mark.parametrize("line", ["ok 1 a # SKIP no card", "not ok 1 a", "[    1.000000] ok 1 a"])
def test_log_that_ends_in_the_middle_of_a_line(line: str) -> None:
    for end in range(1, len(line)):
        assert result(parse(f"1..1\n{line[:end]}")).exit_code == 1, line[:end]


@pytest.mark.parametrize("line", ["1..1", "1..0 # SKIP", "1..12"])
def test_plan_that_is_cut_off(line: str) -> None:
    for end in range(len(line)):
        assert result(parse(f"ok 1 a\n{line[:end]}")).exit_code == 1, line[:end]


def test_no_plan_is_no_pass() -> None:
    for text in ("ok 1 a\nok 2 b\n", "TAP version 13\nok 1 selftests: net: a\n"):
        made = result(parse(text))
        assert made.exit_code == 1
        assert "no plan" in " ".join(p for program in made.programs for p in program.problems)
    totals = "# Totals: pass:2 fail:0 xfail:0 xpass:0 skip:0 error:0\n"
    assert result(parse(f"TAP version 13\nok 1 a\nok 2 b\n{totals}")).exit_code == 0
    assert result(parse("1..2\nok 1 a\nok 2 b\nTAP version 13\nok 1 c\n")).exit_code == 1


def test_suites_of_modules_have_no_plan_together() -> None:
    suite = "    KTAP version 1\n    # Subtest: {0}\n    1..1\n    ok 1 works\nok {1} {0}\n"
    log = parse(suite.format("one", 1) + suite.format("two", 2))
    assert [(program.name, program.status) for program in log.programs] == [("one", P), ("two", P)]
    made = result(log)
    assert made.exit_code == 0
    assert "no plan" in made.notes[0]


def test_log_of_which_the_beginning_is_lost() -> None:
    lines = KUNIT.read_text().splitlines(keepends=True)
    made = result(parse("".join(lines[-6:])))
    assert [p.status for p in made.programs] == [P, M, Status.ERROR]
    assert made.programs[-1].problems == ("2 results before the one numbered 3 are missing",)
    assert made.exit_code == 1


@pytest.mark.parametrize("stamp", ["", "[    1.000000] "])
def test_log_that_begins_in_the_middle_of_a_line(stamp: str) -> None:
    text = f"{stamp}not ok 1 a\n{stamp}1..1\n"
    for begin in range(len(text)):
        assert result(parse(text[begin:])).exit_code == 1, text[begin:]
    (program,) = parse("ok 1 a\n1..1\n").programs
    assert (program.status, program.cases[0].status) == (Status.ERROR, P)
    assert program.problems[0].startswith("the log begins with a pass")


def test_cut_line_is_named() -> None:
    (program,) = parse("1..2\nok 1 a\nok 2 b").programs
    assert [case.status for case in program.cases] == [P, M]
    assert "a line is cut off and does not count: ok 2 b" in program.problems
    (program,) = parse("1..2\nok 1 a\nnot ok 2 b").programs
    assert [case.status for case in program.cases] == [P, F]


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


def blocks_of(file: Path) -> list[str]:
    with logfile.open_blocks(str(file)) as blocks:
        return list(blocks)


def test_gzip_is_seen_by_its_first_bytes(tmp_path: Path) -> None:
    packed = tmp_path / "log.txt"
    packed.write_bytes(gzip.compress(RUNNER.read_bytes()))
    assert read(packed).programs == read(RUNNER).programs


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    for data in (b"ok 1 a\n", gzip.compress(b"ok 1 a\n")):
        stream = io.TextIOWrapper(io.BufferedReader(io.BytesIO(data)))
        monkeypatch.setattr("sys.stdin", stream)
        with logfile.open_blocks(logfile.STDIN) as blocks:
            assert list(blocks) == ["ok 1 a\n"]


def test_blocks_hold_whole_lines(tmp_path: Path) -> None:
    file = tmp_path / "log"
    text = "".join(f"line {number}\n" for number in range(300_000))
    file.write_text(f"{text}the end")
    *blocks, last = blocks_of(file)
    assert len(blocks) > 2
    assert all(block.endswith("\n") for block in blocks)
    assert ("".join(blocks), last) == (text, "the end")


def test_invalid_utf8_and_long_lines(tmp_path: Path) -> None:
    file = tmp_path / "log"
    size = logfile.MAX_BYTES
    for long in (b"y" * 9_000, b"x" * (size + 9), b"x" * (3 * size)):
        file.write_bytes(b"ok 1 \xff\xfe\r\n" + long + b"\nok 2 b\n")
        text = "".join(blocks_of(file))
        assert text.startswith("ok 1 \ufffd\ufffd\n")
        assert text.endswith(f"{chr(long[0])}\nok 2 b\n")
        assert text.count(logfile.CONTINUED) == text.count(f"x{logfile.CONTINUED}")
        assert text.replace(logfile.CONTINUED, "").encode()[12:] == long + b"\nok 2 b\n"
        assert max(map(len, text.split(logfile.CONTINUED))) <= size + logfile.BLOCK


def test_zeros_that_a_dead_machine_left(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_bytes(b"1..2\nok 1 a\n" + b"\0" * (2 * logfile.MAX_BYTES + 5) + b"not ok 2 b\n")
    assert "".join(blocks_of(file)) == "1..2\nok 1 a\nnot ok 2 b\n"


@pytest.mark.parametrize("month", ["oct", "févr.", "Okt", "10月"])
def test_the_month_is_in_any_language(month: str) -> None:
    lines = ("list_del corruption. next is NULL", "kernel BUG at lib/list_debug.c:62!")
    log = parse("".join(f"{month} 07 11:42:05 fedora kernel: {line}\n" for line in lines))
    assert [event.title for event in log.events] == [lines[0]]
    before = f"{month} 07 11:42:05 fedora"
    assert parse(f"{before} kernel: x\n{before} foo[12]: {lines[1]}\n").events == ()


@pytest.mark.parametrize(
    "other", ["<6>[foo] IRQ 37 Disabled", "RAX: ffff[   83.300808][ T5809] RAX: ffffffffffffffda"]
)
@pytest.mark.parametrize("proof", ["CPU: 1 PID: 2 Comm: x", "Call Trace:", "something"])
def test_what_has_no_stamp_where_another_line_has_one(other: str, proof: str) -> None:
    fault = "BUG: kernel NULL pointer dereference, address: 0000000000000010"
    told = [fault, "Oops: 0002 [#1] SMP NOPTI", proof, *["text"] * 20]
    for lines in ([other, *told], [*told, other]):
        events = parse("\n".join(lines)).events
        assert [event.kind.value for event in events] == ["Oops"] * (proof != "something")
    # A program's, whatever it says, where the kernel's lines have stamps.
    assert parse("\n".join([*["[   12.345678] x"] * 30, *told])).events == ()


def test_blanks_that_do_not_break_are_blanks(tmp_path: Path) -> None:
    # As the web and mails have them for several blanks: a kernel that died did not pass.
    file = tmp_path / "log"
    lines = ("kernel BUG at net/foo.c:53!", "Call Trace:", "\xa0foo_close+0x53/0xa0")
    file.write_text("".join(f"[ \xa0231.27722{n}] {line}\n" for n, line in enumerate(lines)))
    (event,) = read(file).events
    assert (event.title, event.where) == ("kernel BUG at net/foo.c:53!", "foo_close")


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    packed = gzip.compress(RUNNER.read_bytes())
    for name, data in (("cut.gz", packed[:-20]), ("bad.gz", packed[:40] + b"\0" * 400)):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(UserError, match="cannot be read"):
            read(tmp_path / name)
    for missing in (tmp_path / "nothing", tmp_path):
        with pytest.raises(UserError, match="cannot be read"):
            read(missing)


@pytest.mark.timeout(30)
def test_what_never_ends_or_begins_is_no_log(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to("fifo")
    for name in (tmp_path / "fifo", tmp_path / "link", Path("/dev/zero")):
        with pytest.raises(UserError, match="is not a regular file"):
            read(name)


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
        savedlog.read(many_lines(count), "log")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # 60,000 lines of 80 characters more; what stays is the diagnostics of 600 cases.
    assert peaks[1] - peaks[0] < 60_000 * 80 * 3
    with_room = ktap.parse(many_lines(1000), max_cases=5)
    assert with_room.problems[-1] == "more than 5 results; the rest was left out"


def test_diagnostics_have_an_end() -> None:
    budget = Budget(text_good=200, text_bad=200)
    lines = [("x" * 60, True)]
    assert budget.keep(lines, good=True)
    assert not budget.keep(lines, good=True)
    # Good cases do not take the room of bad ones, and a short line is not for nothing.
    assert budget.keep(lines, good=False)
    assert not budget.keep([("#", True)] * 20, good=False)


@pytest.mark.parametrize("packed", [False, True], ids=["sparse", "gzip"])
def test_a_log_without_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packed: bool
) -> None:
    monkeypatch.setattr(logfile, "MAX_LOG", 64 << 20)
    file = tmp_path / "log"
    if packed:
        file.write_bytes(gzip.compress(b"ok 1 a\n" * (10 << 20), compresslevel=1))
    else:
        with file.open("wb") as hollow:
            hollow.truncate(1 << 42)
    with (
        pytest.raises(UserError, match="more than 64 MiB") as caught,
        logfile.open_blocks(str(file)) as blocks,
    ):
        for _ in blocks:
            pass
    assert caught.value.where == str(file)


def test_results_behind_the_time_of_a_ci() -> None:
    log = read(DATA / "results" / "results-behind-ci-time.log")
    assert log.kind is Kind.KSELFTEST
    assert [(p.suite, p.name, p.status) for p in log.programs] == [
        ("net", "alpha.sh", P), ("net", "beta.sh", P)
    ]  # fmt: skip
    assert result(log).exit_code == 0


GH = "run tests\tMake it\t2024-11-05T12:00:01.1234567Z {}"  # gh run view --log


@pytest.mark.parametrize("stamp", [*RELAYS.values(), GH])
def test_a_recorded_log_behind_the_time_of_a_ci(stamp: str) -> None:
    for name in ("kselftest.log", "kunit-uml.log", "liburing.log"):
        lines = (DATA / "saved" / name).read_text().split("\n")
        told = parse("\n".join(stamp.format(line) for line in lines))
        plain = parse("\n".join(lines))
        assert (told.kind, told.events) == (plain.kind, plain.events)
        assert [(p.name, p.status) for p in told.programs] == [
            (p.name, p.status) for p in plain.programs
        ]


def test_what_stands_beside_the_results_is_kept_of_what_failed() -> None:
    for last, tail in (("not ok 2 b", ("# behind",)), ("ok 2 b", ())):
        (program,) = parse(f"TAP version 13\n1..2\nok 1 a\n{last}\n# behind\n").programs
        assert program.tail == tail


def test_a_header_of_kunit_is_a_line_of_its_own() -> None:
    results = "1..1\n    # Subtest: a\n    1..1\n    ok 1 b\nok 1 a\n"
    for first, kind in (
        ("TAP version 14", Kind.KUNIT),
        ("it speaks TAP version 14", Kind.TAP),
        ("TAP version 14 it speaks", Kind.TAP),
    ):
        assert parse(f"{first}\n{results}").kind is kind


@pytest.mark.parametrize(("blocks", "kind"), [(9, Kind.KUNIT), (11, Kind.TAP)])
def test_by_the_first_mebibyte_the_kind_is_told(blocks: int, kind: Kind) -> None:
    noise = ["it says nothing\n" * 6250] * blocks
    results = "TAP version 14\n1..1\n    # Subtest: a\n    1..1\n    ok 1 b\nok 1 a\n"
    assert savedlog.read([*noise, results], "log").kind is kind


def test_results_within_a_complaint_without_stamps_are_no_part_of_it() -> None:
    log = parse(
        "BUG: KASAN: use-after-free in f+0x1/0x20\nCall Trace:\n <TASK>\n f+0x1/0x20\n"
        "ok 1 a\n# of a program\n g+0x1/0x20\n </TASK>\nok 2 b\n1..2\nTAP version 13\n"
    )
    (event,) = log.events
    assert event.lines[-3:] == (" f+0x1/0x20", " g+0x1/0x20", " </TASK>")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("KTAP version 1\n1..1\n    # Subtest: a\n    1..1\n    ok 1 b\nok 1 a\n", Kind.KUNIT),
        ("so KTAP version 1\n1..1\n    # Subtest: a\n    1..1\n    ok 1 b\nok 1 a\n", Kind.TAP),
        ("KTAP version x\n1..1\n    # Subtest: a\n    1..1\n    ok 1 b\nok 1 a\n", Kind.TAP),
        ("TAP version 14\n1..1\n    # Subtest: a\n    1..1\n    ok 1 b\nok 1 a\n", Kind.KUNIT),
        ("TAP version 14 x\n1..1\n    # Subtest: a\n    1..1\n    ok 1 b\nok 1 a\n", Kind.TAP),
        ("TAP version 14\n1..1\n# Subtest: a\n    1..1\n    ok 1 b\nok 1 a\n", Kind.TAP),
    ],
)
def test_whose_log_it_is(text: str, kind: Kind) -> None:
    assert parse(text).kind is kind


KUNIT_WITHOUT_A_PLAN = (
    "[    1.000000] KTAP version 1\n[    1.000001]     KTAP version 1\n"
    "[    1.000002]     # Subtest: suite\n[    1.000003]     1..1\n"
    "[    1.000004]     ok 1 case\n[    1.000005] ok 1 suite\n"
)


def test_that_a_part_has_no_plan_is_told_beside_one_that_has() -> None:
    log = parse(f"{KUNIT_WITHOUT_A_PLAN}TAP version 13\n1..1\nok 1 a\n")
    assert [(program.suite, program.name) for program in log.programs] == [
        ("TAP", "log"), ("kunit", "suite")
    ]  # fmt: skip
    assert log.notes == (savedlog.NO_PLAN,)


def test_a_log_that_is_one_line_may_have_lost_its_beginning() -> None:
    (program,) = parse("ok 1 a").programs
    assert savedlog.NO_BEGINNING in program.problems


def test_what_a_program_nests_beside_a_kernel_that_stamps_is_its_own() -> None:
    nested = (
        "KTAP version 1\n1..1\n    KTAP version 1\n    # Subtest: s\n    1..1\n    ok 1 c\nok 1 s\n"
    )
    log = parse(f"[    1.000000] Linux version 6.12.0\n[    1.000001] Booting\n{nested}")
    assert [(program.suite, program.name) for program in log.programs] == [("TAP", "log")]


def test_of_what_was_printed_the_end_is_kept() -> None:
    lines = [f"# line {number}" for number in range(70)]
    text = "\n".join(["TAP version 13", "1..1", "not ok 1 a", *lines, ""])
    (program,) = parse(text).programs
    assert program.tail == tuple(lines[10:])


def test_a_program_that_is_skipped_says_why() -> None:
    (program,) = parse("TAP version 13\n1..0 # SKIP no device\n").programs
    assert program.status is Status.SKIP
    assert [(c.name, c.status, c.reason) for c in program.cases] == [
        ("log", Status.SKIP, "no device")
    ]
    # With results it was not.
    (program,) = parse("TAP version 13\n1..0 # SKIP no device\nok 1 a\n").programs
    assert program.status is not Status.SKIP
    assert program.cases[0].name == "a"


def test_a_suite_that_was_begun_has_a_name() -> None:
    text = "KTAP version 1\n1..2\n    KTAP version 1\n    # Subtest: my test 2\n"
    names = [program.name for program in parse(text).programs]
    assert names == ["my test 2", savedlog.NO_RESULT, savedlog.LOG]
