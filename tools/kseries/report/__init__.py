# SPDX-License-Identifier: GPL-2.0
"""The result document, shown; pure functions of it."""
