# SPDX-License-Identifier: GPL-2.0
from __future__ import annotations

import base64
import hashlib
import os
import quopri
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from kseries.apply.conflict import PatchConflict
from kseries.apply.stage import apply
from kseries.fetch.stage import fetch
from kseries.lib.errors import InfraError, UserError
from kseries.lib.paths import Cache
from kseries.lib.progress import Silent
from kseries.lib.runfolder import RunFolder
from kseries.model import (
    BaseTree,
    LocalSource,
    NamedSource,
    Patch,
    PatchState,
    Series,
    Stack,
    Tree,
)

NET = "".join(f"int line{number};\n" for number in range(1, 31))
FILES = {
    "Makefile": "VERSION = 6\nPATCHLEVEL = 12\n",
    "Kconfig": "config A\n",
    "io/net.c": NET,
    "io/old.c": "int old;\n" * 5,
    "script.sh": "#!/bin/sh\n",
    "crlf.bat": "one\r\ntwo\r\nthree\r\n",
    "data.bin": "\0\1\2",
}


class Notes(Silent):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def git(folder: Path, *words: str) -> str:
    return git_bytes(folder, *words).decode(errors="surrogateescape")


def git_bytes(folder: Path, *words: str) -> bytes:
    argv = ["git", "-c", "user.name=Jürgen Ö", "-c", "user.email=j@example.org", *words]
    return subprocess.run(argv, cwd=folder, check=True, capture_output=True).stdout


class Lab:
    """A kernel in small, an author who changes it, and a worktree to apply to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.author = folder / "author"
        for name, text in FILES.items():
            (self.author / name).parent.mkdir(parents=True, exist_ok=True)
            (self.author / name).write_bytes(text.encode())
        git(self.author, "init", "-q", "-b", "main")
        git(self.author, "add", ".")
        git(self.author, "commit", "-q", "-m", "base")
        self.cache = Cache(folder / "cache")
        self.run = RunFolder(folder / "run")
        self.run.path.mkdir()
        self.tree_folder = folder / "out" / "trees" / "st"
        self.progress = Notes()
        self.source = NamedSource("toy", LocalSource("local", folder / "upstream"))
        self.base = self.release()
        self.count = 0

    def release(self) -> BaseTree:
        """Make the author's files the base."""
        upstream = self.folder / "upstream"
        shutil.rmtree(upstream, ignore_errors=True)
        shutil.copytree(self.author, upstream, symlinks=True)
        return self.fetch()

    def fetch(self) -> BaseTree:
        return fetch(self.source, self.cache, self.folder / "out", self.run, self.progress)

    def change(self, title: str, **files: str | None) -> bytes:
        """Commit a change (dots of names are slashes) and give its mail."""
        for name, text in files.items():
            path = self.author / name.replace("__", "/").replace("_", ".")
            if text is None:
                path.unlink()
            else:
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(text.encode())
        return self.commit(title)

    def commit(self, title: str, *options: str) -> bytes:
        git(self.author, "add", "-A")
        self.count += 1
        date = f"2024-10-{self.count:02}T10:00:00+0200"
        git(self.author, "commit", "-q", "-m", f"{title}\n\nWhy.\n", f"--date={date}")
        return git_bytes(self.author, "format-patch", "-1", "--stdout", *options)

    def patch(self, mail: bytes, index: int = 1, title: str = "a title") -> Patch:
        self.count += 1
        file = self.folder / f"{self.count:04}.patch"
        file.write_bytes(mail)
        return Patch(index, title, "A <a@example.org>", "", file, hashlib.sha256(mail).hexdigest())

    def stack(self, *mails: bytes, name: str = "s") -> Stack:
        patches = tuple(self.patch(mail, index) for index, mail in enumerate(mails, 1))
        return self.stack_of(series(name, patches))

    def stack_of(self, *parts: Series) -> Stack:
        return Stack("st", self.base.source, parts, "", (), ())

    def apply(self, stack: Stack) -> Tree:
        return apply(self.base, stack, self.tree_folder, self.run, self.progress)

    def fails(self, stack: Stack) -> PatchConflict:
        with pytest.raises(PatchConflict) as caught:
            self.apply(stack)
        assert not self.tree_folder.with_name(".st.scratch").exists()
        return caught.value

    def am(self, stack: Stack) -> str:
        """The tree that plain `git am` makes of the same files on the same base."""
        folder = self.folder / "am"
        shutil.rmtree(folder, ignore_errors=True)
        git(self.folder, "clone", "-q", str(self.base.repo), str(folder))
        git(folder, "checkout", "-q", "--detach", self.base.commit)
        files = [str(patch.file) for part in stack.series for patch in part.patches]
        git(folder, "am", "-q", *files)
        return git(folder, "rev-parse", "HEAD^{tree}").strip()

    def tree_of(self, tree: Tree) -> str:
        return git(self.base.repo, "rev-parse", f"{tree.head}^{{tree}}").strip()

    def state(self) -> dict[str, tuple[int, bytes]]:
        """Times and contents of the worktree."""
        return {
            str(path.relative_to(self.tree_folder)): (path.lstat().st_mtime_ns, path.read_bytes())
            for path in sorted(self.tree_folder.rglob("*"))
            if path.is_file()
        }


