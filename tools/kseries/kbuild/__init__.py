# SPDX-License-Identifier: GPL-2.0
"""The kernel's own make, in a sandbox, and what it says."""
