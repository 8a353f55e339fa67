# SPDX-License-Identifier: GPL-2.0
"""The tests of liburing: built from a copy of its sources, with its own Makefiles."""

from __future__ import annotations

from pathlib import Path

from kseries.kbuild import make as kbuild
from kseries.kbuild.sandbox import Sandbox
from kseries.suites.planning import LIBURING

COPY = "liburing-build"  # in the build folder

# Arguments: sources, a folder to build in, where the tests go, how many jobs. Tests that do not
# build are left out by make itself (-k); whoever is missing is told.
_BUILD = """\
set -e
rm -rf "$2"
mkdir "$2"
cd "$2"
tar -C "$1" --exclude=./.git -cf - . | tar -xf -
./configure --cc=gcc >configure.log
make -s -j"$4" -C src ENABLE_SHARED=0
make -s -k -j"$4" -C test || true
mkdir -p "$3"
cp test/*.t "$3"
"""


def commands(box: Sandbox, source: Path, installed: Path) -> list[list[str]]:
    """Plan the command line that builds the tests of `source` and installs them."""
    words = [str(source), str(box.inside_build / COPY), str(installed / LIBURING)]
    return [box.argv(["sh", "-c", _BUILD, "sh", *words, str(kbuild.cores())])]
