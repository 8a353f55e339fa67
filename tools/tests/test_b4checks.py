# SPDX-License-Identifier: GPL-2.0
"""What b4 gets to see of stored results: by b4 itself, and what a result means to it."""

from __future__ import annotations

import base64
import json
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kseries.model import PatchState, RunResult, StageRecord, StageState, Suspect, Verdict
from kseries.report import b4check
from kseries.series import patchid
from tests.toyproject import ToyProject, git, set_up

B4 = (sys.executable, "-m", "b4.command")

# b4 review has no door but its screen, so what the screen calls is called.
REVIEW = """\
import json, sys
from email import message_from_bytes
from b4.review import checks
kind, command, *files = sys.argv[1:]
mails = [message_from_bytes(open(file, "rb").read()) for file in files]
if kind == "series":
    found = checks._run_external_cmd(checks.parse_cmd(command), mails[0], ".")
else:
    found = [checks._run_external_cmd(checks.parse_cmd(command), mail, ".") for mail in mails]
print(json.dumps(found))
"""


@pytest.fixture
def toyproject(tmp_path: Path, toy_kernel: Path) -> ToyProject:
    return set_up(tmp_path / "project", toy_kernel)


def command(kind: str) -> str:
    return shlex.join((sys.executable, "-m", "kseries", "b4", kind))


