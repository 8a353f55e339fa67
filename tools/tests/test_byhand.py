# SPDX-License-Identifier: GPL-2.0
"""Mutants made by hand that share a kernel: functions that are there twice."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import kselftest_zcrx
from kselftest_zcrx import LAST_LEVEL
from kseries.lib import gitrepo
from kseries.mutants import byhand, mutants, schemata
from kseries.mutants.operators import Change, changes

TOY = """\
#include <stdio.h>
#include <stdlib.h>

static int count;

/* the head of what comes by has its own words */
static __attribute__((noinline)) void
count_up(void)
{
#ifdef BY_TWO
	count += 2;
#else
	count++; // one
#endif
}

int sum(int n,
	int (*of)(int number), const char name[])
{
	if (!n)
		return 0;
	count_up();
	return of(n) + sum(n - 1, of, name);
}

static int twice(int number)
{
	return 2 * number;
}

int main(int argc, char **argv)
{
	kseries_mutant_on = atoi(argv[1]);
	printf("%d ", sum(3, twice, "sum"));
	printf("%d %d", count, __LINE__);
	return 0;
}
"""
FAULTS = {
    "counts-by-three": ("count++;", "count += 3;"),
    "begins-with-one": ("\t\treturn 0;", "\t\treturn 1;"),
    "counts-nothing": ("\tcount_up();\n", ""),
    "says-more": ("\treturn 2 *", "\tif (number > 2)\n\t\treturn 9;\n\treturn 2 *"),
}


def mutant(name: str) -> Change:
    old, new = FAULTS[name]
    assert TOY.count(old) == 1
    found = byhand.change(name, TOY.encode(), TOY.replace(old, new).encode())
    assert found is not None
    return found


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile the toy with all mutants, among them one made by machine in a function of these."""
    folder = tmp_path_factory.mktemp("toy")
    (folder / "linux").mkdir()
    header = schemata.support(9, b"")[schemata.HEADER]
    (folder / "linux" / "kseries_mutants.h").write_bytes(header)
    machine = [c for c in changes(TOY.encode()) if c.change == "2 → 3" and c.within == "twice"]
    named = list(enumerate([*map(mutant, FAULTS), *machine], start=1))
    source = schemata.with_switches(TOY.encode(), named).decode()
    source += "int kseries_mutant_on;\nunsigned char kseries_mutants_reached[10];\n"
    (folder / "toy.c").write_text(source)
    words = ["gcc", "-Wall", "-Wno-unused-parameter", "-Werror", f"-I{folder}", "-o", "toy"]
    subprocess.run([*words, "toy.c"], cwd=folder, check=True)
    return folder / "toy"


@pytest.mark.parametrize(
    ("number", "output"),
    [(0, "12 3"), (1, "12 9"), (2, "13 3"), (3, "12 0"), (4, "15 3"), (5, "18 3"), (6, "12 3")],
)
def test_a_switch_has_the_other_function_called(number: int, output: str, program: Path) -> None:
    done = subprocess.run([program, str(number)], capture_output=True, text=True, check=True)
    line = TOY[: TOY.index("__LINE__")].count("\n") + 2
    assert done.stdout == f"{output} {line}"


def test_a_change_names_mutant_function_and_line() -> None:
    found = mutant("begins-with-one")
    line = TOY[: TOY.index("return 0;")].count("\n") + 1
    assert (found.operator, found.change, found.within, found.line) == (
        byhand.OPERATOR, "begins-with-one", "sum", line,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("static int count;", "static char count;"),
        ("int number), const", "long number), const"),
        ("sum(int n,", "sum(int,"),
        ("count++; // one", "count++; /* $ */"),
    ],
)
def test_what_no_call_can_bring_has_no_switch(old: str, new: str) -> None:
    changed = TOY.replace(old, new)
    if "(int," in new:  # a parameter without a name, and another change
        assert byhand.change("x", changed.encode(), changed.replace("0;", "1;", 1).encode()) is None
    assert byhand.change("x", TOY.encode(), changed.encode()) is None


def test_patches_become_changes_and_those_that_do_not_fit_are_left_out(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "toy"]):
        if words[0] == "add":
            (work / "toy.c").write_text(TOY)
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", *identity, *words], cwd=work, check=True)
    folder = tmp_path / "mutants"
    folder.mkdir()
    for name, text in {
        "begins-with-one": TOY.replace("return 0;", "return 1;", 1),
        "fits-nothing": TOY.replace("int n,", "long n,").replace("if (!n)", "if (n)"),
        "of-a-table": TOY.replace("static int count", "static char count"),
    }.items():
        (work / "toy.c").write_text(text)
        diff = subprocess.run(
            ["git", "diff"], cwd=work, check=True, capture_output=True, text=True
        ).stdout
        if name == "fits-nothing":
            diff = diff.replace("-int sum(int n,", "-int sum(int m,")
        (folder / f"{name}.patch").write_text(f"A fault.\n\nRule: R1\n---\n{diff}")
    repository = gitrepo.of_worktree(work)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    head = repository.commit_of("HEAD")
    assert head is not None
    found = list(byhand.changes(repository, head, mutants.read(folder), scratch))
    assert [(file, change.change) for file, _source, change in found] == [
        ("toy.c", "begins-with-one")
    ]
    assert found[0][1].decode() == TOY


def test_each_case_has_a_rule_that_its_program_tests() -> None:
    by_program = kselftest_zcrx.rules(LAST_LEVEL)
    cases = kselftest_zcrx.case_rules(LAST_LEVEL)
    planned = kselftest_zcrx.planned(LAST_LEVEL)
    assert set(cases) == {f"{name}: {case}" for name, plan in planned.items() for case in plan}
    assert all(rule in by_program[name.partition(":")[0]] for name, rule in cases.items())
