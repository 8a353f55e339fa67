# SPDX-License-Identifier: GPL-2.0
"""The generated kselftests: every row in the plan, golden files, C that compiles strictly."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

import kselftest_zcrx
from kselftest_zcrx.cases import LAYOUTS, PROGRAMS
from kselftest_zcrx.cases.mainline import ABSENT
from kselftest_zcrx.model import (
    DIALECTS,
    RING_FLAGS,
    Caller,
    Case,
    Fixture,
    Mainline,
    Program,
    Spoil,
)
from kselftest_zcrx.render import scripts
from kselftest_zcrx.rules import RULES
from kselftest_zcrx.table import page
from kseries.lib import proc
from kseries.lib.deadline import Deadline

ROOT = Path(__file__).parents[2]
DATA = Path(__file__).parent / "data" / "kselftest_zcrx"
TOY = DATA / "toytree"
LEVEL = kselftest_zcrx.LAST_LEVEL
GOLDEN_LEVELS = (kselftest_zcrx.FIRST_LEVEL, LEVEL)

# What a reader looks at when the generator changes: a program, what its folder needs, and the
# header in which the interfaces differ. All the rest is compiled.
SHOWN = (".gitignore", "Makefile", "config", "settings", "zcrx.h", "zcrx_register.c")

# Those with a source of their own.
OWN = tuple(program for program in PROGRAMS if not program.long_of)

FOLDERS = [*(("v7", level) for level in GOLDEN_LEVELS), ("mainline", LEVEL)]


def last_level(case: Case, dialect: str) -> int:
    """Give the last level that a case can hold at; mainline has the series as a whole."""
    return case.until or LEVEL if dialect == "v7" else LEVEL


# Every row in each dialect that it holds in, at its last level.
CASES = [
    (d, p, f, c.as_in(d))
    for d in DIALECTS
    for p in OWN
    for f in p.fixtures
    for c in f.cases
    if c.holds_at(last_level(c, d), d)
]
IDS = [f"{d}-{f.name}.{c.name}" for d, _, f, c in CASES]
TEST = re.compile(r"^TEST_F(?:_TIMEOUT)?\((\w+), (\w+)(?:, \w+)?\)$", re.MULTILINE)
ERRORS = {"EPERM", "EINVAL", "ENODEV", "EFAULT", "ENOMEM", "EOPNOTSUPP", "ERANGE"}
REQUEST_ERRORS = {
    "EINVAL",
    "EBADF",
    "ENOTSOCK",
    "EOPNOTSUPP",
    "EPROTONOSUPPORT",
    "ENOTCONN",
}


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    return kselftest_zcrx.render(LEVEL)


@cache
def rendered(level: int, dialect: str = "v7") -> dict[str, str]:
    return kselftest_zcrx.render(level, dialect)


def program_with(case: Case, program: Program, dialect: str) -> str:
    """Give the text of a case's program at the last level that the case holds at."""
    return rendered(last_level(case, dialect), dialect)[f"{program.name}.c"]


def of_setup(*setups: str) -> list[tuple[str, Program, Fixture, Case]]:
    """Give the cases of the fixtures with a set-up."""
    return [one for one in CASES if one[2].setup in setups]


def in_v7() -> list[Case]:
    return [case for dialect, _, _, case in CASES if dialect == "v7"]


def case_id(value: object) -> str:
    """Name a parameter as it is named in its table."""
    return value.name if isinstance(value, Program | Fixture | Case) else ""


def body_of(text: str, fixture: str, case: str) -> str:
    """Give the C function of a case, its comment included."""
    functions = re.findall(r"/\*(?:(?!\*/).)*\*/\nTEST_F.*?\n}\n", text, re.DOTALL)
    found = [one for one in functions if re.search(rf"\({fixture}, {case}\b", one)]
    assert len(found) == 1
    return str(found[0])


@pytest.mark.parametrize(("dialect", "level"), FOLDERS)
def test_a_part_of_each_folder_is_as_it_was_read_last(dialect: str, level: int) -> None:
    folder = DATA / f"{dialect}-{level}"
    made = kselftest_zcrx.render(level, dialect)
    shown = {name: made[name] for name in SHOWN}
    if "KSERIES_UPDATE_GOLDEN" in os.environ:
        for name, text in shown.items():
            (folder / name).write_text(text)
    assert {file.name: file.read_text() for file in folder.iterdir()} == shown


