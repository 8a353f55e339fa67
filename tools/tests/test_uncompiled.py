# SPDX-License-Identifier: GPL-2.0
"""What was not compiled, in the verdict and in each report."""

from __future__ import annotations

import json
import shlex
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from kseries.model import ChangedFile, FileState, RunResult, Verdict
from kseries.report import html, junit, kcidb, mail, terminal
from kseries.verdict import uncompiled
from kseries.verdict.verdict import decided

CORE = ChangedFile("net/core/dev.c", (1,), FileState.COMPILED, "net/core/dev.o")
MAKEFILE = ChangedFile("net/Makefile", (1,), FileState.READ, "make")
KCONFIG = ChangedFile("drivers/net/Kconfig", (2,), FileState.READ, "Kconfig")
E1000 = ChangedFile(
    "drivers/net/e1000.c",
    (2,),
    FileState.NOT_COMPILED,
    "CONFIG_ETHERNET and CONFIG_E1000 are off",
    ("CONFIG_ETHERNET=y", "CONFIG_E1000=y"),
)
IGB = replace(E1000, path="drivers/net/igb.c", needs=("CONFIG_ETHERNET=y", "CONFIG_IGB=y"))
ARM = ChangedFile("arch/arm/kernel/smp.c", (1,), FileState.OTHER_ARCH, "arm")
PERF = ChangedFile("tools/perf/perf.c", (1,), FileState.NOT_BUILT, "no such build")
RST = ChangedFile("Documentation/a.rst", (1,), FileState.NOT_CODE, "documentation")
GONE = ChangedFile("net/old.c", (3,), FileState.DELETED)


@pytest.mark.parametrize(
    "changed",
    [
        (E1000,),
        (E1000, IGB, RST),
        # That a driver's Makefile and Kconfig were read tests nothing of the driver.
        (E1000, MAKEFILE, KCONFIG),
        (ARM,),
        (PERF, GONE),
    ],
)
def test_nothing_compiled_is_no_pass(
    passing_run: RunResult, changed: tuple[ChangedFile, ...]
) -> None:
    result = decided(replace(passing_run, changed=changed))
    assert (result.verdict, result.exit_code) == (Verdict.FAIL, 1)
    assert result.reasons[0].startswith("nothing that the series changes was compiled: ")
    assert changed[0].path in result.reasons[0]
    assert uncompiled.statement(result) == ""
    assert terminal.render(result, width=200, color=False).startswith("FAIL ")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (None, ""),
        ((CORE,), ""),
        ((CORE, RST, MAKEFILE, GONE), ""),
        (
            (CORE, E1000, RST),
            "1 of 2 changed source files was not compiled: drivers/net/e1000.c"
            " (CONFIG_ETHERNET and CONFIG_E1000 are off)",
        ),
        (
            (CORE, E1000, IGB, ARM, PERF, PERF),
            "5 of 6 changed source files were not compiled: drivers/net/e1000.c"
            ", drivers/net/igb.c (CONFIG_ETHERNET and CONFIG_E1000 are off), arch/arm/kernel/smp.c"
            " (other architecture: arm), tools/perf/perf.c (not built here: no such build),"
            " and 1 more",
        ),
        (
            (RST, MAKEFILE, GONE),
            "the series changes nothing that is compiled: Documentation/a.rst"
            " (not code: documentation), net/Makefile (read: make), net/old.c (deleted)",
        ),
        ((), "the series changes nothing that is compiled: the base has all of it"),
    ],
)
def test_what_passes_says_first_what_was_not_compiled(
    passing_run: RunResult, changed: tuple[ChangedFile, ...] | None, said: str
) -> None:
    result = decided(replace(passing_run, changed=changed))
    assert result.verdict is Verdict.PASS
    assert uncompiled.statement(result) == said
    second = terminal.render(result, width=800, color=False).splitlines()[1]
    assert second == (f"  - {said}" if said else "")
    flat = " ".join(mail.render(result).split())
    assert (f"It passes. - {said}" in flat) == bool(said)
    page = html.render(result)
    assert not said or f"{said}.</p>" in page


