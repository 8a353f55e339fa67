# SPDX-License-Identifier: GPL-2.0
"""A run: its stages in their order, its record, its base."""
