# SPDX-License-Identifier: GPL-2.0
"""What became of a file in a build: rules that need no build."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from kseries.compiled.cmdfiles import Evidence
from kseries.compiled.leftout import Answer, Built
from kseries.compiled.makefiles import Makefiles
from kseries.model import FileState

COMPILED = Answer(FileState.COMPILED, "net/a.o")
NOTHING = Evidence({}, {}, {}, frozenset(), frozenset())


def built(
    seen: Evidence = NOTHING,
    values: Mapping[str, str] = {},
    makefiles: Mapping[str, str] = {},
    former: Mapping[str, str] | None = None,
) -> Built:
    old = None if former is None else Makefiles(former.get, values)
    return Built(seen, values, Makefiles(makefiles.get, values), {}, old)


SOURCE = """\
/**
 * a - does
 * @b: what
 */
#ifdef CONFIG_A
int a(int b)
{
	return b; /* as it is */
}
#endif
\f
int c;
"""


@pytest.mark.parametrize(
    ("changed", "state", "said"),
    [
        # Of comments the compiler sees nothing, wherever they stand.
        ({1, 2, 3, 4, 6, 7, 8, 9}, FileState.NOT_COMPILED, "what is changed in it is left out"),
        ({1, 2, 3, 4}, FileState.COMPILED, "net/a.o"),
        ({5, 10, 11}, FileState.COMPILED, "net/a.o"),
        ({8, 12}, FileState.COMPILED, "net/a.o; 1 of 2 changed lines are left out by"),
        ({12}, FileState.COMPILED, "net/a.o"),
        ({99}, FileState.COMPILED, "net/a.o"),
    ],
)
def test_a_change_counts_where_the_compiler_sees_it(
    changed: set[int], state: FileState, said: str
) -> None:
    found = built().with_lines(COMPILED, SOURCE, changed)
    assert found.state is state
    assert found.by.startswith(said)
    assert (found.needs == ("CONFIG_A=y",)) == (state is FileState.NOT_COMPILED)
    assert built(values={"A": "y"}).with_lines(COMPILED, SOURCE, changed) == COMPILED


@pytest.mark.parametrize("name", ["README.c", "net/README_new.h", "net/.new.c", "kernel/README.S"])
def test_a_source_is_code_whatever_it_is_called(name: str) -> None:
    assert built().answer(name).state is FileState.NOT_COMPILED


@pytest.mark.parametrize(
    "name", ["README", "net/README.txt", "net/.gitignore", "TODO", "x_defconfig", "a/b.config"]
)
def test_lists_and_settings_are_no_code(name: str) -> None:
    assert built().answer(name).state is FileState.NOT_CODE
