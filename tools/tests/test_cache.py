# SPDX-License-Identifier: GPL-2.0
"""What is kept is shown, cleared and bounded; what a run uses stays."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from kseries.host import cache as cachefolder
from kseries.host.cache import Item, surplus
from kseries.lib import atomicfile, gitrepo, leases
from kseries.lib.errors import UserError
from kseries.lib.gitrepo import Repository
from kseries.lib.locks import locked
from kseries.lib.paths import Cache, Project
from kseries.lib.progress import Silent
from tests.deepfolders import nest, swept

MB = 1_000_000


@dataclass(frozen=True)
class Home:
    """A project and a cache, with things in them; the later made, the later used."""

    project: Project
    cache: Cache

    def add(self, place: str, size: int = MB, used: float = 0) -> Path:
        root = self.project.out if place.startswith(("trees", "runs")) else self.cache.root
        path = root / place
        if path.suffix in (".deb", ".ext4"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x" * size)
        else:
            path.mkdir(parents=True)
            (path / "data").write_bytes(b"x" * size)
        os.utime(path, (used, used))
        return path

    def items(self) -> list[str]:
        return [f"{i.kind} {i.name}" for i in cachefolder.items(self.project, self.cache)]

    def clear(self, *kinds: str) -> Sequence[str]:
        done = cachefolder.clear(self.project, self.cache, kinds)
        return [f"{item.kind} {item.name}" for item in done.left]


class Notes(Silent):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    (tmp_path / "project" / "out").mkdir(parents=True)
    (tmp_path / "cache").mkdir()
    return Home(Project(tmp_path / "project"), Cache(tmp_path / "cache"))


# ---------------------------------------------------------------- listing


def test_all_is_listed_each_byte_once(home: Home) -> None:
    home.add("git/tree.git", 3 * MB)
    home.add("downloads/file.deb", MB)
    home.add("trees/stack/linux", 2 * MB)
    home.add("trees/stack/build/key", 4 * MB)
    home.add("runs/one", MB)
    (home.project.out / "runs/latest").symlink_to("one")
    (home.cache.root / "history.sqlite").write_bytes(b"x" * MB)
    (home.project.out / "venv").mkdir()
    found = {i.kind: i for i in cachefolder.items(home.project, home.cache)}
    sizes = {kind: round(item.size / MB, 1) for kind, item in found.items()}
    assert sizes == {
        "downloads": 1.0,
        "git": 3.0,
        "history": 1.0,
        "builds": 4.0,
        "trees": 2.0,
        "runs": 1.0,
    }
    assert found["builds"].name == "stack/build/key"
    assert found["trees"].inner == (found["builds"].path,)
    assert [i.name for i in cachefolder.others(home.project, home.cache)] == ["venv"]


def test_folders_of_any_depth_and_name_are_measured_and_removed() -> None:
    with swept() as top:
        (top / "out").mkdir()
        home = Home(Project(top), Cache(top / "cache"))
        nest(home.add("rootfs/deep"), 5000)
        home.add(os.fsdecode(b"rootfs/a\xff"))
        home.add("rootfs/9\n0\tx")
        (home.cache.rootfs / "link").symlink_to("/")
        assert home.items() == ["rootfs 9\n0\tx", "rootfs a\udcff", "rootfs deep"]
        assert all(item.size >= MB for item in cachefolder.items(home.project, home.cache))
        assert home.clear("rootfs") == []
        assert [entry.name for entry in home.cache.rootfs.iterdir()] == ["link"]


def test_a_size_is_remembered_until_the_thing_is_used_again(home: Home) -> None:
    place = home.add("git/tree.git")
    leases.use(place).release()

    def size() -> int:
        return cachefolder.items(home.project, home.cache)[0].size

    before = size()
    used = leases.used(place)
    (place / "more").write_bytes(b"x" * MB)
    assert size() == before
    assert leases.used(place) == used
    with leases.use(place):
        (place / "other").write_bytes(b"x" * MB)
        assert size() >= before + 2 * MB
        (place / "third").write_bytes(b"x" * MB)
    assert size() >= before + 3 * MB


# ---------------------------------------------------------------- clearing


def test_clear_leaves_what_is_used(home: Home) -> None:
    used = home.add("git/used.git")
    made = home.add("git/made.git")
    home.add("git/idle.git")
    home.add("runs/one")
    home.add("trees/stack")
    (home.cache.root / "history.sqlite").touch()
    with leases.use(used), locked(made, Silent()):
        assert home.clear() == ["git made.git", "git used.git"]
        assert home.items() == [
            *("git made.git", "git used.git", "history history.sqlite"),
            *("trees stack", "runs one"),
        ]
    assert home.clear("git", "runs", "trees") == []
    assert home.items() == ["history history.sqlite"]
    assert list(home.cache.git.iterdir()) == []
    with pytest.raises(UserError, match="nothing called nonsense"):
        home.clear("nonsense")


def test_a_tree_stays_while_a_build_in_it_is_used(home: Home) -> None:
    build = home.add("trees/stack/build/key")
    home.add("trees/stack/build/other")
    with leases.use(build):
        assert home.clear("trees") == ["trees stack"]
        assert home.clear("builds") == ["builds stack/build/key"]
        assert home.items() == ["builds stack/build/key", "trees stack"]
    assert home.clear("trees") == []
    assert home.items() == []


def test_what_was_left_half_made_goes_unless_somebody_makes_it(home: Home) -> None:
    dead = home.add("git/.part-tree.git~abc")
    scratch = home.add("trees/.stack_folder.scratch")
    with (
        atomicfile.new_folder(home.cache.git / "new.git") as partial,
        locked(home.project.trees / "stack_folder", Silent()),
    ):
        assert home.clear("git", "trees") == [f"git {partial.name}", "trees .stack_folder.scratch"]
    assert not dead.exists()
    assert home.clear("git", "trees") == []
    assert not scratch.exists()
    assert home.items() == []


def test_git_forgets_the_worktree_that_goes(home: Home, toy_kernel: Path) -> None:
    repository = gitrepo.create(home.cache.git / "toy.git")
    words = ["git", "push", "--quiet", str(repository.path), "HEAD:refs/heads/source"]
    subprocess.run(words, cwd=toy_kernel, check=True)
    tree = home.project.trees / "stack_folder" / "linux"
    Repository(repository.path).text("worktree", "add", "--detach", tree, "source")
    assert str(tree) in repository.text("worktree", "list")
    assert home.clear("trees") == []
    assert str(tree) not in repository.text("worktree", "list")
    assert list((repository.path / "worktrees").glob("*")) == []


# ---------------------------------------------------------------- limits


def test_the_oldest_go_until_the_limit_holds(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        home.add(f"trees/stack{number}", 10 * MB, used=number + 1)
    home.add("runs/one", 10 * MB)
    monkeypatch.setenv("KSERIES_LIMITS", "trees=0.03, runs=0.02, free=0")
    notes = Notes()
    with leases.use(home.project.trees / "stack0"):
        cachefolder.make_room(home.project, home.cache, notes)
    assert home.items() == ["trees stack0", "trees stack3", "trees stack4", "runs one"]
    assert len(notes.notes) == 2
    assert notes.notes[0].startswith("removed to make room: trees stack1, 10 MB, last used 1970-01")


def test_a_disk_that_is_nearly_full_takes_more_but_no_results(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.add("git/tree.git")
    home.add("runs/one")
    used = home.add("trees/stack")
    (home.cache.host).mkdir()
    (home.cache.host / "kvm").touch()
    monkeypatch.setenv("KSERIES_LIMITS", "free=0")
    assert cachefolder.make_room(home.project, home.cache, Silent()).removed == ()
    free = shutil.disk_usage(home.cache.root).free
    monkeypatch.setenv("KSERIES_LIMITS", f"free={2 * free // cachefolder.GIB + 1}")
    with leases.use(used):
        cachefolder.make_room(home.project, home.cache, Silent())
    assert home.items() == ["host kvm", "trees stack", "runs one"]


def item(kind: str, name: str, size: int, used: float, in_use: bool = False) -> Item:
    return Item(kind, name, Path("/home") / kind / name, size, used, in_use)


def test_what_goes_is_chosen_by_age_and_need() -> None:
    found = [
        item("git", "new", 5, 9),
        item("git", "old", 5, 1),
        item("trees", "oldest", 5, 0, in_use=True),
        item("trees", "middle", 5, 4),
        item("runs", "older", 5, 0),
    ]

    def chosen(allowed: dict[str, int], missing: int = 0) -> list[str]:
        return [each.name for each in surplus(found, allowed, [(Path("/home"), missing)])]

    none = {"git": 10, "trees": 10, "runs": 10}
    assert chosen(none) == []
    assert chosen({**none, "git": 9}) == ["old"]
    assert chosen({**none, "git": 0, "trees": 0}) == ["old", "new", "middle"]
    assert chosen(none, missing=1) == ["old"]
    assert chosen(none, missing=6) == ["old", "middle"]
    # What goes anyway counts.
    assert chosen({**none, "git": 9}, missing=5) == ["old"]
    assert chosen(none, missing=10**9) == ["old", "middle", "new"]


@pytest.mark.parametrize("text", ["trees", "trees=", "trees=-1", "trees=1e9", "x=1", "host=1"])
def test_limits_that_cannot_be_read(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KSERIES_LIMITS", text)
    with pytest.raises(UserError, match="A limit cannot be read"):
        cachefolder.limits()
