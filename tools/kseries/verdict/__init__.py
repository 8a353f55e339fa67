# SPDX-License-Identifier: GPL-2.0
"""What was found, compared with the base, and what follows from it."""
