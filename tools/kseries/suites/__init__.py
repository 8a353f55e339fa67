# SPDX-License-Identifier: GPL-2.0
"""Test suites: which programs, from where, and what they need."""
