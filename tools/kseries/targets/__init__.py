# SPDX-License-Identifier: GPL-2.0
"""Machines that run kernels: one small shape (`base.Target`), the virtual machine behind it."""
