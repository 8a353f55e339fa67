# SPDX-License-Identifier: GPL-2.0
"""Lines of a mail to a list: 72 columns, and none that git or b4 would take for more than text.

A reply is read by programs, too: b4 collects trailers ("Tested-by: …") and links from it, git am
looks for diffs, scissors and headers. What others wrote can hold all of that. So their lines stand
behind a bar, and every other line
that such a program would take gets one (`paragraphs`).
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence

from kseries.report.words import counted

WIDTH = 72
BAR = "| "

# Ellipsis, dashes, quotation marks, arrow.
_ASCII = str.maketrans(
    {
        "\u2026": "...",
        "\u2013": "-",
        "\u2014": "-",
        "\u2018": "'",
        "\u2019": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u2192": "->",
    }
)

# What the readers of mails take a line for. Space before it, and marks of quotation, do not help.
_TAKEN = re.compile(
    r"[\s>]*+(?:"
    # A trailer or a header, as b4, git am and git interpret-trailers know them.
    r"\S+-by\s?:|(?:cc|to|from|date|subject|message-id|link|buglink|closes|fixes|obsoleted-by"
    r"|change-id|base-commit|prerequisite-[\w-]+|in-reply-to|reply-to)\s?:"
    r"|\w\S*\s?:\s+.*(?:@|://)"
    r"|\(cherry picked from"
    r"|---|\+\+\+|@@ |diff -|Index: |GIT binary patch|(?:new|deleted) file mode|rename (?:from|to) "
    r"|\d+ file.*\d+ (?:insertion|deletion)"
    r"|-- ?$"  # what follows is a signature
    r"|From "  # in an mbox the next mail begins
    r"|#kseries\b"  # asks the bot
    r")|[A-Za-z][\w-]*+\s?:\s*\S",  # at the margin any word
    re.IGNORECASE,
)
_SCISSORS = re.compile(r"8<|>8|%<|>%")


def folded(text: str, first: str = "", others: str = "") -> list[str]:
    """Give text as lines. first, others: what begins the first one, and those after it."""
    return textwrap.wrap(
        # At the margin a bar needs its room.
        _blunt(text), WIDTH if first and others else WIDTH - len(BAR), initial_indent=first,
        subsequent_indent=others, break_on_hyphens=False, replace_whitespace=False,
        drop_whitespace=True,
    )  # fmt: skip


def listed(texts: Iterable[str], indent: str = "") -> Iterator[str]:
    """Give texts as a list."""
    for text in texts:
        yield from folded(text, f"{indent}- ", f"{indent}  ")


def few_listed(texts: Sequence[str], limit: int) -> Iterator[str]:
    """Give the first texts as a list, and how many more there are."""
    yield from listed(texts[:limit])
    if len(texts) > limit:
        yield f"- and {len(texts) - limit} more"


def table(pairs: Iterable[tuple[str, str]], width: int = 13) -> Iterator[str]:
    """Give facts, each behind what it is; without a colon, or they would be headers."""
    for what, value in pairs:
        if value:
            yield from folded(value, f"  {what:<{width}} ", " " * (width + 3))


def quoted(lines: Sequence[str], limit: int) -> Iterator[str]:
    """Give lines that others wrote behind a bar; what is too wide goes on below."""
    for line in lines[:limit]:
        yield from folded(line, f"    {BAR}", f"    {BAR}  ") or [f"    {BAR}".rstrip()]
    if len(lines) > limit:
        yield f"    {BAR}... {counted(len(lines) - limit, 'more line')}"


def command(line: str, indent: str = "  ") -> Iterator[str]:
    """Give a command; one that is too wide goes on below, as a shell takes it."""
    parts = textwrap.wrap(
        line, WIDTH - 2, initial_indent=indent, subsequent_indent=f"{indent}  ",
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
    yield from (f"{part} \\" for part in parts[:-1])
    yield from parts[-1:]


def paragraphs(parts: Iterable[Iterable[str] | None]) -> list[str]:
    """Give paragraphs of lines as text, the empty ones left out."""
    texts = ("\n".join(map(_line, part)) for part in parts if part is not None)
    return [text for text in texts if text]


def _line(line: str) -> str:
    """Give a line of which no program takes more than text."""
    line = _blunt(line.rstrip().translate(_ASCII))
    if not _TAKEN.match(line):
        return line
    text = line.lstrip()
    indent = line[: max(0, len(line) - len(text) - len(BAR))]
    return f"{indent}{BAR}{text}"


def _blunt(text: str) -> str:
    """Give text without scissors, below which git would begin to read."""
    return _SCISSORS.sub(lambda mark: " ".join(mark[0]), text)
