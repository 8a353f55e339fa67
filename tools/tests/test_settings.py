# SPDX-License-Identifier: GPL-2.0
"""Settings: an option counts before the environment, that before the file, that before defaults."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kseries.cli.main import main
from kseries.host import cache
from kseries.lib import settings
from kseries.lib.errors import UserError
from tests.toyproject import ToyProject, set_up


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The place of the user's file."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    place = tmp_path / "config/kseries/config.toml"
    place.parent.mkdir(parents=True)
    return place


@pytest.fixture
def toy_project(tmp_path: Path, toy_kernel: Path, monkeypatch: pytest.MonkeyPatch) -> ToyProject:
    monkeypatch.setattr("signal.signal", lambda *_: None)
    toy_project = set_up(tmp_path / "project", toy_kernel)
    for name in ("KSERIES_ROOT", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, toy_project.environment[name])
    monkeypatch.chdir(toy_project.root)
    return toy_project


def asked(toy_project: ToyProject) -> tuple[str, int]:
    """Give stack and jobs of the last run's request."""
    request = json.loads((toy_project.root / "out/runs/latest/request.json").read_text())
    return request["stack"], request["jobs"]


def test_without_any_all_are_defaults(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KSERIES_LIMITS")
    read = settings.read()
    assert {setting.origin for setting in read.of.values()} == {"default"}
    assert read.value("jobs") is None
    assert read.limits == {}
    assert cache.limits()["free"] == 6 * cache.GIB


def test_each_comes_from_what_counts_most(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(
        '# mine\nstack = "mine"\njobs = 3\nmachines = 2\n[limits]\ngit = 1.5\nruns = 7\n'
    )
    monkeypatch.setenv("KSERIES_JOBS", "5")
    monkeypatch.setenv("KSERIES_MACHINES", "6")
    monkeypatch.setenv("KSERIES_LIMITS", "git=2, trees=9")
    read = settings.read({"machines": 7, "stack": ""})
    told = {s.name: (s.value, s.origin) for s in (*read.of.values(), *read.limits.values())}
    assert told == {
        "stack": ("mine", f"{file}:2"),
        "archive": (None, "default"),
        "compiler": (None, "default"),
        "jobs": (5, "KSERIES_JOBS"),
        "machines": (7, "--machines"),
        "git": (2.0, "KSERIES_LIMITS"),
        "runs": (7.0, f"{file}:7"),
        "trees": (9.0, "KSERIES_LIMITS"),
    }


def test_mistakes_in_the_file_have_their_lines(file: Path) -> None:
    file.write_text('jbos = 1\njobs = 0\ncompiler = "gcc; rm"\n[limits]\ngit = -1\n')
    with pytest.raises(UserError, match="settings file has 4 mistakes") as error:
        settings.read()
    lines = error.value.where.splitlines()
    assert [line.split(": ")[:2] for line in lines] == [
        [f"{file}:1", "jbos"], [f"{file}:2", "jobs"], [f"{file}:3", "compiler"],
        [f"{file}:5", "limits.git"],
    ]  # fmt: skip
    assert error.value.do


@pytest.mark.parametrize(
    ("name", "text"), [("JOBS", "many"), ("JOBS", "0"), ("MACHINES", "-1"), ("COMPILER", "a b")]
)
def test_mistakes_in_the_environment_name_the_variable(
    file: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    monkeypatch.setenv(f"KSERIES_{name}", text)
    with pytest.raises(UserError) as error:
        settings.read()
    assert error.value.where == f"KSERIES_{name} in the environment"
    assert text in error.value.what


def test_show_tells_where_each_comes_from(
    toy_project: ToyProject,
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file.write_text('stack = "plain"\n[limits]\ngit = 3\n')
    monkeypatch.setenv("KSERIES_ARCHIVE", "http://h/i")
    assert main(["config", "show", "--jobs", "4", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["file"] == str(file)
    rows = {name: (row["value"], row["from"]) for name, row in told["settings"].items()}
    assert rows["stack"] == ("plain", f"{file}:1")
    assert rows["archive"] == ("http://h/i", "KSERIES_ARCHIVE")
    assert rows["jobs"] == (4, "--jobs")
    assert rows["compiler"] == ("gcc", "default")
    assert rows["limits.git"] == (3.0, f"{file}:3")
    assert rows["limits.runs"] == (5.0, "default")
    assert rows["workspace"] == (str(toy_project.root / "out"), "the clone")
    assert main(["config", "show"]) == 0
    assert f"{file}:1" in "".join(capsys.readouterr().out.split())


def test_a_run_takes_them_and_keeps_what_it_took(
    toy_project: ToyProject, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text('stack = "plain"\njobs = 3\n')
    assert main(["series"]) == 0
    assert asked(toy_project) == ("plain", 3)
    assert toy_project.latest()["provenance"]["options"][:2] == ["--stack", "plain"]
    assert main(["series", "--stack", "zcrx-v7", "--jobs", "1"]) == 0
    assert asked(toy_project) == ("zcrx-v7", 1)
    file.write_text('stack = "nothing"\n')
    assert main(["series"]) == 2
    assert "There is no stack 'nothing'" in capsys.readouterr().err


def test_a_kind_that_is_not_kept_is_named_with_its_line(
    toy_project: ToyProject, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text("[limits]\ntreees = 3\n")
    assert main(["cache", "show"]) == 2
    message = capsys.readouterr().err
    assert "nothing is kept that is called 'treees'" in message
    assert f"{file}:2" in message


def test_a_compiler_that_is_not_there_begins_no_run(
    toy_project: ToyProject, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "--compiler", "gcc-99"]) == 2
    assert "There is no compiler 'gcc-99'" in capsys.readouterr().err
    assert not (toy_project.root / "out/runs").exists()


def test_a_kernel_is_built_with_the_compiler_that_was_asked_for(
    toy_project: ToyProject, file: Path
) -> None:
    compiler = next(Path("/usr/bin").glob("gcc-[0-9]*")).name
    assert main(["run", "--until", "build", "--compiler", compiler]) == 0
    (folder,) = (toy_project.root / "out/trees").glob("*/build/[!.]*")
    assert folder.name.endswith(f"-{compiler}")
    assert toy_project.latest()["provenance"]["compiler"].startswith(f"{compiler} ")
    assert (
        f"--compiler {compiler}" in (toy_project.root / "out/runs/latest/reproduce.sh").read_text()
    )
