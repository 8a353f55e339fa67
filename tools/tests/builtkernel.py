# SPDX-License-Identifier: GPL-2.0
"""The real kernel that was built last."""

from __future__ import annotations

import os
from pathlib import Path

from kseries.lib.paths import Project
from kseries.run import patchcost

ROOT = Path(__file__).parents[2]


def kernel_image() -> Path | None:
    """Give $KSERIES_TEST_KERNEL, else the newest image under out/, None where there is none.

    What `bench --each-patch` has left is no kernel with its tests: it is passed over.
    """
    given = os.environ.get("KSERIES_TEST_KERNEL")
    if given:
        return Path(given)
    found = Project(ROOT).trees.glob("*/build/*/state/bzImage")
    built = (file for file in found if not file.parents[3].name.endswith(f"-{patchcost.NAME}"))
    return max(built, key=lambda file: file.stat().st_mtime, default=None)
