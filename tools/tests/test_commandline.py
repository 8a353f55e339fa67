# SPDX-License-Identifier: GPL-2.0
"""The command line by itself: what it costs, suggests, completes, and gives to programs."""

from __future__ import annotations

import argparse
import inspect
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kseries.cli.commandline import build_parser
from kseries.cli.main import handler, main
from tests.toyproject import TOOLS, ToyProject, set_up

HEAVY = ("git", "jinja2", "kconfiglib", "kcidb_io", "pydantic", "rich", "tree_sitter")


@pytest.fixture
def toy_project(tmp_path: Path, toy_kernel: Path, monkeypatch: pytest.MonkeyPatch) -> ToyProject:
    monkeypatch.setattr("signal.signal", lambda *_: None)
    toy_project = set_up(tmp_path / "project", toy_kernel)
    for name in ("KSERIES_ROOT", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, toy_project.environment[name])
    monkeypatch.chdir(toy_project.root)
    return toy_project


def subparsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                yield from subparsers(each)


def test_every_command_has_its_handler() -> None:
    names = {parser.get_default("command") for parser in subparsers(build_parser())} - {None}
    assert len(names) > 15
    for name in names:
        assert list(inspect.signature(handler(name)).parameters) == ["arguments"], name


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["run", "--help"], ["rnu"]])
def test_what_needs_no_library_loads_none(words: list[str]) -> None:
    code = (
        "import sys\nfrom kseries.cli.main import main\n"
        f"try:\n    main({words!r})\nexcept SystemExit:\n    pass\n"
        f"print(sorted(set(sys.modules) & set({HEAVY!r})))"
    )
    environment = {**os.environ, "PYTHONPATH": str(TOOLS)}
    argv = [sys.executable, "-c", code]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_what_a_command_does_is_one_sentence() -> None:
    for parser in subparsers(build_parser()):
        told = parser.description or ""
        assert re.fullmatch(r"[A-Z].*[^.?][.?]", told, re.DOTALL), parser.prog


