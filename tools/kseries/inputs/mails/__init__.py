# SPDX-License-Identifier: GPL-2.0
"""Mails: cut out of mailboxes, turned into patches, put together into a series."""
