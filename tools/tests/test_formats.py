# SPDX-License-Identifier: GPL-2.0
"""Reports for programs and for mail: what they say, that their readers take them, hostile names.

KSERIES_UPDATE_GOLDEN=1 writes the golden files anew; read the difference before keeping it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from junitparser import Error, Failure, JUnitXml, Skipped, TestCase
from kcidb_io.schema import V5_3

from kseries.model import (
    AuthorBase,
    Case,
    PatchState,
    ProgramResult,
    RunResult,
    Scope,
    StageRecord,
    StageState,
    Status,
)
from kseries.report import html, junit, kcidb, mail, terminal
from kseries.report.printable import printable
from kseries.verdict import repeat
from kseries.verdict.verdict import decided

GOLDEN = Path(__file__).parent / "data" / "report"

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\ufffe\uffff\ud800-\udfff]")


def unbuilt(result: RunResult) -> RunResult:
    stages = (
        *result.stages[:4],
        StageRecord(
            "build",
            StageState.FAILED,
            31.0,
            "The kernel does not build.",
            "The kernel does not build.\n  where: io_uring/zcrx.c:40:9: error: no member 'rqx'",
        ),
        *(StageRecord(name, StageState.NOT_RUN) for name in ("install", "test", "baseline")),
    )
    return decided(replace(result, stages=stages, programs=(), events=(), scope=Scope()))


# ---- KCIDB


def submitted(result: RunResult) -> dict[str, Any]:
    """Give the report, checked by kcidb-io itself and not by us."""
    report: dict[str, Any] = json.loads(kcidb.render(result))
    assert V5_3.is_valid(report)
    assert V5_3.is_valid_exactly(report)
    return report


def by_path(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {test["path"]: test for test in report["tests"]}


def test_kcidb_checkout_and_build(passing_run: RunResult) -> None:
    report = submitted(passing_run)
    assert report["version"] == {"major": 5, "minor": 3}
    (checkout,), (build,) = report["checkouts"], report["builds"]
    assert checkout["git_commit_hash"] == "b" * 40
    # sha256sum *.patch | cut -c-64 | sha256sum
    hashes = "".join(f"{digit * 64}\n" for digit in "12")
    assert checkout["patchset_hash"] == hashlib.sha256(hashes.encode()).hexdigest()
    assert checkout["valid"] is True
    assert "contacts" not in checkout
    assert build["checkout_id"] == checkout["id"]
    assert build["config_name"] == "base+zcrx"
    assert build["compiler"].startswith("gcc")
    assert (build["duration"], build["status"]) == (278.1, "PASS")


def test_kcidb_tests(failing_run: RunResult) -> None:
    tests = by_path(submitted(failing_run))
    status = {path: test["status"] for path, test in tests.items()}
    assert status["kselftest.zcrx.zcrx_register.registration.flags_bit_0"] == "PASS"
    assert status["kselftest.zcrx.zcrx_register.caller.userns"] == "SKIP"
    assert status["kselftest.zcrx.zcrx_register.caller.known"] == "PASS"
    assert status["kselftest.zcrx.zcrx_refill.ring.wraps"] == "FAIL"
    assert status["kselftest.zcrx.zcrx_lifetime"] == "FAIL"
    assert status["kselftest.zcrx.zcrx_lifetime.lifetime.more_1"] == "MISS"
    assert status["kselftest.netdevsim.ping_py.ping.v4"] == "PASS"
    assert status["kernel_log"] == "FAIL"  # what was seen at shutdown is no program's
    wraps = tests["kselftest.zcrx.zcrx_refill.ring.wraps"]
    assert "Expected 4096 (4096) == tail - head (4095)" in wraps["log_excerpt"]
    assert wraps["duration"] == 0.25
    known = tests["kselftest.zcrx.zcrx_register.caller.known"]
    assert known["misc"] == {"kseries_status": "xfail", "reason": "not yet"}


def test_kcidb_ids_are_stable_and_unique(failing_run: RunResult) -> None:
    twice = replace(failing_run, programs=failing_run.programs * 2)
    report = submitted(twice)
    ids = [item["id"] for kind in ("checkouts", "builds", "tests") for item in report[kind]]
    assert len(ids) == len(set(ids))
    assert all(each.startswith("kseries:20261122T101500-zcrx-v7") for each in ids)
    assert submitted(twice) == report
    elsewhere = replace(
        failing_run, provenance=replace(failing_run.provenance, host="Linux 6.1 elsewhere")
    )
    assert submitted(elsewhere)["checkouts"][0]["id"] != report["checkouts"][0]["id"]


def test_kcidb_excerpts_are_cut_to_their_end(failing_run: RunResult) -> None:
    case = Case("a", Status.FAIL, "why", tuple(f"line {n} {'x' * 90}" for n in range(1000)))
    program = ProgramResult("zcrx", "p", Status.FAIL, 1, 1.0, (case,))
    (test,) = [
        test
        for test in submitted(replace(failing_run, programs=(program,)))["tests"]
        if test["path"] == "kselftest.zcrx.p.a"
    ]
    assert len(test["log_excerpt"]) == 16_384
    assert test["log_excerpt"].startswith("[...]\n")
    assert test["log_excerpt"].endswith(f"line 999 {'x' * 90}")


def test_kcidb_of_runs_that_did_not_come_far(passing_run: RunResult) -> None:
    report = submitted(unbuilt(passing_run))
    (build,) = report["builds"]
    assert build["status"] == "FAIL"
    assert "no member 'rqx'" in build["log_excerpt"]
    assert report["tests"] == []
    conflict = replace(
        passing_run,
        stages=(StageRecord("apply", StageState.FAILED, 1.0, "no", "net/core.c: hunk 3"),),
        patches=(replace(passing_run.patches[0], state=PatchState.CONFLICT),),
        programs=(),
    )
    report = submitted(conflict)
    assert report["checkouts"][0]["valid"] is False
    assert "hunk 3" in report["checkouts"][0]["log_excerpt"]
    assert report["builds"] == []
    # An older document does not have the hashes.
    unknown = replace(passing_run, patches=(replace(passing_run.patches[0], sha256=""),))
    assert "patchset_hash" not in submitted(unknown)["checkouts"][0]
    assert submitted(replace(passing_run, patches=()))["checkouts"][0]["patchset_hash"] == ""


def test_kcidb_tells_findings(failing_run: RunResult) -> None:
    tests = by_path(submitted(failing_run))
    (warning,) = tests["kselftest.zcrx.zcrx_refill"]["misc"]["findings"]
    assert warning == {
        "fingerprint": "0123456789ab",
        "kind": "WARN",
        "title": "WARNING: at io_uring/zcrx.c:211 io_zcrx_refill",
        "where": "io_zcrx_refill",
        "stack": "io_zcrx_refill (include/linux/list.h:12, io_uring/zcrx.c:211)\nio_recvzc",
        "suspicion": "patch 1 of zcrx-v7 wrote io_uring/zcrx.c:211 in io_zcrx_refill:"
        " net: add a hook",
    }
    assert "findings" not in tests["kselftest.zcrx.zcrx_lifetime"]["misc"]
    (leak,) = tests["kernel_log"]["misc"]["findings"]
    assert leak["fingerprint"] == "ba9876543210"


def test_kcidb_without_tests_says_nothing_of_the_kernel_log(passing_run: RunResult) -> None:
    lost = StageRecord("test", StageState.LOST, 1.0, "QEMU is gone")
    result = replace(passing_run, stages=(*passing_run.stages[:-2], lost), programs=())
    assert submitted(result)["tests"] == []


# ---- JUnit


def suites(result: RunResult) -> dict[str, list[TestCase]]:
    text = junit.render(result)
    parsed = JUnitXml.fromstring(text.encode())
    return {suite.name: list(suite) for suite in parsed}


def test_cases_below_cases_are_named_with_all_that_is_above_them(passing_run: RunResult) -> None:
    inner = (Case("x.y", Status.PASS), Case("z", Status.FAIL))
    deep = Case("top", Status.FAIL, children=(Case("sub", Status.FAIL, children=inner),))
    program = ProgramResult("net", "ping", Status.FAIL, 1, 1.0, (deep, Case("end", Status.PASS)))
    result = decided(replace(passing_run, programs=(program,)))
    names = [case.name for case in suites(result)["net/ping"]]
    assert names == ["top: sub: x.y", "top: sub: z", "end"]
    assert {path: test["status"] for path, test in by_path(submitted(result)).items()} == {
        "kselftest.net.ping": "FAIL",
        "kselftest.net.ping.top.sub.x.y": "PASS",
        "kselftest.net.ping.top.sub.z": "FAIL",
        "kselftest.net.ping.end": "PASS",
        "kernel_log": "PASS",
    }


@pytest.mark.parametrize("state", StageState)
def test_junit_has_a_stage_without_an_answer_as_an_error(
    state: StageState, passing_run: RunResult
) -> None:
    stages = (*passing_run.stages[:-1], StageRecord("baseline", state, 1.0, "so it ended"))
    *_, stage = suites(replace(passing_run, stages=stages))["stages"]
    kinds: dict[StageState, list[type]] = {
        StageState.DONE: [],
        StageState.FAILED: [Failure],
        StageState.NOT_RUN: [Skipped],
    }
    assert [type(outcome) for outcome in stage.result] == kinds.get(state, [Error])


def test_junit_tells_programs_and_cases(failing_run: RunResult) -> None:
    found = suites(failing_run)
    assert list(found) == [
        "stages",
        "zcrx/zcrx_refill",
        "zcrx/zcrx_lifetime",
        "zcrx/zcrx_register",
        "netdevsim/ping.py",
        "kernel log",
    ]
    full, wraps, whole = found["zcrx/zcrx_refill"]
    assert (full.name, full.classname, full.time, full.result) == (
        "ring.full", "zcrx.zcrx_refill", 1.5, []
    )  # fmt: skip
    (failure,) = wraps.result
    assert isinstance(failure, Failure)
    assert failure.message.startswith("zcrx_refill.c:112:")
    assert "# wraps: Test terminated by assertion" in failure.text
    assert "the kernel log says WARNING" in whole.result[0].message
    killed = found["zcrx/zcrx_lifetime"][1]
    assert isinstance(killed.result[0], Error)
    skipped = found["zcrx/zcrx_register"][2]
    assert isinstance(skipped.result[0], Skipped)
    assert skipped.result[0].message == "no user namespaces"
    warning, leak = found["kernel log"]
    assert warning.name.endswith("io_zcrx_refill, during zcrx/zcrx_refill: ring.wraps")
    assert warning.result[0].text.startswith("patch 1 of zcrx-v7 wrote io_uring/zcrx.c:211")
    assert "kmemleak" in leak.name


def test_junit_counts(failing_run: RunResult, passing_run: RunResult) -> None:
    parsed = JUnitXml.fromstring(junit.render(failing_run).encode())
    failures = sum(s.failures for s in parsed)
    errors = sum(s.errors for s in parsed)
    assert (parsed.failures, parsed.errors) == (failures, errors) == (4, 11)
    assert parsed.time == 306.9
    good = JUnitXml.fromstring(junit.render(passing_run).encode())
    assert (good.failures, good.errors) == (0, 0)


def test_junit_tells_stages(passing_run: RunResult) -> None:
    build, *_, test = suites(unbuilt(passing_run))["stages"][4:]
    assert isinstance(build.result[0], Failure)
    assert "no member 'rqx'" in build.result[0].text
    assert isinstance(test.result[0], Skipped)


# ---- mail


@pytest.mark.parametrize("name", ["passed", "failed", "unbuilt"])
def test_mail(name: str, passing_run: RunResult, failing_run: RunResult) -> None:
    result = {"passed": passing_run, "failed": failing_run, "unbuilt": unbuilt(passing_run)}[name]
    text = mail.render(result)
    file = GOLDEN / f"mail-{name}.txt"
    if os.environ.get("KSERIES_UPDATE_GOLDEN"):
        file.write_text(text)
    assert text == file.read_text()
    assert text.isascii()
    assert max(map(len, text.splitlines())) <= 72


def test_mail_of_many_failures_stays_short(failing_run: RunResult) -> None:
    program = failing_run.programs[1]
    cases = tuple(Case(f"case_{n}", Status.FAIL, "no", ("# no",) * 50) for n in range(500))
    many = tuple(replace(program, name=f"p{n}", cases=cases) for n in range(50))
    notes = tuple(f"note {number}" for number in range(500))
    text = mail.render(decided(replace(failing_run, programs=many, notes=notes)))
    assert "- and 490 more" in text
    assert len(text.splitlines()) < 250
    assert "and 496 more cases" in text
    assert "and 46 more programs that did not pass" in text


# ---- all of them


RENDER: dict[str, Callable[[RunResult], str]] = {
    "kcidb": kcidb.render,
    "junit": junit.render,
    "mail": mail.render,
}


@pytest.mark.parametrize("name", RENDER)
def test_hostile_names(name: str, hostile_run: RunResult) -> None:
    text = RENDER[name](hostile_run)
    text.encode()
    assert not CONTROL.search(text)
    assert "[31m" not in text
    if name == "kcidb":
        submitted(hostile_run)
        strings = json.dumps(json.loads(text), ensure_ascii=False)
        assert not CONTROL.search(strings)
    if name == "junit":
        names = [case.name for cases in suites(hostile_run).values() for case in cases]
        assert any("<script>" in each for each in names)
    if name == "mail":
        commands = ("  ./nox", "    ./nox", "  git ")
        lines = [line for line in text.splitlines() if not line.startswith(commands)]
        assert max(map(len, lines)) <= 72


@pytest.mark.parametrize("name", RENDER)
def test_reports_are_pure(name: str, failing_run: RunResult) -> None:
    assert RENDER[name](failing_run) == RENDER[name](failing_run)


# ---- commands


def test_commands_that_repeat(failing_run: RunResult) -> None:
    refill, lifetime = failing_run.programs[:2]
    assert repeat.command(failing_run) == "./nox -s selftest -- --config debug"
    installed = replace(failing_run.provenance, installed=True)
    elsewhere = replace(failing_run, provenance=installed)
    assert repeat.command(elsewhere) == "kseries run --config debug"
    assert "clone" not in mail.render(elsewhere)
    # A program that can run a case alone is asked for that; another one runs whole.
    assert repeat.pattern(refill, refill.cases[1]) == "ring.wraps"
    assert repeat.pattern(lifetime, lifetime.cases[1]) == "zcrx/zcrx_lifetime"
    assert repeat.command(failing_run, "ring.wraps").endswith("--config debug -k ring.wraps")


@pytest.mark.parametrize(
    ("options", "command", "expected"),
    [
        ((), ("kseries", "run"), "./nox -s selftest -- -k x"),
        ((), ("kseries", "run", "-k", "y", "--trusted"), "./nox -s selftest -- --trusted -k x"),
        ((), ("kseries", "test", "--run", "a"), "./nox -s selftest -- --stack zcrx-v7 -k x"),
        (("--config", "a;b"), (), "./nox -s selftest -- --config 'a;b' -k x"),
    ],
)
def test_commands_of_runs_asked_for_otherwise(
    options: tuple[str, ...], command: tuple[str, ...], expected: str, passing_run: RunResult
) -> None:
    facts = replace(passing_run.provenance, options=options, command=command)
    assert repeat.command(replace(passing_run, provenance=facts), "x") == expected


def test_a_hostile_name_is_one_word_of_the_command(hostile_run: RunResult) -> None:
    hostile_run = printable(hostile_run)
    program = hostile_run.programs[0]
    command = repeat.command(hostile_run, repeat.pattern(program, program.cases[0]))
    assert shlex.split(command)[-2] == "-k"
    assert "\n" not in command


@pytest.mark.parametrize("name", ["terminal", "html", "mail", "junit", "kcidb"])
def test_each_report_tells_what_is_flaky(name: str, failing_run: RunResult) -> None:
    moody = Case("moody", Status.FAIL, "it did not", reruns=(Status.FAIL, Status.PASS))
    program = replace(failing_run.programs[0], status=Status.FAIL, cases=(moody,))
    told = decided(replace(failing_run, programs=(program,)))
    if name == "terminal":
        text = terminal.render(told, width=100, color=False)
    else:
        text = (html.render if name == "html" else RENDER[name])(told)
    assert ("when_run_again" if name == "kcidb" else "flaky") in text
    assert told.exit_code == 1


@pytest.mark.parametrize("name", ["terminal", "html", "mail", "junit", "kcidb"])
@pytest.mark.parametrize(
    ("base", "told"),
    [
        (AuthorBase("0123456789abcdef"), "its author named 0123456789ab"),
        (
            AuthorBase("0123456789abcdef", used=True, on="git (Linux 6.12)", between=1),
            "its author named 0123456789ab, and it was put on that, with 1 patch of other series",
        ),
        (
            AuthorBase("0123456789abcdef", used=False, on="mine (Linux 6.12, fedcba987654)"),
            "its author named 0123456789ab; it was put on another, mine (Linux 6.12, fedcba98",
        ),
        (
            AuthorBase("0123456789abcdef", on="debian-6.12 (Linux 6.12.117)", between=2),
            "it was put on debian-6.12 (Linux 6.12.117), with 2 patches of other series between,",
        ),
    ],
)
def test_each_report_tells_the_base_that_the_author_named(
    passing_run: RunResult, name: str, base: AuthorBase, told: str
) -> None:
    def text(result: RunResult) -> str:
        if name == "terminal":
            return terminal.render(result, width=200, color=False)
        return (html.render if name == "html" else RENDER[name])(result)

    assert told in " ".join(unescape(text(replace(passing_run, author_base=base))).split())
    assert "its author named" not in text(passing_run)
