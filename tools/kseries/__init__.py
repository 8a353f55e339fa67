# SPDX-License-Identifier: GPL-2.0
"""kseries: does a Linux kernel patch series apply, build, boot, work and break nothing?"""

__version__ = "0.1.0"