def series(name: str, patches: tuple[Patch, ...]) -> Series:
    return Series(name, name, "", 1, len(patches), "", (), (), patches, "test")


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def edited(number: int, text: str) -> str:
    return NET.replace(f"int line{number};", text)


# ---------------------------------------------------------------- what applies


def test_each_patch_is_a_commit_as_git_am_makes_it(lab: Lab) -> None:
    one = lab.change("net: change three", io__net_c=edited(3, "int three;"))
    two = lab.change("net: add ö", io__new_c="int ö;\n")
    stack = lab.stack(one, two)
    tree = lab.apply(stack)
    assert [patch.state for patch in tree.patches] == [PatchState.APPLIED] * 2
    assert tree.head == tree.patches[1].commit
    assert lab.tree_of(tree) == lab.am(stack)
    form = "--format=%an|%ae|%ad|%s|%b"
    assert git(lab.base.repo, "log", form, f"{lab.base.commit}..{tree.head}") == git(
        lab.folder / "am", "log", form, f"{lab.base.commit}..HEAD"
    )
    committer = git(lab.base.repo, "log", "-1", "--format=%cn|%cd", tree.head).strip()
    assert committer == "kseries|Wed Oct 2 10:00:00 2024 +0200"
    assert (lab.tree_folder / "io/new.c").read_text() == "int ö;\n"
    assert git(lab.tree_folder, "status", "--porcelain") == ""
    diff = git_bytes(lab.author, "diff", "HEAD~1")
    argv = ["git", "patch-id", "--stable"]
    done = subprocess.run(argv, input=diff, check=True, capture_output=True)
    assert tree.patches[1].patch_id == done.stdout.decode().split()[0]


def test_renames_modes_deletions_and_binaries(lab: Lab) -> None:
    (lab.author / "io/old.c").rename(lab.author / "io/moved.c")
    rename = lab.commit("rename", "-M")
    (lab.author / "script.sh").chmod(0o755)
    mode = lab.commit("mode")
    (lab.author / "data.bin").write_bytes(bytes(range(256)) * 4)
    binary = lab.commit("binary", "--binary")
    delete = lab.change("delete", io__net_c=None)
    (lab.author / "link").symlink_to("Makefile")
    link = lab.commit("link")
    stack = lab.stack(rename, mode, binary, delete, link)
    tree = lab.apply(stack)
    assert lab.tree_of(tree) == lab.am(stack)
    assert os.access(lab.tree_folder / "script.sh", os.X_OK)
    assert not (lab.tree_folder / "io/net.c").exists()
    assert not (lab.tree_folder / "io/old.c").exists()
    assert (lab.tree_folder / "link").is_symlink()


