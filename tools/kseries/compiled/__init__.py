# SPDX-License-Identifier: GPL-2.0
"""What a build did with each file that the series changes."""
