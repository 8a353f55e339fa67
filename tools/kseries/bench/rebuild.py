# SPDX-License-Identifier: GPL-2.0
"""Patches that change nothing on any path, so that a kernel is built anew for nothing. Pure.

Each adds a function that nobody calls in front of what follows, so that all other functions get
other addresses, and moves objects of the network stack to the front, so that they get another
order. What is counted afterwards differs by chance alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import unified_diff

SOURCE = "init/kseries_rebuild.c"
MAKEFILE = "init/Makefile"
ORDERED = "net/ipv4/Makefile"

# Those that set nothing up at boot, where the order of objects would be that of the set-up.
MOVED = ("tcp_input", "udp", "tcp_output", "ip_input", "tcp_timer", "ip_output", "tcp_recovery")

STEP = 1104
"""Bytes by which functions go on from one patch to the next: no multiple of a page or a line."""

# A list of objects begins, and another one could not be in front of it.
_LIST = re.compile(r"^obj-y\s*:=[ \t]*", re.MULTILINE)

Read = Callable[[str], str | None]
"""Gives the text of a file of the tree by its name; None where there is none."""


def patch(number: int, read: Read) -> str:
    """Give a patch as a mail. number: from 1; each is another one."""
    parts = [changed(SOURCE, "", _source(number))]
    makefile = read(MAKEFILE)
    if makefile is not None:
        line = f"obj-y += {SOURCE.rpartition('/')[2].removesuffix('.c')}.o\n"
        parts.append(changed(MAKEFILE, makefile, _ended(makefile) + line))
    ordered = read(ORDERED)
    if ordered is not None:
        parts.append(changed(ORDERED, ordered, _moved(ordered, number)))
    told = f"rebuild {number}: change nothing on any path"
    return mail(told, "Other addresses, and another order of functions.", "".join(parts))


def mail(title: str, why: str, diff: str) -> str:
    """Give a patch as it is sent."""
    return (
        f"From {0:040x} Mon Sep 17 00:00:00 2001\n"
        "From: kseries <kseries@localhost>\n"
        "Date: Thu, 1 Jan 2026 00:00:00 +0000\n"
        f"Subject: [PATCH] {title}\n\n{why}\n---\n{diff}"
    )


def _source(number: int) -> str:
    return (
        "// SPDX-License-Identifier: GPL-2.0\n"
        "#include <linux/compiler.h>\n\n"
        "void kseries_rebuild(void);\n\n"
        "noinline __used void kseries_rebuild(void)\n"
        "{\n"
        f'\tasm volatile(".skip {number * STEP}, 0x90");\n'
        "}\n"
    )


def _moved(makefile: str, number: int) -> str:
    """Name some objects first; make takes each where it is named first."""
    listed = [name for name in MOVED if re.search(rf"\b{name}\.o\b", makefile)]
    if not listed:
        return makefile
    turn = number % len(listed)
    first = [*listed[turn:], *listed[:turn]][: 1 + number % 3]
    words = "".join(f"{name}.o " for name in first)
    return _LIST.sub(lambda found: found[0] + words, makefile, count=1)


def _ended(text: str) -> str:
    return text if text.endswith("\n") else f"{text}\n"


def changed(name: str, before: str, after: str) -> str:
    """Give the difference that makes one text of a file the other; "" where they are the same.

    before: "" for a file that is not there.
    """
    if before == after:
        return ""
    old, mode = (f"a/{name}", "") if before else ("/dev/null", "new file mode 100644\n")
    lines = unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), old, f"b/{name}"
    )
    return f"diff --git a/{name} b/{name}\n{mode}" + "".join(lines)
