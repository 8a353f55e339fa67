# SPDX-License-Identifier: GPL-2.0
"""Read TOML into frozen types; every mistake is told with its file and line.

tomllib parses, pydantic checks against the type and finds all mistakes at once, and the syntax
tree of tree-sitter says on which line each of them stands (tomllib keeps no positions).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import tree_sitter_toml
from pydantic import TypeAdapter, ValidationError
from tree_sitter import Language, Node, Parser

from kseries.lib import textfile
from kseries.lib.errors import UserError

T = TypeVar("T")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
KeyPath = tuple[str | int, ...]


def read(path: Path, adapter: TypeAdapter[T], *, what: str) -> T:
    """Decode the file. `what` names its kind for messages ("stack").

    Raises UserError with one line `file:line: mistake` for each mistake.
    """
    text = textfile.read(path, f"{what} file", do="name a text file")
    try:
        value = tomllib.loads(text)
    except RecursionError as error:
        raise mistake(path, what, [(1, "not valid TOML: nested too deep")]) from error
    except tomllib.TOMLDecodeError as error:
        # Python 3.11 tells the line in the message only, and not at the end of the file.
        told = re.search(r"at line (\d+)", str(error))
        line = int(told[1]) if told else text.count("\n") + 1
        raise mistake(path, what, [(line, f"not valid TOML: {error}")]) from error
    except ValueError as error:  # a number of more digits than Python reads
        raise mistake(path, what, [(1, f"not valid TOML: {error}")]) from error
    _require_plain(path, what, value, text)
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        lines = _lines_of_keys(text.encode())
        mistakes = sorted(
            (_line_of(lines, detail["loc"]), f"{_dotted(detail['loc'])}{detail['msg']}")
            for detail in error.errors()
        )
        raise mistake(path, what, mistakes) from error


def mistake(path: Path, what: str, mistakes: Sequence[tuple[int, str]]) -> UserError:
    """Make the error for mistakes found in a file: (line, text) each."""
    count = "a mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
    return UserError(
        f"The {what} file has {count}.",
        where="\n".join(f"{path}:{line}: {text}" for line, text in mistakes),
        do="fix the lines above",
    )


def line_of(path: Path, *key: str | int) -> int:
    """Give the line of a key (or of the nearest key above it) in a TOML file; 1 where none is."""
    return _line_of(_lines_of_keys(path.read_bytes()), key)


def _require_plain(path: Path, what: str, value: Any, text: str) -> None:  # noqa: ANN401
    strange = [key for key, string in _strings(value) if CONTROL.search(string)]
    if strange:
        lines = _lines_of_keys(text.encode())
        told = "no control characters are wanted here"
        raise mistake(
            path, what, sorted((_line_of(lines, key), f"{_dotted(key)}{told}") for key in strange)
        )


def _strings(value: Any, key: KeyPath = ()) -> Iterator[tuple[KeyPath, str]]:  # noqa: ANN401
    """Give the strings in a decoded file, keys included, each with its place."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield (*key, name), name
            yield from _strings(inner, (*key, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _strings(inner, (*key, index))


def _line_of(lines: dict[KeyPath, int], location: Sequence[str | int]) -> int:
    key = tuple(location)
    while key:
        # Tagged unions put the tag into pydantic's location; the file has no such key.
        for candidate in (key, key[1:]):
            if candidate in lines:
                return lines[candidate]
        key = key[:-1]
    return 1


def _dotted(location: Sequence[str | int]) -> str:
    return ".".join(str(part) for part in location) + ": " if location else ""


def _lines_of_keys(text: bytes) -> dict[KeyPath, int]:
    root = Parser(Language(tree_sitter_toml.language())).parse(text).root_node
    lines: dict[KeyPath, int] = {}
    counts: dict[KeyPath, int] = {}
    for node in root.named_children:
        prefix: KeyPath = ()
        if node.type in ("table", "table_array_element"):
            key_node = node.named_children[0]
            prefix = _key(key_node)
            if node.type == "table_array_element":
                counts[prefix] = counts.get(prefix, -1) + 1
                prefix = (*prefix, counts[prefix])
            lines[prefix] = node.start_point[0] + 1
            pairs = node.named_children[1:]
        else:
            pairs = [node]
        for pair in pairs:
            if pair.type == "pair":
                _add_pair(pair, prefix, lines)
    return lines


def _add_pair(pair: Node, prefix: KeyPath, lines: dict[KeyPath, int]) -> None:
    key = prefix
    for part in _key(pair.named_children[0]):
        key = (*key, part)
        lines.setdefault(key, pair.start_point[0] + 1)
    _add_value(pair.named_children[-1], key, lines)


def _add_value(value: Node, key: KeyPath, lines: dict[KeyPath, int]) -> None:
    if value.type == "inline_table":
        for inner in value.named_children:
            if inner.type == "pair":
                _add_pair(inner, key, lines)
    elif value.type == "array":
        items = [item for item in value.named_children if item.type != "comment"]
        for index, item in enumerate(items):
            lines[*key, index] = item.start_point[0] + 1
            _add_value(item, (*key, index), lines)


def _key(node: Node) -> KeyPath:
    if node.type == "dotted_key":
        return tuple(part for child in node.named_children for part in _key(child))
    text: Any = node.text
    return (text.decode().strip("\"'"),)
