# SPDX-License-Identifier: GPL-2.0
"""From fragments to a .config whose every line is kept."""
