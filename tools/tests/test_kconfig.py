# SPDX-License-Identifier: GPL-2.0
"""kconfiglib on Kconfig as today's kernels write it, and the chains that tell why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kseries.config import kconfig

KCONFIG = """\
mainmenu "Test"

menuconfig MODULES
	bool "Enable loadable module support"
	modules

config OLD_NAME
	bool
	transitional

config EXPERT
	bool "Expert"

config LEAF
	bool "Leaf" if EXPERT

config TOP
	def_bool y
	depends on LEAF && !SPOILER

config SPOILER
	bool "Spoiler"

config HELPER
	bool

config DRIVER
	bool "Driver"
	depends on LEAF if EXPERT # DRIVER is fine without EXPERT if LEAF is off
	select HELPER

config LONG
	bool "Long"
	depends on (LEAF || \\
		SPOILER) if EXPERT

config COUNT
	int "Count"
	range 2 LIMIT
	default 8

config LIMIT
	int
	default 64

choice
	prompt "Model"
	default MODEL_A
config MODEL_A
	bool "A"
config MODEL_B
	bool "B"
endchoice
"""


@pytest.fixture(autouse=True)
def srctree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "Kconfig").write_text(KCONFIG)
    monkeypatch.setenv("srctree", str(tmp_path))
    return tmp_path


def load(srctree: Path, *lines: str) -> Any:
    (srctree / ".config").write_text("".join(f"{line}\n" for line in lines))
    return kconfig.load("Kconfig", srctree / ".config")


def why(tree: Any, name: str) -> list[str]:
    return kconfig.why(tree.syms[name], set())


def test_statements_of_new_kernels_are_understood(srctree: Path) -> None:
    tree = load(srctree, "CONFIG_MODULES=y", "CONFIG_EXPERT=y", "CONFIG_DRIVER=y", "CONFIG_LONG=y")
    assert tree.modules.name == "MODULES"
    assert tree.modules.str_value == "y"
    assert kconfig.value_of(tree, "OLD_NAME") == "n"
    # EXPERT is on, so LEAF counts.
    assert kconfig.value_of(tree, "DRIVER") == "n"
    assert kconfig.value_of(tree, "LONG") == "n"
    without = load(srctree, "CONFIG_DRIVER=y", "CONFIG_LONG=y")
    assert kconfig.value_of(without, "DRIVER") == "y"
    assert kconfig.value_of(without, "LONG") == "y"


def test_rewriting_keeps_line_numbers() -> None:
    text = KCONFIG.replace("depends on LEAF && !SPOILER", "depends on A if B && \\\n\t\tC")
    assert kconfig.rewrite(text).count("\n") == text.count("\n")
    # What looks like a statement in a comment or help text is no condition.
    untouched = "\tdepends on A || !A # not if B\n\t  Say Y if unsure.\n"
    assert kconfig.rewrite(untouched) == untouched


def test_chain_down_to_what_a_user_can_set(srctree: Path) -> None:
    tree = load(srctree, "CONFIG_SPOILER=y")
    assert why(tree, "TOP") == [
        "TOP = n (needs LEAF and !SPOILER)",
        "  bool, no prompt, defined at Kconfig:17",
        "  depends on LEAF [=n] && !SPOILER [=y]",
        "  default y",
        "  LEAF = n (needs EXPERT)",
        '    bool, "Leaf", defined at Kconfig:14',
        "    prompt only if EXPERT [=n]",
        "    EXPERT = n (can be set: CONFIG_EXPERT=y)",
        '      bool, "Expert", defined at Kconfig:11',
        "  SPOILER = y (set in the config)",
        '    bool, "Spoiler", defined at Kconfig:21',
    ]


def test_symbol_that_can_only_be_selected(srctree: Path) -> None:
    assert why(load(srctree), "HELPER") == [
        "HELPER = n (cannot be set, only selected)",
        "  bool, no prompt, defined at Kconfig:24",
        "  selected by DRIVER = n (can be set: CONFIG_DRIVER=y)",
    ]
    assert why(load(srctree, "CONFIG_DRIVER=y"), "HELPER")[0] == ("HELPER = y (selected by DRIVER)")


def test_numbers_and_choices(srctree: Path) -> None:
    tree = load(srctree, "CONFIG_COUNT=100")
    assert kconfig.value_of(tree, "COUNT") == "8"
    assert why(tree, "COUNT") == [
        "COUNT = 8 (can be set: CONFIG_COUNT=…)",
        '  int, "Count", defined at Kconfig:37',
        "  range 2 LIMIT [=64]",
    ]
    assert why(tree, "MODEL_B")[0] == "MODEL_B = n (its choice has MODEL_A)"


def test_each_symbol_is_told_once_even_in_a_circle(srctree: Path) -> None:
    (srctree / "Kconfig").write_text(
        "config A\n\tbool\n\tdepends on B && C\n\tdefault y\n"
        "config B\n\tbool\n\tdefault y if C\n"
        'config C\n\tbool "C"\n'
    )
    lines = why(load(srctree), "A")
    assert [line.strip() for line in lines if " = " in line] == [
        "A = n (needs B and C)",
        "B = n (needs C)",
        "C = n (can be set: CONFIG_C=y)",
    ]


def test_alternatives(srctree: Path) -> None:
    (srctree / "Kconfig").write_text(
        "config A\n\tdef_bool y\n\tdepends on (B || C && UNKNOWN)\n"
        "\tdepends on !(D && E)\n\tdepends on B || D || E || D\n"
        'config B\n\tbool "B"\nconfig C\n\tbool "C"\n'
        'config D\n\tbool "D"\nconfig E\n\tbool "E"\n'
    )
    assert why(load(srctree), "A")[0] == "A = n (needs (B or (C and UNKNOWN)) and (B or D or E))"
    both = why(load(srctree, "CONFIG_D=y", "CONFIG_E=y", "CONFIG_B=y"), "A")
    assert [line.strip() for line in both if " = " in line] == [
        "A = n (needs !D or !E)",
        "D = y (set in the config)",
        "E = y (set in the config)",
    ]


def test_answer(srctree: Path) -> None:
    tree = load(srctree, "CONFIG_EXPERT=y")
    promises = (("EXPERT", "y"), ("LEAF", "y"), ("SPOILR", "n"), ("SPOILER", "n"), ("COUNT", "8"))
    told = kconfig.answer(tree, promises, ("EXPERT",))
    assert [item[:2] for item in told["broken"]] == [["LEAF", "n"], ["SPOILR", None]]
    assert told["broken"][1][2] == ["SPOILER"]
    assert told["broken"][1][3] == ["SPOILR"]
    assert told["why"] == [["EXPERT", "y", why(tree, "EXPERT"), ["EXPERT"]]]


def test_program(
    srctree: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (srctree / "Kconfig").write_text("config A\n\tbool\n\tdefault $(FROM_MAKE)\n")
    (srctree / ".config").write_text("")
    (srctree / "promises").write_text('[["A", "n"]]')
    monkeypatch.setenv("FROM_MAKE", "n")  # restored afterwards
    (srctree / "env").write_text("FROM_MAKE=y\0MAKEFLAGS=rR\0")
    files = [str(srctree / name) for name in ("env", ".config", "promises")]
    assert kconfig.main(files) == 0
    out = capsys.readouterr().out
    assert json.loads(out.split(kconfig.ANSWER_MARK)[1])["broken"][0][:2] == ["A", "y"]


def test_program_tells_what_it_does_not_understand(
    srctree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (srctree / "Kconfig").write_text("config A\n\tnew_statement\n")
    for name in ("env", ".config", "promises"):
        (srctree / name).write_text("")
    assert kconfig.main([str(srctree / name) for name in ("env", ".config", "promises")]) == 0
    told = json.loads(capsys.readouterr().out.split(kconfig.ANSWER_MARK)[1])
    assert list(told) == ["error"]
    assert "Kconfig:2" in told["error"]
