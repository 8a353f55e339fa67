# SPDX-License-Identifier: GPL-2.0
"""Turn the tables into a kernel selftest folder: the only module that knows jinja2."""

from __future__ import annotations

import posixpath
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from kselftest_zcrx.cases import LAYOUTS, NUMBERS, PROGRAMS
from kselftest_zcrx.model import (
    DIALECTS,
    FIRST_LEVEL,
    LAST_LEVEL,
    MAINLINE,
    QUEUE_LEVEL,
    RING_FLAGS,
    V7,
    Case,
    Program,
)
from kselftest_zcrx.rules import RULES

if TYPE_CHECKING:
    import jinja2

FOLDER = "drivers/net/zcrx"
"""Where the rendered folder belongs, below tools/testing/selftests."""

LIB_MK = "../../../lib.mk"
TIMEOUT_S = 900
COMMENT_WIDTH = 72
CALL_ARGUMENTS = ("arg", "nr_args")

# Files that hold no tests, in every folder and in one with data to receive; their templates are
# called like them, without a leading dot.
SUPPORT = (".gitignore", "Makefile", "config", "settings", "netif.c", "netif.h", "zcrx.c", "zcrx.h")
DATA_SUPPORT = (
    "expect.h",
    *(
        f"{name}.{ending}"
        for name in (
            "capture",
            "dmabuf",
            "ethtool",
            "genl",
            "link",
            "pools",
            "receiver",
            "segment",
            "stream",
            "uring",
            "xdp",
        )
        for ending in "ch"
    ),
)

BENCH = "zcrx_bench"
"""The program that measures what it costs to receive; not a test, and run by itself."""

# What it is made of besides, which no test is linked with.
BENCH_PARTS = ("account", "options", "payload", "report", "ring", "sched", "sender")
BENCH_METHODS = ("epoll", "epoll_zc", "rr", "udp", "uring", "zcrx")
BENCH_SUPPORT = (
    f"{BENCH}.c",
    "bench_marks.h",
    "bench_method.h",
    *(f"bench_{part}.c" for part in (*BENCH_PARTS, *BENCH_METHODS)),
    *(f"bench_{part}.h" for part in BENCH_PARTS),
)

Macro = Callable[..., str]


def render(level: int, dialect: str = V7, *, lib_mk: str = LIB_MK) -> dict[str, str]:
    """Give the files of the selftest folder, name → text.

    level: the last patch of the series that the kernel has, 9 to 15; mainline has them all.
    lib_mk: the tree's tools/testing/selftests/lib.mk, as the Makefile is to name it.

    Raises ValueError for a level or dialect that the tables do not know.
    """
    programs = _programs(level, dialect)
    environment = _environment(level, dialect)
    support = SUPPORT + (DATA_SUPPORT if level >= QUEUE_LEVEL else ())
    bench = BENCH_SUPPORT if level >= QUEUE_LEVEL else ()
    values = {
        "programs": programs,
        "sources": [name for name in support if name.endswith(".c")],
        "headers": [name for name in (*support, *bench) if name.endswith(".h")],
        "bench": BENCH if bench else "",
        "bench_sources": [n for n in bench if n.endswith(".c") and n != f"{BENCH}.c"],
        "lib_mk": lib_mk,
        "selftests": posixpath.dirname(lib_mk),
        "timeout_s": TIMEOUT_S,
    }
    files = {
        name: environment.get_template(f"{name.lstrip('.')}.j2").render(values)
        for name in (*support, *bench)
    }
    for program in programs:
        if program.long_of:
            continue
        files[f"{program.name}.c"] = environment.get_template("program.c.j2").render(
            program=program,
            fixtures=program.fixtures,
            scripts=_scripts(program, environment),
            layouts=[item for item in LAYOUTS if item.since <= level and dialect in item.dialects],
            numbers=[item for item in NUMBERS if item.since <= level and dialect in item.dialects],
            rules=_rules(program),
        )
    return dict(sorted(files.items()))


def write(
    folder: Path, level: int = LAST_LEVEL, dialect: str = V7, *, lib_mk: str = LIB_MK
) -> None:
    """Write the rendered files into `folder`, which is made when it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in render(level, dialect, lib_mk=lib_mk).items():
        (folder / name).write_text(text)


def planned(level: int, dialect: str = V7) -> dict[str, tuple[str, ...]]:
    """Give the names of each program's cases, as the harness prints them ("fixture.case")."""
    return {
        program.name: tuple(
            f"{fixture.name}.{case.name}" for fixture in program.fixtures for case in fixture.cases
        )
        for program in _programs(level, dialect)
    }


def extended(level: int, dialect: str = V7) -> frozenset[str]:
    """Give the names of the programs that take long, and run only when asked for."""
    return frozenset(program.name for program in _programs(level, dialect) if program.extended)


