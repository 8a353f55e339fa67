# SPDX-License-Identifier: GPL-2.0
"""Rules of a run's folder that one small change of a line would break."""

from __future__ import annotations

import datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from pydantic import TypeAdapter

from kseries.lib import runfolder
from kseries.lib.errors import UserError
from kseries.lib.runfolder import REQUEST, RESULTS, RunFolder, to_json
from kseries.names import LATEST

TEXT: TypeAdapter[dict[str, str]] = TypeAdapter(dict[str, str])
PATHS: TypeAdapter[dict[str, Path]] = TypeAdapter(dict[str, Path])


def test_what_is_where(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    assert run.name == "run"
    files = [
        *(run.console(), run.console(1), run.console(2)),
        *(run.peer_console(), run.peer_console(2)),
        *(run.log("build"), run.log("build", 2), run.results),
        *(run.test_log("net", "a/b"), run.test_log("net", "a", 1), run.test_log("net", "a", 2)),
    ]
    assert [str(file.relative_to(run.path)) for file in files] == [
        *("console.log", "console.log", "console-2.log"),
        *("console.peer.log", "console-2.peer.log"),
        *("build.log", "build-2.log", RESULTS),
        *("tests/net/a_b.log", "tests/net/a.log", "tests/net/a+2.log"),
    ]


def test_consoles_come_machine_by_machine(tmp_path: Path) -> None:
    names = ["console.log", "console-2.log", "console-9.log", "console-10.log"]
    for name in (*reversed(names), "other.log"):
        (tmp_path / name).touch()
    assert [file.name for file in RunFolder(tmp_path).consoles] == names


# ---- outcomes of stages


def test_what_a_stage_left(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    assert not run.has("x")
    with pytest.raises(UserError) as caught:
        run.load("x", TEXT)
    assert caught.value.where == str(tmp_path / "x.json")
    run.save("x", {"a": "ä"}, TEXT)
    assert run.has("x")
    assert run.load("x", TEXT) == {"a": "ä"}
    assert (tmp_path / "x.json").read_text() == '{\n  "a": "ä"\n}\n'


def test_why_an_outcome_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert runfolder.MAX_BYTES == 128 << 20
    run = RunFolder(tmp_path)
    run.save("x", {"a": "b"}, TEXT)
    (tmp_path / "dangling.json").symlink_to("nowhere")
    (tmp_path / "number.json").write_text("7")
    monkeypatch.setattr(runfolder, "MAX_BYTES", 10)
    for name, why in (
        ("x", "it is larger than 10 bytes"),
        ("dangling", "it is not a plain file"),
        ("number", "Input should be an object"),
    ):
        with pytest.raises(UserError, match="is not of this version of kseries") as caught:
            run.load(name, TEXT)
        assert caught.value.where.startswith(f"{tmp_path}/{name}.json: {why}")
        assert caught.value.do == "start a new run"


@pytest.mark.parametrize("name", ["ä", "ä\udcff"])
def test_names_of_files_that_are_no_text(name: str) -> None:
    for ascii_only in (False, True):
        text = to_json({"a": Path(name)}, PATHS, ascii_only=ascii_only)
        told = name.replace("\udcff", "?")
        shown = told.replace("ä", "\\u00e4") if ascii_only else told
        assert text == f'{{\n  "a": "{shown}"\n}}\n'
    assert to_json({"a": "ä"}, TEXT) == '{\n  "a": "ä"\n}\n'


# ---- making and finding runs


def test_a_run_is_made_wherever_runs_are_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = tmp_path / "not/yet"
    # What one that was killed has left is in nobody's way.
    monkeypatch.setattr("os.getpid", lambda: 7)
    first = runfolder.create(runs, "toy")
    (runs / f".{LATEST}-7").symlink_to("nowhere")
    second = runfolder.create(runs, "toy")
    assert first.path != second.path
    assert (runs / "latest").resolve() == second.path


def test_so_many_runs_in_a_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    still = datetime.datetime(2026, 11, 30, 9, 30, tzinfo=datetime.UTC)
    clock = SimpleNamespace(datetime=SimpleNamespace(now=lambda _: still), UTC=datetime.UTC)
    monkeypatch.setattr(runfolder, "datetime", clock)
    made = [runfolder.create(tmp_path, "toy").name for _ in range(100)]
    assert made[:2] == ["20261130T093000-toy", "20261130T093000-toy-1"]
    assert made[-1] == "20261130T093000-toy-99"
    with pytest.raises(UserError) as caught:
        runfolder.create(tmp_path, "toy")
    assert (caught.value.where, caught.value.do) == (str(tmp_path), "try again")


@pytest.mark.parametrize("file", [REQUEST, RESULTS])
def test_a_run_is_found_by_its_name_and_by_its_path(
    tmp_path: Path, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    runs = tmp_path / "runs"
    for place in (runs / "one", tmp_path / "elsewhere"):
        place.mkdir(parents=True)
        (place / file).touch()
    (tmp_path / "link").symlink_to("elsewhere")
    assert runfolder.find(runs, "one").path == runs / "one"
    for name in ("elsewhere", str(tmp_path / "elsewhere"), "link", "./elsewhere"):
        assert runfolder.find(runs, name).path == tmp_path / "elsewhere"
    with pytest.raises(UserError):
        runfolder.find(runs, "two")


def test_the_last_runs_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        runfolder.find(tmp_path, "x")
    assert (caught.value.where, caught.value.do) == (str(tmp_path), "start one: `kseries run`")
    for number in range(6):
        (tmp_path / f"run-{number}").mkdir()
        (tmp_path / f"run-{number}" / REQUEST).touch()
    with pytest.raises(UserError) as caught:
        runfolder.find(tmp_path, "x")
    assert caught.value.do == "take one of: run-1, run-2, run-3, run-4, run-5"


def test_only_an_own_run_goes_on(tmp_path: Path) -> None:
    runs, foreign = tmp_path / "runs", tmp_path / "foreign"
    for place, file in ((runs / "own", REQUEST), (runs / "sent", RESULTS), (foreign, REQUEST)):
        place.mkdir(parents=True)
        (place / file).touch()
    linked = tmp_path / "linked"
    linked.symlink_to(runs)
    assert runfolder.own(linked, "own").path == runs / "own"
    for name, place in (("sent", runs / "sent"), (str(foreign), foreign)):
        with pytest.raises(UserError, match="not one of this project's") as caught:
            runfolder.own(runs, name)
        assert caught.value.where == str(place)
        assert caught.value.do == f"start a run of your own, or name one of {runs}"


def test_a_folder_for_what_is_looked_for_goes_again() -> None:
    with runfolder.scratch() as folder:
        assert folder.path.is_dir()
    assert not folder.path.exists()
