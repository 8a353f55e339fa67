# SPDX-License-Identifier: GPL-2.0
"""What a series does to the sources of tests, by two commits of a real repository."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from kseries.lib.gitrepo import Repository
from kseries.model import Case, Effect, ProgramResult, SourceChanges, Status
from kseries.suite import SELFTESTS
from kseries.suites.listed import RUN, cases_of, words_of
from kseries.suites.planning import plan_suites
from kseries.suites.zcrx import READS
from kseries.verdict.testsources import Sides, compare
from tests import toysuites
from tests.toyproject import git

NET = "drivers/net"
PEER = f"{NET}/netdevsim/peer.sh"
MAKEFILE = f"{NET}/Makefile"

PING = """\
#!/usr/bin/env python3
def test_v4(cfg):
    pass

def test_v6(cfg):
    pass

def main():
    with NetDrvEpEnv(__file__) as cfg:
        ksft_run([test_v4, test_v6], args=(cfg, ))
"""

TESTS: dict[str, str | None] = {
    "Makefile": "TARGETS = drivers/net\nTARGETS += drivers/net/netdevsim\nTARGETS += bpf\n",
    "lib.mk": "",
    MAKEFILE: "TEST_PROGS := \\\n\tping.py \\\n\tqueues.py stats.py\nTEST_PROGS += other.py\n",
    f"{NET}/ping.py": PING,
    f"{NET}/queues.py": "#!/bin/sh\n",
    f"{NET}/stats.py": PING,
    f"{NET}/other.py": "",
    f"{NET}/config": "CONFIG_NETDEVSIM=m\n",
    f"{NET}/lib/py/env.py": "class NetDrvEpEnv: pass\n",
    PEER: "#!/bin/sh\n",
    f"{NET}/netdevsim/Makefile": "TEST_PROGS = peer.sh more.sh gone.sh\n",
    f"{NET}/netdevsim/more.sh": "",
    "bpf/Makefile": "TEST_GEN_PROGS = test_maps\n",
    "bpf/test_maps.c": "",
}

INSTALLED = ("lib.mk", f"{NET}/ping.py", f"{NET}/lib/py/env.py", PEER)


def ran(name: str, *cases: str) -> ProgramResult:
    made = tuple(Case(f"{name.partition('.')[0]}.{case}", Status.PASS) for case in cases)
    return ProgramResult("netdevsim", name, Status.PASS, 0, 1.0, made)


ALL = (
    ran("peer.sh", "peer"),
    ran("ping.py", "test_v4", "test_v6"),
    ran("queues.py", "x"),
    ran("stats.py", "test_v4", "test_v6"),
)


def commit(repo: Path, files: Mapping[str, str | None]) -> str:
    """Commit files, named relative to the tests unless they are absolute; None removes one.

    A character that is no UTF-8 (surrogate escape) is the byte that it stands for.
    """
    for name, text in files.items():
        place = repo / name[1:] if name.startswith("/") else repo / SELFTESTS / name
        if text is None:
            place.unlink(missing_ok=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(os.fsencode(text))
    git(repo, "add", "--all")
    git(repo, "commit", "--quiet", "--allow-empty", "--message=x")
    return git(repo, "rev-parse", "HEAD").strip()


def changes(
    place: Path,
    files: Mapping[str, str | None],
    *,
    programs: tuple[ProgramResult, ...] = ALL,
    suites: tuple[str, ...] = ("netdevsim",),
    base: Mapping[str, str | None] | None = None,
    others: int = 0,
    installed: Sequence[str] = INSTALLED,
) -> SourceChanges:
    """Compare two commits. others: how often the second is told as another series', too."""
    repo, folder = place / "repo", place / "installed"
    repo.mkdir()
    git(repo, "init", "--quiet")
    first = commit(repo, {**TESTS, **(base or {})})
    last = commit(repo, files)
    for name in installed:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    sides = Sides(Repository(repo / ".git"), first, last, (last,) * others)
    found = compare(sides, toysuites.suites(*suites), programs, folder)
    assert found.head == first
    assert {test.effect for test in found.removed} <= {Effect.REMOVED}
    return found


def removed(found: SourceChanges) -> dict[str, str]:
    return {test.test: test.why_after for test in found.removed}


