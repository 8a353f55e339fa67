# SPDX-License-Identifier: GPL-2.0
"""Which trees the subject of a patch names. Pure."""

from __future__ import annotations

import re

# "[PATCH net-next v3 2/7]", "[PATCH 6.12.y]": what else than versions and numbers stands there.
_LABEL = re.compile(r"\[([^\[\]]{0,200}\bPATCH\b[^\[\]]{0,200})\]", re.IGNORECASE)
_NO_TREE = re.compile(r"patch|rfc|rft|resend|repost|v\d+|\d+/\d+|fixup", re.IGNORECASE)
_AROUND = re.compile(r"^(?:linux-|v(?=\d))|\.y$")


def trees_of(subject: str) -> tuple[str, ...]:
    """Give the trees that the label of a subject names: "net-next", "6.12"."""
    label = _LABEL.search(subject)
    words = re.split(r"[\s,]+", label[1]) if label else []
    named = [word for word in words if word and not _NO_TREE.fullmatch(word)]
    return tuple(_AROUND.sub("", word) for word in named)