def test_write_makes_what_render_gives(files: dict[str, str], tmp_path: Path) -> None:
    kselftest_zcrx.write(tmp_path / "new" / "folder")
    written = {file.name: file.read_text() for file in (tmp_path / "new" / "folder").iterdir()}
    assert written == files


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_every_row_is_one_test_and_planned(program: Program, dialect: str) -> None:
    rows = [
        f"{f.name}.{c.name}"
        for f in program.fixtures
        for c in f.cases
        if c.holds_at(LEVEL, dialect)
    ]
    text = rendered(LEVEL, dialect).get(f"{program.long_of or program.name}.c", "")
    in_c = [f"{fixture}.{name}" for fixture, name in TEST.findall(text)]
    assert in_c == rows
    assert list(kselftest_zcrx.planned(LEVEL, dialect).get(program.name, ())) == rows


def test_programs_that_take_long_do_not_run_unless_asked_for(files: dict[str, str]) -> None:
    usual, _, extended = files["Makefile"].partition("TEST_GEN_PROGS_EXTENDED :=")
    names = {program.name for program in PROGRAMS if program.extended}
    assert names == {"zcrx_recv_long", "zcrx_teardown_long", "zcrx_hostile_long"}
    assert kselftest_zcrx.extended(LEVEL) == names
    assert {name for name in names if f"\t{name} \\\n" in extended} == names
    assert {program.name for program in PROGRAMS if f"\t{program.name} \\\n" in usual} == {
        program.name for program in PROGRAMS
    } - names - {"zcrx_nodev"}
    assert "\tzcrx_nodev \\\n" in rendered(LEVEL, "mainline")["Makefile"]


def test_a_program_for_long_is_the_same_source_with_other_numbers(files: dict[str, str]) -> None:
    short, long = (
        next(program for program in PROGRAMS if program.name == name)
        for name in ("zcrx_teardown", "zcrx_teardown_long")
    )
    tests = [[(c.name, c.rule, c.tests) for c in p.fixtures[0].cases] for p in (short, long)]
    assert tests[0] == tests[1]
    assert "zcrx_teardown_long.c" not in files
    numbers = {"ROUNDS": (4, 200), "REUSES": (4, 1000), "SLOW_S": (180, 900)}
    assert dict(short.numbers) == {name: few for name, (few, _) in numbers.items()}
    for name, (few, many) in numbers.items():
        padded = f"{name:<15}"
        assert f"#ifndef {name}\n#define {padded} {few}\n#endif\n" in files["zcrx_teardown.c"]
        assert f"\t\t-D{name}={many} \\\n" in files["Makefile"]
    for case in long.fixtures[0].cases:
        assert f"TEST_F_TIMEOUT(teardown, {case.name}, SLOW_S)" in files["zcrx_teardown.c"]


def test_names_are_unique_c_names() -> None:
    names = [f"{f.name}.{c.name}" for p in OWN for f in p.fixtures for c in f.cases]
    assert len(names) == len(set(names))
    assert [name for name in names if not re.fullmatch(r"[a-z]\w*\.[a-z]\w*", name)] == []
    # The functions of a program are called <fixture>_<case>.
    assert len({name.replace(".", "_") for name in names}) == len(names)


@pytest.mark.parametrize(("dialect", "program", "fixture", "case"), CASES, ids=IDS)
def test_a_row_is_told_in_its_comment(
    dialect: str, program: Program, fixture: Fixture, case: Case
) -> None:
    text = program_with(case, program, dialect)
    body = body_of(text, fixture.name, case.name)
    comment = body.partition("*/")[0]
    words = " ".join(re.sub(r"^ ?/?\*", "", line).strip() for line in comment.splitlines())
    assert words.split() == [f"{case.rule}:", *case.tests.split()]
    assert f" * {case.rule} " in text


@pytest.mark.parametrize(("dialect", "program", "fixture", "case"), of_setup("queue"), ids=case_id)
def test_a_refusal_spoils_one_thing_and_wants_the_exact_error(
    dialect: str, program: Program, fixture: Fixture, case: Case
) -> None:
    body = body_of(program_with(case, program, dialect), fixture.name, case.name)
    if case.error:
        assert case.error in ERRORS
        spoiled = [
            case.spoil is not None,
            case.caller is not Caller.ADMIN,
            not set(RING_FLAGS) <= set(case.ring),
        ]
        assert sum(spoiled) == 1
        assert body.count("EXPECT_EQ(") == 1
        assert f"EXPECT_EQ(-{case.error}," in body
        assert "expect_free(" in body
    elif not case.scripted:
        assert len(re.findall(r"(?:EXPECT|ASSERT)_EQ\(0, zcrx_register", body)) == 1
    for field, value in case.then:
        assert f"EXPECT_EQ({value}, self->reg.{field});" in body
    for need in case.needs:
        assert f"if (!self->dev.{need.value})\n\t\tSKIP(return," in body


