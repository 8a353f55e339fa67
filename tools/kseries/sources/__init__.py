# SPDX-License-Identifier: GPL-2.0
"""Kernel sources and how each kind comes into git."""