def mail_forms(mail: bytes) -> dict[str, bytes]:
    """One patch, sent in ways that mail programs know."""
    head, _, body = mail.partition(b"\n\n")
    plain = head.replace(b"Content-Transfer-Encoding: 8bit", b"X-Was: 8bit")
    plain = b"\n".join(
        line for line in plain.split(b"\n") if not line.startswith((b"MIME-Version", b"Content-"))
    )
    mime = plain + b"\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
    encoded = mime + b"Content-Transfer-Encoding: "
    return {
        "as it is": mail,
        "crlf": mail.replace(b"\n", b"\r\n"),
        "base64": encoded + b"base64\n\n" + base64.encodebytes(body),
        "quoted-printable": encoded + b"quoted-printable\n\n" + quopri.encodestring(body),
        "8bit": encoded + b"8bit\n\n" + body,
        "no From_ line": mail.partition(b"\n")[2],
        "other sender": b"From: Bot <bot@example.org>\nSubject: [PATCH net-next v3 2/9] change\n"
        b"Date: Tue, 1 Oct 2024 10:00:00 +0200\nContent-Type: text/plain; charset=utf-8\n\n"
        b"From: =?utf-8?q?J=C3=BCrgen_=C3=96?= <j@example.org>\n\n" + body,
    }


@pytest.mark.parametrize("form", mail_forms(b"a\n\nb"))
def test_odd_forms_of_mails(lab: Lab, form: str) -> None:
    plain = lab.change("change", io__net_c=edited(3, "int ü;"))
    mail = mail_forms(plain)[form]
    tree = lab.apply(lab.stack(mail))
    assert (lab.tree_folder / "io/net.c").read_text() == edited(3, "int ü;")
    author = git(lab.base.repo, "log", "-1", "--format=%an <%ae> %ad|%s", tree.head).strip()
    assert author == "Jürgen Ö <j@example.org> Tue Oct 1 10:00:00 2024 +0200|change"
    assert lab.progress.notes == []


def test_a_file_with_crlf_lines_can_be_changed(lab: Lab) -> None:
    mail = lab.change("crlf", crlf_bat="one\r\n2\r\nthree\r\n")
    head, _, body = mail.partition(b"\n\n")
    encoded = b"\nMIME-Version: 1.0\nContent-Transfer-Encoding: base64\n\n"
    tree = lab.apply(lab.stack(head + encoded + base64.encodebytes(body)))
    assert tree.patches[0].state is PatchState.APPLIED
    assert (lab.tree_folder / "crlf.bat").read_bytes() == b"one\r\n2\r\nthree\r\n"


def test_scissors_cut_nothing(lab: Lab) -> None:
    mail = lab.change("change\n\nabove\n-- >8 --\nbelow", io__net_c=edited(3, "int x;"))
    tree = lab.apply(lab.stack(mail))
    assert "above" in git(lab.base.repo, "log", "-1", "--format=%B", tree.head)


@pytest.mark.parametrize(
    ("old", "new", "author"),
    [
        (b"Date: ", b"Date: nonsense ", "2000-01-01T00:00:00+00:00"),
        (b"Date: ", b"X-Date: ", "2000-01-01T00:00:00+00:00"),
        (b"Tue, 1 Oct 2024 10:00:00 +0200", b"1 Oct 2024 08:00:00 -0000", "2024-10-01T08:00:00"),
        (b"=?UTF-8?q?J=C3=BCrgen=20=C3=96?= <j@example.org>", b"j@example.org", "j@example.org"),
    ],
)
def test_headers_that_lack_something(lab: Lab, old: bytes, new: bytes, author: str) -> None:
    mail = lab.change("change", io__net_c=edited(3, "int x;"))
    assert old in mail
    tree = lab.apply(lab.stack(mail.replace(old, new)))
    assert author in git(lab.base.repo, "log", "-1", "--format=%an %ae %aI", tree.head)


