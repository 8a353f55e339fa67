# SPDX-License-Identifier: GPL-2.0
"""Rules of reading what tools print that one small change of a line would break."""

from __future__ import annotations

import pytest

from kseries.kbuild.diagnostics import Parser, parse
from kseries.model import Diagnostic, Severity
from tests.test_diagnostics import ROOTS, found

WARNING, ERROR = Severity.WARNING, Severity.ERROR

# line, severity, file, line number, text
ONE_LINERS = (
    ("net/Makefile:5: warning: x", WARNING, "net/Makefile", 5, "x"),
    ("net/Kbuild:5:error: x", ERROR, "net/Kbuild", 5, "x"),
    ("arch/KConfig:5:error: x", ERROR, "arch/KConfig", 5, "x"),
    ("a.c:1: warning: x [-W]", WARNING, "a.c", 1, "x [-W]"),
    ("a.o: error: objtool: x", ERROR, "a.o", 0, "x"),
    ("net/a.o:c:(.text+0x1): undefined reference to `f'", ERROR, "net/c", 0,
     "undefined reference to `f'"),
    ("a.c:(): undefined reference to `f'", ERROR, "a.c", 0, "undefined reference to `f'"),
    ("a.c:(.text+0x1):undefined reference to f", ERROR, "a.c", 0, "undefined reference to f"),
    ("a.c:12:undefined reference to f", ERROR, "a.c", 12, "undefined reference to f"),
    ("undefined reference to f", ERROR, "", 0, "undefined reference to f"),
    ("a.o: multiple definition of t", ERROR, "a.o", 0, "multiple definition of t"),
    ("ld.bfd: warning: x", WARNING, "", 0, "x"),
    ("/usr/bin/x86_64-linux-gnu-ld: error: x", ERROR, "", 0, "x"),
    ("ld: x", ERROR, "", 0, "x"),
    ("ERROR: modpost: x", ERROR, "", 0, "x"),
    ("ERROR: modpost: x [] y", ERROR, "", 0, "x [] y"),
    ("ERROR: modpost: x vmlinux: y", ERROR, "", 0, "x vmlinux: y"),
    ("ERROR: modpost: net/a.o: x", ERROR, "net/a.o", 0, "net/a.o: x"),
    ("ERROR: modpost: .o: x", ERROR, "", 0, ".o: x"),
    ("ERROR: modpost: x in .o", ERROR, "", 0, "x in .o"),
    ("ERROR: modpost: x in net/a.o too", ERROR, "", 0, "x in net/a.o too"),
    ("Kconfig:5: syntax error", ERROR, "Kconfig", 5, "syntax error"),
    ("net/Kconfig:5:x", ERROR, "net/Kconfig", 5, "x"),
    ("net/Kconfig:5: *** no more.  Stop.", ERROR, "net/Kconfig", 5, "no more."),
    ("make: *** x", ERROR, "", 0, "x"),
    ("/gcc: warning: x", WARNING, "", 0, "x"),
    ("{standard input}:1: Warning: x", WARNING, "{standard input}", 1, "x"),
)  # fmt: skip


@pytest.mark.parametrize(("line", "severity", "file", "number", "text"), ONE_LINERS)
def test_one_line(line: str, severity: Severity, file: str, number: int, text: str) -> None:
    assert found(f"{line}\n") == [Diagnostic(severity, file, number, 0, "", text)]


@pytest.mark.parametrize(
    "line",
    [
        "a.c:1: note: x",
        "a.c:1: error:",
        "x a.c:1: error: y",
        "12 | x",
        ".o: warning: objtool: x",
        "x a.o: warning: objtool: y",
        "build: net/a.o: undefined reference to `f'",
        "ld.: net/a.o: undefined reference to `f'",
        ":12: undefined reference to `f'",
        "build: x",
        "x ld: y",
        "ld.: x",
        "ld: net/a.o: in function `f':",
        "x ERROR: modpost: y",
        "WARNING: unmet direct dependencies detected for NET and more",
        "x net/Kconfig:5: y",
        ":5: *** x",
        "make[]: *** x",
        "x make: *** y",
        "make: *** [] Error 1",
        "make[1]: *** Stop here: [net/a.o] Error 1",
        "x gcc: error: y",
    ],
)
def test_what_is_no_message(line: str) -> None:
    assert found(f"{line}\n") == []


