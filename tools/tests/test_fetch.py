# SPDX-License-Identifier: GPL-2.0
from __future__ import annotations

import hashlib
import io
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kseries.fetch import tarimport
from kseries.fetch.stage import fetch
from kseries.lib import gitrepo
from kseries.lib.errors import InfraError, UserError
from kseries.lib.gitrepo import Repository
from kseries.lib.paths import Cache
from kseries.lib.progress import Silent
from kseries.lib.runfolder import RunFolder
from kseries.model import BaseTree, GitSource, LocalSource, NamedSource, Source, TarballSource

MAKEFILE = "VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 5\nEXTRAVERSION = -rc1\nNAME = Toy\n"
FILES = {"Makefile": MAKEFILE, "Kconfig": "config A\n", "Kbuild": "", "io/net.c": "int a;\n"}


class Notes(Silent):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


class Place:
    """A cache, an out folder and a run, for tests to fetch into."""

    def __init__(self, folder: Path) -> None:
        self.cache = Cache(folder / "cache")
        self.out = folder / "out"
        self.run = RunFolder(folder / "run")
        self.run.path.mkdir()
        self.progress = Notes()

    def fetch(self, source: Source, name: str = "toy") -> tuple[Repository, str, str]:
        base = self.base(source, name)
        return Repository(base.repo), base.commit, base.version

    def base(self, source: Source, name: str = "toy") -> BaseTree:
        named = NamedSource(name, source)
        return fetch(named, self.cache, self.out, self.run, self.progress)

    def partial(self) -> list[Path]:
        return [path for path in self.cache.root.rglob("*") if path.name.startswith(".part-")]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def write_tree(folder: Path) -> Path:
    for name, text in FILES.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (folder / "script.sh").write_text("#!/bin/sh\n")
    (folder / "script.sh").chmod(0o755)
    (folder / "link").symlink_to("io/net.c")
    os.link(folder / "io/net.c", folder / "io/hard.c")
    (folder / ".gitignore").write_text("*.o\n")
    (folder / "ignored.o").write_text("part of the tarball\n")
    return folder


def git(folder: Path, *words: str) -> str:
    argv = ["git", "-c", "user.name=T", "-c", "user.email=t@example.org", *words]
    return subprocess.run(argv, cwd=folder, check=True, capture_output=True, text=True).stdout


def pinned(tarball: Path) -> TarballSource:
    return TarballSource("tarball", str(tarball), hashlib.sha256(tarball.read_bytes()).hexdigest())


def plain_git_tree(folder: Path) -> str:
    """The tree that `git add` makes of a folder with nothing left out."""
    git(folder, "init", "-q")
    git(folder, "add", "-Af")
    tree = git(folder, "write-tree").strip()
    shutil.rmtree(folder / ".git")
    return tree


def make_tar(folder: Path, final: Path, mode: str = "w", top: str = "linux-6.12") -> Path:
    with tarfile.open(final, mode) as tar:  # type: ignore[call-overload]
        if top:
            tar.add(folder, arcname=top)
        else:
            for entry in sorted(folder.iterdir()):
                tar.add(entry, arcname=f"./{entry.name}")
    return final


# ---------------------------------------------------------------- tarball


@pytest.mark.parametrize("top", ["linux-6.12", ""])
@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz", "w:bz2"])
def test_a_tarball_gives_the_tree_that_git_makes_of_it(
    place: Place, tmp_path: Path, mode: str, top: str
) -> None:
    folder = write_tree(tmp_path / "src")
    tarball = make_tar(folder, tmp_path / "t", mode, top)
    repository, commit, version = place.fetch(pinned(tarball))
    assert repository.tree_of(commit) == plain_git_tree(folder)
    assert version == "6.12.5-rc1"
    assert place.partial() == []


def test_zstd_too(place: Place, tmp_path: Path) -> None:
    if shutil.which("zstd") is None:
        pytest.skip("no zstd here")
    tarball = make_tar(write_tree(tmp_path / "src"), tmp_path / "t")
    subprocess.run(["zstd", "-q", tarball, "-o", tmp_path / "t.zst"], check=True)
    assert place.fetch(pinned(tmp_path / "t.zst"))[2] == "6.12.5-rc1"


