# SPDX-License-Identifier: GPL-2.0
"""From logs to a verdict: KTAP, the kernel log, the result document."""
