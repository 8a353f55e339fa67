# SPDX-License-Identifier: GPL-2.0
"""Names in a tree that the host resolves: links and files in place of what it looks at there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from attack import hostile
from attack.hostile import Change
from attack.scene import Scene
from attack.table import Attack, Kind
from tests.toyproject import git

REFUSED = r"link|symlink|not accepted|cannot be trusted|plain"
# Names that the project has, had, or could have in a tree or beside it.
KNOWN = (
    "out-base", "out-base.kseries", "out", "build", "state", ".kseries", "kselftest-install",
    ".part-.config", "installed", ".scratch", "runs", "vm", "usr/include", "arch/x86/boot/bzImage",
    "include/config", "include/generated", ".config", ".env.kseries", ".config.kseries",
)  # fmt: skip
SELFTESTS = "tools/testing/selftests"


def own_names(scene: Scene) -> set[str]:
    """Find out, with a good series, what the project makes in its trees and beside them."""
    found = set(KNOWN)
    scene.kseries("run", "--until", "install", "--no-baseline")
    for link in (scene.toyproject.root / "out").rglob(".git"):
        tree = link.parent
        told = git(tree, "status", "--porcelain", "-z", "--ignored", "--untracked-files=normal")
        found |= {entry[3:].rstrip("/") for entry in told.split("\0") if entry[:2] in ("!!", "??")}
        found |= {
            path.name for path in tree.parent.iterdir() if not path.name.startswith(tree.name)
        }
    return {name for name in found if name}


def _own_names(target: str) -> Callable[[Scene], None]:
    def act(scene: Scene) -> None:
        links = {name: target for name in sorted(own_names(scene)) if not name.startswith(".git")}
        # One name below another cannot be a link, too.
        links = {
            name: to
            for name, to in links.items()
            if not any(str(above) in links for above in Path(name).parents)
        }
        folder = hostile.series(scene, "names", hostile.running("attempted", "config", links=links))
        for _ in range(2):
            scene.mark(scene.run_series(folder))

    return act


def _one_name(name: str) -> Callable[[Scene], None]:
    """Add one link alone: of many, the first that is refused would hide what the others do."""

    def act(scene: Scene) -> None:
        change = hostile.running("attempted", "config", links={name: "@HOST@/folder"})
        folder = hostile.series(scene, "name", change)
        for _ in range(2):
            scene.mark(scene.run_series(folder))

    return act


def _links(
    links: dict[str, str], suites: str = "netdevsim", at: str = "config"
) -> Callable[[Scene], None]:
    def act(scene: Scene) -> None:
        stack = scene.toyproject.root / "kernel/stacks/plain.toml"
        stack.write_text(stack.read_text().replace('"netdevsim"', suites_text(suites)))
        make = Change(links=links) if "scripts/kconfig" in links or at != "config" else None
        change = make or hostile.running("attempted", at, links=links)
        scene.mark(scene.run_series(hostile.series(scene, "links", change)))

    return act


def suites_text(suites: str) -> str:
    """Write names of suites as TOML."""
    return ", ".join(f'"{name}"' for name in suites.split())


def _files_as(scene: Scene) -> None:
    files: dict[str, str | bytes | None] = {
        name: "a file\n"
        for name in sorted(own_names(scene))
        if "/" not in name and ".git" not in name
    }
    folder = hostile.series(scene, "files", hostile.running("attempted", "config", files=files))
    for _ in range(2):
        scene.mark(scene.run_series(folder))


def _diagnostics(*places: str) -> Callable[[Scene], None]:
    """Let the compiler seem to complain of a file of the host, whose line one might show."""

    def act(scene: Scene) -> None:
        lines = "".join(
            f"echo '{place}:1:1: error: look here' >&2; echo '    1 | x' >&2; " for place in places
        )
        change = hostile.running(f"attempted; {lines} exit 2")
        folder = hostile.series(scene, "diagnostics", change)
        scene.run_series(folder)

    return act


TREE_LINKS = {
    "test-link": ("a test that is a link to a private file", {f"{SELFTESTS}/drivers/net/ping.py": "@HOST@/secret"}),
    "test-relative-link": (
        "a test that is a relative link out of the tree",
        {f"{SELFTESTS}/drivers/net/ping.py": "../../../../../../../../../../../../..@HOST@/secret"},
    ),
    "tests-folder-link": ("the tests' folder as a link to a folder of the host", {SELFTESTS: "@HOST@/folder"}),
    "test-zeros": ("a test that is a link to /dev/zero", {f"{SELFTESTS}/drivers/net/ping.py": "/dev/zero"}),
    "test-fifo": ("a test that is a link to a FIFO of the host", {f"{SELFTESTS}/drivers/net/ping.py": "@HOST@/fifo"}),
    "scripts-link": ("scripts/kconfig as a link to a folder of the host", {"scripts/kconfig": "@HOST@/folder"}),
    "kconfig-link": ("Kconfig as a link to a private file", {"net/Kconfig": "@HOST@/secret"}),
    "kbuild-link": ("Kbuild as a link to a private file", {"Kbuild": "@HOST@/secret"}),
    "makefile-link": ("Makefile as a link to a private file", {"drivers/net/Makefile": "@HOST@/secret"}),
    "source-link": ("a source that is a link to a private file", {"drivers/netdevsim.c": "@HOST@/secret"}),
    "tree-up-link": ("a folder that is a link to the root of the host", {"host": "/", "up": "../../../.."}),
    "self-link": ("links that lead to themselves", {"a": "b", "b": "a", "include/c": "."}),
    "decoder-link": ("the tree's own stack decoder as a link", {"scripts/decode_stacktrace.sh": "@HOST@/precious"}),
}  # fmt: skip
UAPI_LINKS = {
    "uapi-link": ("@HOST@/secret", "a private file"),
    "uapi-zeros": ("/dev/zero", "/dev/zero"),
    "uapi-fifo": ("@HOST@/fifo", "a FIFO of the host"),
    "uapi-stdin": ("/proc/self/fd/0", "the reader's own standard input"),
    "uapi-loop": ("io_uring.h", "itself"),
}

ATTACKS = (
    Attack(
        "own-names-links", Kind.NAMES, "adds links named like all that the project makes",
        _own_names("@HOST@/folder"), refused=REFUSED,
    ),
    *(
        Attack(
            f"own-name-{name.strip('.')}",
            Kind.NAMES,
            f"adds a link to a folder of the host named {name}",
            _one_name(name),
            refused=REFUSED,
        )
        for name in ("out-base", "out-base.kseries", "out", "build", "kselftest-install")
    ),
    Attack(
        "own-names-link-to-file", Kind.NAMES, "adds links to a file named like what the project makes",
        _own_names("@HOST@/precious"), refused=REFUSED,
    ),
    Attack(
        "own-names-link-up", Kind.NAMES, "adds links that lead up, named like what the project makes",
        _own_names(".."), refused=REFUSED,
    ),
    Attack(
        "own-names-files", Kind.NAMES, "adds files named like the folders that the project makes",
        _files_as, refused=r"file",
    ),
    *(
        Attack(name, Kind.NAMES, f"has {tries}", _links(links), refused=REFUSED)
        for name, (tries, links) in TREE_LINKS.items()
    ),
    *(
        Attack(
            name, Kind.NAMES, f"has a user header that is a link to {what}",
            _links({"include/uapi/linux/io_uring.h": target, "include/uapi/linux/netdev.h": target},
                   "zcrx netdevsim"),
            refused=REFUSED,
        )
        for name, (target, what) in UAPI_LINKS.items()
    ),
    Attack(
        "diagnostic-path", Kind.NAMES, "prints compiler errors about private files of the host",
        _diagnostics("@HOST@/secret", "../../../../../../../..@HOST@/secret", "/dev/zero", "@HOST@/fifo"),
        may_pass=False,
    ),
    Attack(
        "diagnostic-option", Kind.NAMES, "prints compiler errors about files named like options of git",
        _diagnostics("--output=@HOST@/executed", "--contents=@HOST@/secret", "-O@HOST@/secret",
                     ":(exclude)x", "--ext-diff"),
        may_pass=False,
    ),
)  # fmt: skip
