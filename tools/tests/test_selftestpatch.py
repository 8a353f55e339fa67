# SPDX-License-Identifier: GPL-2.0
"""The generated tests as a patch: real git takes it, and it touches what it must."""

from __future__ import annotations

from pathlib import Path

import pytest

from kseries.cli.main import main
from kseries.lib import gitrepo
from kseries.lib.deadline import Deadline
from kseries.lib.errors import UserError
from kseries.suites import selftestpatch

MAKEFILE = """\
# SPDX-License-Identifier: GPL-2.0
TARGETS += alsa
TARGETS += drivers/net
TARGETS += drivers/net/team
TARGETS += exec

all:
"""
MAINTAINERS = "IO\nF:\tio/\n\nIO_URING\nM:\tSomebody <a@b>\nF:\tio_uring/\n\nIPMI\nF:\tipmi/\n"
FOLDER = "drivers/net/zcrx"
PLACE = f"{selftestpatch.SELFTESTS}/{FOLDER}"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    (tree / selftestpatch.SELFTESTS).mkdir(parents=True)
    (tree / selftestpatch.LIST).write_text(MAKEFILE)
    (tree / "MAINTAINERS").write_text(MAINTAINERS)
    return tree


def applied(tree: Path, patch: Path) -> None:
    """Apply a patch to a tree with git, strictly."""
    repository = gitrepo.create(tree.parent / "git").at(tree)
    repository.text("add", "--all")
    words = ("apply", "--index", "--whitespace=error-all", patch)
    repository.work(*words, deadline=Deadline.after(60))


def test_the_patch_applies_and_adds_the_folder_to_the_list(tree: Path, tmp_path: Path) -> None:
    patch = tmp_path / "tests.patch"
    before = sorted(path for path in tree.rglob("*"))
    selftestpatch.write(patch, tree, FOLDER, {"Makefile": "all:\n", ".gitignore": "zcrx\n"})
    assert sorted(path for path in tree.rglob("*")) == before
    assert "Signed-off-by: kseries <kseries@localhost>" in patch.read_text()
    applied(tree, patch)
    assert (tree / selftestpatch.LIST).read_text() == MAKEFILE.replace(
        "drivers/net/team\n", f"drivers/net/team\nTARGETS += {FOLDER}\n"
    )
    assert (tree / "MAINTAINERS").read_text() == MAINTAINERS.replace(
        "io_uring/\n", f"io_uring/\nF:\t{PLACE}/\n"
    )
    files = {path.name: path.read_text() for path in (tree / PLACE).iterdir()}
    assert files == {"Makefile": "all:\n", ".gitignore": "zcrx\n"}


def test_a_list_that_begins_later_takes_the_folder_first() -> None:
    text = selftestpatch.with_target("TARGETS += exec\n", FOLDER)
    assert text == f"TARGETS += {FOLDER}\nTARGETS += exec\n"


def test_nothing_is_listed_twice() -> None:
    once = selftestpatch.with_target(MAKEFILE, FOLDER)
    assert selftestpatch.with_target(once, FOLDER) == once


def test_maintainers_without_io_uring_stay_as_they_are() -> None:
    assert selftestpatch.with_file("IPMI\nF:\tipmi/\n", "x") == "IPMI\nF:\tipmi/\n"


def test_a_tree_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no tools/testing/selftests/Makefile"):
        selftestpatch.write(tmp_path / "p", tmp_path, FOLDER, {})
    assert not (tmp_path / "p").exists()


def test_a_tree_with_the_tests_is_refused(tree: Path, tmp_path: Path) -> None:
    (tree / PLACE).mkdir(parents=True)
    with pytest.raises(UserError, match="has these tests already"):
        selftestpatch.write(tmp_path / "p", tree, FOLDER, {})


def test_the_command_writes_a_folder_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["kselftest", "render", "--out", str(out)]) == 0
    assert "TEST_GEN_PROGS" in (out / "Makefile").read_text()
    assert main(["kselftest", "render", "--out", str(out)]) == 2
    assert "name a folder that is not there yet" in capsys.readouterr().err


def test_the_command_writes_a_patch_for_a_tree(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    patch = tmp_path / "tests.patch"
    words = ["kselftest", "render", "--as-patch", str(patch)]
    assert main(words) == 2
    assert "--tree DIR" in capsys.readouterr().err
    assert main([*words, "--tree", str(tree)]) == 0
    applied(tree, patch)
    assert "TEST_HARNESS_MAIN" in (tree / PLACE / "zcrx_recv.c").read_text()
