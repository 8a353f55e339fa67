# SPDX-License-Identifier: GPL-2.0
"""Where the work is done. `base` is all that the rest of the bot knows of it."""
