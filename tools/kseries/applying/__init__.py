# SPDX-License-Identifier: GPL-2.0
"""Parts of the stage apply: mails, worktrees, conflicts, patches that are there already."""
