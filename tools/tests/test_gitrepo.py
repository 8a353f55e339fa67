# SPDX-License-Identifier: GPL-2.0
from __future__ import annotations

import io
from pathlib import Path

import pytest

from kseries.fetch import fastimport
from kseries.fetch.fastimport import fast_import
from kseries.lib import gitrepo
from kseries.lib.deadline import Deadline
from kseries.lib.errors import InfraError
from kseries.lib.gitrepo import GitError, Repository


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return gitrepo.create(tmp_path / "r.git")


def commit_files(repository: Repository, files: dict[str, bytes]) -> str:
    with fast_import(repository, "refs/heads/source") as sink:
        for path, content in files.items():
            name = path.encode()
            sink.file(name, fastimport.REGULAR, len(content), io.BytesIO(content))
    return repository.commit_of("refs/heads/source")


def test_fast_import_writes_files_with_odd_names(repository: Repository) -> None:
    files = {"a b": b"1", 'quo"te': b"22", "back\\slash": b"", "new\nline": b"3", "ä/ö": b"\0\n"}
    commit = commit_files(repository, files)
    assert sorted(repository.entries("ls-tree", "-r", "-z", "--name-only", commit)) == sorted(files)
    for path, content in files.items():
        assert repository.file_at(commit, path) == content


