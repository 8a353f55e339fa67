# SPDX-License-Identifier: GPL-2.0
"""What a fragment must say to have symbols on, found by kconfiglib."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kseries.compiled.enabling import _answer
from kseries.config import kconfig
from kseries.config.kconfig_enable import Enabler, _read

KCONFIG = """\
mainmenu "Test"

config BUS
	bool "Bus"

config ARCH_OTHER
	bool

config TEST
	bool "Compile test"

menuconfig NET
	bool "Network"

if NET
config DRIVER
	tristate "Driver"
	depends on BUS && (ARCH_OTHER || TEST)
	depends on OLD=n
endif

config OLD
	bool "Old"

config LIBRARY
	tristate

config FIRST
	bool "First"
	depends on NEVER
	select LIBRARY

config SECOND
	bool "Second"
	depends on BUS
	select LIBRARY if NET

config NEVER
	bool

config AUTO
	def_bool y
	depends on BUS

config FOLLOWS
	bool
	depends on NET
	default BUS if !NEVER

config IMPLIED
	bool
	depends on TEST

menuconfig IMPLIES
	bool "Implies"
	imply IMPLIED

config QUIET
	bool "Quiet" if !TEST
	default y

choice
	prompt "Model"
config MODEL_A
	bool "A"
config MODEL_B
	bool "B"
	depends on BUS
endchoice

config LOCKED
	bool "Locked"
	depends on !HELD

config HELD
	bool "Held"

config HOLDER
	bool "Holder"
	default y
	select HELD

config NUMBER
	int "Number"
	default 3
"""


@pytest.fixture(autouse=True)
def srctree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "Kconfig").write_text(KCONFIG)
    monkeypatch.setenv("srctree", str(tmp_path))
    return tmp_path


def load(srctree: Path, *lines: str) -> Any:
    (srctree / ".config").write_text("".join(f"{line}\n" for line in lines))
    return kconfig.load("Kconfig", srctree / ".config")


@pytest.mark.parametrize(
    ("wants", "lines"),
    [
        ("CONFIG_BUS=y", {"CONFIG_BUS=y"}),
        (
            "CONFIG_DRIVER=y",
            {
                "CONFIG_DRIVER=y",
                "CONFIG_NET=y",
                "CONFIG_BUS=y",
                "CONFIG_TEST=y",
                "# CONFIG_OLD is not set",
            },
        ),
        # Only selected: by what can be on, with its condition.
        (
            "CONFIG_LIBRARY=y",
            {"CONFIG_LIBRARY=y", "CONFIG_SECOND=y", "CONFIG_BUS=y", "CONFIG_NET=y"},
        ),
        # By its default.
        ("CONFIG_AUTO=y", {"CONFIG_AUTO=y", "CONFIG_BUS=y"}),
        # By a default that is another symbol; by who implies it, where what it depends on is on.
        ("CONFIG_FOLLOWS=y", {"CONFIG_FOLLOWS=y", "CONFIG_BUS=y", "CONFIG_NET=y"}),
        ("CONFIG_IMPLIED=y", {"CONFIG_IMPLIED=y", "CONFIG_IMPLIES=y", "CONFIG_TEST=y"}),
        ("CONFIG_MODEL_B=y", {"CONFIG_MODEL_B=y", "CONFIG_BUS=y"}),
        ("CONFIG_NET=y,CONFIG_BUS=y", {"CONFIG_NET=y", "CONFIG_BUS=y"}),
        ("# CONFIG_OLD is not set", {"# CONFIG_OLD is not set"}),
        # One is not with the other; nothing turns it on; somebody holds it; no switch; unknown.
        ("CONFIG_DRIVER=y,CONFIG_OLD=y", set()),
        ("CONFIG_FIRST=y", set()),
        ("CONFIG_LOCKED=y", set()),
        ("# CONFIG_HELD is not set", set()),
        ("CONFIG_NUMBER=y", set()),
        ("CONFIG_NOBODY=y", set()),
        ("CONFIG_BUS=y,CONFIG_NOBODY=y", set()),
    ],
)
def test_lines_that_meet_a_want(srctree: Path, wants: str, lines: set[str]) -> None:
    tree = load(srctree, "CONFIG_OLD=y")
    found = Enabler(tree).lines(*_read(wants))
    assert set(found) == lines
    if lines:
        # The proof: a config with these lines has what was wanted.
        kept = load(srctree, "CONFIG_OLD=y", *found)
        for name, on in _read(wants)[0].items():
            assert (kconfig.value_of(kept, name) == "y") == on


def test_a_module_may_depend_on_being_one(srctree: Path) -> None:
    with (srctree / "Kconfig").open("a") as file:
        file.write(
            'config MODULES\n\tbool "Modules"\n\tmodules\n'
            'config LOADED\n\ttristate "Loaded"\n\tdepends on m && BUS\n'
            'config EITHER\n\ttristate "Either"\n\tdepends on NET\n'
        )
    enabler = Enabler(load(srctree))
    assert enabler.lines(*_read("CONFIG_LOADED=y")) == []
    assert set(enabler.lines(*_read("CONFIG_MODULES=y,CONFIG_LOADED=m"))) == {
        "CONFIG_MODULES=y",
        "CONFIG_LOADED=m",
        "CONFIG_BUS=y",
    }
    found = enabler.lines(*_read("CONFIG_MODULES=y,CONFIG_EITHER=m"))
    assert "CONFIG_EITHER=m" in found
    # Without modules it is built in.
    assert "CONFIG_EITHER=y" in enabler.lines(*_read("CONFIG_EITHER=m"))


def test_answers_do_not_depend_on_those_before(srctree: Path) -> None:
    tree = load(srctree, "CONFIG_OLD=y", "# CONFIG_QUIET is not set")
    before = {symbol.name: symbol.str_value for symbol in tree.unique_defined_syms}
    enabler = Enabler(tree)
    first = enabler.lines({"DRIVER": True, "QUIET": True})
    assert enabler.lines({"DRIVER": True, "QUIET": True}) == first
    assert {symbol.name: symbol.str_value for symbol in tree.unique_defined_syms} == before


@pytest.mark.parametrize(
    ("output", "answer"),
    [
        (f'\n{kconfig.ANSWER_MARK}[["CONFIG_A=y"], []]\n', [["CONFIG_A=y"], []]),
        ("nothing\n", []),
        (f"{kconfig.ANSWER_MARK}not json\n", []),
        (f'{kconfig.ANSWER_MARK}[["CONFIG_A=y; rm -rf /"]]\n', []),
        (f'{kconfig.ANSWER_MARK}[["CONFIG_A=y\\n"]]\n', []),
    ],
)
def test_only_lines_of_a_fragment_are_taken_over(output: str, answer: list[list[str]]) -> None:
    assert _answer(output) == answer
