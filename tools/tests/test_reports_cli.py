# SPDX-License-Identifier: GPL-2.0
"""The commands that show what there is: report, runs, compare, parse, schema."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from junitparser import JUnitXml

from kseries.cli.main import main
from kseries.model import RunResult, Status
from kseries.report import formats
from kseries.verdict import document
from kseries.verdict.verdict import decided

RUNNER = Path(__file__).parent / "data" / "ktap" / "runner.log"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def runs(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    passing_run: RunResult,
    failing_run: RunResult,
) -> Path:
    """A project with two runs, "good" and "bad", and one that was only begun."""
    monkeypatch.setattr("signal.signal", lambda *_: None)
    (tmp_path / "kernel/stacks").mkdir(parents=True)
    monkeypatch.setenv("KSERIES_ROOT", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "out/runs"
    for name, result in (("good", passing_run), ("bad", failing_run), ("begun", None)):
        (folder / name).mkdir(parents=True)
        (folder / name / "request.json").write_text("{}")
        if result is not None:
            text = document.to_json(replace(result, run=name))
            (folder / name / "results.json").write_text(text)
    (folder / "latest").symlink_to("bad")
    return folder


@pytest.mark.parametrize("name", formats.NAMES)
def test_report_in_each_format(
    name: str, runs: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "report"
    assert main(["report", "good", "--format", name, "--out", str(out)]) == 0
    assert capsys.readouterr().out == "report\n"
    text = out.read_text()
    assert "zcrx-v7" in text or name == "junit"
    assert main(["report", "bad", "--format", name]) == 1  # the code tells the verdict
    printed = capsys.readouterr().out
    if name == "html":
        assert printed == "out/runs/bad/report.html\n"
        assert "<!DOCTYPE html>" in (runs / "bad/report.html").read_text()
    else:
        assert "zcrx_lifetime" in printed


def test_out_replaces_files_and_nothing_else(
    runs: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    pipe, link, file = tmp_path / "pipe", tmp_path / "link", tmp_path / "file"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    assert main(["report", "good", "--format", "mail", "--out", str(pipe)]) == 0
    assert b"It passes." in os.read(reader, 1 << 16)
    os.close(reader)
    assert pipe.is_fifo()
    file.write_text("old")
    link.symlink_to(file)
    assert main(["report", "good", "--format", "mail", "--out", str(link)]) == 0
    assert link.is_symlink()
    assert "It passes." in file.read_text()
    assert main(["report", "good", "--out", str(tmp_path)]) == 2
    assert "is a file" in capsys.readouterr().err


def test_report_of_the_latest_run_on_the_terminal(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report"]) == 1
    text = capsys.readouterr().out
    assert text.startswith("FAIL  zcrx-v7")


def test_json_is_the_document(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["report", "bad", "--format", "json"])
    assert json.loads(capsys.readouterr().out) == json.loads(
        (runs / "bad/results.json").read_text()
    )


def test_a_document_of_another_version_is_refused(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (runs / "good/results.json").write_text('{"schema_version": 7}')
    for words in (["report", "good"], ["compare", "bad", "good"]):
        assert main(words) == 2
        assert "version 7" in capsys.readouterr().err
    assert main(["report", "begun"]) == 2
    assert "no result document" in capsys.readouterr().err


def test_runs(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (runs / "broken").mkdir()
    (runs / "broken/results.json").write_text("{")
    assert main(["runs"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[1:5]] == [
        ["good", "pass"], ["broken", "unreadable"], ["begun", "unreadable"], ["bad", "fail"]
    ]  # fmt: skip


def test_compare(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "good", "bad"]) == 1
    assert "Newly failing" in capsys.readouterr().out
    assert main(["compare", "bad", "good"]) == 0
    assert main(["compare", "bad"]) == 0  # with the latest, which is itself
    assert main(["compare", "bad", "nothing"]) == 2
    with pytest.raises(SystemExit):
        main(["compare", "good", "bad", "--factor", "1"])


def test_parse(
    runs: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["parse", str(RUNNER)]) == 1
    assert "FAIL  demo/harness" in capsys.readouterr().out
    packed = io.TextIOWrapper(io.BytesIO(gzip.compress(b"1..1\nok 1 a\n")))
    monkeypatch.setattr("sys.stdin", packed)
    assert main(["parse", "-"]) == 0
    assert capsys.readouterr().out.startswith("PASS  standard input")
    assert main(["parse", str(RUNNER), "--format", "junit"]) == 1
    assert JUnitXml.fromstring(capsys.readouterr().out.encode()).failures
    assert main(["parse", str(RUNNER), "--format", "html", "--out", "log.html"]) == 1
    assert "demo/harness" in (tmp_path / "log.html").read_text()
    assert main(["parse", "nothing.log"]) == 2
    with pytest.raises(SystemExit):
        main(["parse", str(RUNNER), "--format", "kcidb"])


def test_parse_to_json_gives_a_document(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["parse", str(RUNNER), "--format", "json"])
    result = document.parse(capsys.readouterr().out.encode(), "x")
    assert decided(result) == result
    assert result.programs[0].status is Status.FAIL


def test_schema(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    assert capsys.readouterr().out == (ROOT / "docs/results-3.schema.json").read_text()


def test_other_commands_do_not_wait_for_kcidb_io() -> None:
    code = "import sys, kseries.cli.main; print('kcidb_io' in sys.modules)"
    argv = [sys.executable, "-c", code]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "tools")}
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
