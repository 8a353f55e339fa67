# SPDX-License-Identifier: GPL-2.0
"""From a source to a commit of a kernel tree."""
