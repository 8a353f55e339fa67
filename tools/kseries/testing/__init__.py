# SPDX-License-Identifier: GPL-2.0
"""Test programs on machines: what is run in one go, on which machine, and what it makes."""
