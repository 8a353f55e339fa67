# SPDX-License-Identifier: GPL-2.0
"""Faults put into the series, and the tests that notice."""
