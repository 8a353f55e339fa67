# SPDX-License-Identifier: GPL-2.0
"""The command line: one subcommand for each stage, and those that look after host and cache."""
