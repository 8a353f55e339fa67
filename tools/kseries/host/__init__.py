# SPDX-License-Identifier: GPL-2.0
"""What a machine lacks, and what is kept on it."""