def test_a_patch_that_lost_its_diff_fails(lab: Lab) -> None:
    mail = lab.change("change", io__net_c=edited(3, "int x;"))
    error = lab.fails(lab.stack(mail.partition(b"diff --git")[0]))
    assert "git sees no patch" in error.where


# ---------------------------------------------------------------- what was done before


def test_again_gives_the_same_commits_and_touches_nothing(lab: Lab) -> None:
    stack = lab.stack(
        lab.change("one", io__net_c=edited(3, "int x;")), lab.change("two", io__a_c="a\n")
    )
    first = lab.apply(stack)
    (lab.tree_folder / "out").mkdir()  # where the build folder is mounted
    before = lab.state()
    assert lab.apply(stack) == first
    assert lab.state() == before
    # A worktree elsewhere, from another cache, has the same commits.
    (lab.folder / "other").mkdir()
    other = RunFolder(lab.folder / "other")
    base = fetch(lab.base.source, Cache(other.path / "cache"), other.path, other, Silent())
    assert apply(base, stack, other.path / "tree_folder", other, Silent()).head == first.head


def test_only_changed_files_are_touched(lab: Lab) -> None:
    one = lab.patch(lab.change("one", io__net_c=edited(3, "int x;")))
    two = lab.patch(lab.change("two", Kconfig="config B\n"), 2)
    lab.apply(lab.stack_of(series("s", (one,))))
    (lab.tree_folder / "out").mkdir()  # where the build folder is mounted
    before = lab.state()
    tree = lab.apply(lab.stack_of(series("s", (one, two))))
    after = lab.state()
    assert {name for name in after if after[name] != before.get(name)} == {"Kconfig"}
    assert tree.patches[0].commit == git(lab.base.repo, "rev-parse", f"{tree.head}~1").strip()


def test_a_patch_that_changed_since_it_was_read(lab: Lab) -> None:
    stack = lab.stack(lab.change("one", io__net_c=edited(3, "int x;")))
    file = stack.series[0].patches[0].file
    file.write_bytes(file.read_bytes() + b"\n")
    with pytest.raises(UserError, match="changed after the series was read") as caught:
        lab.apply(stack)
    assert str(file) in caught.value.where
    file.unlink()
    with pytest.raises(UserError, match="it is gone"):
        lab.apply(stack)


def test_a_source_that_left_the_cache(lab: Lab) -> None:
    stack = lab.stack(lab.change("one", io__net_c=edited(3, "int x;")))
    shutil.rmtree(lab.base.repo)
    with pytest.raises(InfraError, match="not in the cache any more"):
        lab.apply(stack)


def test_an_mbox_of_two_is_no_patch(lab: Lab) -> None:
    mail = lab.change("one", io__net_c=edited(3, "int x;"))
    with pytest.raises(UserError, match="holds 2 mails"):
        lab.apply(lab.stack(mail + mail))


# ---------------------------------------------------------------- already in the base


def test_in_base_by_reverse_apply(lab: Lab) -> None:
    mail = lab.change("one", io__net_c=edited(3, "int x;"))
    mode = lab.author / "script.sh"
    mode.chmod(0o755)
    mode_mail = lab.commit("mode")
    new = lab.change("new", io__new_c="int new;\n")
    lab.base = lab.release()
    tree = lab.apply(lab.stack(mail, mode_mail, new))
    assert [(patch.state, patch.found_as, patch.commit) for patch in tree.patches] == [
        (PatchState.IN_BASE, "reverse apply", ""),
        (PatchState.IN_BASE, "no change", ""),
        (PatchState.IN_BASE, "reverse apply", ""),
    ]
    assert tree.head == lab.base.commit
    assert "is already in the base (reverse apply)" in lab.progress.notes[0]
    lab.progress.notes.clear()
    lab.apply(lab.stack(mail, mode_mail, new))
    assert len(lab.progress.notes) == 3


