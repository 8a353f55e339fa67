# SPDX-License-Identifier: GPL-2.0
"""Parts of the stages config and build: sandbox, make, Kconfig, diagnostics."""
