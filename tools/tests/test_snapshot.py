# SPDX-License-Identifier: GPL-2.0
from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from kseries.fetch.snapshot import INDEX, snapshot
from kseries.lib import gitrepo
from kseries.lib.errors import UserError
from kseries.lib.gitrepo import Repository
from kseries.lib.progress import Silent

FILES = {
    "Makefile": "VERSION = 6\nPATCHLEVEL = 12\n",
    "Kconfig": "",
    ".gitignore": "*.o\n/vmlinux\n",
    "io/net.c": "int a;\n",
    "io/.gitignore": "/made.h\n",
    "vmlinux": "built\n",
    "io/net.o": "built\n",
    "io/made.h": "built\n",
}
SOURCES = [".gitignore", "Kconfig", "Makefile", "io/.gitignore", "io/net.c"]


class Notes(Silent):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return gitrepo.create(tmp_path / "cache.git")


def git(folder: Path, *words: str) -> str:
    argv = ["git", "-c", "user.name=T", "-c", "user.email=t@example.org", *words]
    return subprocess.run(argv, cwd=folder, check=True, capture_output=True, text=True).stdout


def take(repository: Repository, tree: Path, progress: Silent | None = None) -> list[str]:
    found = snapshot(repository, tree, repository.path.parent / "log", progress or Silent())
    return repository.entries("ls-tree", "-r", "-z", "--name-only", found)


def state(folder: Path) -> dict[str, tuple[int, int, int, bytes]]:
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        content = path.read_bytes() if path.is_file() else b""
        found[str(path)] = (status.st_mtime_ns, status.st_ctime_ns, status.st_mode, content)
    return found


def test_a_plain_folder_without_what_it_ignores(repository: Repository, tree: Path) -> None:
    assert take(repository, tree) == SOURCES


def test_a_second_snapshot_sees_every_kind_of_change(repository: Repository, tree: Path) -> None:
    take(repository, tree)
    (tree / "io/net.c").write_text("int b;\n")
    (tree / "Kconfig").unlink()
    (tree / "io/new.c").write_text("int new;\n")
    (tree / "Makefile").chmod(0o755)
    (tree / "link").symlink_to("Makefile")
    log = repository.path.parent / "log"
    found = snapshot(repository, tree, log, Silent())
    listing = repository.text("ls-tree", "-r", "--format=%(objectmode) %(path)", found)
    assert listing.splitlines() == [
        "100644 .gitignore",
        "100755 Makefile",
        "100644 io/.gitignore",
        "100644 io/net.c",
        "100644 io/new.c",
        "120000 link",
    ]
    assert repository.file_at(found, "io/net.c") == b"int b;\n"
    (tree / "link").unlink()
    (tree / "link").mkdir()
    (tree / "link/file").touch()
    assert "link/file" in take(repository, tree)


def test_the_same_content_is_the_same_tree(tmp_path: Path, tree: Path) -> None:
    one, two = gitrepo.create(tmp_path / "1.git"), gitrepo.create(tmp_path / "2.git")
    log = tmp_path / "log"
    first = snapshot(one, tree, log, Silent())
    (tree / "io/net.c").write_text("int b;\n")
    snapshot(one, tree, log, Silent())
    (tree / "io/net.c").write_text("int a;\n")
    assert snapshot(one, tree, log, Silent()) == first
    assert snapshot(two, tree, log, Silent()) == first


def test_files_with_the_same_content_are_read_again_once(
    repository: Repository, tree: Path
) -> None:
    take(repository, tree)
    for name in SOURCES:
        os.utime(tree / name, (1, 1))  # as in a tree that was unpacked anew
    (tree / "Kconfig").write_text("config A\n")
    assert take(repository, tree) == SOURCES
    known = repository.at(tree).with_index(repository.path / INDEX)
    assert known.entries("diff-files", "-z", "--name-only") == []


def test_a_git_tree_stays_as_it_is(repository: Repository, tree: Path) -> None:
    git(tree, "init", "-q", "-b", "main")
    git(tree, "add", ".")
    git(tree, "add", "-f", "io/net.o")
    git(tree, "commit", "-q", "-m", "one")
    (tree / "io/net.c").write_text("int installed;\n")
    git(tree, "add", "io/net.c")
    (tree / "io/net.c").write_text("int not installed;\n")
    (tree / "mine").mkdir()
    (tree / "mine/file").touch()
    (tree / ".git/info/exclude").write_text("/mine/\n")
    before = state(tree)
    assert take(repository, tree) == [*SOURCES, "io/net.o"]
    assert take(repository, tree) == [*SOURCES, "io/net.o"]
    assert state(tree) == before