def test_an_import_happens_once_and_is_the_same_elsewhere(place: Place, tmp_path: Path) -> None:
    tarball = make_tar(write_tree(tmp_path / "src"), tmp_path / "t", "w:xz")
    source = pinned(tarball)
    first = place.fetch(source)
    (tmp_path / "other").mkdir()
    moved = tarball.rename(tmp_path / "other" / "t")
    assert place.fetch(source) == first
    other = Place(tmp_path / "other")
    assert other.fetch(pinned(moved))[1] == first[1]


def test_a_file_url_with_odd_characters(place: Place, tmp_path: Path) -> None:
    tarball = make_tar(write_tree(tmp_path / "src"), tmp_path / "a b%.tar")
    source = TarballSource("tarball", tarball.as_uri(), pinned(tarball).sha256)
    assert place.fetch(source)[2] == "6.12.5-rc1"


def test_a_missing_or_wrong_tarball_is_the_users(place: Place, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="The tarball is not there"):
        place.fetch(TarballSource("tarball", str(tmp_path / "none"), "0" * 64))
    tarball = make_tar(write_tree(tmp_path / "src"), tmp_path / "t")
    with pytest.raises(UserError, match="its sha256 differs"):
        place.fetch(TarballSource("tarball", str(tarball), "0" * 64))
    with pytest.raises(UserError, match="cannot be had by ftp"):
        place.fetch(TarballSource("tarball", "ftp://localhost/t.tar", "0" * 64))
    assert list(place.cache.git.glob("*.git")) == []
    assert place.partial() == []


def broken_tars() -> dict[str, Callable[[bytes], bytes]]:
    return {
        "words": lambda _: b"just words " * 1000,
        "empty": lambda _: b"",
        "cut": lambda xz: xz[: len(xz) // 2],
        "cut at the end": lambda xz: xz[:-4],
        "flipped": lambda xz: xz[: len(xz) // 2] + b"\0\0\0\0" + xz[len(xz) // 2 + 4 :],
        "xz of words": lambda _: __import__("lzma").compress(b"just words " * 1000),
    }


@pytest.mark.parametrize("kind", broken_tars())
def test_what_is_no_tarball_is_refused(place: Place, tmp_path: Path, kind: str) -> None:
    folder = write_tree(tmp_path / "src")
    (folder / "noise").write_bytes(random.Random(1).randbytes(300_000))
    whole = make_tar(folder, tmp_path / "t", "w:xz").read_bytes()
    bad = tmp_path / "bad.tar.xz"
    bad.write_bytes(broken_tars()[kind](whole))
    with pytest.raises(UserError, match="This is not a usable tarball") as caught:
        place.fetch(pinned(bad))
    assert str(bad) in caught.value.where
    if kind.startswith(("cut", "flipped")):
        assert "xz finds it cut off or corrupt" in caught.value.what
    assert list(place.cache.git.glob("*.git")) == []
    assert place.partial() == []


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "linux/../../evil"])
def test_members_outside_are_refused(place: Place, tmp_path: Path, name: str) -> None:
    with tarfile.open(tmp_path / "t", "w") as tar:
        member = tarfile.TarInfo(name)
        tar.addfile(member, io.BytesIO(b""))
    with pytest.raises(UserError, match="outside of its folder") as caught:
        place.fetch(pinned(tmp_path / "t"))
    assert name in caught.value.where


def test_a_device_is_refused_and_a_nested_repository_left_out(place: Place, tmp_path: Path) -> None:
    folder = write_tree(tmp_path / "src")
    tree = plain_git_tree(folder)
    git(folder, "init", "-q")
    repository, commit, _ = place.fetch(pinned(make_tar(folder, tmp_path / "t")))
    assert repository.tree_of(commit) == tree
    with tarfile.open(tmp_path / "t2", "w") as tar:
        member = tarfile.TarInfo("fifo")
        member.type = tarfile.FIFOTYPE
        tar.addfile(member)
    with pytest.raises(UserError, match="device"):
        place.fetch(pinned(tmp_path / "t2"))


def test_a_tarball_of_something_else(place: Place, tmp_path: Path) -> None:
    folder = tmp_path / "src"
    folder.mkdir()
    (folder / "Makefile").write_text("all:\n")
    with pytest.raises(UserError, match="not the sources of a Linux kernel"):
        place.fetch(pinned(make_tar(folder, tmp_path / "t")))
    assert list(place.cache.git.glob("*.git")) == []


