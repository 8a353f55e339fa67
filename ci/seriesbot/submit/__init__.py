# SPDX-License-Identifier: GPL-2.0
"""What is told to other programs of a result: checks in Patchwork, reports to KCIDB.

`checks` says what Patchwork is told, and is pure. `writing` puts it into the store, and `outbox`
takes it from there to `patchwork` and `kcidb`, which speak through `http`.
"""