@pytest.mark.parametrize(
    ("dialect", "program", "fixture", "case"), of_setup("request", "nodev"), ids=case_id
)
def test_a_refused_request_has_the_exact_result_and_the_next_one_receives(
    dialect: str, program: Program, fixture: Fixture, case: Case
) -> None:
    body = body_of(program_with(case, program, dialect), fixture.name, case.name)
    if case.error:
        assert case.error in REQUEST_ERRORS
        assert case.spoil is not None
        name = case.spoil.what.removeprefix("sqe.")
        assert f"sqe->{name} = {case.spoil.value};" in body
        assert f"expect_end(_metadata, &self->receiver, -{case.error});" in body
        assert body.count("receiver_request(") == 2
    if not case.scripted:
        assert body.count("expect_bytes(") == 1


@pytest.mark.parametrize(("dialect", "program", "fixture", "case"), of_setup("link"), ids=case_id)
def test_a_transfer_is_told_to_the_function_that_does_it(
    dialect: str, program: Program, fixture: Fixture, case: Case
) -> None:
    body = body_of(program_with(case, program, dialect), fixture.name, case.name)
    assert (case.transfer is None) == case.scripted
    if case.transfer:
        assert f".family = {case.transfer.family},\n" in body
        assert f".size = {case.transfer.size},\n" in body
        assert f".steered = {str(case.transfer.steered).lower()},\n" in body
        assert body.count("transfer(_metadata, &self->link, &how);") == 1


def test_streams_are_steered_and_not_over_both_families_in_all_sizes() -> None:
    told = {(t.family, t.size, t.steered) for c in in_v7() if (t := c.transfer) and not t.changes}
    for family in ("AF_INET", "AF_INET6"):
        sizes = {size for of, size, steered in told if of == family and steered}
        assert sizes == {"1", "4095", "4096", "4097", "1 << 20", "64 << 20", "1 << 30"}
        assert {(family, size, False) for size in ("16 << 20", "1 << 30")} <= told


@pytest.mark.parametrize(("dialect", "program", "fixture", "case"), CASES, ids=IDS)
def test_a_scripted_row_says_nothing_that_is_not_used(
    dialect: str, program: Program, fixture: Fixture, case: Case
) -> None:
    plain = Case(case.name, case.rule, case.tests, scripted=True)
    if case.scripted:
        unused = ("spoil", "ring", "caller", "error", "then", "transfer")
        assert [name for name in unused if getattr(case, name) != getattr(plain, name)] == []


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_scripts_and_scripted_rows_are_the_same(program: Program) -> None:
    sharing = {fixture.scripts or program.source for fixture in program.fixtures}
    named = {
        case.name
        for one in PROGRAMS
        for fixture in one.fixtures
        for case in fixture.cases
        if case.scripted and (fixture.scripts or one.source) in sharing
    }
    assert set(scripts(program)) == named


def test_every_limit_of_the_number_of_entries_has_both_sides() -> None:
    tried = {
        (case.spoil.value, case.ring == RING_FLAGS): case.error
        for case in in_v7()
        if case.spoil and case.spoil.what == "rq_entries"
    }
    assert tried["0", True] == "EINVAL"
    assert tried["1", True] == ""
    assert tried["RQ_ENTRIES_MAX", True] == ""
    assert tried["RQ_ENTRIES_MAX + 1", True] == "EINVAL"
    assert tried["RQ_ENTRIES_MAX + 1", False] == ""
    assert tried["0", False] == "EINVAL"


def test_every_field_of_the_area_is_spoiled_by_some_row() -> None:
    area = next(layout for layout in LAYOUTS if layout.struct == "io_uring_zcrx_area_reg")
    wanted = {f"area.{name}" for name, _ in area.fields} - {"area.rq_area_token"}
    spoiled = {re.sub(r"\[\d\]", "", c.spoil.what) for c in in_v7() if c.spoil}
    assert wanted - spoiled == set()


