# SPDX-License-Identifier: GPL-2.0
"""From a series and a commit to a tree."""
