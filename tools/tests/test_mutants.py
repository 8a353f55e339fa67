# SPDX-License-Identifier: GPL-2.0
"""Mutants: how they are written, chosen and judged; the check itself needs a machine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import kselftest_zcrx
from kselftest_zcrx import LAST_LEVEL, MUTANTS
from kselftest_zcrx.rules import RULES
from kseries.lib.errors import UserError
from kseries.model import (
    Case,
    EventKind,
    KernelEvent,
    MutantFate,
    MutantResult,
    ProgramResult,
    Status,
)
from kseries.mutants import mutants
from kseries.mutants.trial import reasons
from kseries.report.mutants import line, page

GOOD = """\
The lock is not released.

Whoever comes next waits
for ever.

Rule: R30, R33
---
diff --git a/f.c b/f.c
--- a/f.c
+++ b/f.c
@@ -1 +1 @@
-unlock();
+;
"""
ALL = mutants.read(MUTANTS)


def written(folder: Path, text: str, name: str = "lost-unlock") -> Path:
    (folder / f"{name}.patch").write_text(text)
    return folder


def program(status: Status, *cases: Case, name: str = "zcrx_register") -> ProgramResult:
    return ProgramResult("zcrx", name, status, 0, 1.0, cases)


def outcome(
    *programs: ProgramResult, events: tuple[KernelEvent, ...] = ()
) -> tuple[tuple[ProgramResult, ...], tuple[KernelEvent, ...], tuple[str, ...]]:
    return programs, events, ("the kernel did not boot: a panic",)


def test_a_mutant_is_read(tmp_path: Path) -> None:
    (read,) = mutants.read(written(tmp_path, GOOD))
    assert (read.name, read.title) == ("lost-unlock", "The lock is not released.")
    assert read.why == "Whoever comes next waits for ever."
    assert read.rules == ("R30", "R33")


@pytest.mark.parametrize(
    ("old", "new", "lack"),
    [
        ("---\ndiff", "diff", "a line `---`"),
        ("released.\n\n", "released.\n", "a first line"),
        ("Rule: R30, R33\n", "Rule: some\n", "a line `Rule:"),
        ("diff --git", "Index:", "a diff"),
    ],
)
def test_a_mutant_that_is_not_whole_is_refused(
    old: str, new: str, lack: str, tmp_path: Path
) -> None:
    assert old in GOOD
    with pytest.raises(UserError, match=re.escape(f"A mutant lacks {lack}")) as refusal:
        mutants.read(written(tmp_path, GOOD.replace(old, new)))
    assert "lost-unlock.patch" in str(refusal.value)


def test_mutants_are_chosen_by_parts_of_their_names(tmp_path: Path) -> None:
    written(tmp_path, GOOD, "one-lock")
    read = mutants.read(written(tmp_path, GOOD, "two-locks"))
    assert mutants.select(read, []) == read
    assert [mutant.name for mutant in mutants.select(read, ["two"])] == ["two-locks"]
    with pytest.raises(UserError, match="There is no mutant 'three'"):
        mutants.select(read, ["lock", "three"])


def test_there_are_enough_and_each_is_small() -> None:
    assert len(ALL) >= 40
    for mutant in ALL:
        text = mutant.patch.read_text()
        changed = re.findall(r"^[+-](?![+-]{2} )", text.partition("\n---\n")[2], re.MULTILINE)
        assert 1 <= len(changed) <= 6, mutant.name
        assert set(mutant.rules) <= set(RULES), mutant.name
        assert mutant.title.endswith("."), mutant.name
        assert re.fullmatch(r"[a-z0-9-]+", mutant.name)


def test_every_rule_that_a_mutant_breaks_is_tested_by_a_program() -> None:
    tested = frozenset().union(*kselftest_zcrx.rules(LAST_LEVEL).values())
    assert {rule for mutant in ALL for rule in mutant.rules} <= tested


def test_the_page_of_the_documentation_has_every_mutant() -> None:
    text = (Path(__file__).parents[2] / "docs" / "mutants.md").read_text()
    assert re.findall(r"^\| `([a-z0-9-]+)` \|", text, re.MULTILINE) == [m.name for m in ALL]


def test_a_green_outcome_has_no_reason() -> None:
    assert list(reasons(*outcome(program(Status.PASS, Case("a", Status.PASS))))) == []


def test_what_went_red_is_named() -> None:
    event = KernelEvent(EventKind.WARN, "WARNING at f", "f", 1, ("WARNING",), "zcrx/zcrx_recv")
    red = program(Status.FAIL, Case("a", Status.FAIL), Case("b", Status.PASS))
    left_out = ProgramResult("zcrx", "zcrx_recv", Status.MISSING, None, 0.0)
    assert list(reasons(*outcome(red, left_out, events=(event, event)))) == [
        "zcrx_register: a",
        "kernel log: WARNING at f, during zcrx/zcrx_recv",
    ]


def test_a_program_without_a_wrong_case_is_named_itself() -> None:
    assert list(reasons(*outcome(program(Status.TIMEOUT, Case("a", Status.PASS))))) == [
        "zcrx_register: timeout"
    ]


def test_a_kernel_that_does_not_boot_is_red() -> None:
    left_out = ProgramResult("zcrx", "zcrx_recv", Status.MISSING, None, 0.0)
    assert list(reasons(*outcome(left_out))) == ["the kernel did not boot: a panic"]


def test_a_mutant_without_a_result_was_not_tried(tmp_path: Path) -> None:
    written(tmp_path, GOOD, "a-x")
    read = mutants.read(written(tmp_path, GOOD, "b-x"))
    tried = MutantResult("b-x", "Wrong.", ("R1",), MutantFate.KILLED, ("c",), 1.0)
    results = mutants.with_untried(read, [tried])
    assert [result.fate for result in results] == [MutantFate.UNTRIED, MutantFate.KILLED]
    assert "There are 2, of which 1 were tried and 1 killed." in page(results)
    assert "| **not tried** |" in page(results)


def test_the_page_tells_of_each() -> None:
    by = ("zcrx_recv: a", "zcrx_recv: b", "zcrx_recv: c", "zcrx_recv: d")
    caught = MutantResult("b-x", "Wrong.", ("R1",), MutantFate.KILLED, by, 1.0)
    survived = MutantResult("a-x", "Wrong | too.", ("R2",), MutantFate.SURVIVED, (), 1.0)
    text = page([caught, survived])
    assert "\nThere are 2, of which 2 were tried and 1 killed.\n" in text
    assert text.endswith(
        "| `a-x` | Wrong \\| too. | R2 | **survived** |\n"
        "| `b-x` | Wrong. | R1 | `zcrx_recv: a`<br>`zcrx_recv: b`<br>`zcrx_recv: c`<br>"
        "and 1 more |\n"
    )
    assert line(caught) == "b-x: killed by zcrx_recv: a and 3 more"
    assert line(survived) == "a-x: survived: Wrong | too."
