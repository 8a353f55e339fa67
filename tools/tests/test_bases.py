# SPDX-License-Identifier: GPL-2.0
"""The base of a series that nobody names: on two toy kernels, through the command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.toyproject import ToyProject, git, set_up

CHANGE = ("net/core.c", "return budget;", "return budget + 1;")


@pytest.fixture
def toyproject(tmp_path: Path, toy_kernel: Path) -> ToyProject:
    """A project with the toy kernel as "toy", and as "toy-8.1" a later one with another driver."""
    project = set_up(tmp_path / "project", toy_kernel)
    later = tmp_path / "later"
    shutil.copytree(toy_kernel, later)
    makefile = later / "Makefile"
    text = makefile.read_text()
    assert "VERSION = 6\nPATCHLEVEL = 99\n" in text
    makefile.write_text(text.replace("VERSION = 6\nPATCHLEVEL = 99", "VERSION = 8\nPATCHLEVEL = 1"))
    driver = later / "drivers/netdevsim.c"
    driver.write_text(driver.read_text().replace("budget / 2", "budget / 4"))
    git(later, "commit", "--quiet", "--all", "--message=later")
    project.write("kernel/sources/toy-8.1.toml", f'kind = "local"\npath = "{later}"\n')
    return project


def later(toyproject: ToyProject) -> ToyProject:
    """Give the project as one whose patches are made on the later kernel."""
    return ToyProject(toyproject.root, toyproject.kernel.parent / "later")


def test_a_series_is_put_where_its_files_are_as_it_knew_them(toyproject: ToyProject) -> None:
    toyproject.patch("old", "drivers/netdevsim.c", "budget / 2", "budget / 3")
    later(toyproject).patch("new", "drivers/netdevsim.c", "budget / 4", "budget / 3")
    for name, source, version in (("old", "toy", "6.99.0"), ("new", "toy-8.1", "8.1.0")):
        code, output = toyproject.kseries("run", "--until", "apply", "--series", name)
        assert code == 0, output
        told = toyproject.latest()
        why = f"the base is {source}: the one file that its patches name is as known"
        assert why in told["notes"]
        assert told["provenance"]["options"][:2] == ["--source", source]
        assert f"Linux {version}" in output


def test_a_source_of_the_users_own_is_tried_too(
    toyproject: ToyProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    later(toyproject).patch("new", "drivers/netdevsim.c", "budget / 4", "budget / 3")
    pin = toyproject.root / "kernel/sources/toy-8.1.toml"
    own = tmp_path / "settings/kseries/sources/mine.toml"
    own.parent.mkdir(parents=True)
    pin.rename(own)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    code, output = toyproject.kseries("base", "new")
    assert code == 0, output
    assert "mine: the one file that its patches name is as known" in output


def test_the_newest_where_nothing_tells(toyproject: ToyProject) -> None:
    toyproject.patch("both", *CHANGE)
    mail = next((toyproject.root / "patches/both").iterdir())
    lines = mail.read_text().splitlines(keepends=True)
    mail.write_text("".join(line for line in lines if not line.startswith("index ")))
    code, output = toyproject.kseries("base", "both")
    assert code == 0, output
    assert "toy-8.1: it is the newest on which all of it applies" in output


def test_the_subject_names_a_tree(toyproject: ToyProject) -> None:
    toyproject.patch("both", *CHANGE)
    mail = next((toyproject.root / "patches/both").iterdir())
    lines = mail.read_text().replace("[PATCH]", "[PATCH toy]").splitlines(keepends=True)
    mail.write_text("".join(line for line in lines if not line.startswith("index ")))
    code, output = toyproject.kseries("base", "both", "--json")
    assert code == 0, output
    told = json.loads(output[output.index("{") :])
    assert (told["chosen"], told["why"]) == ("toy", "its subject names toy")


def test_candidates_are_listed_with_what_is_in_the_way(toyproject: ToyProject) -> None:
    later(toyproject).patch("new", "drivers/netdevsim.c", "budget / 4", "budget / 3")
    code, output = toyproject.kseries("base", "new", "--json")
    assert code == 0, output
    told = json.loads(output[output.index("{") :])
    assert (told["chosen"], told["fits"]) == ("toy-8.1", True)
    rows = {one["source"]: one for one in told["candidates"]}
    assert (rows["toy-8.1"]["applied"], rows["toy-8.1"]["files_as_known"]) == (1, 1)
    assert (rows["toy"]["applied"], rows["toy"]["files_as_known"]) == (0, 0)
    assert rows["toy"]["why_not"].startswith("patch 1, 'new: change drivers/netdevsim.c': drivers/")
    _, output = toyproject.kseries("base", "new")
    assert "0 of 1" in output
    assert "drivers/netdevsim.c:" in output


def test_a_series_that_applies_nowhere(toyproject: ToyProject) -> None:
    folder = toyproject.patch("lost", *CHANGE)
    mail = next(folder.iterdir())
    mail.write_text(mail.read_text().replace("return budget;", "return 9;"))
    code, output = toyproject.kseries("base", "lost")
    assert code == 1, output
    assert "it applies nowhere, and here 0 of 1 patches do" in output
    code, output = toyproject.kseries("run", "--until", "apply", "--series", "lost")
    assert code == 1, output
    assert toyproject.states()["apply"] == "failed"


def test_the_commit_that_its_author_names_is_taken_from_a_tree_that_has_it(
    toyproject: ToyProject,
) -> None:
    kernel = toyproject.kernel
    named = git(kernel, "rev-parse", "HEAD").strip()
    folder = toyproject.patch("named", *CHANGE)
    mail = next(folder.iterdir())
    mail.write_text(mail.read_text().replace("-- \n", f"base-commit: {named[:16]}\n-- \n"))
    (kernel / "net/core.c").write_text("int other;\n")
    git(kernel, "commit", "--quiet", "--all", "--message=moved on")
    code, output = toyproject.kseries("run", "--until", "apply", "--series", "named")
    assert code == 0, output
    told = toyproject.latest()
    assert told["provenance"]["base_commit"] == named, output
    assert told["author_base"]["used"] is True
    source = f"toy-8.1-{named[:12]}"  # it has the same history
    why = f"the base is {source}: it is the commit that its author names ({named[:16]})"
    assert why in told["notes"]
    # The run can be repeated: the source has a file of its own.
    code, output = toyproject.kseries("run", *told["provenance"]["options"])
    assert code == 0, output


def test_what_the_user_names_is_taken(toyproject: ToyProject) -> None:
    later(toyproject).patch("both", *CHANGE)
    for words in (("--source", "toy"), ("--stack", "plain")):
        code, output = toyproject.kseries("run", "--until", "apply", "--series", "both", *words)
        assert code == 0, output
        assert "Linux 6.99.0" in output
        assert [note for note in toyproject.latest()["notes"] if "the base is" in note] == []


def test_a_series_for_one_source_goes_there(toyproject: ToyProject) -> None:
    folder = toyproject.patch("both", *CHANGE)
    (folder / "series.toml").write_text('title = "for one"\nfor_sources = ["toy"]\n')
    code, output = toyproject.kseries("base", "both", "--json")
    assert code == 0, output
    told = json.loads(output[output.index("{") :])
    assert [one["source"] for one in told["candidates"]] == ["toy"]


def test_a_source_that_cannot_be_had_is_passed_over_and_named(toyproject: ToyProject) -> None:
    toyproject.write(
        "kernel/sources/gone.toml",
        f'kind = "git"\nremote = "{toyproject.root}/none"\ncommit = "{"1" * 40}"\n',
    )
    toyproject.patch("both", *CHANGE)
    code, output = toyproject.kseries("base", "both")
    assert code == 0, output
    assert "not at hand: it would be downloaded" in output
    code, output = toyproject.kseries("base", "both", "--all", "--json")
    assert code == 0, output
    told = json.loads(output[output.index("{") :])
    assert [one["source"] for one in told["passed_over"]] == ["gone"]
    assert "not at hand" not in told["passed_over"][0]["why"]


def test_what_applies_nowhere_may_do_so_where_a_source_cannot_be_had(
    toyproject: ToyProject,
) -> None:
    toyproject.write(
        "kernel/sources/gone.toml",
        f'kind = "git"\nremote = "{toyproject.root}/none"\ncommit = "{"1" * 40}"\n',
    )
    folder = toyproject.patch("odd", *CHANGE)
    (patch,) = folder.glob("*.patch")
    patch.write_text(patch.read_text().replace("budget", "gadget"))
    code, output = toyproject.kseries("base", "odd")
    assert code == 3, output
    assert "It is not known what it applies to, as gone cannot be had." in output
    code, output = toyproject.kseries("base", "odd", "--json")
    assert code == 3, output
    told = json.loads(output[output.index("{") :])
    assert (told["fits"], told["known"]) == (False, False)
    for words in (("run", "--series", "odd"), ("suites", "for", "odd")):
        code, output = toyproject.kseries(*words)
        assert code == 3, output
        assert "Whether odd applies is not known, as gone cannot be had." in output
        assert "--source toy" in output
    # Who names a source gets an answer.
    code, output = toyproject.kseries("run", "--series", "odd", "--source", "toy")
    assert code == 1, output
    assert "does not apply" in output


def test_a_series_that_cannot_be_read(toyproject: ToyProject) -> None:
    code, output = toyproject.kseries("base", "nowhere")
    assert (code, "There is no series 'nowhere'" in output) == (2, True)
    (toyproject.root / "patches/empty").mkdir(parents=True)
    code, output = toyproject.kseries("run", "--series", "empty")
    assert code == 2
    assert "no patch in this folder" in output
