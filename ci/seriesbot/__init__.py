# SPDX-License-Identifier: GPL-2.0
"""The bot on the mailing list: takes posted series through the toolkit, and answers once."""
