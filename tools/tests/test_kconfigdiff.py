# SPDX-License-Identifier: GPL-2.0
"""Which symbols a change of Kconfig files concerns."""

from __future__ import annotations

import pytest

from kseries.config.kconfigdiff import Change, compare

FILES = {
    "Kconfig": """\
mainmenu "Linux"
cc-option = $(success,$(CC) $(1))
source "net/Kconfig"
source "arch/$(SRCARCH)/Kconfig"

config NR_CPUS
	int "Number"
	range 2 64
	help
		As many as there are.

		config NO_SYMBOL
""",
    "net/Kconfig": """\
# networking
menuconfig NET
	bool "Networking"
	select GENERIC

if NET

choice
	prompt "One of"
	default ONE

config ONE
	bool "one"

config TWO
	bool "two"
endchoice

menu "More"
	depends on GENERIC

config MORE
	bool "more" if \\
		ONE
	default y
comment "nothing"
	depends on TWO
endmenu

source "net/deep/Kconfig"
endif

config GENERIC
	bool
""",
    "net/deep/Kconfig": "config DEEP\n\tbool\n",
    "arch/x86/Kconfig": "config X86\n\tdef_bool y\n\tselect NET\n\tselect GENERIC\n",
}


def changed(path: str, old: str, new: str) -> Change:
    assert old in FILES[path]
    after = {**FILES, path: FILES[path].replace(old, new)}
    return compare([path], FILES.get, after.get)


@pytest.mark.parametrize(
    ("path", "old", "new", "symbols"),
    [
        ("Kconfig", "range 2 64", "range 2 8", "NR_CPUS"),
        ("net/Kconfig", "\tdefault y\n", "", "MORE"),
        ("net/Kconfig", "ONE\n\tdefault y", "TWO\n\tdefault y", "MORE"),
        ("net/Kconfig", "default ONE", "default TWO", "ONE TWO"),
        ("net/Kconfig", "depends on GENERIC", "depends on DEEP", "MORE"),
        ("net/Kconfig", "if NET\n", "if BROKEN\n", "ONE TWO MORE DEEP"),
        ("net/Kconfig", "config GENERIC", "config OTHER", "GENERIC OTHER"),
        ("net/Kconfig", 'source "net/deep/Kconfig"\n', "", "DEEP"),
        ("Kconfig", 'source "arch/$(SRCARCH)/Kconfig"\n', "", "X86"),
        ("Kconfig", 'source "net/Kconfig"\n', "", "NET ONE TWO MORE DEEP GENERIC"),
        # Who selects a symbol decides about that, not about itself.
        ("arch/x86/Kconfig", "\tselect GENERIC\n", "", "GENERIC"),
        ("arch/x86/Kconfig", "select GENERIC", "imply GENERIC", "GENERIC"),
        ("arch/x86/Kconfig", "select NET\n", "select NET if MORE\n", "NET"),
        # What says nothing.
        ("Kconfig", "there are.", "there are, and more.", ""),
        ("Kconfig", "NO_SYMBOL", "NO_SYMBOL_EITHER", ""),
        ("net/Kconfig", "# networking\n", "\n\n", ""),
        ("net/Kconfig", '"More"', '"Less"', ""),
        ("net/Kconfig", "depends on TWO", "depends on ONE", ""),
        ("net/Kconfig", "if \\\n\t\tONE", "if ONE", ""),
    ],
)
def test_a_change_concerns(path: str, old: str, new: str, symbols: str) -> None:
    found = changed(path, old, new)
    assert found == Change(frozenset(symbols.split()))


def test_a_macro_concerns_everything() -> None:
    assert changed("Kconfig", "$(success,", "$(failure,").anything


def test_files_come_and_go() -> None:
    without = {path: text for path, text in FILES.items() if path != "net/deep/Kconfig"}
    deep = Change(frozenset({"DEEP"}))
    assert compare(["net/deep/Kconfig"], FILES.get, without.get) == deep
    assert compare(["net/deep/Kconfig"], without.get, FILES.get) == deep


def test_a_file_that_takes_itself_in_has_an_end() -> None:
    loop = {"Kconfig": 'source "Kconfig"\nsource "a"\n', "a": "config A\n\tbool\n"}
    assert compare(["Kconfig"], lambda _: None, loop.get).symbols == {"A"}


def test_an_unknown_chain_counts_for_the_series_that_changes_any_symbol() -> None:
    assert Change(frozenset({"A"})).concerns(())
    assert not Change().concerns(())
    assert not Change(frozenset({"A"})).concerns(("B",))
