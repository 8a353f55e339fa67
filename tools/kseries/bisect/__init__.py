# SPDX-License-Identifier: GPL-2.0
"""The patch that broke it."""
