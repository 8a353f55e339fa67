# SPDX-License-Identifier: GPL-2.0
"""A root file system for a guest that has no disk: a cpio archive, as the kernel unpacks it. Pure.

The format is "newc" of Documentation/driver-api/early-userspace/buffer-format.rst.
"""

from __future__ import annotations

import stat
from collections.abc import Mapping

END = "TRAILER!!!"
CONSOLE = (5, 1)  # major and minor number of /dev/console, which the kernel opens for init
PROGRAM = stat.S_IFREG | 0o755
FOLDER = stat.S_IFDIR | 0o755
DEVICE = stat.S_IFCHR | 0o600


def archive(files: Mapping[str, bytes]) -> bytes:
    """Give an archive with a console device and these files, by their names without a slash."""
    entries = [_entry(1, "dev", FOLDER), _entry(2, "dev/console", DEVICE, device=CONSOLE)]
    entries += [
        _entry(number, name, PROGRAM, data) for number, (name, data) in enumerate(files.items(), 3)
    ]
    return b"".join([*entries, _entry(0, END, 0)])


def _entry(
    number: int, name: str, mode: int, data: bytes = b"", device: tuple[int, int] = (0, 0)
) -> bytes:
    path = name.encode() + b"\0"
    owner, links, time = (0, 0), 1, 0
    fields = (number, mode, *owner, links, time, len(data), 0, 0, *device, len(path), 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields)
    return _padded(head + path) + _padded(data)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
