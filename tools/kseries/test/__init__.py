# SPDX-License-Identifier: GPL-2.0
"""Programs on machines: who runs what where, and what is run again."""
