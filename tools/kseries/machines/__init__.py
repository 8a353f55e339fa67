# SPDX-License-Identifier: GPL-2.0
"""Where kernels boot and programs run."""
