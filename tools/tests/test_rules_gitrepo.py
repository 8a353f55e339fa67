# SPDX-License-Identifier: GPL-2.0
"""What git is told and what is kept from it, word by word; what becomes of its answers."""

from __future__ import annotations

import itertools
import os
import shlex
from pathlib import Path

import pytest

from kseries.lib import gitrepo
from kseries.lib.deadline import Deadline
from kseries.lib.gitrepo import Answer, GitError, Repository
from kseries.lib.proc import TAIL_LINES

SETTINGS = """\
-c core.fsmonitor=false -c core.hooksPath=/dev/null -c core.pager=cat -c core.sshCommand=false
-c core.untrackedCache=false -c diff.ignoreSubmodules=all -c fetch.recurseSubmodules=false
-c gc.auto=0 -c protocol.allow=never -c submodule.recurse=false
"""
SEALED = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
    "LANGUAGE": "C",
}
# Which repository is meant; a fetch must not take these from who calls us.
PLACE = (
    *("GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_CONFIG", "GIT_DEFAULT_HASH"),
    *("GIT_DIR", "GIT_GRAFT_FILE", "GIT_IMPLICIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_NAMESPACE"),
    *("GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_QUARANTINE_PATH", "GIT_SHALLOW_FILE"),
    "GIT_WORK_TREE",
)


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return gitrepo.create(tmp_path / "r.git")


def test_git_is_told_where_it_is_and_what_it_must_not_do() -> None:
    bare = Repository(Path("/r.git"))
    assert bare.argv("log", Path("/x")) == ["git", "--git-dir=/r.git", "log", "/x"]
    assert bare.sealed_argv("log") == shlex.split(f"git {SETTINGS} --git-dir=/r.git log")
    tree = bare.at(Path("/tree"))
    assert tree.argv("log") == ["git", "--git-dir=/r.git", "--work-tree=/tree", "log"]


def test_variables_seal_a_command() -> None:
    bare = Repository(Path("/r.git"))
    assert bare.environment() == SEALED
    indexed = bare.with_index(Path("/index"))
    assert indexed.environment() == {**SEALED, "GIT_INDEX_FILE": "/index"}


def test_no_variable_of_git_comes_from_the_caller_but_where_its_programs_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("GIT_EXEC_PATH", "GIT_DIR", "GIT_TRACE", "NOT_GIT_DIR"):
        monkeypatch.setenv(name, "x")
    start = Repository(Path("/r.git")).sealed_argv("log")[:6]
    assert start[0] == "env"
    assert sorted(start[1:5]) == ["-u", "-u", "GIT_DIR", "GIT_TRACE"]
    assert start[5] == "git"


