# SPDX-License-Identifier: GPL-2.0
"""Which lines of a source a .config leaves out."""

from __future__ import annotations

import pytest

from kseries.compiled.conditionals import MAX_TOKENS, left_out, tells

VALUES = {
    "ON": "y",
    "MODULE": "m",
    "COUNT": "3",
    "OFF": "n",
    "ZERO": "0",
    "HEX": "0x0",
    "NAME": '"x"',
}


@pytest.mark.parametrize(
    ("condition", "compiled"),
    [
        ("#ifdef CONFIG_ON", True),
        ("#ifdef CONFIG_OFF", False),
        ("#ifdef CONFIG_NEVER", False),
        ("#ifdef CONFIG_OFF more", False),
        ("#ifndef CONFIG_ON more", False),
        ("#ifdef CONFIG_MODULE", False),
        ("#ifdef CONFIG_COUNT", True),
        ("#ifndef CONFIG_ON", False),
        ("#ifndef CONFIG_OFF", True),
        ("#if IS_ENABLED(CONFIG_ON)", True),
        ("#if IS_ENABLED(CONFIG_MODULE)", True),
        ("#if IS_BUILTIN(CONFIG_MODULE)", False),
        ("# if defined(CONFIG_OFF) /* why */", False),
        ("#if defined CONFIG_OFF || defined(CONFIG_ON)", True),
        ("#if defined(CONFIG_ON) && !defined(CONFIG_OFF)", True),
        ("#if !(defined(CONFIG_ON) && 1)", False),
        ("#if defined(CONFIG_ON) && \\\n\tdefined(CONFIG_OFF)", False),
        ("#if 0", False),
        ("#if 1 // on", True),
        ("#if IS_ENABLED(CONFIG_OFF)", False),
        ("#if IS_BUILTIN(CONFIG_ON)", True),
        ("#if IS_BUILTIN( CONFIG_MODULE )", False),
        ("#if defined (CONFIG_MODULE)", False),
        ("#if defined CONFIG_OFF", False),
        ("#if !defined CONFIG_OFF", True),
        ("#if defined  CONFIG_ON && defined CONFIG_OFF", False),
        ("#if defined CONFIG_OFF || defined CONFIG_NEVER", False),
        ("#if defined CONFIG_OFF || defined CONFIG_ON", True),
        ("#if defined(CONFIG_OFF) || 0 || 0", False),
        ("#if 0 || 1", True),
        ("#if 1 && 0", False),
        ("#if (0)", False),
        ("#if !1", False),
        ("#if 0 && WHAT", False),
        ("#if WHAT && 0", False),
        ("#if WHAT || 0", True),
        ("#if (WHAT) && 0", False),
        ("#if 0 || (WHAT)", True),
        ("#if WHAT == 1 || 0", True),
        ("#if (0 && WHAT == 1)", False),
        ("#if (WHAT == 2) || 0", True),
        ("#if WHAT & 1 && 0", False),
        ("#if !(WHAT | 2) && 0", False),
        # A symbol is the number that it stands for, and 0 where it stands for none.
        ("#if CONFIG_OFF", False),
        ("#if CONFIG_NEVER", False),
        ("#if CONFIG_MODULE", False),
        ("#if CONFIG_ON", True),
        ("#if CONFIG_COUNT", True),
        ("#if CONFIG_ZERO", False),
        ("#if CONFIG_HEX", False),
        ("#if CONFIG_NAME", True),
        ("#if !CONFIG_OFF", True),
        ("#if !CONFIG_ON", False),
        ("#if (CONFIG_OFF)", False),
        ("#if CONFIG_OFF || CONFIG_NEVER", False),
        ("#if CONFIG_ON && CONFIG_OFF", False),
        # Modules are not built, so what is one cannot be reached.
        ("#if IS_REACHABLE(CONFIG_ON)", True),
        ("#if IS_REACHABLE(CONFIG_MODULE)", False),
        ("#if IS_REACHABLE(CONFIG_OFF)", False),
        # A number, a name and a call that only look like one of these.
        ("#if 10", True),
        ("#if x0", True),
        ("#if 0x1", True),
        ("#if 0 + 1", True),
        ("#if CONFIG_OFF == 0", True),
        ("#if CONFIG_OFF == 1 && 0", False),
        ("#if MY_CONFIG_OFF", True),
        ("#if definedCONFIG_OFF", True),
        ("#if IS_MY_CONFIG_OFF", True),
        ("#if IS_ENABLED_CONFIG_OFF", True),
        ("#if CONFIG_OFFSET + 0", True),
        ("#if CONFIG_OFF & 1 && 1", True),
        ("#if !(1 && WHAT)", True),
        ("#if !(0 || WHAT)", True),
        ("#ifdef CONFIG_", True),
        ("#if defined(CONFIG_)", True),
        ("#if IS_MODULE(CONFIG_OFF)", True),
        ("#if undefined(CONFIG_OFF)", True),
        ("#ifdef MY_CONFIG_OFF", True),
        ("#ifndef MY_CONFIG_ON", True),
        # What the config does not decide alone may be true.
        ("#ifndef _LINUX_TOY_H", True),
        ("#ifdef __ASSEMBLY__", True),
        ("#if CONFIG_COUNT > 4", True),
        ("#if BITS_PER_LONG == 32 && defined(CONFIG_OFF)", False),
        ("#if defined(CONFIG_OFF) && LINUX(a, (b)) > 3", False),
        ("#if defined(CONFIG_ON) || WHAT(", True),
        ("#if !defined(__KERNEL__) || defined(CONFIG_OFF)", True),
        ("#if ((((", True),
        ("#if", True),
        ("#if " + "!(" * 5000, True),
    ],
)
def test_conditions(condition: str, compiled: bool) -> None:
    text = f"{condition}\nint inside;\n#endif\nint outside;\n"
    number = condition.count("\n") + 2
    assert (number not in left_out(text, VALUES)) == compiled
    assert number + 2 not in left_out(text, VALUES)


