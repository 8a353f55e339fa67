# SPDX-License-Identifier: GPL-2.0
"""Mutants made by machine: the faults of C, and one program that holds them all."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from kseries.kbuild.diagnostics import parse
from kseries.lib.errors import CheckFailed, UserError
from kseries.lib.progress import Silent
from kseries.model import Diagnostic, GeneratedMutant, Severity
from kseries.mutants import equivalents, schemata
from kseries.mutants.operators import Change, changes
from kseries.mutants.preparing import SourceFile, fitting, named

TOY = """\
#include <stdio.h>
#include <stdlib.h>
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
#define LIMIT 3
#define EINVAL 22
#define ENOMEM 12
#define WARN_ON(x) (x)

static int taken;

static void put_it(void)
{
	taken--;
}

static int take(int count, int all)
{
	int err = 0;

	taken++;
	WARN_ON(count > 99);
#ifndef NO_LIMIT
	if (count > LIMIT && all)
		return -EINVAL;
#endif
	if (!all)
		goto out;
	err = -ENOMEM;
	if (count == 2)
		goto out_put;
	err = count + 1;
out_put:
	put_it();
out:
	return err;
}

static u64 place(u32 page)
{
	u64 at = (u64)page << 12;

	return at;
}

int main(int argc, char **argv)
{
	kseries_mutant_on = atoi(argv[1]);
	for (int count = 1; count < 6; count++)
		printf("%d %d ", take(count, 1), take(count, 0));
	printf("%d %llx", taken, place(0x123456));
	return 0;
}
"""


def toy() -> list[tuple[GeneratedMutant, Change]]:
    source = TOY.encode()
    found = [change for change in changes(source) if change.within in ("take", "place")]
    return schemata.name_all([("toy.c", source, found)])


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile the toy with all its mutants that are C."""
    folder = tmp_path_factory.mktemp("toy")
    (folder / "linux").mkdir()
    named = [(m.number, change) for m, change in toy() if m.operator != "width" or "<<" in m.text]
    support = schemata.support(len(toy()), b"")
    header = folder / "linux" / "kseries_mutants.h"
    header.write_bytes(support[schemata.HEADER])
    (folder / "toy.c").write_bytes(schemata.with_switches(TOY.encode(), named))
    with (folder / "toy.c").open("a") as more:
        more.write("int kseries_mutant_on;\n")
        more.write("unsigned char kseries_mutants_reached[KSERIES_MUTANTS + 1];\n")
    words = ["gcc", "-w", "-fwrapv", f"-I{folder}", "-o", "toy", "toy.c"]
    subprocess.run(words, cwd=folder, check=True)
    return folder / "toy"


def said(program: Path, number: int) -> str:
    words = [str(program), str(number)]
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout


def of(operator: str, change: str) -> int:
    found = [m for m, _ in toy() if (m.operator, m.change) == (operator, change)]
    (number,) = [m.number for m in found if "WARN_ON" not in m.text]
    return number


def test_without_a_mutant_the_program_is_as_it_was(program: Path) -> None:
    assert said(program, 0) == "2 0 -12 0 4 0 -22 0 -22 0 7 123456000"