def test_examples_are_calls_that_are_taken() -> None:
    count = 0
    for parser in subparsers(build_parser()):
        for line in (parser.epilog or "").splitlines():
            call = line.strip().split("   ")[0].partition(" | ")[0].partition(" > ")[0]
            if call.startswith("kseries "):
                assert build_parser().parse(shlex.split(call)[1:]).command, call
                count += 1
    assert count > 20


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["rnus"], "there is no command 'rnus'; did you mean runs?"),
        (["run", "--seires", "x"], "there is no option --seires; did you mean --series?"),
        (["run", "--until", "buidl"], "there is no choice 'buidl'; did you mean build?"),
        (["config", "sow"], "there is no command 'sow'; did you mean show?"),
        (["cache"], "the following arguments are required: ACTION."),
        (["stacks", "zcrx"], "'zcrx' is one argument too many."),
        (["qqq"], "there is no command 'qqq'; there are: run, series"),
    ],
)
def test_mistypes_are_told_with_what_could_be_meant(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2
    message = capsys.readouterr().err
    assert told in message
    assert "--help` tells" in message


@pytest.mark.usefixtures("toy_project")
def test_whatever_lists_also_lists_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    def listed(*words: str) -> object:
        capsys.readouterr()
        main([*words, "--json"])
        return json.loads(capsys.readouterr().out)

    assert main(["-q", "series"]) == 0
    runs = listed("runs")
    assert isinstance(runs, list)
    assert {run["series"] for run in runs} == {"good"}
    stacks = listed("stacks")
    assert isinstance(stacks, list)
    assert [(stack["name"], stack["under_test"]) for stack in stacks] == [
        ("plain", ""), ("zcrx-v7", "good")
    ]  # fmt: skip
    assert listed("flakes") == []
    compared = listed("compare", "latest")
    assert isinstance(compared, dict)
    assert (compared["worse"], compared["failing"]) == (False, [])
    cache = listed("cache", "show")
    assert isinstance(cache, dict)
    assert "runs" in {item["kind"] for item in cache["items"]}
    checks = listed("doctor")
    assert isinstance(checks, list)
    assert set(checks[0]) == {"name", "health", "found", "fix"}
    mutants = listed("mutants", "--list")
    assert isinstance(mutants, list)
    assert mutants[0]["rules"]


def test_a_stack_with_a_mistake_is_listed_with_it(
    toy_project: ToyProject, capsys: pytest.CaptureFixture[str]
) -> None:
    toy_project.write("kernel/stacks/odd.toml", "sauce = 1\n")
    assert main(["stacks"]) == 0
    assert "odd.toml:1" in "".join(capsys.readouterr().out.split())


def test_quiet_says_nothing_before_the_result_and_verbose_each_step(
    toy_project: ToyProject,
) -> None:
    def said(*words: str) -> tuple[str, str]:
        argv = [sys.executable, "-m", "kseries", *words]
        done = subprocess.run(
            argv,
            cwd=toy_project.root,
            env=toy_project.environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout, done.stderr

    out, verbose = said("run", "--until", "config", "--verbose")
    assert out.startswith("CONFIGURES")
    assert "config: make allnoconfig" in verbose
    out, usual = said("run", "--until", "config")
    assert "config: begins" in usual
    assert "promises" not in usual
    out, quiet = said("-q", "config")
    assert out
    assert quiet == ""


def on_a_terminal(toy_project: ToyProject, *words: str, both: bool, **variables: str) -> str:
    """Run kseries with standard output, or that and the error output, on one terminal."""
    ours, theirs = os.openpty()
    usual = {
        name: value
        for name, value in toy_project.environment.items()
        if name not in ("NO_COLOR", "FORCE_COLOR")
    }
    done = subprocess.run(
        [sys.executable, "-m", "kseries", *words],
        cwd=toy_project.root,
        env={**usual, "TERM": "xterm", **variables},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs if both else subprocess.DEVNULL,
        check=False,
    )
    os.close(theirs)
    text = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert done.returncode == 0
    return text


@pytest.mark.parametrize(
    ("variables", "colours"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_colours_on_a_terminal(
    toy_project: ToyProject, variables: dict[str, str], colours: bool
) -> None:
    text = on_a_terminal(toy_project, "run", "--until", "series", both=False, **variables)
    assert ("\x1b[" in text) == colours


def test_no_note_is_told_twice(toy_project: ToyProject) -> None:
    words = ("run", "--tree", str(toy_project.kernel), "--until", "series")
    note = "what was changed in the tree is not known"
    assert on_a_terminal(toy_project, *words, both=True).count(note) == 1
    assert on_a_terminal(toy_project, *words, both=False).count(note) == 1
    assert note in (toy_project.root / "out/runs/latest/report.txt").read_text()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("kseries compa", {"compare "}),
        ("kseries run --seri", {"--series "}),
        ("kseries run --stack z", {"zcrx-v7 "}),
        ("kseries run --until buil", {"build "}),
        ("kseries report lat", {"latest "}),
        ("kseries config sh", {"show "}),
    ],
)
def test_tab_completes(
    toy_project: ToyProject, tmp_path: Path, line: str, expected: set[str]
) -> None:
    out = tmp_path / "completions"
    out.touch()
    environment = {
        **toy_project.environment,
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(out),
        "_ARGCOMPLETE_IFS": "\n",
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
    }
    argv = [sys.executable, "-m", "kseries"]
    subprocess.run(argv, cwd=toy_project.root, env=environment, check=True, timeout=60)
    assert set(out.read_text().split("\n")) == expected


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_is_told_how_to_ask(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    assert "kseries" in capsys.readouterr().out


def test_the_manual_page_has_every_command_and_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signal.signal", lambda *_: None)
    assert main(["man", "--out", str(tmp_path / "kseries.1")]) == 0
    page = (tmp_path / "kseries.1").read_text().replace("\\-", "-")
    for parser in subparsers(build_parser()):
        assert parser.prog in page
        options = [option for action in parser._actions for option in action.option_strings]
        assert [option for option in options if option not in page] == []
