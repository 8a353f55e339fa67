# SPDX-License-Identifier: GPL-2.0
"""The ground: errors, programs, git, files, locks, deadlines; nothing of kernels."""
