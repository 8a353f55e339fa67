# SPDX-License-Identifier: GPL-2.0
"""Who is told of results. The names stand in the store."""

from __future__ import annotations

from collections.abc import Mapping

PATCHWORK, KCIDB, KCIDB_FOLDER = "patchwork", "kcidb", "kcidb-folder"

NAMES: Mapping[str, str] = {
    PATCHWORK: "Patchwork",
    KCIDB: "KCIDB",
    KCIDB_FOLDER: "the folder of reports to KCIDB",
}
"""Each with what people call it."""