# ---- what belongs to a message


@pytest.mark.parametrize(
    ("line", "belongs"),
    [
        ("   12 | x", True),
        (" 12| x", True),
        ("12 | x", True),
        ("12| x", True),
        ("      | ^", True),
        (" +++ |+#include", True),
        ("+++ |+#include", True),
        ("| x", False),
        ("a | x", False),
        ("a  12 | x", False),
    ],
)
def test_what_is_an_excerpt(line: str, *, belongs: bool) -> None:
    (item,) = parse(f"a.c:1: warning: x\n{line}\n")
    assert item.excerpt == ((line,) if belongs else ())


@pytest.mark.parametrize("line", ["Selected by x", "x  Depends on y", "- x"])
def test_what_is_no_reason_of_an_unmet_dependency(line: str) -> None:
    (item,) = found(f"WARNING: unmet direct dependencies detected for NET\n{line}\n")
    assert item.text == "unmet direct dependencies detected for NET"


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("In file included from net/a.c:3:", "net/a.c:3"),
        ("In file included from net/a.c:3:5,", "net/a.c:3"),
        (" from net/a.c:3:", "net/a.c:3"),
        ("from net/a.c:3:", ""),
        ("x In file included from net/a.c:3:", ""),
        ("In file included from :3:", ""),
        ("In file included from net/a.c::", ""),
        ("In file included from net/a.c:3::", ""),
        ("In file included from net/a.c:3: and more", ""),
    ],
)
def test_where_a_file_is_included(line: str, place: str) -> None:
    (item,) = found(f"{line}\na.h:1: warning: x\n")
    assert item.text == (f"x\nincluded from {place}" if place else "x")


def test_all_notes_of_a_message_are_its_own() -> None:
    log = "a.c:1: warning: x\na.h:2: note: y\nx a.h:3: note: no\na.h:4: note: z\n"
    assert [item.text for item in found(log)] == ["x\nnote: a.h:2: y"]
    log = log.replace("x a.h:3: note: no\n", "a.h:3:5: note: w\n   3 | w\n")
    assert [item.text for item in found(log)] == [
        "x\nnote: a.h:2: y\nnote: a.h:3: w\nnote: a.h:4: z"
    ]


def test_a_note_of_nothing_takes_the_way_to_it_along() -> None:
    log = "a.c:1: warning: x\nIn file included from b.c:1:\nb.h:2: note: y\nc.c:1: warning: z\n"
    assert [item.text for item in found(log)] == ["x", "z"]


def test_two_messages_about_one_place_are_two() -> None:
    log = "a.c:1:1: warning: x\na.c:1:1: warning: y\na.c:1:1: warning: x\na.c:1:2: warning: x\n"
    assert [(item.column, item.text) for item in found(log)] == [(1, "x"), (1, "y"), (2, "x")]


# ---- a machine that fails


@pytest.mark.parametrize(
    "line",
    [
        "gcc: fatal error: Killed signal terminated program cc1",
        "virtual memory exhausted: Cannot allocate memory",
        "as: memory exhausted",
        "ld: Cannot allocate memory for build: x",
        "ld: a.o: memory exhausted here",
        "sh: fork: retry: Resource temporarily unavailable",
        "sh: fork: Resource temporarily unavailable",
        "sh: fork: Cannot allocate memory",
        "cp: a: Disk quota exceeded",
        "cp: a: No space left on device",
    ],
)
def test_what_is_this_machines_fault(line: str) -> None:
    parser = Parser(ROOTS)
    parser.feed(line)
    assert parser.lost == line


@pytest.mark.parametrize(
    "line",
    [
        "a.c:1: error: memory exhausted here",
        "a.c:1: error: x: No space left on devices",
        "make: *** [a.o] Killed by hand",
        "  CC      a] Killed",
    ],
)
def test_what_is_not(line: str) -> None:
    parser = Parser(ROOTS)
    parser.feed(line)
    assert (parser.lost, parser.remedy) == ("", "")
