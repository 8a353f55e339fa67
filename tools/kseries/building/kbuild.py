# SPDX-License-Identifier: GPL-2.0
"""The kernel's make: its command line, where it runs, and whether anything changed for it.

Shared by all stages that start it, so that none of them makes another's work look out of date.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from kseries import proc
from kseries.building.sandbox import Sandbox
from kseries.deadline import Deadline
from kseries.errors import UserError
from kseries.model import Stack, Tree
from kseries.paths import Cache

CCACHE_SIZE = "5G"
# In depend mode the cache does not see what `.incbin` takes in: it would give the boot image of one
# kernel for another whose compressed size is the same (piggy.S). make expands this anew for each
# recipe, where $< is the source.
INCBIN = "%.S %/configs.c %/kheaders.c"
CACHED = f"$(if $(filter {INCBIN},$<),gcc,ccache gcc)"
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
QUICK_S = 60.0
TRIM_LIMIT_S = 600.0


def cores() -> int:
    """Count the processors that this process may use."""
    return len(os.sched_getaffinity(0))


def config_name(stack: Stack) -> str:
    """Name a config after its fragments: "base+zcrx"."""
    return "+".join(fragment.stem for fragment in stack.fragments) or "allnoconfig"


def build_folder(tree: Path, name: str) -> Path:
    """Give the build folder of a config: a direct subfolder, else ccache finds nothing."""
    return tree / f"out-{name}"


def state_folder(build: Path) -> Path:
    """Give the folder beside a build folder for what the code in the sandbox may not change."""
    return build.with_name(f"{build.name}.kseries")


def sandbox(
    tree: Path, build: Path, stack: Stack, cache: Cache, readable: Sequence[Path] = ()
) -> Sandbox:
    """Give the sandbox of a stack's tree and build folder, with the stack's compiler cache."""
    place = re.sub(r"[^\w.+-]", "_", stack.name)
    return Sandbox(
        tree=tree.absolute(),
        build=build.absolute(),
        ccache=cache.ccache.absolute() / place if _has_ccache(stack.trusted) else None,
        trusted=stack.trusted,
        readable=tuple(readable),
    )


def make(
    box: Sandbox, targets: Sequence[str], *, jobs: int, variables: Mapping[str, str] | None = None
) -> list[str]:
    """Plan a run of the kernel's make in the sandbox."""
    settings = {"O": box.build.name, **FIXED, **_compilers(box), **(variables or {})}
    words = ["make", f"-j{jobs}", "--output-sync=target"]
    words += [f"{name}={value}" for name, value in settings.items()]
    return box.argv([*words, *targets], environment(box))


def environment(box: Sandbox) -> dict[str, str]:
    """Give the variables that the compiler cache wants; none without it."""
    if box.inside_ccache is None:
        return {}
    return {
        "CCACHE_DIR": str(box.inside_ccache),
        "CCACHE_MAXSIZE": CCACHE_SIZE,
        # Cheaper than preprocessing again when a much used header changed.
        "CCACHE_DEPEND": "1",
        # What knows its lines knows its folder; those of other clones are as good.
        "CCACHE_NOHASHDIR": "1",
        # Depend mode hashes every header of every object; remember the hashes.
        "CCACHE_INODECACHE": "1",
        # Disk is cheaper than the time of a first build; and without counters to update for each
        # object a build has to look after the size of the cache itself: see `trim_cache`.
        "CCACHE_NOCOMPRESS": "1",
        "CCACHE_NOSTATS": "1",
    }


def trim_cache(box: Sandbox) -> None:
    """Have the compiler cache drop its oldest objects until it is no larger than it may be."""
    if box.inside_ccache is not None:
        argv = box.argv(["ccache", "--cleanup"], environment(box))
        proc.run(argv, cwd=box.tree, deadline=Deadline.after(TRIM_LIMIT_S), check=False)


def compiler(box: Sandbox) -> str:
    """Give the first line of the compiler's --version."""
    done = proc.run(box.argv(["gcc", "--version"]), cwd=box.tree, deadline=Deadline.after(QUICK_S))
    return done.output.split("\n", 1)[0]


def is_clean(tree: Tree) -> bool:
    """Whether the worktree holds exactly its commit; only then may work be left out.

    Raises UserError when it holds another commit than when it was made.
    """
    head = _git(tree, "rev-parse", "HEAD")
    if head != tree.head:
        raise UserError(
            "The tree has changed since the stack was applied.",
            where=f"{tree.path} is at {head}, not at {tree.head}",
            do="start a new run, which applies the stack again",
        )
    return not _git(tree, "status", "--porcelain", "--", ".", ":(exclude,glob)out-*/**")


def _git(tree: Tree, *words: str) -> str:
    done = proc.run(["git", *words], cwd=tree.path, deadline=Deadline.after(QUICK_S))
    return done.output.strip()


def _compilers(box: Sandbox) -> dict[str, str]:
    if box.inside_ccache is None:
        return {}
    return {"CC": CACHED, "HOSTCC": "ccache gcc"}


def _has_ccache(trusted: bool) -> bool:
    found = proc.which("ccache")
    return found is not None and (trusted or found.is_relative_to("/usr"))
