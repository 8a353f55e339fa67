# SPDX-License-Identifier: GPL-2.0
"""The kernel's modules, laid out below the installed tests for whoever loads them on the target."""

from __future__ import annotations

from pathlib import Path

from kseries.config.fragments import has_modules
from kseries.kbuild import make as kbuild
from kseries.kbuild.sandbox import Sandbox
from kseries.model import BuildPlace

FOLDER = "lib/modules"
"""Below the installed tests; has one folder, named after the kernel's release."""


def are_in(place: BuildPlace) -> bool:
    """Whether the kernel of a place has modules."""
    return has_modules((place.state / kbuild.CONFIG).read_text())


def commands(box: Sandbox, installed: Path) -> list[list[str]]:
    """Plan the command lines that install them into a folder of the sandbox."""
    variables = {"INSTALL_MOD_PATH": str(installed), "INSTALL_MOD_STRIP": "1"}
    make = kbuild.make(box, ["modules_install"], jobs=kbuild.cores(), variables=variables)
    # They lead to where it was built.
    links = 'rm -f "$1"/*/build "$1"/*/source'
    return [make, box.argv(["sh", "-c", links, "sh", str(installed / FOLDER)])]