def test_a_command_runs_in_the_repository_and_not_where_we_are(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    here = ("-c", "alias.here=!pwd", "here")
    assert repository.text(*here) == str(repository.path)
    assert repository.at(tmp_path).text(*here) == str(tmp_path)


def committed(repository: Repository, tmp_path: Path, *links: str) -> str:
    """Make a commit of some files, with submodules at these paths."""
    indexed = repository.with_index(tmp_path / f"index-{len(links)}")
    (tmp_path / "text").write_text("text")
    blob = repository.text("hash-object", "-w", "--", tmp_path / "text")
    modes = {name: f"100644,{blob},{name}" for name in ("a", "deep/b", "z")}
    modes |= {name: f"160000,{'1' * 40},{name}" for name in links}
    for entry in modes.values():
        indexed.text("update-index", "--add", "--cacheinfo", entry)
    return repository.commit_tree(indexed.text("write-tree"), message=tmp_path / "text")


def test_submodules_are_named_whatever_their_names(repository: Repository, tmp_path: Path) -> None:
    links = ["a-b", "deep/tab\tbed", "x y"]
    plain, linked = committed(repository, tmp_path), committed(repository, tmp_path, *links)
    assert repository.submodules(plain) == []
    assert sorted(repository.submodules(linked)) == links
    assert sorted(repository.submodules_added(plain, linked)) == links
    assert repository.submodules_added(linked, plain) == []
    more = committed(repository, tmp_path, *links, "a", "z")  # in place of files
    assert repository.submodules_added(linked, more) == ["a", "z"]


def test_a_long_command_is_logged_line_by_line_where_the_repository_is(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    log, lines = tmp_path / "log", list[str]()
    here = ("-c", "alias.here=!pwd", "here")
    deadline = Deadline.after(10)
    done = repository.work(*here, deadline=deadline, log=log, on_line=lines.append)
    assert done.output.strip() == str(repository.path)
    assert [line.strip() for line in lines] == [str(repository.path)]
    assert log.read_text().endswith(f"\n{repository.path}\n")


def test_a_patch_is_known_by_what_it_changes(repository: Repository, tmp_path: Path) -> None:
    diff = tmp_path / "diff"
    diff.write_text("diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n")
    found = repository.patch_id(diff)
    assert len(found) == 40
    assert set(found) != {"0"}
    diff.write_text(diff.read_text().replace("+b", "+c"))
    assert repository.patch_id(diff) not in ("", found)
    diff.write_text("no diff\n")
    assert repository.patch_id(diff) == ""


def test_a_git_that_cannot_be_run_is_told(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(GitError, match="git cannot be run") as caught:
        repository.ask("version")
    assert caught.value.where == str(repository.path)
    assert "git" in caught.value.said


def test_a_fetch_is_told_by_nobody_which_repository_is_meant(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (*PLACE, "GIT_SSH_COMMAND"):
        monkeypatch.setenv(name, "/nowhere")
    monkeypatch.setenv("GIT_TERMINAL_PROMPT", "1")
    alias = "alias.tell=!env"
    done = repository.remote_work("-c", alias, "tell", deadline=Deadline.after(10))
    told = dict(line.partition("=")[::2] for line in done.output.splitlines())
    assert told["GIT_SSH_COMMAND"] == "/nowhere"
    assert "/nowhere" not in {told.get(name) for name in PLACE}
    dropped = [name for option, name in itertools.pairwise(done.argv) if option == "-u"]
    assert sorted(dropped) == sorted(PLACE)
    assert (told["GIT_TERMINAL_PROMPT"], told["LC_ALL"], told["LANGUAGE"]) == ("0", "C", "C")
    assert not {"GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM"} & set(told)


def test_what_git_prints_is_read_whatever_bytes_it_has() -> None:
    said = Answer(0, b" a\xff\n b \n", "")
    assert (said.ok, said.text) == (True, "a\udcff\n b")
    assert Answer(0, b"a\xff\0\0 b\0", "").entries == ["a\udcff", " b"]
    assert not Answer(1, b"", "").ok


def test_a_failure_shows_the_end_of_what_git_said() -> None:
    said = "\n".join(f"line {number}" for number in range(TAIL_LINES + 1))
    error = gitrepo.failure(["git", "a b"], 1, said)
    first, *lines = error.where.splitlines()
    assert (error.what, first) == ("git failed with exit status 1.", "git 'a b'")
    assert lines == [f"| line {number}" for number in range(1, TAIL_LINES + 1)]
    assert (error.said, error.do) == (said, "")


@pytest.mark.parametrize(
    "sign",
    [
        "No space left on device",
        "Out of diskspace",
        "Disk quota exceeded",
        "File too large",
    ],
)
def test_a_full_disk_is_named_however_git_says_it(sign: str) -> None:
    error = gitrepo.failure(["git"], 128, f"fatal: {sign}\n")
    assert (error.what, error.said) == ("The disk is full.", f"fatal: {sign}\n")
    assert f"| fatal: {sign}" in error.where


def commit(repository: Repository, folder: Path, name: str, text: str, parent: str = "") -> str:
    """Make a commit of one file."""
    for file, content in (("blob", text), ("message", f"add {name}\n\nWhy.\n")):
        (folder / file).write_text(content)
    blob = repository.text("hash-object", "-w", "--stdin", stdin=folder / "blob")
    (folder / "listing").write_text(f"100644 blob {blob}\t{name}\n")
    tree = repository.text("mktree", stdin=folder / "listing")
    return repository.commit_tree(tree, message=folder / "message", parent=parent)


def test_a_commit_is_as_it_is_told(repository: Repository, tmp_path: Path) -> None:
    first = commit(repository, tmp_path, "f", "x\n")
    tree = repository.tree_of(first)
    second = repository.commit_tree(
        tree,
        message=tmp_path / "message",
        parent=first,
        author=("Ada", "ada@example.org"),
        date="@1000000000 +0200",
    )
    form = "%P|%an|%ae|%ad|%cn|%ce|%cd|%s|%b"
    told = repository.text("log", "-1", "--date=raw", f"--format={form}", second)
    assert told == (
        f"{first}|Ada|ada@example.org|1000000000 +0200"
        "|kseries|kseries@localhost|1000000000 +0200|add f|Why."
    )
    plain = repository.text("log", "-1", "--date=raw", f"--format={form}", first)
    assert plain.startswith("|kseries|kseries@localhost|946684800 +0000|kseries")


def test_what_is_in_a_commit(repository: Repository, tmp_path: Path) -> None:
    made = commit(repository, tmp_path, "f", "x\n")
    assert repository.commit_of(made) == made
    assert repository.file_at(made, "f") == b"x\n"
    assert repository.file_at(made, "g") is None
    assert repository.entries("ls-tree", "-z", "--name-only", made) == ["f"]
    assert repository.submodules(made) == []
    with pytest.raises(GitError, match="exit status"):
        repository.entries("ls-tree", "-z", "0" * 40)


def test_a_commit_without_its_tree_is_none(repository: Repository, tmp_path: Path) -> None:
    made = commit(repository, tmp_path, "f", "x\n")
    tree = repository.tree_of(made)
    (repository.path / "objects" / tree[:2] / tree[2:]).unlink()
    assert repository.commit_of(made) == ""


def test_a_repository_is_made_twice_and_stays(tmp_path: Path) -> None:
    one = gitrepo.create(tmp_path / "deep" / "r.git")
    made = commit(one, tmp_path, "f", "x\n")
    again = gitrepo.create(one.path)
    assert again.commit_of(made) == made
    assert again.text("symbolic-ref", "HEAD") == "refs/heads/source"
    assert not (one.path / "hooks").exists()  # what git's template brings


def test_a_worktree_knows_its_repository(tmp_path: Path) -> None:
    for name in ("linked", "own"):
        (tmp_path / name).mkdir()
    (tmp_path / "linked/.git").write_text("gitdir: /r.git/worktrees/linked\n")
    (tmp_path / "own/.git").mkdir()
    linked = gitrepo.of_worktree(tmp_path / "linked")
    assert (linked.path, linked.work_tree) == (
        Path("/r.git/worktrees/linked"),
        tmp_path / "linked",
    )
    own = gitrepo.of_worktree(tmp_path / "own")
    assert (own.path, own.work_tree) == (tmp_path / "own/.git", tmp_path / "own")
