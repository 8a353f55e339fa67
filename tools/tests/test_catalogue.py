# SPDX-License-Identifier: GPL-2.0
"""Suites by their names: files of the project and the user, targets and symbols that need none."""

from __future__ import annotations

from pathlib import Path

import pytest

from kseries.lib.errors import UserError
from kseries.suite import Commands, Kselftest, Kunit, Liburing, Program
from kseries.suites.catalogue import Catalogue
from kseries.suites.content import digest
from tests.toysuites import OURS

COMMANDS = """\
kind = "program"
title = "mine"
files = ["run.sh"]
known_failures = [{test = "run: slow", why = "emulated"}]

[[programs]]
name = "run"
command = ["sh", "run.sh", "--fast"]
ktap = false
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a user's folder of suites with one in it."""
    (tmp_path / "run.sh").write_text("exit 0\n")
    (tmp_path / "mine.toml").write_text(COMMANDS)
    return tmp_path


def catalogue(folder: Path) -> Catalogue:
    return Catalogue((folder, OURS.suites))


def refusal(folder: Path, name: str) -> str:
    with pytest.raises(UserError) as caught:
        catalogue(folder).find([name], folder)
    return str(caught.value)


def test_the_projects_files_hold_no_mistake() -> None:
    listed = Catalogue((OURS.suites,)).listed
    assert [one.problem for one in listed if one.problem] == []
    assert {"zcrx", "netdevsim", "iou-zcrx", "net", "mm", "timers"} <= {one.name for one in listed}


def test_fragments_that_the_projects_suites_name_are_there() -> None:
    for one in Catalogue((OURS.suites,)).listed:
        assert one.suite is not None
        for name in one.suite.told.config:
            assert (OURS.configs / f"{name}.config").is_file()


def test_a_file_of_the_users_is_found_by_name_and_by_path(folder: Path) -> None:
    (by_name,) = catalogue(folder).find(["mine"], Path("/"))
    assert by_name == catalogue(folder).find(["./mine.toml"], folder)[0]
    assert isinstance(by_name.told, Commands)
    assert by_name.told.programs[0].command == ("sh", "run.sh", "--fast")
    assert by_name.folder == folder


def test_the_users_file_counts_before_the_projects(folder: Path) -> None:
    (folder / "netdevsim.toml").write_text(COMMANDS)
    (suite,) = catalogue(folder).find(["netdevsim"], folder)
    assert suite.told.title == "mine"
    assert [one.name for one in catalogue(folder).listed].count("netdevsim") == 1


def test_a_target_needs_no_file(folder: Path) -> None:
    (suite,) = catalogue(folder).find(["kselftest/landlock"], folder)
    assert suite.name == "kselftest/landlock"
    assert isinstance(suite.told, Kselftest)
    assert (suite.told.targets, suite.told.programs) == (("landlock",), ())


def test_programs_of_one_target_are_one_suite(folder: Path) -> None:
    names = ["kselftest/exec:execveat", "kunit/LIST_KUNIT_TEST", "kselftest/exec:recursion-depth"]
    exec_, kunit = catalogue(folder).find(names, folder)
    assert isinstance(exec_.told, Kselftest)
    assert exec_.told.programs == (Program("execveat", "exec"), Program("recursion-depth", "exec"))
    assert isinstance(kunit.told, Kunit)
    assert kunit.told.tests == ("LIST_KUNIT_TEST",)
    (whole,) = catalogue(folder).find(["kselftest/exec:execveat", "kselftest/exec"], folder)
    assert isinstance(whole.told, Kselftest)
    assert whole.told.programs == ()


def test_a_target_has_what_the_file_about_it_says(folder: Path) -> None:
    (suite,) = catalogue(folder).find(["kselftest/net:altnames.sh"], folder)
    assert suite.name == "kselftest/net"
    assert "nftables" in suite.told.packages
    assert isinstance(suite.told, Kselftest)
    assert suite.told.programs == (Program("altnames.sh", "net"),)
    # A file that lists programs is about these alone.
    (suite,) = catalogue(folder).find(["kselftest/drivers/net/hw"], folder)
    assert suite.told.hardware
    assert isinstance(suite.told, Kselftest)
    assert (suite.told.nics, suite.told.programs) == (72, ())


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("netdevsin", "There is no suite 'netdevsin'."),
        ("netdevsin", "did you mean netdevsim?"),
        ("netdevsin", "kselftest/TARGET and kunit/SYMBOL need no file"),
        ("kselftest/../../etc", "is no target of kselftest"),
        ("kselftest/net:a/b", "is no target of kselftest"),
        ("kunit/list-test", "is no symbol of KUnit tests"),
    ],
)
def test_a_name_that_is_none(folder: Path, name: str, told: str) -> None:
    assert told in refusal(folder, name)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('files = ["run.sh"]', 'files = ["gone.sh"]', "mine.toml:3: files: there is no "),
        ('files = ["run.sh"]', 'files = ["../run.sh"]', "mine.toml:3: program.files.0: "),
        ('kind = "program"', 'kind = "programm"', "mine.toml:1: "),
        ("ktap = false", 'packages = ["x"]', "mine.toml:9: program.programs.0.packages: "),
        ("title", "titel", "mine.toml:2: program.titel: "),
        ("[[programs]]", "machines = 3\n[[programs]]", "mine.toml:6: program.machines: "),
        ('name = "run"', 'name = "a/b"', "mine.toml:7: program.programs.0.name: "),
        ('why = "emulated"', 'because = "x"', "mine.toml:4: "),
    ],
)
def test_mistakes_are_told_with_their_line(folder: Path, old: str, new: str, told: str) -> None:
    (folder / "mine.toml").write_text(COMMANDS.replace(old, new))
    message = refusal(folder, "mine")
    assert told in message, message
    assert [one.name for one in catalogue(folder).listed if one.problem] == ["mine"]


def test_two_machines_or_two_nics(folder: Path) -> None:
    text = 'kind = "kselftest"\ntitle = "x"\ntargets = ["net"]\nnics = 4\nmachines = 2\n'
    (folder / "mine.toml").write_text(text)
    assert "mine.toml:5: machines: nics are two of one machine" in refusal(folder, "mine")


def test_a_program_that_is_there_twice(folder: Path) -> None:
    again = COMMANDS[COMMANDS.index("[[programs]]") :]
    (folder / "mine.toml").write_text(f"{COMMANDS}\n{again}")
    assert "mine.toml:11: programs: run is there twice" in refusal(folder, "mine")


def test_sources_of_liburing_are_looked_for_beside_the_file(folder: Path) -> None:
    (folder / "uring.toml").write_text('kind = "liburing"\ntitle = "x"\nsource = "liburing"\n')
    assert "uring.toml:3: source: there is no folder liburing" in refusal(folder, "uring")
    (folder / "liburing").mkdir()
    (suite,) = catalogue(folder).find(["uring"], folder)
    assert isinstance(suite.told, Liburing)


def test_the_digest_is_that_of_the_content(folder: Path) -> None:
    (before,) = catalogue(folder).find(["mine"], folder)
    first = digest(before)
    assert first == digest(catalogue(folder).find(["mine"], folder)[0])
    (folder / "run.sh").write_text("exit 1\n")
    assert digest(before) != first
    (folder / "run.sh").write_text("exit 0\n")
    assert digest(before) == first
    (folder / "mine.toml").write_text(COMMANDS.replace("--fast", "--slow"))
    assert digest(catalogue(folder).find(["mine"], folder)[0]) != first
