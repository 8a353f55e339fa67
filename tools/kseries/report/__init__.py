# SPDX-License-Identifier: GPL-2.0
"""What people read: live progress and reports, each a pure function of the result document."""
