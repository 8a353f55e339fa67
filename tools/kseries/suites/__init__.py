# SPDX-License-Identifier: GPL-2.0
"""Test suites: their files, and what becomes of them on a tree."""