def test_branches_and_nesting() -> None:
    text = """\
#ifdef CONFIG_OFF
a
#elif defined(CONFIG_ON)
b
#ifdef CONFIG_NEVER
c
#else
d
#endif
#else
e
#endif
#ifdef UNKNOWN
f
#else
g
#endif
#ifdef CONFIG_OFF
#ifdef CONFIG_ON
h
#endif
#endif
"""
    names = {number: line for number, line in enumerate(text.splitlines(), 1) if len(line) == 1}
    found = {names[number]: symbols for number, symbols in left_out(text, VALUES).items()}
    assert found == {
        "a": ("OFF",),
        "c": ("NEVER",),
        "e": ("OFF", "ON"),
        "h": ("OFF",),
    }


def test_the_longest_condition_that_is_followed() -> None:
    for shortest, out in (("!1", {2}), ("!!0", set())):
        text = f"#if {shortest}{' || 0' * ((MAX_TOKENS - 2) // 2)}\na\n#endif\n"
        assert set(left_out(text, VALUES)) == out


def test_directives_that_do_not_fit() -> None:
    assert left_out("#endif\n#else\n#ifdef CONFIG_OFF\na\n", VALUES) == {4: ("OFF",)}
    assert left_out("#else\n#endif\n#elif 1\na\n#ifdef CONFIG_OFF\nb\n", VALUES) == {6: ("OFF",)}


