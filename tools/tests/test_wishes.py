# SPDX-License-Identifier: GPL-2.0
"""The config of a run compiles what the series changes, on the toy kernel with real make."""

from __future__ import annotations

from pathlib import Path

import pytest

from kseries.compiled import wishes
from kseries.compiled.wishes import Found, Wish
from kseries.model import ChangedFile, FileState
from tests.toyproject import ToyProject, set_up

HIDDEN = ("drivers/netdevsim.c", "return budget / 2;", "return budget / 3;")
LINES = ["CONFIG_INET=y", "CONFIG_NET=y", "CONFIG_NETDEVSIM=y"]


@pytest.fixture
def toyproject(tmp_path: Path, toy_kernel: Path) -> ToyProject:
    project = set_up(tmp_path / "project", toy_kernel)
    project.write("configs/base.config", "CONFIG_IO_URING=y\n")
    return project


def lines_of(text: str) -> list[str]:
    return sorted(line for line in text.splitlines() if wishes.are_in(line))


def test_what_a_series_changes_is_turned_on_with_all_that_it_depends_on(
    toyproject: ToyProject,
) -> None:
    toyproject.patch("hidden", *HIDDEN)
    code, output = toyproject.kseries("run", "--until", "build", "--series", "hidden")
    assert code == 0, output
    told = toyproject.latest()
    assert [(file["path"], file["state"]) for file in told["changed"]] == [(HIDDEN[0], "compiled")]
    assert told["provenance"]["config"] == "base+changed"
    (note,) = [note for note in told["notes"] if "the config has" in note]
    why = "for what the series changes and tests want"
    assert note.startswith(f"the config has 3 lines more, {why}: CONFIG_")
    added = toyproject.root / "out/runs/latest/changed.config"
    assert lines_of(added.read_text()) == LINES
    assert f"# {HIDDEN[0]}\n" in added.read_text()
    # What was found is kept, and so is what was configured and built.
    code, output = toyproject.kseries("run", "--until", "build", "--series", "hidden")
    assert "nothing to do" in output
    assert lines_of(added.read_text()) == LINES


def test_the_config_can_be_left_as_it_is(toyproject: ToyProject) -> None:
    toyproject.patch("hidden", *HIDDEN)
    words = ("run", "--until", "build", "--series", "hidden", "--exact-config")
    code, output = toyproject.kseries(*words)
    assert code == 1, output
    assert toyproject.latest()["reasons"][0].startswith("nothing that the series changes was")
    script = (toyproject.root / "out/runs/latest/reproduce.sh").read_text()
    assert " --exact-config" in script


def test_lines_for_a_series_are_printed(toyproject: ToyProject) -> None:
    toyproject.patch("hidden", *HIDDEN)
    toyproject.patch("seen", "init/main.c", "\n", "\n/* nothing */\n")
    code, output = toyproject.kseries("config", "for", "hidden")
    assert code == 0, output
    assert lines_of(output) == LINES
    code, output = toyproject.kseries("config", "for", "seen")
    assert (code, lines_of(output)) == (0, [])
    assert "# The config compiles all that the series changes.\n" in output
    code, output = toyproject.kseries("config", "for", "nowhere")
    assert (code, "There is no series 'nowhere'" in output) == (2, True)


def test_a_promise_of_the_stack_is_not_broken_for_it(toyproject: ToyProject) -> None:
    toyproject.write("configs/base.config", "CONFIG_IO_URING=y\n# CONFIG_INET is not set\n")
    toyproject.patch("hidden", *HIDDEN)
    code, output = toyproject.kseries("run", "--until", "build", "--series", "hidden")
    assert code == 1, output
    config = toyproject.latest()["provenance"]["config"]
    assert config == "base+changed"
    assert toyproject.latest()["reasons"][0].startswith("nothing that the series changes was")


def test_changed_lines_behind_a_condition_are_turned_on(toyproject: ToyProject) -> None:
    toyproject.write("configs/base.config", "CONFIG_IO_URING=y\nCONFIG_NET=y\n")
    added = "\n#ifdef CONFIG_DEBUG_INFO\nint inside;\n#endif\n"
    toyproject.patch("inside", "net/core.c", "\n", added)
    toyproject.series("inside", ("net/core.c", "\n", added))
    code, output = toyproject.kseries("config", "for", "inside")
    assert code == 0, output
    assert "CONFIG_DEBUG_INFO=y" in lines_of(output)


def test_a_fragment_names_the_files_once_and_what_is_hopeless() -> None:
    lost = ChangedFile("arch/arm/a.c", (), FileState.OTHER_ARCH, "arm")
    found = Found((Wish("CONFIG_A=y", ("a.c", "b.c")), Wish("CONFIG_B=y", ("a.c", "b.c"))), (lost,))
    text = wishes.fragment(found)
    assert text.count("# a.c\n# b.c\nCONFIG_A=y\nCONFIG_B=y\n") == 1
    assert text.endswith("compiles:\n# arch/arm/a.c: arm\n")
    assert wishes.are_in(text)
    assert not wishes.are_in(wishes.fragment(Found((), (lost,))))
    assert wishes.fragment(Found((), ())) == ""


def test_where_two_files_contradict_the_first_one_stands() -> None:
    files = [
        ChangedFile("a.c", (), FileState.NOT_COMPILED, needs=("CONFIG_A=y", "CONFIG_B=y")),
        ChangedFile("b.c", (), FileState.NOT_COMPILED, needs=("# CONFIG_B is not set",)),
        ChangedFile("c.c", (), FileState.NOT_COMPILED, needs=("CONFIG_B=y",)),
    ]
    assert wishes._together([(file.path, file.needs) for file in files]) == (
        Wish("CONFIG_A=y", ("a.c",)),
        Wish("CONFIG_B=y", ("a.c", "c.c")),
    )
