# SPDX-License-Identifier: GPL-2.0
"""The kernel's make: its command line, where it runs, and whether anything changed for it.

Shared by all stages that start it, so that none of them makes another's work look out of date.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from kseries.kbuild.sandbox import Sandbox, run_in
from kseries.lib import proc
from kseries.lib.deadline import Deadline
from kseries.lib.errors import UserError
from kseries.lib.gitrepo import of_worktree
from kseries.model import BuildPlace, Stack, Tree
from kseries.suite import SELFTESTS

DEFAULT_COMPILER = "gcc"
CCACHE_SIZE = "5G"
OBJECTS = "objects"
# The cache does not always see what `.incbin` takes in: it would give the boot image of one kernel
# for another whose compressed size is the same (piggy.S). make expands this anew for each recipe,
# where $< is the source.
INCBIN = "%.S %/configs.c %/kheaders.c"
CACHED = f"$(if $(filter {INCBIN},$<),{{0}},ccache {{0}})"
# Where each instruction comes from, in file and line, and nothing of types and variables: enough
# for a stack. The code stays the same to the byte. Not where the config asks for more (BTF does).
LINES = "$(if $(CONFIG_DEBUG_INFO),,-g1)"
# Fixed, so that neither clone nor day shows in the image, and objects are found in the cache.
FIXED = {
    "LOCALVERSION": "",
    "KCFLAGS": LINES,
    "KBUILD_BUILD_TIMESTAMP": "2000-01-01 00:00:00 UTC",
    "KBUILD_BUILD_USER": "kseries",
    "KBUILD_BUILD_HOST": "kseries",
    "KBUILD_BUILD_VERSION": "1",
}
CONFIG = "config"
"""In the state folder: the .config that a kernel is built with."""

QUICK_S = 60.0
# Replaces whatever lies there, and keeps the file's time when nothing changes.
HAND_ON = """\
test -f .config && ! test -L .config && cmp -s "$1" .config && exit
rm -rf .config && cp "$1" .config
"""
TRIM_LIMIT_S = 600.0


def cores() -> int:
    """Count the processors that this process may use."""
    return len(os.sched_getaffinity(0))


def config_name(stack: Stack) -> str:
    """Name a config after its fragments: "base+zcrx"."""
    return "+".join(fragment.stem for fragment in stack.fragments) or "allnoconfig"


def sandbox(
    tree: Path, place: BuildPlace, *, trusted: bool, readable: Sequence[Path] = ()
) -> Sandbox:
    """Give the sandbox for a tree and the place where it is built."""
    cached = _has_ccache(trusted)
    return Sandbox(
        tree=tree.absolute(),
        build=place.made.absolute(),
        state=place.state.absolute(),
        ccache=place.ccache.absolute() if cached else None,
        clean=place.clean.absolute() if cached and place.clean else None,
        trusted=trusted,
        compiler=place.compiler or DEFAULT_COMPILER,
        readable=tuple(readable),
    )


def make(
    box: Sandbox, targets: Sequence[str], *, jobs: int, variables: Mapping[str, str] | None = None
) -> list[str]:
    """Plan a run of the kernel's make in the sandbox."""
    settings = {"O": box.objects, **FIXED, **_compilers(box), **(variables or {})}
    words = ["make", f"-j{jobs}", "--output-sync=target"]
    words += [f"{name}={value}" for name, value in settings.items()]
    return box.argv([*words, *targets], environment(box))


def hand_on_config(box: Sandbox, log: Path) -> None:
    """Let the sandbox put the .config of the state folder into the build folder.

    make compares times: an unchanged one keeps its own.
    """
    words = ["env", "-C", str(box.inside_build), "sh", "-c", HAND_ON, "sh"]
    argv = box.argv([*words, str(box.inside_state / CONFIG)])
    run_in(box, argv, deadline=Deadline.after(QUICK_S), log=log)


def environment(box: Sandbox) -> dict[str, str]:
    """Give the variables that the compiler cache wants; none without it."""
    own, clean = box.inside_ccache, box.inside_clean
    if own is None:
        return {}
    stores = [f"file:{clean / OBJECTS}|read-only"] if clean is not None else []
    return {
        "CCACHE_DIR": str(own / "local"),
        # Objects are kept in plain folders, of which several can be asked, each with rights of
        # its own; the cache's own kind of folder can only be one, and written.
        "CCACHE_REMOTE_ONLY": "1",
        "CCACHE_REMOTE_STORAGE": " ".join([*stores, f"file:{own / OBJECTS}"]),
        # What knows its lines knows its folder; those of other clones are as good.
        "CCACHE_NOHASHDIR": "1",
        # Every header of every object is hashed; remember the hashes.
        "CCACHE_INODECACHE": "1",
        # Disk is cheaper than the time of a first build.
        "CCACHE_NOCOMPRESS": "1",
        "CCACHE_NOSTATS": "1",
    }


def trim_cache(box: Sandbox) -> None:
    """Have the compiler cache drop its oldest objects until it is no larger than it may be."""
    if box.inside_ccache is not None:
        store = str(box.inside_ccache / OBJECTS)
        words = ["ccache", "--trim-dir", store, "--trim-max-size", CCACHE_SIZE]
        argv = box.argv(words, environment(box))
        run_in(box, argv, deadline=Deadline.after(TRIM_LIMIT_S), check=False)


def compiler(box: Sandbox) -> str:
    """Give the first line of the compiler's --version."""
    done = run_in(box, box.argv([box.compiler, "--version"]), deadline=Deadline.after(QUICK_S))
    return done.output.split("\n", 1)[0]


def is_clean(tree: Tree) -> bool:
    """Whether the worktree holds exactly its commit; only then may work be left out.

    Raises UserError when it holds another commit than when it was made.
    """
    repository = of_worktree(tree.path)
    head = repository.text("rev-parse", "HEAD")
    if head != tree.head:
        raise UserError(
            "The tree has changed since the stack was applied.",
            where=f"{tree.path} is at {head}, not at {tree.head}",
            do="start a new run, which applies the stack again",
        )
    return not repository.text("status", "--porcelain", "--ignore-submodules=all")


def sources(tree: Tree) -> str:
    """Name all that config and kernel are made of, in 64 hex digits: the tree but for its tests.

    What stands in tools/testing/selftests/ itself counts, as modules of the kernel include it; its
    folders do not, so that an edited test configures and builds nothing anew.
    """
    repository = of_worktree(tree.path)
    above = (*reversed(SELFTESTS.parents), SELFTESTS)
    found: list[str] = []
    for place in above:
        words = ("--", f"{place}/") if place.parts else ()
        for entry in repository.entries("ls-tree", "-z", "--full-tree", tree.head, *words):
            told, _, name = entry.partition("\t")
            path = Path(name)
            if " tree " not in told or (path not in above and path.parent != SELFTESTS):
                found.append(entry)
    return hashlib.sha256("\0".join(found).encode(errors="surrogateescape")).hexdigest()


def _compilers(box: Sandbox) -> dict[str, str]:
    if box.inside_ccache is None:
        return {} if box.compiler == DEFAULT_COMPILER else {"CC": box.compiler}
    return compilers(box.compiler)


def compilers(compiler: str) -> dict[str, str]:
    """Give the variables of make that have the cache asked before that compiler."""
    return {"CC": CACHED.format(compiler), "HOSTCC": f"ccache {DEFAULT_COMPILER}"}


def _has_ccache(trusted: bool) -> bool:
    found = proc.which("ccache")
    return found is not None and (trusted or found.is_relative_to("/usr"))