def changed(found: SourceChanges) -> set[str]:
    return {each.test.removeprefix(f"{SELFTESTS}/") for each in found.changed}


def test_what_touches_no_test_tells_nothing(tmp_path: Path) -> None:
    found = changes(tmp_path, {"/net/core.c": "int x;\n"})
    assert found == SourceChanges(head=found.head)


def test_what_is_new_is_no_loss(tmp_path: Path) -> None:
    files = {
        f"{NET}/new.py": "",
        MAKEFILE: f"{TESTS[MAKEFILE]}TEST_PROGS += new.py\n",
        f"{NET}/lib/py/more.py": "",
    }
    found = changes(tmp_path, files)
    assert found == SourceChanges(head=found.head)


def test_a_program_that_is_deleted(tmp_path: Path) -> None:
    makefile = str(TESTS[MAKEFILE]).replace("\tping.py \\\n", "")
    found = changes(tmp_path, {f"{NET}/ping.py": None, MAKEFILE: makefile}, programs=ALL[2:])
    assert removed(found) == {"netdevsim/ping.py": f"the tree has no {SELFTESTS}/{NET}/ping.py"}
    assert found.touched == frozenset()
    assert found.unclear == ()


def test_a_case_that_is_taken_out(tmp_path: Path) -> None:
    now = (ALL[0], ran("ping.py", "test_v4"), *ALL[2:])
    files = {f"{NET}/ping.py": PING.replace("[test_v4, test_v6]", "[test_v4]")}
    found = changes(tmp_path, files, programs=now)
    assert list(removed(found)) == ["netdevsim/ping.py: test_v6"]
    assert changed(found) == {"netdevsim/ping.py"}
    assert found.unclear == ()


def test_a_case_that_a_library_passes_over(tmp_path: Path) -> None:
    now = (ALL[0], ran("ping.py", "test_v4"), *ALL[2:])
    found = changes(tmp_path, {f"{NET}/lib/py/env.py": "raise\n"}, programs=now)
    assert list(removed(found)) == ["netdevsim/ping.py: test_v6"]
    assert changed(found) == {f"{NET}/lib/py/env.py"}
    assert found.touched == {f"netdevsim/{one.name}" for one in ALL}


def test_cases_that_no_source_tells(tmp_path: Path) -> None:
    found = changes(tmp_path, {f"{NET}/queues.py": "#!/bin/sh\nexit 0\n"})
    assert found.unclear == ("the cases of netdevsim/queues.py are not known from its source",)
    assert found.touched == {"netdevsim/queues.py"}
    assert removed(found) == {}


def test_a_program_that_is_one_case_is_clear(tmp_path: Path) -> None:
    found = changes(tmp_path, {PEER: "#!/bin/sh\nexit 0\n"})
    assert (found.unclear, removed(found)) == ((), {})
    assert changed(found) == {"netdevsim/peer.sh"}


def test_what_tests_stand_on_touches_them_whatever_else_is_changed(tmp_path: Path) -> None:
    files: dict[str, str | None] = {f"{NET}/lib/py/env.py": "changed\n", f"{NET}/a.md": "changed\n"}
    found = changes(tmp_path, files, base={f"{NET}/a.md": ""})
    assert found.touched == {f"netdevsim/{one.name}" for one in ALL}


def test_what_did_not_run_is_not_touched(tmp_path: Path) -> None:
    found = changes(tmp_path, {f"{NET}/queues.py": "#!/bin/sh\n\n"}, programs=ALL[:2])
    assert (found.touched, found.unclear) == (frozenset(), ())


@pytest.mark.parametrize(
    ("file", "text"), [("config", "CONFIG_NETDEVSIM=y\n"), ("settings", "timeout=1\n")]
)
def test_how_tests_are_run_is_told(file: str, text: str, tmp_path: Path) -> None:
    base = {f"{NET}/settings": "timeout=45\n"}
    found = changes(tmp_path, {f"{NET}/{file}": text}, base=base)
    assert changed(found) == {f"{NET}/{file}"}
    assert (found.touched, removed(found)) == (frozenset(), {})


SILENT = tuple(f"{NET}/{name}" for name in ("notes.rst", "a.md", "a.txt", "README", ".gitignore"))