def history_base(lab: Lab) -> BaseTree:
    """The author's own repository, history and all, as a base."""
    bare = lab.folder / "history.git"
    shutil.rmtree(bare, ignore_errors=True)
    git(lab.folder, "clone", "-q", "--bare", str(lab.author), str(bare))
    (bare / "info/exclude").write_text("/out-*/\n")
    head = git(lab.author, "rev-parse", "HEAD").strip()
    return BaseTree(lab.base.source, bare, head, "6.12", "history")


def test_in_base_by_patch_id_though_changed_since(lab: Lab) -> None:
    mail = lab.change("one", io__net_c=edited(3, "int x;"))
    commit = git(lab.author, "rev-parse", "HEAD").strip()
    lab.change("on top", io__net_c=edited(3, "int y;"))
    lab.base = history_base(lab)
    tree = lab.apply(lab.stack(mail))
    assert tree.patches[0].state is PatchState.IN_BASE
    assert tree.patches[0].found_as == commit


def test_a_patch_that_was_reverted_is_not_in_base(lab: Lab) -> None:
    mail = lab.change("one", io__net_c=edited(3, "int x;"))
    git(lab.author, "revert", "--no-edit", "HEAD")
    lab.base = history_base(lab)
    assert lab.apply(lab.stack(mail)).patches[0].state is PatchState.APPLIED
    lab.change("on top", io__net_c=edited(3, "int z;"))
    lab.base = history_base(lab)
    lab.fails(lab.stack(mail))


def test_the_same_patch_twice(lab: Lab) -> None:
    mail = lab.change("one", io__net_c=edited(3, "int x;"))
    tree = lab.apply(lab.stack(mail, mail))
    assert tree.patches[1].state is PatchState.IN_BASE
    assert tree.patches[1].found_as == tree.patches[0].commit


# ---------------------------------------------------------------- conflicts


def test_a_conflict_is_explained_and_leaves_the_tree(lab: Lab) -> None:
    good = lab.change("good", Kconfig="config B\n")
    bad = lab.patch(lab.change("bad", io__net_c=edited(20, "int x;")), 2, "net: change twenty")
    lab.author.joinpath("io/net.c").write_text("int first;\n" + edited(21, "int y;"))
    lab.author.joinpath("Kconfig").write_text("config A\n")
    lab.base = lab.release()
    lab.apply(lab.stack())
    before = lab.state()
    stack = lab.stack_of(series("zc", (lab.patch(good), bad)))
    error = lab.fails(stack)
    assert lab.state() == before
    assert error.what == "Patch 2 of 2 of zc, 'net: change twenty', does not apply."
    assert [(patch.index, patch.state) for patch in error.patches] == [
        (1, PatchState.APPLIED),
        (2, PatchState.CONFLICT),
    ]
    lines = error.where.split("\n")
    assert lines[0] == "its lines are not in the tree as it expects them:"
    assert lines[1] == "io/net.c @@ -17,7 +17,7 @@ int line16;"
    assert "-int line20;" in lines
    assert "+int x;" in lines
    assert "the tree has, from line 15:" in lines
    assert "    21 int line20;" in lines
    assert "    22 int y;" in lines
    assert "applied before it: 1" in lines[-1]
    folder = lab.run.path / "rejects" / "zc-0002"
    assert f"in full: {folder}" in lines
    assert "-int line20;" in (folder / "io/net.c.rej").read_text()
    assert "patch failed: io/net.c:17" in (folder / "git-apply.txt").read_text()
    # The next start, with the patch left out, works.
    assert lab.apply(lab.stack_of(series("zc", stack.series[0].patches[:1]))).patches


def test_a_diff_that_is_not_of_git(lab: Lab) -> None:
    mail = lab.change("bad", io__net_c=edited(20, "int x;"))
    start, end = mail.index(b"diff --git"), mail.index(b"@@ -17")
    names = b"--- linux.orig/io/net.c\t2024-10-01\n+++ linux/io/net.c\t2024-10-01\n"
    mail = mail[:start] + names + mail[end:]
    assert lab.apply(lab.stack(mail)).patches[0].state is PatchState.APPLIED
    lab.change("", io__net_c=edited(21, "int y;"))
    lab.base = lab.release()
    assert "io/net.c @@ -17,7 +17,7 @@" in lab.fails(lab.stack(mail)).where