def test_a_worktree_with_a_git_file(repository: Repository, tree: Path, tmp_path: Path) -> None:
    git(tree, "init", "-q", "-b", "main")
    git(tree, "add", ".")
    git(tree, "commit", "-q", "-m", "one")
    linked = tmp_path / "linked"
    git(tree, "worktree", "add", "-q", str(linked))
    before = state(tree), state(linked)
    assert take(repository, linked) == SOURCES
    assert (state(tree), state(linked)) == before
    # The repository it belongs to went away: a plain folder then.
    other = gitrepo.create(tmp_path / "other.git")
    tree.rename(tmp_path / "moved")
    assert take(other, linked) == SOURCES


def test_nested_repositories_are_left_out_with_a_note(repository: Repository, tree: Path) -> None:
    (tree / "nested").mkdir()
    git(tree / "nested", "init", "-q")
    (tree / "nested/file").touch()
    progress = Notes()
    assert take(repository, tree, progress) == SOURCES
    assert progress.notes[1:] == [f"left out of {tree}, being repositories of their own: nested/"]


def test_rules_that_ignore_the_whole_tree_do_not_count(repository: Repository, tree: Path) -> None:
    rules = ".*\n*.o\n/vmlinux\n/*.dwo\n/[x]*\n/*\n!/debian/\n"
    (tree / ".gitignore").write_text(rules)
    (tree / "a.dwo").touch()
    (tree / "x[1]").touch()
    (tree / "keep me").touch()
    assert take(repository, tree) == [
        ".gitignore",
        "Kconfig",
        "Makefile",
        "io/.gitignore",
        "io/net.c",
        "keep me",
    ]


def test_a_killed_snapshot_does_not_stand_in_the_way(repository: Repository, tree: Path) -> None:
    take(repository, tree)
    (repository.path / "snapshot.index.lock").touch()
    (tree / "new.c").touch()
    assert take(repository, tree) == [*SOURCES, "new.c"]


def test_a_file_that_is_gone_while_it_is_read(repository: Repository, tree: Path) -> None:
    (tree / "x\ny").symlink_to("nowhere")  # a dangling link is a file like others
    assert take(repository, tree) == [*SOURCES, "x\ny"]


def test_an_unreadable_file_is_named(repository: Repository, tree: Path) -> None:
    (tree / "io/net.c").chmod(0)
    try:
        (tree / "io/net.c").read_bytes()
        pytest.skip("root reads everything")
    except PermissionError:
        pass
    with pytest.raises(UserError, match="cannot be read") as caught:
        take(repository, tree)
    assert "io/net.c" in caught.value.where


def test_a_tree_in_no_git_brings_nothing_of_a_former_build(
    repository: Repository, tree: Path
) -> None:
    for file in (tree / ".gitignore", tree / "io/.gitignore", tree / "io/made.h"):
        file.unlink()
    for name in (
        ".config", ".config.old", "System.map", "io/.net.o.cmd", "io/net.mod.c", "io/a.ko",
        "include/config/auto.conf", "include/generated/autoconf.h", "arch/x86/boot/bzImage",
        "arch/x86/include/generated/asm/x.h",
    ):  # fmt: skip
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text("built\n")
    kept = ["include/linux/x.h", "arch/x86/boot/setup.ld", ".clang-format", "io/.kunitconfig"]
    for name in kept:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text("source\n")
    notes = Notes()
    sources = sorted(["Kconfig", "Makefile", "io/net.c", *kept])
    assert take(repository, tree, notes) == sources
    (note,) = notes.notes
    assert (
        "as a build leaves it there: .config, .config.old, System.map, vmlinux and 8 more" in note
    )
    git(tree, "init", "-q")
    assert ".config" in take(repository, tree)
    (tree / ".git").rename(tree / "gone")
    shutil.rmtree(tree / "gone")
    assert take(repository, tree) == sources
