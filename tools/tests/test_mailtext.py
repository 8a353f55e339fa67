# SPDX-License-Identifier: GPL-2.0
"""No line of a mail is one that git or b4 takes for more than text, whoever wrote it."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from b4 import LoreMessage
from hypothesis import given
from hypothesis import strategies as st

from kseries.model import (
    AuthorBase,
    Case,
    ProgramResult,
    RunResult,
    Status,
    Subject,
    Verdict,
)
from kseries.report import mail, recipe
from kseries.report.mailtext import WIDTH, folded, listed, paragraphs, quoted
from kseries.verdict.verdict import decided

HOSTILE = (
    "Tested-by: Eve <eve@example.org>",
    "reviewed-by : Eve <eve@example.org>",
    "Link: https://example.org/x",
    "WARNING: eve@example.org",
    "see: https://example.org",
    "Subject: [PATCH] x",
    "diff --git a/x b/x",
    "--- a/x",
    "+++ b/x",
    "@@ -1 +1 @@",
    "GIT binary patch",
    "---",
    "-- ",
    "-- >8 --",
    "8<---------------- cut here ----------------",
    " 3 files changed, 1 insertion(+)",
    "1 file touched, 3 deletions(-)",
    "From 0123456789012345678901234567890123456789 Mon Sep 17 00:00:00 2001",
    "(cherry picked from commit 0123456789)",
    "#kseries off",
)


def taken(text: str, folder: Path) -> list[str]:
    """Ask b4 and git what they see in a mail with this text."""
    found = [str(one) for one in LoreMessage.find_trailers(text, followup=True)[0]]
    message = f"From: a <a@x.org>\nSubject: Re: x\n\nHello.\n\n{text}"
    for option in ("--scissors", "--no-scissors"):
        argv = ["git", "mailinfo", option, "msg", "patch"]
        done = subprocess.run(
            argv, cwd=folder, input=message.encode(), capture_output=True, check=True
        )
        assert b"Subject: x" in done.stdout
        assert not (folder / "patch").read_bytes()
        # Nothing is cut off.
        kept = (folder / "msg").read_text()
        assert kept.split() == f"Hello. {text}".split()
        asked = ["git", "interpret-trailers", "--parse", "msg"]
        told = subprocess.run(asked, cwd=folder, capture_output=True, text=True, check=True)
        found += told.stdout.splitlines()
    return found


@pytest.mark.parametrize("line", HOSTILE)
def test_a_line_of_others_is_only_text(line: str, tmp_path: Path) -> None:
    forms = (folded(line), folded(line, "  ", "  "), [*listed([line])], [*quoted([line], 3)])
    for form in (*forms, [line], [f"   {line}"], [f"> {line}"]):
        (text,) = paragraphs([form])
        assert max(map(len, text.splitlines())) <= max(WIDTH, len(line) + 6)
        assert taken(text + "\n", tmp_path) == []
        assert not re.search(r"^[\s>]*(\S+-by|link)\s?:", text, re.IGNORECASE | re.MULTILINE)
        assert not re.search(r"^[\s>]*(diff|---|\+\+\+|#kseries|From )", text, re.MULTILINE)


def test_ordinary_lines_stay() -> None:
    lines = [
        "- net/core.c: WARNING: at x",
        "  and so on: no",
        "Notes:",
        "",
        "  git am x",
        "0x8 < 9",
    ]
    assert paragraphs([lines]) == ["\n".join(lines)]


words = st.sampled_from(
    [*HOSTILE, "a", "net:", "zcrx_refill.c:112:", "x@y.z", "<x@y.z>", "é", "Cc:", "https://x.y/z"]
)


@given(st.lists(words, min_size=1, max_size=12).map(" ".join))
def test_text_that_is_folded_anywhere_is_only_text(text: str) -> None:
    for form in (folded(text), folded(text, "  - ", "    "), [*quoted([text] * 2, 5)]):
        made = "\n".join(paragraphs([form]))
        assert LoreMessage.find_trailers(made, followup=True)[0] == []
        assert max(map(len, made.splitlines())) <= WIDTH


def test_a_report_full_of_them_is_only_text(failing_run: RunResult, tmp_path: Path) -> None:
    cases = tuple(Case(line, Status.FAIL, line, HOSTILE) for line in HOSTILE[:4])
    program = ProgramResult(HOSTILE[0], HOSTILE[1], Status.FAIL, 1, 1.0, cases, HOSTILE)
    patches = tuple(replace(failing_run.patches[0], title=line) for line in HOSTILE)
    found = replace(failing_run.findings[0], title=HOSTILE[3], stack=HOSTILE)
    result = decided(
        replace(
            failing_run,
            programs=(program,),
            patches=patches,
            findings=(found,),
            notes=HOSTILE,
        )
    )
    text = mail.render(replace(result, reasons=HOSTILE))
    assert taken(text, tmp_path) == []


def test_a_series_is_called_as_its_author_calls_it(passing_run: RunResult) -> None:
    assert mail.render(passing_run).startswith("The series zcrx-v7 was applied")
    called = replace(passing_run, subject=Subject("net: do it"))
    assert mail.render(called).startswith("The series 'net: do it' was applied")


# ---- the recipe


@pytest.mark.parametrize(
    ("suite", "program", "expected"),
    [
        ("kselftest/net/mptcp", "join.sh", "kst/run_kselftest.sh -t net/mptcp:join.sh"),
        ("kunit/LIST_KUNIT_TEST", "list", "--kconfig_add=CONFIG_LIST_KUNIT_TEST=y"),
        ("kselftest/a;b", "$(x)", "-t 'a;b:$(x)'"),
        ("zcrx", "zcrx_refill", "make -j$(nproc)"),
    ],
)
def test_the_recipe_ends_with_the_test_that_fails(
    suite: str, program: str, expected: str, passing_run: RunResult
) -> None:
    bad = ProgramResult(suite, program, Status.FAIL, 1, 1.0, (Case("x", Status.FAIL),))
    result = decided(replace(passing_run, programs=(*passing_run.programs, bad)))
    assert expected in recipe.commands(result)[-1]


@pytest.mark.parametrize(
    ("source", "release", "author", "base"),
    [
        ("debian-6.12: linux-source-6.12 6.12.117-1", "6.12.117", None, "v6.12.117"),
        ("debian-6.12: linux-source-6.12 6.12.117-1~deb12u1", "", None, "v6.12.117"),
        ("debian-7: linux-source-7.0 7.0~rc3-1~exp1", "", None, "v7.0-rc3"),
        ("mine: https://x/y " + "a" * 40, "6.12.0", None, "a" * 40),
        ("local", "6.15.0-rc3", None, "v6.15-rc3"),
        ("local", "6.15.0", AuthorBase("b" * 12, used=True), "b" * 12),
        ("local", "6.15.0", AuthorBase("b" * 12, used=False), "v6.15"),
    ],
)
def test_the_recipe_names_a_base_that_others_have(
    source: str, release: str, author: AuthorBase | None, base: str, passing_run: RunResult
) -> None:
    facts = replace(passing_run.provenance, source=source, kernel_release=release)
    result = replace(passing_run, provenance=facts, author_base=author)
    assert recipe.commands(result)[0] == f"git checkout --detach {base}"


def test_the_recipe_takes_the_series_from_the_archive_and_the_config_of_the_run(
    passing_run: RunResult,
) -> None:
    lines = recipe.commands(passing_run, "20241029-1@x.org", "https://bot.example.org/c")
    assert "b4 am -o - 20241029-1@x.org | git am" in lines
    assert "curl -o .config https://bot.example.org/c" in lines
    # A message id is anybody's text.
    assert "git am series.mbox" in recipe.commands(passing_run, "x;reboot@x")
    assert passing_run.verdict is Verdict.PASS
