# SPDX-License-Identifier: GPL-2.0
"""Whether a file is a kernel image that a boot loader would take."""

from __future__ import annotations

from pathlib import Path

from kseries.lib.errors import CheckFailed

# Documentation/arch/x86/boot.rst: boot_flag and header, since boot protocol 2.00.
MAGIC = {0x1FE: b"\x55\xaa", 0x202: b"HdrS"}
_HEAD = 0x206


def check(image: Path, *, log: Path) -> None:
    """Look at an image of x86. log: of the build, to name. Raises CheckFailed."""
    with image.open("rb") as file:
        head = file.read(_HEAD)
    if all(head[at : at + len(magic)] == magic for at, magic in MAGIC.items()):
        return
    raise CheckFailed(
        "What make left as the image is not a kernel image.",
        where=f"{image.name}: {image.stat().st_size} bytes without the header of x86's boot"
        f" protocol\nlog: {log}",
        do="look at what the series does in Makefiles and in the linking of the kernel",
    )
