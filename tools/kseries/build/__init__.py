# SPDX-License-Identifier: GPL-2.0
"""From a configured tree to a kernel."""
