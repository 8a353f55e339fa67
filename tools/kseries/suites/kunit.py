# SPDX-License-Identifier: GPL-2.0
"""KUnit tests as programs: each loads the modules of a symbol and shows what their tests say.

The kernel keeps the results of a suite, in KTAP, in debugfs. Tests that are no modules have run
when the kernel booted, and their results are there from the start.
"""

from __future__ import annotations

import re
from pathlib import Path

from kseries.lib.gitrepo import of_worktree
from kseries.suites.base import Unfit

FOLDER = "kunit"  # of the installed tests
SCRIPT = "kunit.sh"

SYMBOLS = (
    "CONFIG_MODULES=y",
    "CONFIG_DEBUG_FS=y",
    "CONFIG_KUNIT=y",
    "CONFIG_KUNIT_DEBUGFS=y",
    "CONFIG_KUNIT_DEFAULT_ENABLED=y",  # else only with a word of the command line
)
"""What all KUnit tests want of a kernel's config."""

_OBJECT = re.compile(r"([\w-]+)\.o")


def script() -> str:
    """Give the script that runs on the target; its arguments are the modules."""
    return (Path(__file__).parent / "guest" / SCRIPT).read_text()


def modules_of(tree: Path, symbol: str) -> tuple[str, ...] | Unfit:
    """Give the modules that a symbol builds, () where it is built into something else.

    tree: a worktree; of one that is none nothing is known, which is () as well.
    """
    pattern = rf"obj-\$[({{]CONFIG_{symbol}[)}}]"
    words = ("grep", "-h", "-E", "-e", pattern, "--", "*Makefile", "*Kbuild")
    if not (tree / ".git").exists():
        return ()
    lines = of_worktree(tree).ask(*words).text.splitlines()
    found = [name for line in lines for name in _OBJECT.findall(line.partition("=")[2])]
    if found:
        return tuple(dict.fromkeys(name.replace("-", "_") for name in found))
    word = rf"^(menu)?config {symbol}$"
    defined = of_worktree(tree).ask("grep", "-q", "-E", "-e", word, "--", "*Kconfig*").ok
    return () if defined else Unfit(f"the tree has no CONFIG_{symbol}")