def test_several_hunks_are_named(lab: Lab) -> None:
    text = edited(3, "int a;").replace("int line25;", "int b;")
    mail = lab.change("bad", io__net_c=text)
    lab.change("", io__net_c=edited(2, "int p;").replace("int line26;", "int q;"))
    lab.base = lab.release()
    error = lab.fails(lab.stack(mail))
    assert "io/net.c @@ -1,6 +1,6 @@" in error.where
    assert "also io/net.c @@ -22,7 +22,7 @@" in error.where


def test_a_missing_file_is_named_with_its_new_place(lab: Lab) -> None:
    mail = lab.change("bad", io__old_c="int new;\n")
    (lab.author / "io/old.c").unlink()
    (lab.author / "fs").mkdir()
    (lab.author / "fs/old.c").touch()
    lab.base = lab.release()
    error = lab.fails(lab.stack(mail))
    assert "it changes io/old.c, which the tree does not have" in error.where
    assert "the tree has a old.c here: fs/old.c" in error.where


def test_a_file_that_is_there_already(lab: Lab) -> None:
    mail = lab.change("new", io__new_c="int new;\n")
    lab.change("other", io__new_c="int other;\n")
    lab.base = lab.release()
    assert "it adds io/new.c, which the tree has already" in lab.fails(lab.stack(mail)).where


def test_a_binary_patch_without_content(lab: Lab) -> None:
    (lab.author / "data.bin").write_bytes(bytes(range(256)))
    git(lab.author, "commit", "-q", "-a", "-m", "binary")
    mail = git_bytes(lab.author, "format-patch", "-1", "--stdout", "--no-binary")
    error = lab.fails(lab.stack(mail))
    assert "it changes the binary file data.bin and does not carry its content" in error.where


def test_a_binary_patch_for_another_content(lab: Lab) -> None:
    (lab.author / "data.bin").write_bytes(bytes(range(256)))
    mail = lab.commit("binary", "--binary", "--full-index")
    (lab.author / "data.bin").write_bytes(b"\0other")
    lab.base = lab.release()
    error = lab.fails(lab.stack(mail))
    assert "the binary file data.bin, which has another content in the tree" in error.where


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b" int line4;\n", b"int line4;\n", "its diff is mangled at line"),
        (b" int line5;\n", b" int \nline5;\n", "its diff is mangled at line"),
        (b" int line4;", b" int  line4;", "its white space is damaged"),
    ],
)
def test_a_mangled_mail_is_named_as_such(lab: Lab, old: bytes, new: bytes, reason: str) -> None:
    mail = lab.change("bad", io__net_c=edited(3, "int x;"))
    assert old in mail
    error = lab.fails(lab.stack(mail.replace(old, new)))
    assert reason in error.where


def test_a_hunk_without_a_file(lab: Lab) -> None:
    mail = lab.change("bad", io__net_c=edited(3, "int x;"))
    start, end = mail.index(b"diff --git"), mail.index(b"@@ -1")
    error = lab.fails(lab.stack(mail[:start] + mail[end:]))
    assert "its diff is mangled: a hunk without a file at line" in error.where


def test_patches_stay_inside_the_tree(lab: Lab) -> None:
    mail = lab.change("bad", io__new_c="int x;\n")
    for place in (b"../evil", b".git/hooks/post-checkout"):
        error = lab.fails(lab.stack(mail.replace(b"io/new.c", place)))
        assert f"it names {place.decode()}, which is not a place" in error.where


# ---------------------------------------------------------------- a worktree in trouble


def applied(lab: Lab) -> Stack:
    stack = lab.stack(
        lab.change("one", io__net_c=edited(3, "int x;")), lab.change("two", io__new_c="new\n")
    )
    lab.apply(stack)
    (lab.tree_folder / "out").mkdir()  # where the build folder is mounted
    return stack