def review(toyproject: ToyProject, kind: str, *files: Path) -> Any:
    """Have b4 run the command as its review does; give what it makes of the answers."""
    done = subprocess.run(
        [sys.executable, "-c", REVIEW, kind, command(kind), *files],
        cwd=toyproject.kernel,
        env=toyproject.environment,
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(done.stdout)


def test_review_gets_what_a_run_has_found(toyproject: ToyProject) -> None:
    folder = toyproject.series("two", ("net/core.c", "\n", "\n/* a */\n"), ("net/core.c", "a", "b"))
    first, second = sorted(folder.glob("*.patch"))
    assert review(toyproject, "patch", first, second) == [[], []]  # nothing that it would keep
    code, output = toyproject.kseries("run", "--series", "two", "--until", "apply")
    assert code == 0, output
    (one,), (two,) = review(toyproject, "patch", first, second)
    assert (one["tool"], one["status"]) == ("kseries", "warn")
    assert one["summary"].startswith("the series: APPLIES")
    assert two == one
    # The same patch, posted again: another date, another id of the mail.
    again = first.read_text().replace("Date: ", "Message-ID: <v2@x>\nDate: Mon, 1 Jan 2024 ")
    (toyproject.root / "again.eml").write_text(again)
    assert review(toyproject, "patch", toyproject.root / "again.eml") == [[one]]
    # Another patch, though it is called alike.
    (toyproject.root / "other.eml").write_text(first.read_text().replace("+/* a */", "+/* c */"))
    assert review(toyproject, "patch", toyproject.root / "other.eml") == [[]]


def test_the_patch_that_does_not_apply_is_the_one_that_fails(toyproject: ToyProject) -> None:
    folder = toyproject.series("two", ("net/core.c", "\n", "\n/* a */\n"), ("net/core.c", "a", "b"))
    first, second = sorted(folder.glob("*.patch"))
    second.write_text(second.read_text().replace("-/*", "-/* never */ /*"))
    code, _ = toyproject.kseries("run", "--series", "two", "--until", "apply")
    assert code == 1
    (one,), (two,) = review(toyproject, "patch", first, second)
    assert (one["status"], two["status"]) == ("warn", "fail")
    assert "does not apply" in two["summary"]


def test_a_cover_letter_is_known_by_its_id(toyproject: ToyProject) -> None:
    (patch,) = toyproject.patch("two", "net/core.c", "\n", "\n/* a */\n").glob("*.patch")
    cover = "From: A <a@x>\nMessage-ID: <cover@x>\nSubject: [PATCH 0/1] two\n\nWhy.\n"
    reply = "Message-ID: <one@x>\nIn-Reply-To: <cover@x>\nSubject: [PATCH 1/1]"
    mails = (cover, patch.read_text().replace("Subject: [PATCH]", reply))
    start = "From mboxrd@z Thu Jan  1 00:00:00 1970\n"
    mbox = toyproject.root / "two.mbox"
    mbox.write_text("\n".join(f"{start}{mail}" for mail in mails))
    (toyproject.root / "cover.eml").write_text(cover)
    code, output = toyproject.kseries("run", "--series", str(mbox), "--until", "apply")
    assert code == 0, output
    (told,) = review(toyproject, "series", toyproject.root / "cover.eml")
    assert told["summary"].startswith("APPLIES")
    assert "base commit" in told["details"]
    (toyproject.root / "v2.eml").write_text(cover.replace("cover@x", "cover-2@x"))
    assert review(toyproject, "series", toyproject.root / "v2.eml") == []


def test_prep_takes_nothing_unknown_for_a_pass(toyproject: ToyProject) -> None:
    kernel = toyproject.kernel
    base = git(kernel, "rev-parse", "HEAD").strip()
    git(kernel, "config", "user.name", "A")
    git(kernel, "config", "user.email", "a@x")
    git(kernel, "config", "b4.prep-perpatch-check-cmd", command("prep"))

    def b4(*words: str) -> str:
        done = subprocess.run(
            [*B4, *words],
            cwd=kernel,
            env=toyproject.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    b4("prep", "--new", "topic", "--fork-point", base)
    (kernel / "net/core.c").write_text(f"{(kernel / 'net/core.c').read_text()}/* prep */\n")
    git(kernel, "commit", "--quiet", "--all", "--message=net: say so\n\nWhy.")
    assert "Success: 0, Warning: 1" in (said := b4("prep", "--check")), said
    assert "no run has a verdict" in said
    git(kernel, "format-patch", "--quiet", "-1", f"--output-directory={toyproject.root}/patches/x")
    git(kernel, "checkout", "--quiet", base)
    assert toyproject.kseries("run", "--series", "x", "--until", "apply")[0] == 0
    git(kernel, "checkout", "--quiet", "b4/topic")
    said = b4("prep", "--check", "--no-cache")
    assert "the series: APPLIES" in said


# ---------------------------------------------------------------- what a result means


def told(text: str) -> dict[str, str]:
    (found,) = json.loads(text)
    assert isinstance(found, dict)
    return found


def test_of_a_pass_nothing_is_said(passing_run: RunResult) -> None:
    assert told(b4check.series(passing_run))["status"] == "pass"
    assert told(b4check.patch(passing_run, 1))["status"] == "pass"
    assert b4check.prep(passing_run, 1) == ""
    assert b4check.prep(None, 0).startswith("WARNING: no run has a verdict")


def test_a_failure_is_charged_to_the_patch_that_is_known_for_it(failing_run: RunResult) -> None:
    assert told(b4check.series(failing_run))["status"] == "fail"
    (own, *_) = failing_run.patches
    blamed = replace(
        failing_run,
        under_test=own.series,
        findings=tuple(
            replace(one, suspect=Suspect(own.series, 3, "x", "1" * 40, "a.c:7 in f"))
            for one in failing_run.findings
        ),
        stages=(
            *failing_run.stages,
            StageRecord("patches", StageState.FAILED, summary="patch 4 of 9, 'y', does not build"),
        ),
    )
    assert "wrote a.c:7 in f" in told(b4check.patch(blamed, 3))["summary"]
    fourth = told(b4check.patch(blamed, 4))
    assert (fourth["status"], fourth["summary"]) == ("fail", "patch 4 of 9, 'y', does not build")
    assert b4check.prep(blamed, 4).startswith("ERROR: patch 4 of 9")
    other = told(b4check.patch(blamed, 5))
    assert other["status"] == "warn"
    assert other["summary"].startswith("the series: FAIL")
    assert "patch 4 of 9" in other["summary"]


def test_a_patch_that_the_base_has(passing_run: RunResult) -> None:
    (first, *rest) = passing_run.patches
    there = replace(first, state=PatchState.IN_BASE, found_as="1a2b3c4d")
    result = replace(passing_run, under_test=first.series, patches=(there, *rest))
    found = told(b4check.patch(result, first.index))
    assert (found["status"], found["summary"]) == ("warn", "is in the base already, as 1a2b3c4d")


@pytest.mark.parametrize(
    ("verdict", "status"),
    [(Verdict.PASS, "pass"), (Verdict.PARTIAL, "warn"), (Verdict.FAIL, "fail")],
)
def test_what_is_not_done_is_no_pass(passing_run: RunResult, verdict: Verdict, status: str) -> None:
    assert told(b4check.series(replace(passing_run, verdict=verdict)))["status"] == status


@pytest.mark.parametrize("encoding", ["8bit", "base64"])
def test_a_mail_is_found_however_it_is_encoded(tmp_path: Path, encoding: str) -> None:
    diff = "diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -0,0 +1 @@\n+ä\n"
    body = f"Why.\n\n---\n a | 1 +\n\n{diff}--\n2.39\n"
    coded = base64.encodebytes(body.encode()) if encoding == "base64" else body.encode()
    head = (
        "From: A <a@x>\nSubject: [PATCH] a\nMessage-ID: <1@x>\n"
        f"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: {encoding}\n\n"
    )
    found = patchid.identify(head.encode() + coded, "x")
    (tmp_path / "diff").write_text(diff)
    assert found == patchid.Identity("1@x", patchid.of_file(tmp_path / "diff"))
    assert len(found.patch_id) == 40
