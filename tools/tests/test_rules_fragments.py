# SPDX-License-Identifier: GPL-2.0
"""Rules of Kconfig fragments that one small change of a line would break."""

from __future__ import annotations

from pathlib import Path

import pytest

from kseries.config import configblame, fragments, kernelrange
from kseries.config.fragments import Promise
from kseries.config.kconfig_ask import Explained
from kseries.config.kconfigdiff import Change
from kseries.lib.errors import CheckFailed, UserError
from tests.test_fragments import merged, write


def mistakes(file: Path) -> list[str]:
    """Give what of a fragment is no promise, without its name."""
    with pytest.raises(UserError, match="lines that promise nothing") as error:
        merged(file)
    assert error.value.do == fragments.FIX
    return [line.removeprefix(f"{file}:") for line in error.value.where.splitlines()]


# ---- what is a promise


@pytest.mark.parametrize(
    "value",
    ["y", "n", "0", "-5", "12", "0x1F", "0XaB", '""', '"a b"', r'"a\"b"', r'"\\"', '"é"'],
)
def test_values(tmp_path: Path, value: str) -> None:
    (promise,) = fragments.read([write(tmp_path, "a", f"CONFIG_A={value}")], "6.12").promises
    assert promise.value == value


@pytest.mark.parametrize("value", ["yes", "-", "0x", "5-", '"', '"a"b"', r'"\"', '"\\\x07"', "'y'"])
def test_what_is_no_value(tmp_path: Path, value: str) -> None:
    (told,) = mistakes(write(tmp_path, "a", f"CONFIG_A={value}"))
    assert told.startswith("1: not a value: ")


@pytest.mark.parametrize(
    "line",
    ["# CONFIG_ is not set", "# CONFIG_A is not set, though", "## CONFIG_A is not set", "# a #"],
)
def test_what_is_a_comment(tmp_path: Path, line: str) -> None:
    assert merged(write(tmp_path, "a", line)) == []


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("CONFIG_=y", "not understood: CONFIG_=y"),
        ("xCONFIG_A=y", "not understood: xCONFIG_A=y"),
        ("x CONFIG_A = y", "not understood: x CONFIG_A = y"),
        ("CONFIG_ = y", "not understood: CONFIG_ = y"),
        ("CONFIG_A= y", "not understood: CONFIG_A= y (no spaces around =: CONFIG_A=y)"),
        ("CONFIG_A =", "not understood: CONFIG_A = (no spaces around =: CONFIG_A=)"),
        ("CONFIG_A=y # kernels: 6.12", "not a value: y # kernels: 6.12"),
        ("# kernels:", f"not a range of kernels:  ({kernelrange.FORMS})"),
        ("#kernels:6", f"not a range of kernels: 6 ({kernelrange.FORMS})"),
        # What is of another file is not repeated.
        ("=y", "not understood: (not shown)"),
        ("A=yes", "not understood: (not shown)"),
    ],
)
def test_what_is_none(tmp_path: Path, line: str, told: str) -> None:
    (found,) = mistakes(write(tmp_path, "a", line))
    assert found.removesuffix(' (y, m, n, a number or a "string")') == f"1: {told}"


def test_of_long_lines_and_of_many_a_part_is_shown(tmp_path: Path) -> None:
    just = "CONFIG" + "y" * (80 - 6)
    told = mistakes(write(tmp_path, "a", just, f"{just}z", *["CONFIG-"] * 18))
    assert told[:2] == [f"1: not understood: {just}", f"2: not understood: {just}…"]
    assert (len(told), told[-1]) == (20, "20: not understood: CONFIG-")
    told = mistakes(write(tmp_path, "a", *["CONFIG-"] * 21))
    assert (len(told), told[-1]) == (21, "… and 1 more")


def test_modules_need_what_loads_them(tmp_path: Path) -> None:
    modules = [f"CONFIG_M{number}=m" for number in range(21)]
    file = write(tmp_path, "a", "# CONFIG_MODULES is not set", *modules)
    with pytest.raises(UserError) as error:
        merged(file)
    assert len(error.value.where.splitlines()) == 20
    assert error.value.do == "write =y, or CONFIG_MODULES=y as well"
    assert merged(write(tmp_path, "b", "# CONFIG_MODULES is not set", "CONFIG_A=y"))


# ---- of a .config


def test_what_a_config_does_not_set() -> None:
    assert fragments.config_values("# CONFIG_A=y\nCONFIG_=y\n CONFIG_B=y\n") == {}


@pytest.mark.parametrize(
    ("text", "has"),
    [
        ("CONFIG_MODULES=y\nCONFIG_A=m\n", True),
        ("CONFIG_MODULES=y\nCONFIG_A=y\n", False),
        ("# CONFIG_MODULES is not set\nCONFIG_A=m\n", False),
    ],
)
def test_whether_a_config_has_modules(text: str, *, has: bool) -> None:
    assert fragments.has_modules(text) is has


# ---- kernels


