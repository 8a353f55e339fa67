# SPDX-License-Identifier: GPL-2.0
"""The bot shown on an archive in small: `./nox -s bot`."""
