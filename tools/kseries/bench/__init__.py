# SPDX-License-Identifier: GPL-2.0
"""What it costs to receive, counted in instructions of a guest (docs/bench.md)."""
