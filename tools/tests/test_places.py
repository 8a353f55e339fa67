# SPDX-License-Identifier: GPL-2.0
"""Odd places and names end in a message and an exit code, whatever the command."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from kseries.cli.main import main
from kseries.lib import textfile, userpath
from kseries.lib.errors import UserError
from kseries.lib.paths import Cache, Project
from tests.toyproject import ToyProject, set_up

LONG = "x" * 300


@pytest.fixture
def toyproject(tmp_path: Path, toy_kernel: Path, monkeypatch: pytest.MonkeyPatch) -> ToyProject:
    toyproject = set_up(tmp_path / "project", toy_kernel)
    for name in ("KSERIES_ROOT", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, toyproject.environment[name])
    monkeypatch.chdir(toyproject.root)
    return toyproject


def told(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """Carry out a command; give its exit code and the first line of what it complains of."""
    capsys.readouterr()
    code = main(words)
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("kseries: ")]
    assert "fault in kseries" not in str(lines)
    return code, lines[0].removeprefix("kseries: ") if lines else ""


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    "name",
    [
        *("a/b/../c", "../../etc/passwd", "..", "a\nb", LONG, "y" * 5000, "~nobodyhere/x"),
        *("/dev/zero", "*", "\u202e"),
    ],
)
@pytest.mark.parametrize("option", ["--stack", "--series", "--source", "--config", "--tree"])
@pytest.mark.usefixtures("toyproject")
def test_names_of_nothing(capsys: pytest.CaptureFixture[str], option: str, name: str) -> None:
    code, text = told(capsys, "run", "--until", "series", f"{option}={name}")
    assert code == 2
    assert text.startswith(("There is no ", "This is not a path", "This f", "A config fragment is"))


@pytest.mark.usefixtures("toyproject")
def test_names_of_runs(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("..", "a\nb", LONG, "~nobodyhere/x", "/dev/null"):
        for words in (["report", name], ["build", "--run", name], ["compare", name]):
            assert told(capsys, *words)[0] == 2


@pytest.mark.usefixtures("toyproject")
def test_arguments_that_are_no_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, "run", "-k", os.fsdecode(b"\xff")) == (2, "Arguments are UTF-8.")


def test_a_path_that_a_user_names(tmp_path: Path) -> None:
    assert userpath.user_path("a/b", tmp_path) == tmp_path / "a/b"
    for text in ("a\0b", LONG, "/a" * 3000, "~nobodyhere"):
        with pytest.raises(UserError, match="This is not a path"):
            userpath.user_path(text, tmp_path)
    names = ("", ".", "..", "a/b", "a\0", "x" * 252)
    assert [userpath.named_path(tmp_path, name, ".toml") for name in names] == [None] * len(names)


# ---------------------------------------------------------------- files


@pytest.fixture
def odd_files(tmp_path: Path) -> list[Path]:
    """A folder, a FIFO, a link in a circle, a device, a disk image."""
    folder = tmp_path / "odd"
    files = [folder / name for name in ("folder", "fifo", "circle", "zero", "image")]
    files[0].mkdir(parents=True)
    os.mkfifo(files[1])
    files[2].symlink_to("circle")
    files[3].symlink_to("/dev/zero")
    with files[4].open("wb") as file:
        file.truncate(1 << 40)
    return files


def test_what_is_no_file_is_not_read(odd_files: list[Path]) -> None:
    for file in odd_files:
        with pytest.raises(UserError, match="cannot be read") as error:
            textfile.content(file)
        assert str(file) in error.value.where


def test_a_run_whose_files_are_none(
    toyproject: ToyProject, odd_files: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(capsys, "run", "--until", "fetch")[0] == 0
    run = (toyproject.root / "out/runs/latest").resolve()
    for name, words in (("results.json", ["report"]), ("fetch.json", ["apply"])):
        for odd in odd_files:
            (run / name).unlink()
            (run / name).symlink_to(odd)
            assert told(capsys, *words)[0] in (0, 2), (name, odd)
            assert told(capsys, "runs")[0] == 0


# ---------------------------------------------------------------- cache, out, home


def odd_places(top: Path) -> dict[str, Path]:
    """Make places that are no folders; give each with what is wrong with it."""
    top.mkdir()
    (top / "file").touch()
    (top / "nowhere").symlink_to("gone")
    (top / "circle").symlink_to("circle")
    return {
        f"{top / 'file'} is not a folder": top / "file",
        f"{top / 'nowhere'} leads nowhere": top / "nowhere",
        f"{top / 'circle'} leads nowhere": top / "circle",
        "/dev/null is not a folder": Path("/dev/null"),
    }


def test_a_cache_that_is_no_folder(
    toyproject: ToyProject,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for why, place in odd_places(tmp_path / "odd").items():
        for inner in (place, place / "deeper"):
            monkeypatch.setenv("XDG_CACHE_HOME", str(inner))
            for words in (["run"], ["cache", "show"], ["cache", "clear"], ["flakes"], ["doctor"]):
                assert told(capsys, *words) == (2, f"The cache folder cannot be used: {why}.")
    assert not (toyproject.root / "out/runs").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="giving a folder away needs root")
def test_a_cache_of_another_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "kseries").mkdir()
    os.chown(tmp_path / "kseries", 1234, 1234)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(UserError, match="belongs to another user"):
        Cache.find()


@pytest.mark.parametrize("home", ["", "relative"])
def test_no_home(home: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", home)
    with pytest.raises(UserError, match="no home folder"):
        Cache.find()


def test_an_out_that_is_no_folder(
    toyproject: ToyProject, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = toyproject.root / "out"
    for why, place in odd_places(tmp_path / "odd").items():
        out.symlink_to(place)
        code, text = told(capsys, "run", "--until", "fetch")
        assert code == 2, text
        assert text.startswith("The folder out/ cannot be used: "), why
        out.unlink()
    # A link to a folder, on a larger disk, say, is one.
    (tmp_path / "elsewhere").mkdir()
    out.symlink_to(tmp_path / "elsewhere")
    assert told(capsys, "run", "--until", "apply")[0] == 0
    for name in ("runs", "trees"):
        subprocess.run(["rm", "-rf", tmp_path / "elsewhere" / name], check=True)
        (tmp_path / "elsewhere" / name).touch()
        assert told(capsys, "run", "--until", "apply")[0] == 3


def test_the_current_folder_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    monkeypatch.delenv("KSERIES_ROOT", raising=False)
    with pytest.raises(UserError, match="current folder is not there"):
        Project.find()