@pytest.mark.parametrize("file", [f"{NET}/other.py", "bpf/test_maps.c", *SILENT])
def test_what_no_test_of_ours_stands_on_is_passed_over(file: str, tmp_path: Path) -> None:
    found = changes(tmp_path, {file: "changed\n"}, base=dict.fromkeys(SILENT, ""))
    assert found == SourceChanges(head=found.head)


# ---- Makefiles


@pytest.mark.parametrize(
    "makefile",
    [
        "TEST_PROGS = peer.sh gone.sh\n",
        "TEST_PROGS = peer.sh gone.sh\nTEST_PROGS_EXTENDED = more.sh\n",
        "TEST_PROGS = more.sh\nTEST_PROGS := peer.sh gone.sh\n",
        "TEST_PROGS = peer.sh gone.sh # more.sh\n",
        "TEST_FILES = more.sh\nTEST_PROGS = peer.sh gone.sh\n",
    ],
)
def test_a_program_that_the_makefile_lists_no_longer(makefile: str, tmp_path: Path) -> None:
    folder = f"{NET}/netdevsim"
    found = changes(tmp_path, {f"{folder}/Makefile": makefile})
    told = f"{SELFTESTS}/{folder}/Makefile does not list it any more"
    assert removed(found) == {f"{SELFTESTS}/{folder}/more.sh": told}


def test_one_of_our_programs_that_is_installed_and_not_run(tmp_path: Path) -> None:
    makefile = "TEST_PROGS = more.sh gone.sh\nTEST_PROGS_EXTENDED = peer.sh\n"
    found = changes(tmp_path, {f"{NET}/netdevsim/Makefile": makefile})
    assert list(removed(found)) == [f"{SELFTESTS}/{PEER}"]


def test_what_the_base_lists_and_does_not_have_is_told_alone(tmp_path: Path) -> None:
    found = changes(tmp_path, {f"{NET}/netdevsim/Makefile": "TEST_PROGS = peer.sh more.sh\n"})
    assert removed(found) == {}
    assert changed(found) == {f"{NET}/netdevsim/gone.sh"}


def test_what_is_listed_elsewhere_has_moved(tmp_path: Path) -> None:
    files = {
        f"{NET}/netdevsim/Makefile": "TEST_PROGS = peer.sh gone.sh\n",
        "bpf/Makefile": "TEST_GEN_PROGS = test_maps\nTEST_PROGS = more.sh\n",
    }
    found = changes(tmp_path, files)
    assert removed(found) == {}
    assert changed(found) == {f"{NET}/netdevsim/more.sh"}


def test_what_our_suites_do_not_cover_is_told_alone(tmp_path: Path) -> None:
    found = changes(tmp_path, {"bpf/Makefile": None, "bpf/test_maps.c": None})
    assert removed(found) == {}
    assert changed(found) == {"bpf/test_maps"}


def test_a_folder_that_is_no_target_any_more(tmp_path: Path) -> None:
    found = changes(tmp_path, {"Makefile": "TARGETS = drivers/net\n"})
    assert list(removed(found)) == [f"{SELFTESTS}/{NET}/netdevsim"]
    assert changed(found) == {"bpf"}


def test_a_list_that_is_computed_now_is_told(tmp_path: Path) -> None:
    computed = f"{TESTS[MAKEFILE]}TEST_PROGS := $(filter-out other.py,$(TEST_PROGS))\n"
    found = changes(tmp_path, {MAKEFILE: computed})
    assert changed(found) == {MAKEFILE}
    assert removed(found) == {}


def test_a_pattern_in_place_of_names(tmp_path: Path) -> None:
    found = changes(tmp_path, {MAKEFILE: "TEST_PROGS := $(wildcard [pqs]*.py)\n"})
    assert list(removed(found)) == [f"{SELFTESTS}/{NET}/other.py"]


