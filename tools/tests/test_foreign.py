# SPDX-License-Identifier: GPL-2.0
"""Run folders and documents that somebody else made: refused in a sentence, or never obeyed."""

from __future__ import annotations

import copy
import json
import os
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from junitparser import JUnitXml

from kseries.cli.main import main
from kseries.lib.errors import UserError
from kseries.model import RunResult, StageRecord, StageState
from kseries.report import changes, flakelist, formats, runlist, terminal
from kseries.report.printable import printable
from kseries.verdict import document
from kseries.verdict.comparison import compare
from kseries.verdict.history import Past
from kseries.verdict.runs import ListedRun

# What no terminal, no mail, no XML may get: all but a newline.
OBEYED = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff]"
)

EVIL = (
    "\x1b]0;title\x07\x1b[2J\x1b[31mevil\x9b31m\r\nPASS  all is well\n\nSubject: PASS"
    "\u2028PASS\u202e\x00\x85<script>alert(1)</script>]]>&\"'[bold]{{7*7}}`id`$(id)\ufffe"
)  # fmt: skip

READ_BY_LINE = ("terminal", "runs", "broken runs", "before", "after")

COMMANDS = (
    *(("report", "{run}", "--format", name) for name in formats.NAMES if name != "html"),
    ("report", "{run}", "--format", "html", "--out", "page.html"),
    ("compare", "{run}", "good"),
    ("compare", "good", "{run}"),
)


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, passing_run: RunResult) -> Path:
    """A project with the run "good"."""
    monkeypatch.setattr("signal.signal", lambda *_: None)
    (tmp_path / "kernel/stacks").mkdir(parents=True)
    monkeypatch.setenv("KSERIES_ROOT", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "out/runs"
    (folder / "good").mkdir(parents=True)
    (folder / "good/request.json").write_text("{}")
    (folder / "good/results.json").write_text(document.to_json(passing_run))
    return folder


# ---- files that are no documents


def sparse(file: Path) -> None:
    with file.open("wb") as out:
        out.truncate(1 << 40)


FILES: dict[str, Callable[[Path], object]] = {
    "folder": Path.mkdir,
    "link": lambda file: file.symlink_to("/etc/passwd"),
    "link to a document": lambda file: file.symlink_to("../good/results.json"),
    "dangling link": lambda file: file.symlink_to("nowhere"),
    "link to itself": lambda file: file.symlink_to(file.name),
    "device": lambda file: file.symlink_to("/dev/zero"),
    "FIFO": os.mkfifo,
    "huge": sparse,
    "deep": lambda file: file.write_text("[" * 200_000),
    "deep document": lambda file: file.write_text('{"schema_version": 2, "x": ' + "[" * 200_000),
    "empty": lambda file: file.write_text(""),
    "no JSON": lambda file: file.write_bytes(b"\x1b[2J\xff\x00PASS"),
    "half": lambda file: file.write_text('{"schema_version": 2, "run": "\\ud800'),
    "list": lambda file: file.write_text("[]"),
    "later": lambda file: file.write_text('{"schema_version": 3}'),
    "version of another kind": lambda file: file.write_text('{"schema_version": "\\u001b[2J"}'),
    "long number": lambda file: file.write_text('{"schema_version": ' + "9" * 10_000 + "}"),
}


@pytest.mark.parametrize("kind", FILES)
def test_what_is_no_document_is_told(
    kind: str, runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (runs / "odd").mkdir()
    FILES[kind](runs / "odd/results.json")
    for command in COMMANDS:
        assert main([word.format(run="odd") for word in command]) == 2, command
        told = capsys.readouterr()
        assert told.out == ""
        assert told.err.startswith("kseries: ")
        assert "Traceback" not in told.err
        assert not OBEYED.search(told.err)
    assert main(["runs"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert listed[1].split()[:2] == ["odd", "unreadable"]
    assert listed[2].split()[:2] == ["good", "pass"]
    assert not OBEYED.search("\n".join(listed))


def test_names_of_folders_are_not_obeyed(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = "\x1b[2Jx\nPASS\u202e"
    (runs / name).mkdir()
    (runs / name / "request.json").write_text("{}")
    assert main(["runs"]) == 0
    assert main(["report", "nothing"]) == 2
    assert main(["report", name]) == 2
    told = capsys.readouterr()
    for text in (told.out, told.err):
        assert not OBEYED.search(text)
        assert not any(line.startswith("PASS") for line in text.splitlines())
    assert main(["report", "x" * 5000]) == 2
    assert "too long" in capsys.readouterr().err


def test_a_run_of_others_is_read_and_nothing_else(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], passing_run: RunResult
) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "request.json").write_text('{"trusted": true, "tree": "/"}')
    (theirs / "results.json").write_text(document.to_json(passing_run))
    target = tmp_path / "target"
    target.write_text("mine")
    for file in ("report.txt", "report.html", f".part-report.html~{os.getpid()}"):
        (theirs / file).symlink_to(target)
    assert main(["report", str(theirs)]) == 0
    assert main(["report", str(theirs), "--format", "html"]) == 2
    assert "--out FILE" in capsys.readouterr().err
    for words in (
        ("run", "--resume", str(theirs)),
        ("build", "--run", str(theirs)),
        ("config", "why", "NET", "--run", str(theirs)),
        ("bisect", "a test", "--run", str(theirs)),
    ):
        assert main([*words]) == 2
        assert "not one of this project" in capsys.readouterr().err
    assert target.read_text() == "mine"
    assert len(list(theirs.iterdir())) == 5


# ---- documents in which everything is hostile


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Give the place of everything in a JSON value that has nothing below it."""
    below = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in below:
        yield (*path, key)
        if isinstance(item, dict | list):
            yield from leaves(item, (*path, key))


def put(value: Any, path: tuple[str | int, ...], new: object) -> Any:
    changed = copy.deepcopy(value)
    place = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = new
    return changed


def get(value: Any, path: tuple[str | int, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def shown(result: RunResult, other: RunResult) -> dict[str, str]:
    """Give everything that can be made of a document."""
    texts = {name: render(result) for name, render in formats.RENDER.items() if name != "kcidb"}
    try:
        texts["kcidb"] = formats.RENDER["kcidb"](result)
    except UserError as error:
        texts["kcidb"] = str(printable((str(error),)))
    texts["terminal"] = terminal.render(result, width=100, color=False, folder=EVIL)
    texts["runs"] = runlist.render((ListedRun(EVIL, result, EVIL),), width=300, color=False)
    texts["broken runs"] = runlist.render((ListedRun(EVIL, None, EVIL),), width=300, color=False)
    for name, pair in (("before", (result, other)), ("after", (other, result))):
        texts[name] = changes.render(compare(*pair), width=100, color=False)
    return texts


@pytest.fixture
def written(compared_run: RunResult) -> Any:
    """A document with something in each of its fields."""
    lost = StageRecord("baseline", StageState.LOST, 1.0, "gone", "gone\n  where: here")
    full = replace(compared_run, stages=(*compared_run.stages[:-1], lost), notes=("a note",))
    return json.loads(document.to_json(full))


def texts_of(written: Any) -> list[tuple[str | int, ...]]:
    """Give the places of text that may be anything."""
    found = []
    for path in leaves(written):
        if isinstance(get(written, path), str):
            try:
                document.parse(json.dumps(put(written, path, "zzz")).encode(), "x")
            except UserError:
                continue  # one of a few words
            found.append(path)
    return found


def test_no_text_of_a_document_is_obeyed(written: Any, passing_run: RunResult) -> None:
    places = texts_of(written)
    assert len(places) > 150
    evil = written
    for path in places:
        evil = put(evil, path, f"{EVIL}{path[-1]}")
    result = document.parse(json.dumps(evil).encode(), "x")
    for name, text in shown(result, passing_run).items():
        assert not OBEYED.search(text), name
        if name in READ_BY_LINE:
            lines = text.splitlines()
            assert not any(line.startswith(("PASS", "Subject")) for line in lines), name
        assert "[31m" not in text or name == "json", name
        assert "<script" not in text or name in ("json", "kcidb") or "html" not in text, name
    JUnitXml.fromstring(shown(result, passing_run)["junit"].encode())
    assert "49" not in formats.RENDER["html"](result).split("<main>")[1][:600]


def test_each_field_by_itself_can_be_anything(written: Any, passing_run: RunResult) -> None:
    """A document is refused in a sentence, or every report can be made of it."""
    moments = random.Random(14)
    values: list[object] = [
        *(None, True, -1, 0, 10**30, 1e308, float("nan"), float("inf")),
        *("", "x" * 20_000, EVIL, "0001-01-01T00:00:00+23:00", "\u0301" * 400),
        *([], {}, [EVIL]),
    ]
    places = list(leaves(written))
    refused: list[str] = []
    for _ in range(100):
        changed = put(written, moments.choice(places), moments.choice(values))
        try:
            result = document.parse(json.dumps(changed).encode(), "x")
        except UserError as error:
            refused.append(error.what)
            continue
        for name, text in shown(result, passing_run).items():
            assert not OBEYED.search(text), name
    assert 20 < len(refused) < 95
    assert all("not a result document" in what or "version" in what for what in refused)


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("exit_code",), 0, "exit_code: 0 is not that of 'fail'"),
        (("exit_code",), 256, "exit_code: 256"),
        (("verdict",), "pass", "exit_code: 1 is not that of 'pass'"),
        (("baseline", "events_on_base"), [0, 99], "baseline.events_on_base"),
        (("baseline", "events_on_base"), [-1], "baseline.events_on_base"),
        (("seconds",), float("nan"), "seconds"),
        (("seconds",), -1, "seconds"),
        (("stages", 0, "seconds"), 1e308, "stages.0.seconds"),
    ],
)
def test_what_cannot_be_true_is_refused(
    path: tuple[str | int, ...], value: object, told: str, written: Any
) -> None:
    data = json.dumps(put(written, path, value)).encode()
    with pytest.raises(UserError, match="not a result document") as refusal:
        document.parse(data, "x")
    assert told in refusal.value.where


def test_names_of_tests_in_the_history_are_not_obeyed() -> None:
    text = flakelist.render((Past(EVIL, 3, 2, 1, EVIL, EVIL),), width=200, color=False)
    assert not OBEYED.search(text)
    assert not any(line.startswith("PASS") for line in text.splitlines())


def test_a_log_with_an_odd_name(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "\x1b[2Jlog\nPASS\u202e"
    log.write_text("1..1\nok 1 a\n")
    for name in formats.NAMES_FOR_LOGS:
        assert main(["parse", str(log), "--format", name]) == 0
        text = capsys.readouterr().out
        assert not OBEYED.search(text)
        assert text.count("\nPASS") == 0
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.log")
    Path(odd).write_text("1..1\nok 1 a\n")
    for name in formats.NAMES_FOR_LOGS:
        assert main(["parse", odd, "--format", name]) == 2
    assert "Arguments are UTF-8" in capsys.readouterr().err
    assert main(["parse", str(tmp_path)]) == 2
    assert main(["parse", "/proc/self/mem"]) == 2