def test_changes_by_hand_are_undone_with_a_note(lab: Lab) -> None:
    stack = applied(lab)
    before = lab.state()
    (lab.tree_folder / "Kconfig").write_text("by hand\n")
    (lab.tree_folder / "io/new.c").unlink()
    (lab.tree_folder / ".config").touch()
    (lab.tree_folder / "mine").mkdir()
    git(lab.tree_folder / "mine", "init", "-q")
    lab.apply(stack)
    after = lab.state()
    assert {name: text for name, (_, text) in after.items()} == {
        name: text for name, (_, text) in before.items()
    }
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"Kconfig", "io/new.c"}
    assert len(lab.progress.notes) == 1
    assert "Kconfig, io/new.c, .config, mine/" in lab.progress.notes[0]


def test_a_branch_made_by_hand_stays(lab: Lab) -> None:
    stack = applied(lab)
    git(lab.tree_folder, "checkout", "-q", "-b", "mine", "HEAD~1")
    mine = git(lab.tree_folder, "rev-parse", "mine")
    tree = lab.apply(stack)
    assert git(lab.tree_folder, "rev-parse", "HEAD").strip() == tree.head
    assert git(lab.base.repo, "rev-parse", "mine") == mine


def test_another_clones_worktree_out_of_reach_does_not_matter(lab: Lab) -> None:
    stack = applied(lab)
    # Clones share the imported repository; git cannot fix this one's worktree any more.
    (lab.tree_folder / ".git").unlink()
    (lab.tree_folder / ".git").mkdir()
    lab.tree_folder = lab.tree_folder.with_name("of-another-clone")
    tree = lab.apply(stack)
    assert git(lab.tree_folder, "rev-parse", "HEAD").strip() == tree.head
    assert (lab.tree_folder / ".git").is_file()


@pytest.mark.parametrize("loss", ["admin", "link", "cache", "index", "locks", "moved", "copied"])
def test_a_damaged_worktree_mends_itself_without_touching_files(lab: Lab, loss: str) -> None:
    stack = applied(lab)
    before = lab.state()
    admin = lab.base.repo / "worktrees" / "st"
    if loss == "admin":
        shutil.rmtree(admin)
    elif loss == "link":
        (lab.tree_folder / ".git").unlink()
    elif loss == "cache":
        shutil.rmtree(lab.cache.root)
        lab.base = lab.fetch()
    elif loss == "index":
        (admin / "index").write_bytes(b"DIRC cut off")
    elif loss == "locks":
        (admin / "index.lock").touch()
        (admin / "HEAD.lock").touch()
    elif loss == "moved":
        lab.tree_folder = lab.tree_folder.rename(lab.tree_folder.with_name("other"))
    else:
        subprocess.run(["cp", "-a", lab.tree_folder, lab.tree_folder.with_name("copy")], check=True)
        lab.tree_folder = lab.tree_folder.with_name("copy")
    tree = lab.apply(stack)
    after = lab.state()
    assert {name for name in after if after[name] != before.get(name)} <= {".git"}
    assert git(lab.tree_folder, "rev-parse", "HEAD").strip() == tree.head
    assert git(lab.tree_folder, "status", "--porcelain", "--ignored") == ""
    assert lab.progress.notes == []


KILLED = """
import json, sys
from dataclasses import replace
from pathlib import Path
from pydantic import TypeAdapter
from kseries.model import BaseTree, Stack
from kseries.lib.progress import Silent
from kseries.lib.runfolder import RunFolder
from kseries.apply.stage import apply
base = TypeAdapter(BaseTree).validate_json(sys.argv[1])
stack = TypeAdapter(Stack).validate_json(sys.argv[2])
print("started", flush=True)
apply(base, stack, Path(sys.argv[3]), RunFolder(Path(sys.argv[4])), Silent())
"""


