# SPDX-License-Identifier: GPL-2.0
"""Who may cause work: signatures, results of DKIM, the operator's lists."""
