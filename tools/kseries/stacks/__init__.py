# SPDX-License-Identifier: GPL-2.0
"""What is put on which source, and which of it is under test."""
