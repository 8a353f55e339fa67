# SPDX-License-Identifier: GPL-2.0
"""Rules of keeping results of programs one by one that one small change of a line would break."""

from __future__ import annotations

import os
from pathlib import Path

from kseries.lib.runfolder import RunFolder
from kseries.model import Case, ProgramResult, Status
from kseries.parse.marks import SECRET_BYTES
from kseries.test import checkpoint

PASSES = ProgramResult("demo", "long", Status.PASS, 0, 1.0, (Case("a", Status.PASS),))


def test_a_program_that_was_run_in_one_piece_keeps_its_log(tmp_path: Path) -> None:
    """By the time of their logs programs are put in order when tests go on."""
    run = RunFolder(tmp_path)
    log = run.test_log("demo", "long")
    log.parent.mkdir(parents=True)
    log.write_text("ok 1 a\n")
    os.utime(log, (5, 5))
    joined = checkpoint.join(run, PASSES)
    assert (joined.log, log.stat().st_mtime) == ("tests/demo/long.log", 5)
    assert list(checkpoint.shards(run)["demo/long"]) == [1]


def test_a_piece_that_was_cut_off_has_a_log_and_no_result(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    checkpoint.save(run, PASSES)
    for number in (1, 2):
        run.test_log("demo", "long", number).write_text(f"ok {number}\n")
    joined = checkpoint.join(run, PASSES)
    assert (tmp_path / joined.log).read_text() == "ok 1\nok 2\n"
    assert sorted(file.name for file in (tmp_path / "tests/demo").iterdir()) == [
        "long.json", "long.log"
    ]  # fmt: skip


def test_the_marks_of_a_run_are_made_once(tmp_path: Path) -> None:
    """A run that goes on has to know those of the first attempt."""
    run = RunFolder(tmp_path)
    made = checkpoint.marks(run)
    assert len(made.secret) == SECRET_BYTES
    assert checkpoint.marks(run) == made
    # One that was cut short could be guessed.
    (tmp_path / checkpoint.SECRET).write_bytes(made.secret[:1])
    again = checkpoint.marks(run)
    assert len(again.secret) == SECRET_BYTES
    assert again != made
    assert checkpoint.marks(run) == again


def test_logs_that_are_no_text_are_read(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.console().write_bytes(b"a\xffb\nc")
    assert checkpoint.consoles(run) == [[(0.0, "a\N{REPLACEMENT CHARACTER}b"), (0.0, "c")]]


def test_what_never_ran_has_a_result_and_no_log(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    result = ProgramResult("demo", "never", Status.MISSING, None, 0.0, problems=("not run",))
    checkpoint.save(run, result)
    assert checkpoint.collect(run).programs == (result,)
