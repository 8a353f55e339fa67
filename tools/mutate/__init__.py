# SPDX-License-Identifier: GPL-2.0
"""Faults put into the toolkit itself, one at a time, to see whether its tests notice."""