@pytest.mark.parametrize(
    ("text", "out"),
    [
        # A comment opens and closes nothing.
        ("#ifdef CONFIG_OFF\n/*\n#endif\n*/\na\n#endif\n", {2, 3, 4, 5}),
        ("/*\n#ifdef CONFIG_OFF\n*/\na\n/* #endif */\n", set()),
        ("// why \\\n#ifdef CONFIG_OFF\na\n", set()),
        ("/* why */ #ifdef CONFIG_OFF // why\na\n#endif\n", {2}),
        ("#/**/ifdef/*\n*/CONFIG_OFF\na\n#endif\n", {3}),
        # What looks like one in a string is none.
        ('#ifdef CONFIG_OFF\nchar a[] = "/*";\n#endif\nb\n', {2}),
        ('#ifdef CONFIG_OFF\nchar a = \'"\', b[] = "\\"/*";\n#endif\nb\n', {2}),
        ("#ifdef CONFIG_OFF\nint a = 'b; /* c\n#endif\n*/\nd\n", {2}),
        ('#ifdef CONFIG_OFF\nchar a[] = "b; /* c\n#endif\nd\n', {2}),
        ("#ifdef CONFIG_OFF\nchar a = '/*', b = '\\'', c[] = \"'/*\";\n#endif\nd\n", {2}),
        ('#ifdef CONFIG_OFF\nchar a[] = "", b[] = "/*";\n#endif\nd\n', {2}),
        ("#ifdef CONFIG_OFF\nchar a = '', b = '/*';\n#endif\nd\n", {2}),
        ("#ifdef CONFIG_OFF\n//\na\n#endif\nb\n", {2, 3}),
        ('#ifdef CONFIG_OFF\nchar a[] = "\\\\"; /* c\n#endif\n*/\nd\n#endif\n', {2, 3, 4, 5}),
        ("#ifdef CONFIG_OFF\nchar a = '\\\\'; /* c\n#endif\n*/\nd\n#endif\n", {2, 3, 4, 5}),
        ("#ifdef CONFIG_OFF\na\n#else 0\nb\n#endif\n", {2}),
        # A directive goes on behind a backslash, wherever that stands; a macro is none.
        ("#\\\nifdef \\\nCONFIG_OFF\na\n#endif\nb\n", {4}),
        ("#define F \\\n#ifdef CONFIG_OFF\na\n", set()),
        ("#ifdef CONFIG_OFF\n#define F \\\n  a\n#endif\nb\n", {2, 3}),
        ("#ifdef CONFIG_OFF\na \\", {2}),
        ("#ifdef \\ \t\nCONFIG_OFF\na\n#endif\nb\n", {3}),
        ("\\a\n#ifdef CONFIG_OFF\nb\n#endif\nc", {3}),
        ("%: ifdef CONFIG_OFF\na\n%:endif\nb\n", {2}),
        ("#ifdef CONFIG_ON\na\n#elifdef CONFIG_ON\nb\n#else\nc\n#endif\n", {4, 6}),
        ("#ifdef CONFIG_OFF\na\n#elifndef CONFIG_ON\nb\n#else\nc\n#endif\n", {2, 4}),
        # Lines are those of git: what else ends a line of text does not.
        ("a\f\n\v\x1c\x85\u2028\r\n#ifdef CONFIG_OFF\r\nb\r\n#endif\r\nc", {4}),
    ],
)
def test_lines_as_the_compiler_reads_them(text: str, out: set[int]) -> None:
    assert set(left_out(text, VALUES)) == out


@pytest.mark.parametrize(
    ("text", "telling"),
    [
        ("a\n", {1}),
        ("\t\n  \n}\n", {3}),
        ("//\n/**/\n", set()),
        ("f(\n\"a\"\n'b'\n);\n", {1, 2, 3, 4}),
        ("// a\n/* b */\n/* c */ /* d */\n", set()),
        ("/**\n * a - does\n *\n * more\n */\nint a;\n", {6}),
        ("/* c */ a /* d */\n", {1}),
        ("a; /* why:\n b */ c; /* d */\n", {1, 2}),
        ("#ifdef CONFIG_OFF\n# else\n#endif /* x */\n", set()),
        ("#if defined(A) && \\\n    defined(B)\na\n", {3}),
        ("#define A 1\n#include <a.h>\n", {1, 2}),
    ],
)
def test_lines_that_say_something_to_the_compiler(text: str, telling: set[int]) -> None:
    assert tells(text) == telling


def test_a_comment_without_an_end_hides_the_rest() -> None:
    text = "a\n/* b\n#ifdef CONFIG_OFF\nc\n"
    assert tells(text) == {1}
    assert left_out(text, VALUES) == {}


@pytest.mark.parametrize(
    "piece", ["a\\\n", '"', "'", "\\", '\\"', "/*", "*/", "/**/", "//", "#if(", "\\\n", "\n"]
)
def test_no_source_takes_long(piece: str) -> None:
    text = piece * 100_000
    left_out(text, VALUES)
    tells(text)