def test_for_which_kernels_a_promise_is(tmp_path: Path) -> None:
    lines = ("#kernels: 6.1 or later", "CONFIG_A=y", "#only kernels :6.12", "CONFIG_B=y", "")
    promises = fragments.parse(write(tmp_path, "a", *lines, "CONFIG_C=y"), "6.12.1")
    told = {each.symbol: each.kernels.text if each.kernels else "" for each in promises}
    assert told == {"A": "6.1 or later", "B": "6.12", "C": "6.1 or later"}


def test_a_fragment_says_once_for_which_kernels_it_is(tmp_path: Path) -> None:
    twice = ("# kernels: 6.1 or later", "# kernels: 6.1 or later")
    assert mistakes(write(tmp_path, "a", *twice)) == [
        "2: stands once, and before the first promise: # kernels:"
    ]
    late = ("# only kernels: 6.1", "CONFIG_A=y", "", "# kernels: 6.12")
    # A promise for other kernels is one, too.
    assert mistakes(write(tmp_path, "a", *late))[0].startswith("4: stands once")


def test_what_to_do_with_a_fragment_for_other_kernels(tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        merged(write(tmp_path, "a", "# kernels: 6.12 or later"), "6.1")
    assert error.value.do.startswith("take a source of such a version")
    with pytest.raises(UserError) as error:
        merged(tmp_path / "none")
    assert error.value.do == "name a text file; the project's own are in configs/"


@pytest.mark.parametrize("text", [".12", "6.", "6.12 to 6.11", "before 6.12.1", "x6.12"])
def test_what_is_no_range(text: str) -> None:
    assert kernelrange.parse(text) is None


@pytest.mark.parametrize("version", ["next", "linux-6.12", ".12", "6."])
def test_a_version_that_is_none_is_before_all(version: str) -> None:
    for text, holds in (("before 0.1", True), ("6.12", False), ("0.1 or later", False)):
        found = kernelrange.parse(text)
        assert found is not None
        assert found.holds(version) is holds


# ---- wishes


def test_wishes_give_way_to_promises(tmp_path: Path) -> None:
    own = fragments.read([write(tmp_path, "own", "CONFIG_A=y", "# CONFIG_B is not set")], "6.12")
    wishes = write(tmp_path, "changed", "CONFIG_B=y", "CONFIG_C=y")
    told = own.above(wishes)
    assert [wish.symbol for wish in told.wishes] == ["C"]
    assert (told.wished_for, told.promises) == (("changed",), own.promises)
    assert told.text == "CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C=y\n"


# ---- whose fault it is


FRAGMENT = Path("mine.config")
RANGE = kernelrange.parse("6.1 or later")
PROMISES = [Promise("A", "y", FRAGMENT, 1), Promise("B", "n", FRAGMENT, 2, RANGE)]
ABSENT = Explained("A", None, ("AA", "AB"), chain=("A",))
OTHER = Explained("B", "y", ("B needs C",), chain=("B", "C"))
OF_ABSENT = [
    "mine.config:1: CONFIG_A=y promised, but the tree has no such symbol",
    "  like it: AA, AB",
    "  if a series adds it: does the stack have that series?",
]
OF_OTHER = [
    "mine.config:2: CONFIG_B=n promised, y found",
    "  said to hold for kernels 6.1 or later; this is Linux 6.12.3",
    "  B needs C",
]


@pytest.mark.parametrize(
    ("broken", "changed", "kind", "what", "where"),
    [
        (
            [ABSENT, OTHER], (), UserError,
            "The config does not fit this tree: 2 promises of 2 not kept, none by a change of the"
            " series.", [*OF_ABSENT, *OF_OTHER],
        ),
        (
            [OTHER], ("C",), CheckFailed, "The config cannot be met: 1 promise of 2 not kept.",
            OF_OTHER,
        ),
        (
            [ABSENT, OTHER], ("B",), CheckFailed,
            "The config cannot be met: 2 promises of 2 not kept.",
            [*OF_OTHER, "not by a change of the series:", *OF_ABSENT],
        ),
    ],
)  # fmt: skip
def test_whose_fault_it_is(
    broken: list[Explained],
    changed: tuple[str, ...],
    kind: type[Exception],
    what: str,
    where: list[str],
) -> None:
    error = configblame.error_for(broken, PROMISES, Change(frozenset(changed)), "6.12.3")
    assert (type(error), error.what, error.where.splitlines()) == (kind, what, where)
    assert error.do.endswith(f"drop the promise; {configblame.WHY}")


def test_a_symbol_that_the_fragment_says_is_there() -> None:
    promise = Promise("A", "y", FRAGMENT, 1, RANGE)
    error = configblame.error_for([ABSENT], [promise], Change(), "6.12.3")
    assert error.where.splitlines() == [OF_ABSENT[0], OF_OTHER[1], *OF_ABSENT[1:]]


def test_what_nothing_is_like() -> None:
    assert configblame.suggestion(Explained("A", None, ())) == "no symbol is called like it"
