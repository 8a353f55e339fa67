# SPDX-License-Identifier: GPL-2.0
"""Patch series as they come: mails, mailboxes, archives, folders."""
