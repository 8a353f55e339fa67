# SPDX-License-Identifier: GPL-2.0
"""Rules of comparing the sources of tests that one small change of a line would break."""

from __future__ import annotations

from pathlib import Path

import pytest

from kseries.lib.gitrepo import Repository
from kseries.model import Case, ChangedTest, ProgramResult, SourceChanges, Status
from kseries.suite import SELFTESTS
from kseries.suites.zcrx import READS
from kseries.verdict.testsources import Sides, compare
from tests import toysuites
from tests.test_testsources import (
    ALL,
    INSTALLED,
    MAKEFILE,
    NET,
    PEER,
    PING,
    TESTS,
    changed,
    changes,
    commit,
    removed,
)
from tests.toyproject import git

EACH = {f"netdevsim/{one.name}" for one in ALL}
LISTED = str(TESTS[MAKEFILE])
OURS = f"{NET}/netdevsim/Makefile"
UAPI = f"/{READS[0]}"
FITS = "IORING_REGISTER_ZCRX_IFQ = 32,\nstruct io_uring_zcrx_area_reg {\n"


# ---- what tests stand on


@pytest.mark.parametrize(
    ("file", "installed"),
    [
        ("kselftest.h", ()),  # what stands beside all tests
        (f"{NET}/lib.sh", ()),  # beside a test that is planned
        (f"{NET}/lib/py/env.py", (f"{NET}/lib/py/env.py",)),  # beside a file that is installed
    ],
)
def test_where_what_tests_stand_on_lies(
    file: str, installed: tuple[str, ...], tmp_path: Path
) -> None:
    found = changes(tmp_path, {file: "changed\n"}, base={file: ""}, installed=installed)
    assert found.changed == (ChangedTest(f"{SELFTESTS}/{file}", "tests stand on it"),)
    assert found.touched == EACH


@pytest.mark.parametrize(
    ("file", "makefile"),
    [
        ("drivers/x.h", LISTED),  # a folder that holds folders of tests
        ("bpf/config", LISTED),  # settings of others
        (f"{NET}/tool.c", f"{LISTED}TEST_GEN_PROGS = tool\n"),  # the source of another test
        (MAKEFILE, LISTED),
    ],
)
def test_what_no_test_of_ours_stands_on(file: str, makefile: str, tmp_path: Path) -> None:
    base = {file: makefile if file == MAKEFILE else "", MAKEFILE: makefile}
    found = changes(tmp_path, {file: f"{base[file]}\n# changed\n"}, base=base)
    assert found == SourceChanges(head=found.head)


def test_a_test_that_a_suite_names_and_no_makefile_is_one(tmp_path: Path) -> None:
    base = {MAKEFILE: "TEST_PROGS = queues.py stats.py\n"}
    found = changes(tmp_path, {f"{NET}/ping.py": f"{PING}\n"}, base=base)
    assert found.touched == {"netdevsim/ping.py"}
    assert found.changed == (ChangedTest("netdevsim/ping.py", f"{SELFTESTS}/{NET}/ping.py"),)


def test_programs_whose_cases_are_planned_do_not_hang_on_sources(tmp_path: Path) -> None:
    case = Case("registration.plain", Status.PASS)
    ran = (*ALL, ProgramResult("zcrx", "zcrx_register", Status.PASS, 0, 1.0, (case,)))
    found = changes(
        tmp_path,
        {"lib.mk": "changed\n"},
        base={UAPI: FITS},
        suites=("netdevsim", "zcrx"),
        programs=ran,
    )
    assert found.touched == EACH


# ---- why one is not planned any more


def test_each_program_that_is_gone_has_its_own_reason(tmp_path: Path) -> None:
    files = {f"{NET}/{name}": None for name in ("ping.py", "queues.py")}
    found = changes(
        tmp_path,
        {**files, UAPI: ""},
        base={UAPI: FITS},
        suites=("netdevsim", "zcrx"),
        programs=(),
    )
    told = removed(found)
    for file in files:
        test = f"netdevsim/{file.rpartition('/')[2]}"
        assert told.pop(test) == f"the tree has no {SELFTESTS}/{file}"
    assert {test.partition("/")[0] for test in told} == {"zcrx"}
    assert set(told.values()) == {f"the tree has no IORING_REGISTER_ZCRX_IFQ in {READS[0]}"}


