# SPDX-License-Identifier: GPL-2.0
"""Subcommands with their options, a family in each module; none imports what costs time."""
