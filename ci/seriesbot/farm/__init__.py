# SPDX-License-Identifier: GPL-2.0
"""A Buildbot master and its workers, for the engine `buildbot`: set up, started, and what they do.

Only `master`, `scheduling` and `steps` (in the master), and `worker` need Buildbot's packages.
"""