@pytest.mark.parametrize(
    ("operator", "change", "output"),
    [
        ("bound", "> → >=", "2 0 -12 0 -22 0 -22 0 -22 0 8 123456000"),
        ("logical", "&& → ||", "-22 0 -22 0 -22 0 -22 -22 -22 -22 10 123456000"),
        ("condition", "== → !=", "-12 0 3 0 -12 0 -22 0 -22 0 7 123456000"),
        ("condition", "!all → !(!all)", "0 2 0 -12 0 4 -22 5 -22 6 5 123456000"),
        ("error code", "-EINVAL → -ENOMEM", "2 0 -12 0 4 0 -12 0 -12 0 7 123456000"),
        ("error code", "-ENOMEM → -EINVAL", "2 0 -22 0 4 0 -22 0 -22 0 7 123456000"),
        ("constant", "1 → 2", "3 0 -12 0 5 0 -22 0 -22 0 7 123456000"),
        ("constant", "LIMIT → LIMIT + 1", "2 0 -12 0 4 0 5 0 -22 0 6 123456000"),
        ("arithmetic", "+ → -", "0 0 -12 0 2 0 -22 0 -22 0 7 123456000"),
        ("arithmetic", "++ → --", "2 0 -12 0 4 0 -22 0 -22 0 -13 123456000"),
        ("statement", "taken++; → nothing", "2 0 -12 0 4 0 -22 0 -22 0 -3 123456000"),
        ("statement", "goto out; → nothing", "2 2 -12 -12 4 4 -22 5 -22 6 2 123456000"),
        ("release", "put_it(); → nothing", "2 0 -12 0 4 0 -22 0 -22 0 10 123456000"),
        ("label", "goto out_put → out", "2 0 -12 0 4 0 -22 0 -22 0 8 123456000"),
        ("return value", "return -EINVAL → 0", "2 0 -12 0 4 0 0 0 0 0 7 123456000"),
        ("width", "(u64)page << 12 → (u32)", "2 0 -12 0 4 0 -22 0 -22 0 7 23456000"),
    ],
)
def test_a_switch_brings_its_fault_and_no_other(
    operator: str, change: str, output: str, program: Path
) -> None:
    assert said(program, of(operator, change)) == output


def compiled(
    folder: Path, numbers: frozenset[int], *options: str, show: bool = False
) -> Sequence[Diagnostic]:
    """Compile the toy with these mutants; give the errors."""
    (folder / "linux").mkdir(exist_ok=True)
    support = schemata.support(len(toy()), b"", show=show)
    (folder / "linux" / "kseries_mutants.h").write_bytes(support[schemata.HEADER])
    chosen = [(m.number, change) for m, change in toy() if m.number in numbers]
    (folder / "toy.c").write_bytes(schemata.with_switches(TOY.encode(), chosen))
    words = ["gcc", "-w", "-fsyntax-only", "-I.", *options, "toy.c"]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    found = [item.diagnostic for item in parse(done.stderr)]
    return [item for item in found if item.severity is Severity.ERROR and item.line]


def test_a_mutant_that_is_no_c_is_left_out_and_no_other(tmp_path: Path) -> None:
    there = toy()
    file = SourceFile("toy.c", TOY.encode(), {m.number: change for m, change in there})
    kept = fitting([file], lambda numbers: compiled(tmp_path, numbers), Silent())
    left_out = {(m.operator, m.change) for m, _ in there if m.number not in kept}
    # Of 4 bytes nothing is lost in 4, nor in 2 of what is a constant or narrower.
    assert {operator for operator, _ in left_out} == {"width"}
    assert ("width", "count + 1 → (u32)") in left_out
    assert of("width", "count + 1 → (u16)") in kept
    assert of("width", "(u64)page << 12 → (u32)") in kept
    assert not compiled(tmp_path, kept)


def test_what_the_preprocessor_leaves_out_is_not_seen(tmp_path: Path) -> None:
    all_of_take = frozenset(m.number for m, _ in toy() if m.operator != "width")
    assert named(compiled(tmp_path, all_of_take, show=True)) == all_of_take
    without = compiled(tmp_path, all_of_take, "-DNO_LIMIT", show=True)
    left_out = [m for m, _ in toy() if m.number in all_of_take - named(without)]
    assert {m.text for m in left_out} == {"if (count > LIMIT && all)", "return -EINVAL;"}