def test_a_program_that_the_series_brings_is_not_touched(tmp_path: Path) -> None:
    ping = f"{NET}/ping.py"
    found = changes(tmp_path, {ping: PING, PEER: "#!/bin/sh\n\n"}, base={ping: None})
    assert found.touched == {"netdevsim/peer.sh"}


def test_all_programs_of_a_suite_are_gone(tmp_path: Path) -> None:
    files = {PEER: None, **{f"{NET}/{name}.py": None for name in ("ping", "queues", "stats")}}
    assert set(removed(changes(tmp_path, files, programs=()))) == EACH


def test_sources_that_are_no_text_are_read(tmp_path: Path) -> None:
    latin = "# \udce4\n"
    now = (ALL[0], ProgramResult("netdevsim", "ping.py", Status.PASS, 0, 1.0), *ALL[2:])
    files = {f"{NET}/ping.py": f"{latin}x", MAKEFILE: latin}
    base = {f"{NET}/ping.py": f"{latin}{PING}".replace("test_v6", "t"), MAKEFILE: latin + LISTED}
    found = changes(tmp_path, files, base=base, programs=now)
    assert f"{SELFTESTS}/{NET}/other.py" in removed(found)


# ---- Makefiles


@pytest.mark.parametrize("end", ["", ".c", ".sh", ".py"])
def test_what_a_makefile_lists_may_have_an_ending(end: str, tmp_path: Path) -> None:
    folder = f"{NET}/netdevsim"
    base: dict[str, str | None] = {OURS: "TEST_GEN_PROGS = tool\n", f"{folder}/tool{end}": ""}
    found = changes(tmp_path, {OURS: "\n"}, base=base)
    assert list(removed(found)) == [f"{SELFTESTS}/{folder}/tool"]


def test_a_program_that_no_suite_names_is_deleted_and_not_listed(tmp_path: Path) -> None:
    makefile = LISTED.replace("TEST_PROGS += other.py\n", "")
    found = changes(tmp_path, {f"{NET}/other.py": None, MAKEFILE: makefile})
    told = f"{SELFTESTS}/{MAKEFILE} does not list it any more"
    assert removed(found) == {f"{SELFTESTS}/{NET}/other.py": told}


@pytest.mark.parametrize(("file", "variable"), [(MAKEFILE, "TEST_PROGS"), ("Makefile", "TARGETS")])
def test_a_list_that_becomes_computed_is_told_once(
    file: str, variable: str, tmp_path: Path
) -> None:
    files = {file: f"{TESTS[file]}{variable} += $(MORE)\n", f"{NET}/queues.py": "#!/bin/sh\n#\n"}
    found = changes(tmp_path, files)
    told = ChangedTest(f"{SELFTESTS}/{file}", f"{variable} is computed now")
    assert [one for one in found.changed if one.test == told.test] == [told]


def test_a_list_that_was_computed_before_is_not_told(tmp_path: Path) -> None:
    computed = f"{LISTED}TEST_PROGS += $(MORE)\n"
    found = changes(tmp_path, {MAKEFILE: f"{computed}\n"}, base={MAKEFILE: computed})
    assert changed(found) == set()


def test_another_series_that_changes_no_test_is_none_that_matters(tmp_path: Path) -> None:
    repo = tmp_path / "repo"
    repo.mkdir()
    git(repo, "init", "--quiet")
    first = commit(repo, TESTS)
    other = commit(repo, {"/net/core.c": "int x;\n"})
    last = commit(repo, {PEER: "#!/bin/sh\n\n"})
    sides = Sides(Repository(repo / ".git"), first, last, (other,))
    found = compare(sides, toysuites.suites("netdevsim"), ALL, tmp_path / INSTALLED[0])
    assert (found.unclear, changed(found)) == ((), {"netdevsim/peer.sh"})
