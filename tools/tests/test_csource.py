# SPDX-License-Identifier: GPL-2.0
"""Functions of C sources in the kernel's style, and those that a change touches."""

from __future__ import annotations

import pytest

from kseries.compiled.changedfiles import Lines
from kseries.compiled.csource import functions, name_of
from kseries.compiled.functions import touched

SOURCE = """\
#include <linux/types.h>

static const struct ops ops = {
	.open = open_it,
};

/* says no */
static int first(int a,
		int b)
{
	if (a) {
		return 1;
	}
	return 0;
}

static inline int second(void) { return 2; }

SYSCALL_DEFINE2(third, int, a, int, b)
{
	return a;
}
EXPORT_SYMBOL(third);
"""


def test_functions_have_their_lines() -> None:
    assert [(one.name, one.first, one.last) for one in functions(SOURCE)] == [
        ("first", 8, 15),
        ("second", 17, 17),
        ("__x64_sys_third", 19, 22),
    ]


@pytest.mark.parametrize(
    ("head", "name"),
    [
        ("void f(void)", "f"),
        ("static noinline struct a *f(int (*g)(int), b c)", "f"),
        ("__printf(2, 3) void f(const char *a, ...)", "f"),
        ("static void __f(int a) __releases(&lock)", "__f"),
        ("int __init f(void)", "f"),
        ("static __always_inline bool f(u32 a)", "f"),
        ("COMPAT_SYSCALL_DEFINE1(f, int, a)", "__ia32_compat_sys_f"),
        ("SYSCALL_DEFINE0(f)", "__x64_sys_f"),
        ("union a", ""),
        ("", ""),
    ],
)
def test_names_of_heads(head: str, name: str) -> None:
    assert name_of(head) == name


@pytest.mark.parametrize(
    ("numbers", "gone", "names"),
    [
        ({11}, (), ["first"]),
        ({8}, (), ["first"]),
        ({4, 16}, (), []),
        ({15, 17, 20}, (), ["first", "second", "__x64_sys_third"]),
        # Behind a line of the function, and behind its last one.
        ((), {13}, ["first"]),
        ((), {15}, []),
        ((), {7}, []),
    ],
)
def test_a_change_touches_functions(numbers: set[int], gone: set[int], names: list[str]) -> None:
    assert touched(SOURCE, Lines("c", set(numbers), set(gone))) == names


@pytest.mark.parametrize("text", ["", "{", "}", "{\n}\n{", "f()\n{\n", "(((((\n{\n}\n"])
def test_what_is_no_c_has_no_functions(text: str) -> None:
    assert functions(text) == ()
