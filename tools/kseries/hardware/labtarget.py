# SPDX-License-Identifier: GPL-2.0
"""The target that a run asks for: one that boots kernels of ours."""

from __future__ import annotations

from kseries.hardware import power
from kseries.hardware.catalogue import Catalogue
from kseries.hardware.target import Target
from kseries.lib.errors import UserError
from kseries.lib.paths import Project


def find(name: str, project: Project) -> Target:
    """Give it by name or file. Raises UserError for none that a run can use."""
    found = Catalogue.of(project).find_real(name, project.root)
    if found.lab.boot.method != "kexec":
        raise UserError(
            f"The target '{found.name}' boots no kernels of ours: its `boot.method` is"
            f" '{found.lab.boot.method}'.",
            do='`method = "kexec"` in its file lets runs boot it',
        )
    power.require_usable(found.lab)
    return found