def rules(level: int, dialect: str = V7) -> dict[str, frozenset[str]]:
    """Give the rules of docs/zcrx.md that each program tests."""
    return {
        program.name: frozenset(rule for rule, _ in _rules(program))
        for program in _programs(level, dialect)
    }


def case_rules(level: int, dialect: str = V7) -> dict[str, str]:
    """Give the rule that each case tests, by its name: "program: fixture.case"."""
    return {
        f"{program.name}: {fixture.name}.{case.name}": case.rule
        for program in _programs(level, dialect)
        for fixture in program.fixtures
        for case in fixture.cases
    }


def scripts(program: Program, level: int = LAST_LEVEL, dialect: str = V7) -> Mapping[str, Macro]:
    """Give the hand-written bodies of a program's scripted cases, by the name of the case."""
    return _scripts(program, _environment(level, dialect))


def _scripts(program: Program, environment: jinja2.Environment) -> Mapping[str, Macro]:
    from jinja2 import runtime

    found: dict[str, Macro] = {}
    for name in dict.fromkeys(fixture.scripts or program.source for fixture in program.fixtures):
        module = environment.get_template(f"{name}.scripts.j2").make_module({"program": program})
        found |= {
            name: macro
            for name, macro in vars(module).items()
            if isinstance(macro, runtime.Macro) and list(macro.arguments) == ["needs"]
        }
    return found


def _programs(level: int, dialect: str) -> tuple[Program, ...]:
    """Give the programs with the cases that hold at a level, those left empty dropped."""
    if dialect not in DIALECTS:
        raise ValueError(f"no dialect '{dialect}'; there is {', '.join(DIALECTS)}")
    if not FIRST_LEVEL <= level <= LAST_LEVEL:
        raise ValueError(f"no cases for patch {level}; there are for {FIRST_LEVEL} to {LAST_LEVEL}")
    if dialect == MAINLINE and level != LAST_LEVEL:
        raise ValueError(f"mainline has the series as a whole, not up to patch {level}")
    programs = []
    for program in PROGRAMS:
        fixtures = tuple(
            replace(fixture, cases=cases)
            for fixture in program.fixtures
            if (cases := _cases(fixture.cases, level, dialect))
        )
        if fixtures:
            programs.append(replace(program, fixtures=fixtures))
    return tuple(programs)


def _cases(cases: tuple[Case, ...], level: int, dialect: str) -> tuple[Case, ...]:
    return tuple(case.as_in(dialect) for case in cases if case.holds_at(level, dialect))


def _rules(program: Program) -> list[tuple[str, str]]:
    """Give the rules that a program tests, in their order."""
    named = {case.rule for fixture in program.fixtures for case in fixture.cases}
    return [(rule, text) for rule, text in RULES.items() if rule in named]


def _environment(level: int, dialect: str) -> jinja2.Environment:
    # Imported when something is rendered: who asks for plans and rules needs none of it.
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("kselftest_zcrx"),
        autoescape=False,  # noqa: S701  C, not HTML
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals.update(level=level, mainline=dialect == MAINLINE)
    environment.filters.update(
        comment=_comment,
        ring_flags=_ring_flags,
        can_register=_can_register,
        place=_place,
        spoils_field=_spoils_field,
        spoils_call=_spoils_call,
    )
    return environment


def _comment(case: Case) -> str:
    """Give the C comment above a test: the rule and what is tested of it."""
    text = f"{case.rule}: {case.tests}"
    if len(text) <= COMMENT_WIDTH:
        return f"/* {text} */"
    lines = textwrap.wrap(text, COMMENT_WIDTH)
    return "\n".join(["/*", *(f" * {line}" for line in lines), " */"])


def _ring_flags(case: Case) -> str:
    """Give the set-up flags of a case's ring as C, told by their difference from the default."""
    added = [flag for flag in case.ring if flag not in RING_FLAGS]
    removed = [flag for flag in RING_FLAGS if flag not in case.ring]
    words = "RING_FLAGS" + "".join(f" & ~{flag}" for flag in removed)
    if added and removed:
        # One line is too short for both.
        return f"({words}) |\n\t\t       {' | '.join(added)}"
    return words + "".join(f" | {flag}" for flag in added)


def _can_register(case: Case) -> bool:
    """Whether the case's own ring is able to register, its flags being all there."""
    return set(RING_FLAGS) <= set(case.ring)


def _place(field: str) -> str:
    """Give the C expression of a field that a row names."""
    structure, dot, name = field.partition(".")
    places = {"area": "zcrx_area.", "region": "zcrx_region.", "sqe": "sqe->"}
    return f"{places[structure]}{name}" if dot and structure in places else f"self->reg.{field}"


def _spoils_field(case: Case) -> bool:
    return case.spoil is not None and case.spoil.what not in CALL_ARGUMENTS


def _spoils_call(case: Case) -> bool:
    return case.spoil is not None and case.spoil.what in CALL_ARGUMENTS
