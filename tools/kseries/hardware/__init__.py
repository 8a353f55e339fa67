# SPDX-License-Identifier: GPL-2.0
"""Lab machines: which there are, whether one is ready, its NIC's state, who holds it."""