def test_of_a_line_that_does_not_compile_each_mutant_is_tried(tmp_path: Path) -> None:
    source = b"int f(int x)\n{\n\treturn x + 1;\n}\n"
    found = dict(enumerate(changes(source), start=1))
    file = SourceFile("f.c", source, found)
    bad = {number for number, change in found.items() if change.operator == "constant"}

    def compile_(numbers: frozenset[int]) -> list[Diagnostic]:
        said = Diagnostic(Severity.ERROR, "f.c", 4, 9, "", "not a constant")
        return [said] if numbers & bad else []

    assert fitting([file], compile_, Silent()) == found.keys() - bad
    other = Diagnostic(Severity.ERROR, "g.c", 1, 1, "", "no such file")
    with pytest.raises(CheckFailed, match="none of them is to blame"):
        fitting([file], lambda _: [other], Silent())


def test_what_only_asserts_is_not_dropped() -> None:
    assert not [m for m, _ in toy() if "WARN_ON" in m.change and m.operator == "statement"]


@pytest.mark.parametrize(
    "text",
    [
        "static const int table[4] = { 1, 2 };\n",
        "enum { A = 1, B = 2 };\n",
        "void f(int x)\n{\n\tswitch (x) {\n\tcase 1:\n\tcase X_Y:\n\t\t;\n\t}\n}\n",
        "void f(void)\n{\n\tstatic int x = 1;\n\tint y[2];\n\tint z = sizeof(int[3]);\n}\n",
        "struct s {\n\tint x : 3;\n};\n",
    ],
)
def test_what_must_be_constant_stays(text: str) -> None:
    kinds = Counter(change.operator for change in changes(text.encode()))
    assert "constant" not in kinds


def test_a_macro_that_nobody_understands_spoils_its_own_function_only() -> None:
    source = b"int f(void)\n{\n\tN(A) N(B) {{{\n}\n\nint g(int __user *x)\n{\n\treturn 1;\n}\n"
    assert [(c.within, c.line) for c in changes(source) if c.operator == "constant"] == [
        ("g", 8),
        ("g", 8),
    ]


def test_a_directive_within_an_expression_is_not_put_on_one_line() -> None:
    source = b"int f(int x)\n{\n\treturn x &&\n#ifdef A\n\t\tx > 1 &&\n#endif\n\t\tx > 2;\n}\n"
    assert [c.operator for c in changes(source) if c.operator in ("bound", "logical")] == [
        "bound",
        "bound",
    ]
    assert all("#" not in change.code for change in changes(source))


def test_the_same_change_twice_on_a_line_has_two_names() -> None:
    source = b"int f(int x)\n{\n\treturn x > 1 || x > 2;\n}\n"
    named = schemata.name_all([("f.c", source, changes(source))])
    assert [m.change for m, _ in named if m.operator == "bound"] == ["> → >=", "> → >= (2)"]
    assert len({m.key for m, _ in named}) == len(named)


def test_switches_that_were_come_by_are_read() -> None:
    assert schemata.reached("2c001\n") == {1, 6, 7, 16}
    assert schemata.reached("") == frozenset()


def test_equivalents_are_named_by_text(tmp_path: Path) -> None:
    mutant = GeneratedMutant(7, "a.c", 12, "f", "bound", "if (x > 1)", "> → >=")
    file = tmp_path / "equivalents.toml"
    entry = (
        '[[mutant]]\nfile = "a.c"\nwithin = "f"\nline = "if (x > 1)"\nchange = "> → >="\n'
        'why = "x is never 1"\n'
    )
    file.write_text(entry)
    known = equivalents.read(file)
    assert (known.equivalent, known.survivor) == ({mutant.key: "x is never 1"}, {})
    equivalents.check(known, [mutant])
    with pytest.raises(UserError, match="fits no mutant"):
        equivalents.check(known, [])
    file.write_text(entry.replace("[[mutant]]", "[[survivor]]"))
    assert equivalents.read(file).survivor == {mutant.key: "x is never 1"}
    with pytest.raises(UserError, match="fits no mutant"):
        equivalents.check(equivalents.read(file), [])
    file.write_text(entry * 2)
    with pytest.raises(UserError, match="is there twice"):
        equivalents.read(file)
