# SPDX-License-Identifier: GPL-2.0
"""Logs into cases and complaints of the kernel. Pure."""
