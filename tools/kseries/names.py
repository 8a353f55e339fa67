# SPDX-License-Identifier: GPL-2.0
"""Names that users type and files bear; importing this costs nothing."""

from __future__ import annotations

RUN_STAGES = ("series", "fetch", "apply", "config", "build", "install", "test", "baseline")
"""The stages of a whole run, in order."""

DEFAULT_STACK = "zcrx-v7"
PLAIN_STACK = "plain"  # what a series from the command line is put on

MINUTES = 10.0
"""What the tests that are chosen for a series may take where nothing else is said."""

REBUILDS = 4
"""Kernels that `bench --each-patch` builds anew with nothing changed: with the first one five, of
which ten pairs are compared."""

LATEST = "latest"
"""What the last run is called besides."""

BISECT = "bisect"
"""The stage of a run that searches for a patch, and the worktree that it changes."""