def test_a_spoilt_import_is_made_again(place: Place, tmp_path: Path) -> None:
    source = pinned(make_tar(write_tree(tmp_path / "src"), tmp_path / "t"))
    repository, commit, _ = place.fetch(source)
    shutil.rmtree(repository.path / "objects" / "pack")
    repository, again, _ = place.fetch(source)
    assert again == commit
    assert repository.file_at(commit, "Kconfig") == b"config A\n"


KILLED = """
import sys
from pathlib import Path
from kseries.model import NamedSource, TarballSource
from kseries.lib.paths import Cache
from kseries.lib.progress import Silent
from kseries.lib.runfolder import RunFolder
from kseries.fetch.stage import fetch
folder = Path(sys.argv[1])
source = TarballSource("tarball", sys.argv[2], sys.argv[3])
print("started", flush=True)
fetch(NamedSource("toy", source), Cache(folder / "cache"), folder / "out",
      RunFolder(folder / "run"), Silent())
"""


def test_a_killed_import_is_not_trusted(place: Place, tmp_path: Path) -> None:
    folder = write_tree(tmp_path / "src")
    noise = random.Random(2)
    for number in range(20):
        (folder / f"noise{number}").write_bytes(noise.randbytes(500_000))
    tarball = make_tar(folder, tmp_path / "t")
    source = pinned(tarball)
    killed = 0
    for _ in range(3):
        argv = [sys.executable, "-c", KILLED, str(tmp_path), source.url, source.sha256]
        with subprocess.Popen(argv, stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            child.stdout.readline()
            time.sleep(noise.uniform(0.02, 0.3))
            child.send_signal(signal.SIGKILL)
        killed += child.returncode == -signal.SIGKILL
        if place.partial():
            assert list(place.cache.git.glob("toy-*.git")) == []
    assert killed
    repository, commit, _ = place.fetch(source)
    assert place.partial() == []
    assert repository.ask("fsck", "--full", "--strict").ok
    assert repository.tree_of(commit) == plain_git_tree(folder)


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[Path]:
    """Give a folder on a disk of that size."""
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("needs root to mount a small disk")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_a_tree_needs_as_much_room_as_it_has_files(tmp_path: Path) -> None:
    folder = write_tree(tmp_path / "src")
    with small_disk(tmp_path / "small", "20m") as small:
        place = Place(small)
        assert place.fetch(LocalSource("local", folder))[2] == "6.12.5-rc1"
        (folder / "noise").write_bytes(random.Random(3).randbytes(11 << 20))
        with pytest.raises(InfraError, match="about 21 MiB are needed") as caught:
            place.fetch(LocalSource("local", folder), "other")
        assert "4 MiB for the import into git, 17 MiB for a worktree" in caught.value.what
        # So it is of a commit, where the repository is on this machine.
        git(folder, "init", "--quiet")
        git(folder, "add", "Makefile", "Kconfig", "Kbuild", "io")
        git(folder, "commit", "--quiet", "--message=small")
        few = git(folder, "rev-parse", "HEAD").strip()
        assert place.fetch(GitSource("git", str(folder), few), "few")[1] == few
        git(folder, "add", ".")
        git(folder, "commit", "--quiet", "--message=large")
        with pytest.raises(InfraError, match="about 21 MiB are needed"):
            place.fetch(GitSource("git", str(folder), git(folder, "rev-parse", "HEAD").strip()))
        assert place.partial() == []


def test_a_full_disk_is_told_and_the_next_start_works(tmp_path: Path) -> None:
    folder = write_tree(tmp_path / "src")
    (folder / "noise").write_bytes(random.Random(3).randbytes(4_000_000))
    tarball = make_tar(folder, tmp_path / "t")
    with small_disk(tmp_path / "small", "2m") as small:
        with pytest.raises(InfraError, match="The disk is full"):
            tarimport.import_tar(gitrepo.create(small / "r.git"), tarball, Silent())
        shutil.rmtree(small / "r.git")
        place = Place(small)
        with pytest.raises(InfraError, match="not enough room on the disk") as caught:
            place.fetch(pinned(tarball))
        assert "are needed" in caught.value.what
        assert list(place.cache.git.glob("*.git")) == []
        subprocess.run(["mount", "-o", "remount,size=200m", small], check=True)
        # What is fetched is in use, and open, until the process ends that fetched it.
        fetching = multiprocessing.get_context("fork").Process(
            target=lambda: os._exit(place.fetch(pinned(tarball))[2] != "6.12.5-rc1")
        )
        fetching.start()
        fetching.join()
        assert fetching.exitcode == 0
        subprocess.run(["mount", "-o", "remount,ro", small], check=True)
        other = make_tar(folder, tmp_path / "other", "w:gz")
        with pytest.raises(InfraError, match="Read-only file system"):
            place.fetch(pinned(other))


# ---------------------------------------------------------------- git


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    folder = write_tree(tmp_path / "remote")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-Af")
    git(folder, "commit", "-q", "-m", "one")
    (folder / "io/net.c").write_text("int b;\n")
    git(folder, "commit", "-q", "-a", "-m", "two")
    return folder


def test_a_commit_is_fetched_without_history(place: Place, remote: Path) -> None:
    one = git(remote, "rev-parse", "HEAD~1").strip()
    repository, commit, version = place.fetch(GitSource("git", f"file://{remote}", one))
    assert (commit, version) == (one, "6.12.5-rc1")
    assert repository.file_at(commit, "io/net.c") == b"int a;\n"
    assert repository.text("rev-list", "--count", commit) == "1"
    shutil.rmtree(remote)
    assert place.fetch(GitSource("git", f"file://{remote}", one))[1] == one


def test_all_is_fetched_where_commits_are_refused(
    place: Place, remote: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".gitconfig").write_text("[protocol]\n\tversion = 0\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("GIT_CONFIG_GLOBAL", raising=False)
    one = git(remote, "rev-parse", "HEAD~1").strip()
    repository, commit, _ = place.fetch(GitSource("git", f"file://{remote}", one))
    assert commit == one
    assert repository.text("rev-list", "--count", "refs/remotes/origin/main") == "2"
    assert "gives out no single commits" in place.progress.notes[0]
    with pytest.raises(UserError, match="The remote has no commit 1234"):
        place.fetch(GitSource("git", f"file://{remote}", "1234" * 10))


def test_a_commit_that_is_not_there(place: Place, remote: Path) -> None:
    with pytest.raises(UserError, match=f"The remote has no commit {'ab' * 20}"):
        place.fetch(GitSource("git", f"file://{remote}", "ab" * 20))
    assert list(place.cache.git.glob("*.git")) == []
    assert place.partial() == []


def test_a_remote_that_is_not_there(place: Place, tmp_path: Path) -> None:
    with pytest.raises(InfraError, match="cannot be fetched from") as caught:
        place.fetch(GitSource("git", f"file://{tmp_path}/none", "ab" * 20))
    assert "none" in caught.value.where
    assert "ls-remote" in caught.value.do


# ---------------------------------------------------------------- local


def test_a_local_tree_is_taken_with_its_changes(place: Place, remote: Path) -> None:
    (remote / "io/net.c").write_text("int changed;\n")
    (remote / "io/new.c").write_text("int new;\n")
    (remote / "io/new.o").write_text("ignored\n")
    (remote / "Kbuild").unlink()
    repository, commit, version = place.fetch(LocalSource("local", remote))
    assert version == "6.12.5-rc1"
    names = repository.entries("ls-tree", "-r", "-z", "--name-only", commit)
    # ignored.o is ignored and yet tracked.
    expected = ".gitignore Kconfig Makefile ignored.o io/hard.c io/net.c io/new.c link script.sh"
    assert names == expected.split()
    assert repository.file_at(commit, "io/net.c") == b"int changed;\n"


def test_a_local_tree_tells_which_commit_it_is(place: Place, remote: Path) -> None:
    base = place.base(LocalSource("local", remote))
    head = git(remote, "rev-parse", "HEAD").strip()
    assert (base.head, base.as_committed) == (head, True)
    (remote / "io/net.c").write_text("int changed;\n")
    base = place.base(LocalSource("local", remote))
    assert (base.head, base.as_committed) == (head, False)
    (remote / ".git").rename(remote.parent / "gone")
    base = place.base(LocalSource("local", remote))
    assert (base.head, base.as_committed) == ("", False)


def test_not_a_kernel_or_not_there(place: Place, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not there"):
        place.fetch(LocalSource("local", tmp_path / "none"))
    (tmp_path / "Makefile").write_text("all:\n")
    with pytest.raises(UserError, match="not the sources of a Linux kernel"):
        place.fetch(LocalSource("local", tmp_path))
