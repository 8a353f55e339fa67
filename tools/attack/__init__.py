# SPDX-License-Identifier: GPL-2.0
"""Attacks on the toolkit, each really carried out: what a stranger's series or file may try.

An attack makes its hostile input, starts the real command line on it in a small project of its own,
and is judged by what happened to the host, never by what the toolkit says of itself.
"""