def test_every_input_field_of_the_request_is_spoiled_by_some_row() -> None:
    request = next(layout for layout in LAYOUTS if layout.struct == "io_uring_zcrx_ifq_reg")
    offsets = next(layout for layout in LAYOUTS if layout.struct == "io_uring_zcrx_offsets")
    wanted = {name for name, _ in request.fields if name != "offsets"}
    wanted |= {f"offsets.{name}" for name, _ in offsets.fields}
    spoiled = {re.sub(r"\[\d\]", "", c.spoil.what) for c in in_v7() if c.spoil}
    assert wanted - spoiled == set()


def test_rules_are_used_and_told_in_the_documentation() -> None:
    told = re.findall(r"^### (R\d+) ", (ROOT / "docs" / "zcrx.md").read_text(), re.MULTILINE)
    assert told == list(RULES)
    assert {case.rule for _, _, _, case in CASES} <= set(RULES)


def test_a_row_holds_from_its_first_to_its_last_patch() -> None:
    case = Case("name", "R1", "Sentence.", since=10, until=13)
    assert [level for level in range(9, 16) if case.holds_at(level, "v7")] == [10, 11, 12, 13]
    always = replace(case, since=9, until=None)
    assert [level for level in (9, 15) if always.holds_at(level, "v7")] == [9, 15]
    until = {case.name: case.until for case in in_v7() if case.until is not None}
    assert until == {"area_ptr_not_read": 9}


@pytest.mark.parametrize("level", range(kselftest_zcrx.FIRST_LEVEL, LEVEL + 1))
def test_every_level_has_its_cases_and_no_others(level: int) -> None:
    for program in OWN:
        rows = [f"{f.name}.{c.name}" for f in program.fixtures for c in f.cases]
        held = {
            f"{f.name}.{c.name}"
            for f in program.fixtures
            for c in f.cases
            if c.holds_at(level, "v7")
        }
        text = rendered(level).get(f"{program.name}.c", "")
        in_c = [f"{fixture}.{name}" for fixture, name in TEST.findall(text)]
        assert in_c == [row for row in rows if row in held]


@pytest.mark.parametrize("level", [8, LEVEL + 1])
def test_an_unknown_level_is_refused(level: int) -> None:
    with pytest.raises(ValueError, match=f"^no cases for patch {level}; there are for 9 to"):
        kselftest_zcrx.render(level)
    with pytest.raises(ValueError, match=f"^no cases for patch {level}; there are for 9 to"):
        kselftest_zcrx.planned(level)


def test_an_unknown_dialect_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^no dialect 'v8'; there is v7, mainline$"):
        kselftest_zcrx.render(LEVEL, "v8")


def test_mainline_has_no_levels() -> None:
    with pytest.raises(ValueError, match=r"^mainline has the series as a whole, not up to patch 9"):
        kselftest_zcrx.render(9, "mainline")


def test_a_case_is_about_the_dialects_that_it_names() -> None:
    case = Case("name", "R1", "Sentence.", Spoil("flags", "1"), error="EINVAL")
    assert [case.holds_at(LEVEL, dialect) for dialect in DIALECTS] == [True, True]
    only = replace(case, dialects=("mainline",))
    assert [only.holds_at(LEVEL, dialect) for dialect in DIALECTS] == [False, True]
    absent = replace(case, mainline=Mainline(absent="why"))
    assert [absent.holds_at(LEVEL, dialect) for dialect in DIALECTS] == [True, False]
    other = replace(case, mainline=Mainline(error="ERANGE", spoil=Spoil("flags", "4")))
    assert other.as_in("v7") is other
    assert (other.as_in("mainline").error, other.as_in("mainline").spoil) == (
        "ERANGE",
        Spoil("flags", "4"),
    )
    assert replace(case, mainline=Mainline(error="")).as_in("mainline").error == ""


def test_what_mainline_lacks_is_called_as_it_is_in_its_table() -> None:
    names = {f"{f.name}.{c.name}" for p in PROGRAMS for f in p.fixtures for c in f.cases}
    assert set(ABSENT) <= names


def test_every_absence_from_mainline_has_its_reason() -> None:
    absent = [c for p in PROGRAMS for f in p.fixtures for c in f.cases if c.mainline.absent]
    assert len(absent) > 5
    assert [c.name for c in absent if len(c.mainline.absent.split()) < 3] == []


def test_the_makefile_names_the_lib_mk_that_it_is_told() -> None:
    makefile = kselftest_zcrx.render(LEVEL, lib_mk="/a/selftests/lib.mk")["Makefile"]
    assert "\ninclude /a/selftests/lib.mk\n" in makefile
    assert " -I/a/selftests " in makefile