def test_fast_import_that_is_left_makes_no_commit(repository: Repository) -> None:
    with (
        pytest.raises(ZeroDivisionError),
        fast_import(repository, "refs/heads/source") as sink,
    ):
        sink.file(b"a", fastimport.REGULAR, 1 // 0, io.BytesIO(b"1"))
    assert repository.commit_of("refs/heads/source") == ""


def test_fast_import_tells_what_git_says(repository: Repository) -> None:
    with pytest.raises(GitError) as caught, fast_import(repository, "refs/heads/source") as sink:
        sink.copy(b"nowhere", b"b")
    assert "nowhere" in caught.value.said


def test_fast_import_refuses_short_content(repository: Repository) -> None:
    with pytest.raises(EOFError), fast_import(repository, "refs/heads/source") as sink:
        sink.file(b"a", fastimport.REGULAR, 5, io.BytesIO(b"1"))


def test_commits_do_not_depend_on_the_place(tmp_path: Path) -> None:
    ids = set()
    for name in ("one", "two"):
        repository = gitrepo.create(tmp_path / name)
        message = tmp_path / "message"
        message.write_text("text\n")
        tree = repository.tree_of(commit_files(repository, {"f": b"x"}))
        ids.add(repository.commit_tree(tree, message=message))
    assert len(ids) == 1


def test_the_callers_git_environment_is_kept_out(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    (home / "git").mkdir(parents=True)
    (home / ".gitconfig").write_text("[core]\n\tabbrev = 4\n[user]\n\tname = Somebody\n")
    (home / "git" / "ignore").write_text("*\n")
    for name, value in {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home),
        "GIT_DIR": "/nowhere",
        "GIT_INDEX_FILE": "/nowhere/index",
        "GIT_AUTHOR_NAME": "Somebody",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "user.name",
        "GIT_CONFIG_VALUE_0": "Somebody",
    }.items():
        monkeypatch.setenv(name, value)
    commit = commit_files(repository, {"f": b"x"})
    assert repository.text("log", "--format=%cn", commit) == "kseries"
    assert not repository.ask("config", "user.name").ok
    done = repository.work("config", "user.name", deadline=Deadline.after(10), check=False)
    assert not done.ok
    work_tree = tmp_path / "files"
    work_tree.mkdir()
    (work_tree / "f").touch()
    assert not repository.at(work_tree).ask("check-ignore", "--no-index", "-q", "f").ok


def test_a_fetch_keeps_the_users_configuration(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".gitconfig").write_text("[user]\n\tname = Somebody\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("GIT_CONFIG_GLOBAL", raising=False)
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    done = repository.remote_work("config", "user.name", deadline=Deadline.after(10))
    assert done.output.strip() == "Somebody"


def test_errors_carry_gits_words_and_the_command(repository: Repository) -> None:
    with pytest.raises(GitError) as caught:
        repository.text("rev-parse", "--verify", "no-such-name")
    assert "Needed a single revision" in caught.value.said
    assert "rev-parse --verify no-such-name" in caught.value.where
    assert isinstance(caught.value, InfraError)
    with pytest.raises(GitError, match="exit status 128"):
        repository.work("rev-parse", "--verify", "no-such-name", deadline=Deadline.after(10))


def test_a_full_disk_is_named() -> None:
    error = gitrepo.failure(["git", "add"], 128, "fatal: write error: No space left on device")
    assert error.what == "The disk is full."
    assert "kseries cache clear" in error.do


def test_commit_of_is_empty_for_what_is_not_there(repository: Repository) -> None:
    assert repository.commit_of("0" * 40) == ""
    assert repository.commit_of("--all") == ""


def test_patch_id_ignores_white_space_and_line_numbers(
    repository: Repository, tmp_path: Path
) -> None:
    start = "diff --git a/f b/f\n--- a/f\n+++ b/f\n"
    one, two, none = tmp_path / "1", tmp_path / "2", tmp_path / "3"
    one.write_text(f"{start}@@ -1,2 +1,2 @@\n a\n-b\n+c\n")
    two.write_text(f"{start}@@ -7,2 +9,2 @@\n  a\n-b\n+c\n")
    none.write_text("just words\n")
    assert repository.patch_id(one) == repository.patch_id(two)
    assert len(repository.patch_id(one)) == 40
    assert repository.patch_id(none) == ""


def test_nothing_in_a_worktree_makes_git_start_a_program(
    repository: Repository, tmp_path: Path
) -> None:
    """A repository inside of a tree, of which a submodule or a posted patch is one way in."""
    spoiled = tmp_path / "spoiled"
    script = tmp_path / "script"
    script.write_text(f"#!/bin/sh\ntouch {spoiled}\n")
    script.chmod(0o755)
    commit = commit_files(repository, {".gitattributes": b"* filter=x diff=x\n", "f": b"x\n"})
    listing = repository.text("ls-tree", commit) + f"\n160000 commit {commit}\tmodule\n"
    (tmp_path / "listing").write_text(listing)
    linked = repository.text("mktree", "--missing", stdin=tmp_path / "listing")
    (tmp_path / "message").write_text("link\n")
    head = repository.commit_tree(linked, message=tmp_path / "message")
    tree = tmp_path / "tree"
    repository.text("worktree", "add", "--detach", tree, head)
    inner = tree / "module"
    gitrepo.create(inner / ".git")
    settings = (
        f"[core]\nfsmonitor = {script}\nhooksPath = {tmp_path}\nsshCommand = {script}\n"
        f'pager = {script}\nworktree = {inner}\nbare = false\n[filter "x"]\nclean = {script}\n'
        f'smudge = {script}\n[diff "x"]\ntextconv = {script}\nexternal = {script}\n'
    )
    (inner / ".git" / "config").write_text(settings)
    (tmp_path / "post-checkout").symlink_to(script)
    sealed = gitrepo.of_worktree(tree)
    for words in (
        ("status", "--porcelain"),
        ("diff-files", "--name-only"),
        ("diff", "HEAD"),
        ("update-index", "-q", "--refresh"),
        ("ls-files", "--others"),
        ("checkout", "--force", "--detach", head),
        ("clean", "-ffdxn"),
    ):
        (tree / "f").write_text("changed\n")
        sealed.ask(*words)
        assert not spoiled.exists(), words
    assert sealed.ask("fetch", str(inner)).status != 0
    assert sealed.submodules(head) == ["module"]
    assert sealed.submodules_added(commit, head) == ["module"]
    assert sealed.submodules_added(head, head) == []