@pytest.mark.parametrize(
    ("text", "words", "is_whole"),
    [
        ("TEST_PROGS = a b", {"a", "b"}, True),
        ("TEST_PROGS=a\nTEST_GEN_PROGS:=b\nTEST_CUSTOM_PROGS += c", {"a", "b", "c"}, True),
        ("TEST_PROGS ?= a\nTEST_PROGS ?= b", {"a", "b"}, True),
        ("TEST_PROGS += a\nTEST_PROGS += b", {"a", "b"}, True),
        ("override TEST_PROGS = a", {"a"}, True),
        ("ifeq ($(X),y)\n  TEST_PROGS += a\nendif", {"a"}, True),
        ("TEST_PROGS = a\n\tTEST_PROGS = of a recipe", {"a"}, True),
        ("TEST_PROGS = $(X) b", set(), False),
        ("TEST_PROGS = a\nTEST_PROGS := $(sort $(TEST_PROGS))", {"a"}, False),
        ("TEST_FILES = a\nTEST_PROGS_EXTENDED = b\nMY_TEST_PROGS = c", set(), True),
        ("all: TEST_PROGS", set(), True),
        ("TEST_PROGS = a \\\n\tb \\\n\nTEST_FILES := \\\n\tc", {"a", "b"}, True),
    ],
)
def test_what_a_makefile_lists(text: str, words: set[str], is_whole: bool) -> None:
    found = words_of(text, RUN, lambda _: [])
    assert (set(found.words), found.is_whole) == (words, is_whole)


# ---- suites


def test_a_suite_that_fits_no_longer(tmp_path: Path) -> None:
    uapi = f"/{READS[0]}"
    base = {uapi: "IORING_REGISTER_ZCRX_IFQ = 32,\nstruct io_uring_zcrx_area_reg {\n"}
    found = changes(tmp_path, {uapi: ""}, base=base, suites=("zcrx",), programs=())
    assert removed(found)
    for test, why in removed(found).items():
        assert test.startswith("zcrx/zcrx_")
        assert why == f"the tree has no IORING_REGISTER_ZCRX_IFQ in {READS[0]}"


def test_cases_that_are_planned_no_longer(tmp_path: Path) -> None:
    uapi = f"/{READS[0]}"
    base = {uapi: "IORING_REGISTER_ZCRX_IFQ = 32,\nstruct io_uring_zcrx_area_reg {\n"}
    files = {uapi: "IORING_REGISTER_ZCRX_IFQ = 32,\n"}
    found = changes(tmp_path, files, base=base, suites=("zcrx",), programs=())
    gone = {test for test in removed(found) if ": " in test}
    (tmp_path / "plan" / READS[0]).parent.mkdir(parents=True)
    plans = []
    for text in (base[uapi], files[uapi]):
        (tmp_path / "plan" / READS[0]).write_text(str(text))
        programs = plan_suites(tmp_path / "plan", toysuites.suites("zcrx"), "lib.mk").programs
        plans.append({f"zcrx/{one.name}: {case}" for one in programs for case in one.cases})
    assert gone == plans[0] - plans[1] != set()


def test_another_series_behind_this_one_that_changes_tests(tmp_path: Path) -> None:
    found = changes(tmp_path, {f"{NET}/config": ""}, others=2)
    assert found.unclear == ("another series changes tests behind this one",)


# ---- cases of Python tests


@pytest.mark.parametrize(
    ("source", "cases"),
    [
        ("ksft_run([a, b])", {"a", "b"}),
        ("ksft_run(cases=[a], args=(cfg,))", {"a"}),
        ("tests = [a, b]\nksft_run(tests)", {"a", "b"}),
        ('def t_a(): pass\ndef x(): pass\nksft_run(globs=globals(), case_pfx={"t_"})', {"t_a"}),
        # What is not there for anyone to see.
        ("tests = [a, b]\ntests.append(c)\nksft_run(tests)", None),
        ("tests = [a]\ntests = [b]\nksft_run(tests)", None),
        ("ksft_run([a] + more)", None),
        ("ksft_run([a, *more])", None),
        ("ksft_run(make())", None),
        ("ksft_run()", None),
        ("ksft_run(globs=globals(), case_pfx=PREFIXES)", None),
        ("ksft_run([a])\nksft_run([b])", None),
        ("print('ok 1 a')", None),
        ("#!/bin/sh\nif true; then echo; fi", None),
        ("\0", None),
    ],
)  # fmt: skip
def test_cases_that_a_python_test_lists(source: str, cases: set[str] | None) -> None:
    assert cases_of(source) == cases