@pytest.mark.parametrize(
    ("dialect", "name"), [(d, name) for d in DIALECTS for name in sorted(rendered(LEVEL, d))]
)
def test_the_text_keeps_to_the_kernel_style(dialect: str, name: str) -> None:
    text = rendered(LEVEL, dialect)[name]
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert "\n\n\n" not in text
    assert "{{" not in text
    lines = text.splitlines()
    assert [line for line in lines if line != line.rstrip()] == []
    assert [line for line in lines if len(line.expandtabs(8)) > 80] == []
    if name.endswith((".c", ".h")):
        assert "SPDX-License-Identifier: GPL-2.0" in lines[0]
        assert [line for line in lines if re.match(r" (?![* ])|\t* {8}", line)] == []


def test_the_programs_compile_strictly_and_print_their_plan(tmp_path: Path) -> None:
    selftests = TOY / "tools" / "testing" / "selftests"
    kselftest_zcrx.write(tmp_path / "src", lib_mk=str(selftests / "lib.mk"))
    (tmp_path / "out").mkdir()
    proc.run(
        [
            "make",
            f"OUTPUT={tmp_path / 'out'}",
            f"KHDR_INCLUDES=-I{TOY / 'include' / 'uapi'}",
            "USERCFLAGS=-Wextra -Werror -Wno-unused-parameter -O0",
            f"INSTALL_PATH={tmp_path / 'installed'}",
            "install",
        ],
        cwd=tmp_path / "src",
        deadline=Deadline.after(60),
    )
    for program, cases in kselftest_zcrx.planned(LEVEL).items():
        printed = proc.run(
            [tmp_path / "installed" / program], cwd=tmp_path, deadline=Deadline.after(10)
        )
        assert printed.output.splitlines() == list(cases)


@pytest.mark.parametrize(
    ("dialect", "level"),
    [("mainline", LEVEL), *(("v7", level) for level in range(kselftest_zcrx.FIRST_LEVEL, LEVEL))],
)
def test_the_programs_compile_for_each_interface(dialect: str, level: int, tmp_path: Path) -> None:
    selftests = TOY / "tools" / "testing" / "selftests"
    kselftest_zcrx.write(tmp_path, level, dialect)
    flags = ["-D_GNU_SOURCE=", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter"]
    flags += [f"-I{DATA / 'mainline'}"] if dialect == "mainline" else []
    flags += [f"-I{TOY / 'include' / 'uapi'}", f"-I{selftests}"]
    sources = sorted(file.name for file in tmp_path.glob("*.c"))
    assert "zcrx_register.c" in sources
    words = ["gcc", "-fsyntax-only", *flags, *sources]
    done = proc.run(words, cwd=tmp_path, deadline=Deadline.after(60), check=False)
    assert done.ok, done.output


def test_a_wrong_layout_does_not_compile(tmp_path: Path) -> None:
    header = (TOY / "include" / "uapi" / "linux" / "io_uring.h").read_text()
    wrong = header.replace("__u32 if_idx;\n\t__u32 if_rxq;", "__u32 if_rxq;\n\t__u32 if_idx;")
    assert wrong != header
    (tmp_path / "linux").mkdir()
    (tmp_path / "linux" / "io_uring.h").write_text(wrong)
    selftests = TOY / "tools" / "testing" / "selftests"
    kselftest_zcrx.write(tmp_path / "src", lib_mk=str(selftests / "lib.mk"))
    done = proc.run(
        ["gcc", "-fsyntax-only", f"-I{tmp_path}", f"-I{selftests}", "zcrx_register.c"],
        cwd=tmp_path / "src",
        deadline=Deadline.after(30),
        check=False,
    )
    assert not done.ok
    assert "offsetof(struct io_uring_zcrx_ifq_reg, if_idx) == 0" in done.output


def test_the_page_of_all_cases_is_the_tables() -> None:
    # Changed on purpose? PYTHONPATH=tools python -m kselftest_zcrx --cases docs/zcrx-cases.md
    assert (ROOT / "docs" / "zcrx-cases.md").read_text() == page()


def test_the_page_tells_every_case_once() -> None:
    told = re.findall(r"^\| `(\w+)` \| (R\d+) \|", page(), re.MULTILINE)
    assert told == [
        (case.name, case.rule)
        for program in PROGRAMS
        for fixture in program.fixtures
        for case in fixture.cases
        if not program.long_of
    ]
