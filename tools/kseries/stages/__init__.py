# SPDX-License-Identifier: GPL-2.0
"""The stages of a run, one module each; none imports another."""