def test_a_killed_apply_is_finished_by_the_next(lab: Lab) -> None:
    for number in range(800):
        (lab.author / f"file{number}").write_text(f"{number}\n")
    lab.commit("files")
    lab.base = lab.release()
    for number in range(800):
        (lab.author / f"file{number}").write_text(f"{number} changed\n")
    many = lab.stack(lab.commit("all"), lab.change("two", Kconfig="config B\n"))
    none = lab.stack()
    chance = random.Random(4)
    killed = 0
    for turn in range(3):
        stack = many if turn % 2 == 0 else none
        argv = [sys.executable, "-c", KILLED]
        argv += [TypeAdapter(BaseTree).dump_json(lab.base).decode()]
        argv += [
            TypeAdapter(Stack).dump_json(stack).decode(),
            str(lab.tree_folder),
            str(lab.run.path),
        ]
        with subprocess.Popen(argv, stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            child.stdout.readline()
            time.sleep(chance.uniform(0.02, 0.4))
            child.send_signal(signal.SIGKILL)
        killed += child.returncode == -signal.SIGKILL
    assert killed
    tree = lab.apply(none)
    assert git(lab.tree_folder, "status", "--porcelain") == ""
    assert (lab.tree_folder / "file7").read_text() == "7\n"
    tree = lab.apply(many)
    assert git(lab.tree_folder, "rev-parse", "HEAD").strip() == tree.head
    assert git(lab.tree_folder, "status", "--porcelain") == ""
    assert lab.tree_of(tree) == lab.am(many)
    assert sorted(path.name for path in lab.tree_folder.parent.iterdir()) == ["st"]


def test_what_a_kill_left_of_its_scratch_goes_with_the_next(lab: Lab) -> None:
    lab.apply(lab.stack())
    left = lab.tree_folder.with_name(f".part-.{lab.tree_folder.name}.scratch~ev5gl9rb")
    (left / "deep").mkdir(parents=True)
    lab.apply(lab.stack())
    assert sorted(path.name for path in lab.tree_folder.parent.iterdir()) == ["st"]


# ---------------------------------------------------------------- submodules


GITLINK = """\
diff --git a/{name} b/{name}
new file mode 160000
index 0000000..1234567
--- /dev/null
+++ b/{name}
@@ -0,0 +1 @@
+Subproject commit 1234567890123456789012345678901234567890
"""


@pytest.mark.parametrize("name", ["out", "io/deep/module"])
def test_a_patch_that_adds_a_submodule_is_refused(lab: Lab, name: str) -> None:
    """git on the host would enter it, and do what the configuration in it says."""
    good = lab.change("good", io__net_c=edited(3, "int x;"))
    bad = lab.change("bad", io__new_c="new\n")
    head, _, _ = bad.partition(b"diff --git")
    before = lab.apply(lab.stack(good)).head
    error = lab.fails(lab.stack(good, head + GITLINK.format(name=name).encode()))
    assert f"it adds a submodule (mode 160000): {name}" in error.where
    assert [patch.state for patch in error.patches] == [PatchState.APPLIED, PatchState.CONFLICT]
    assert git(lab.tree_folder, "rev-parse", "HEAD").strip() == before


def test_a_source_with_a_submodule_is_refused(lab: Lab) -> None:
    bare = lab.folder / "bare"
    git(lab.folder, "clone", "-q", "--bare", str(lab.base.repo), str(bare))
    listing = git(bare, "ls-tree", lab.base.commit) + f"160000 commit {'1' * 40}\tmodule\n"
    tree = subprocess.run(
        ["git", "mktree", "--missing"], cwd=bare, input=listing, text=True, capture_output=True
    ).stdout.strip()
    commit = git(bare, "commit-tree", "-m", "base", tree).strip()
    lab.base = replace(lab.base, repo=bare, commit=commit)
    stack = lab.stack(lab.change("one", io__net_c=edited(3, "int x;")))
    with pytest.raises(UserError, match="has a submodule, which no kernel has"):
        lab.apply(stack)
