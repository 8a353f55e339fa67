# SPDX-License-Identifier: GPL-2.0
"""Which tests cover what a series touches."""
