# SPDX-License-Identifier: GPL-2.0
"""What is sent to the peer runs there, ends in time, and leaves no file behind."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import pytest

from kseries.bench import nicfacts, nicrun
from kseries.hardware.probe import Facts
from tests.nicfacts import told

SAYS = b'#!/bin/sh\necho "ran $*"; ls /var/tmp\n'


def left() -> list[str]:
    return [file.name for file in Path("/var/tmp").glob("kseries.*")]


def sent(program: bytes, limit_s: float) -> subprocess.CompletedProcess[bytes]:
    script = nicrun._SEND.format(limit=limit_s, words="--connect 192.0.2.1 --seconds 3")
    return subprocess.run(
        ["sh", "-c", script], input=io.BytesIO(program).read(), capture_output=True, timeout=30
    )


def test_the_program_runs_as_a_file_that_is_gone() -> None:
    before = left()
    done = sent(SAYS, 20)
    assert done.returncode == 0
    first, *there = done.stdout.decode().splitlines()
    assert first == "ran --connect 192.0.2.1 --seconds 3"
    assert [name for name in there if name.startswith("kseries.")] == before
    assert left() == before


def test_a_sender_that_does_not_end_is_ended() -> None:
    done = sent(b"#!/bin/sh\nexec sleep 1000\n", 1)
    assert done.returncode == 124


def test_an_error_of_the_program_is_that_of_the_command() -> None:
    done = sent(b"#!/bin/sh\necho no route >&2; exit 1\n", 20)
    assert (done.returncode, done.stdout) == (1, b"no route\n")


def test_answers_to_several_scripts_are_put_together() -> None:
    asked: list[int] = []

    def ask(questions: object) -> Facts:
        asked.append(len(asked))
        return told(kernel="6.12") if len(asked) == 1 else told(guest="none")

    facts = nicfacts.together(ask, nicfacts.DUT)
    assert (facts.text("kernel"), facts.text("guest")) == ("6.12", "none")
    assert len(asked) == len(nicfacts.DUT)


@pytest.mark.parametrize("group", nicfacts.DUT)
def test_no_question_is_asked_twice_in_a_script(group: tuple[object, ...]) -> None:
    names = [question.name for question in group]  # type: ignore[attr-defined]
    assert len(names) == len(set(names))
