# SPDX-License-Identifier: GPL-2.0
"""Which lines of a source a .config leaves out."""

from __future__ import annotations

import pytest

from kseries.compiled.conditionals import left_out

VALUES = {"ON": "y", "MODULE": "m", "COUNT": "3", "OFF": "n"}


@pytest.mark.parametrize(
    ("condition", "compiled"),
    [
        ("#ifdef CONFIG_ON", True),
        ("#ifdef CONFIG_OFF", False),
        ("#ifdef CONFIG_NEVER", False),
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


def test_directives_that_do_not_fit() -> None:
    assert left_out("#else\n#endif\n#elif 1\na\n#ifdef CONFIG_OFF\nb\n", VALUES) == {6: ("OFF",)}
