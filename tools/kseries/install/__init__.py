# SPDX-License-Identifier: GPL-2.0
"""From suites and a tree to test programs in a folder."""