def test_what_is_taken_out_of_the_kernel_is_no_pass(passing_run: RunResult) -> None:
    out = replace(CORE, state=FileState.DROPPED, by="CONFIG_NEW is off", needs=("CONFIG_NEW=y",))
    result = decided(replace(passing_run, changed=(replace(CORE, path="net/x.c"), out, ARM)))
    assert (result.verdict, result.exit_code) == (Verdict.FAIL, 1)
    assert result.reasons[0] == (
        "the series takes out of the kernel what it changes: net/core/dev.c"
        " (no longer compiled: CONFIG_NEW is off)"
    )
    assert uncompiled.statement(result) == (
        "1 of 3 changed source files was not compiled: arch/arm/kernel/smp.c"
        " (other architecture: arm)"
    )
    assert "CONFIG_NEW=y >> more.config" in uncompiled.advice(result)


def test_the_command_that_mends_it(passing_run: RunResult) -> None:
    result = decided(replace(passing_run, changed=(E1000, IGB, ARM)))
    assert uncompiled.lines(result) == ("CONFIG_ETHERNET=y", "CONFIG_E1000=y", "CONFIG_IGB=y")
    advice = uncompiled.advice(result)
    assert advice == (
        r"to have it compiled: printf '%s\n' CONFIG_ETHERNET=y CONFIG_E1000=y CONFIG_IGB=y"
        " >> more.config; ./nox -s selftest -- --config debug --config more.config"
    )
    assert advice in terminal.render(result, width=60, color=False)
    assert shlex.join(shlex.split(advice.partition(": ")[2])) in " ".join(
        mail.render(result).replace("\\\n", " ").split()
    ).replace(">>", "'>>'").replace("more.config;", "'more.config;'")
    assert "CONFIG_IGB=y" in html.render(result)
    again = replace(
        result,
        provenance=replace(result.provenance, options=("--config", "more.config")),
    )
    assert uncompiled.advice(again).count("more.config") == 2


def test_where_no_config_helps(passing_run: RunResult) -> None:
    result = decided(replace(passing_run, changed=(ARM,)))
    assert uncompiled.advice(result).endswith("so it cannot test this")
    unknown = decided(replace(passing_run, changed=(replace(E1000, needs=()),)))
    assert uncompiled.advice(unknown) == (
        "if you know a config that has it compiled: "
        "./nox -s selftest -- --config debug --config more.config"
    )
    for changed in (None, (), (CORE,), (CORE, ARM)):
        assert uncompiled.advice(decided(replace(passing_run, changed=changed))) == ""
    # What was taken out is no lack of a config, unless there is code of other kinds, too.
    out = replace(CORE, state=FileState.DROPPED, by="no Makefile names it any more")
    assert uncompiled.advice(decided(replace(passing_run, changed=(out,)))) == ""
    both = decided(replace(passing_run, changed=(out, ARM)))
    assert uncompiled.advice(both).endswith("so it cannot test this")
    mixed = decided(replace(passing_run, changed=(ARM, replace(E1000, needs=()))))
    assert uncompiled.advice(mixed).startswith("if you know a config")


def test_no_lines_are_wanted_where_it_is_not_known_what_was_changed(passing_run: RunResult) -> None:
    assert uncompiled.lines(replace(passing_run, changed=None)) == ()


def test_four_files_are_named_and_none_more(passing_run: RunResult) -> None:
    four = tuple(replace(RST, path=f"Documentation/{name}.rst") for name in "abcd")
    said = uncompiled.statement(replace(passing_run, changed=four))
    assert "Documentation/d.rst" in said
    assert "more" not in said


def test_consumers_of_other_formats_see_it(passing_run: RunResult) -> None:
    result = decided(replace(passing_run, changed=(E1000,)))
    cases = ET.fromstring(junit.render(result)).iter("testcase")
    case = next(case for case in cases if case.get("name") == junit.COMPILED)
    assert case.find("failure") is not None
    tests = json.loads(kcidb.render(result))["tests"]
    test = next(test for test in tests if test["path"] == kcidb.COMPILED)
    assert test["status"] == "FAIL"
    assert test["misc"] == {"not_compiled": {E1000.path: E1000.by}}


def test_consumers_of_other_formats_see_a_part(passing_run: RunResult) -> None:
    result = decided(replace(passing_run, changed=(CORE, E1000)))
    cases = ET.fromstring(junit.render(result)).iter("testcase")
    case = next(case for case in cases if case.get("name") == junit.COMPILED)
    assert case.find("skipped") is not None
    tests = json.loads(kcidb.render(result))["tests"]
    test = next(test for test in tests if test["path"] == kcidb.COMPILED)
    assert (test["status"], test["comment"]) == ("PASS", uncompiled.statement(result))
