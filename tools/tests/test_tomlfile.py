# SPDX-License-Identifier: GPL-2.0
"""Mistakes in TOML files are told with file and line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import ConfigDict, TypeAdapter

from kseries.lib import tomlfile
from kseries.lib.errors import UserError


@dataclass(frozen=True)
class Thing:
    __pydantic_config__ = ConfigDict(extra="forbid")

    title: str
    numbers: tuple[int, ...]
    table: dict[str, int]


THING: TypeAdapter[Thing] = TypeAdapter(Thing)


def read(tmp_path: Path, text: str) -> Thing:
    file = tmp_path / "thing.toml"
    file.write_text(text)
    return tomlfile.read(file, THING, what="thing")


def mistakes(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(UserError) as caught:
        read(tmp_path, text)
    return caught.value.where.replace(f"{tmp_path}/", "").splitlines()


def test_a_good_file(tmp_path: Path) -> None:
    text = 'title = "x"\nnumbers = [1, 2]\n[table]\na = 1\n'
    assert read(tmp_path, text) == Thing("x", (1, 2), {"a": 1})


def test_each_mistake_has_its_line(tmp_path: Path) -> None:
    text = (
        "# a comment\n"
        "title = 7\n"
        "numbers = [\n  1,\n  # not this one\n  'two',\n]\n"
        "extra = true\n\n"
        "[table]\na = 1\nb.c = 'x'\n"
    )
    assert mistakes(tmp_path, text) == [
        "thing.toml:2: title: Input should be a valid string",
        "thing.toml:6: numbers.1: Input should be a valid integer, unable to parse string as an"
        " integer",
        "thing.toml:8: extra: Unexpected keyword argument",
        "thing.toml:12: table.b: Input should be a valid integer",
    ]


def test_a_missing_key_points_to_the_top(tmp_path: Path) -> None:
    assert mistakes(tmp_path, "\ntitle = 'x'\nnumbers = []\n") == [
        "thing.toml:1: table: Field required"
    ]


def test_what_is_no_toml_names_its_line(tmp_path: Path) -> None:
    assert mistakes(tmp_path, "title = 'x'\nnumbers = [\n") == [
        "thing.toml:3: not valid TOML: Invalid value (at end of document)"
    ]
    assert mistakes(tmp_path, "title = 'x'\nnumbers = 1 2\n")[0].startswith("thing.toml:2: ")


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"thing file cannot be read.*\n.*is not there"):
        tomlfile.read(tmp_path / "none.toml", THING, what="thing")


def test_line_of_keys_in_tables_of_tables(tmp_path: Path) -> None:
    file = tmp_path / "file.toml"
    file.write_text("a = {b = 1,\n c = 2}\n[[many]]\nx = 1\n[[many]]\nx = 2\n['quoted key']\ny=1\n")
    assert tomlfile.line_of(file, "many", 1, "x") == 6
    assert tomlfile.line_of(file, "quoted key", "y") == 8
    assert tomlfile.line_of(file, "a", "b") == 1
    assert tomlfile.line_of(file, "nothing") == 1


def test_control_characters_have_a_line(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_text('name = "a"\nother = ["b", "c\\u0000"]\n')
    with pytest.raises(UserError) as error:
        tomlfile.read(file, THING, what="thing")
    assert f"{file}:2: other.1: no control characters are wanted here" in error.value.where


def test_nested_without_end(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_text("a = " + "[" * 5000 + "]" * 5000)
    with pytest.raises(UserError, match="nested too deep"):
        tomlfile.read(file, THING, what="thing")


def test_a_number_without_end_is_a_mistake(tmp_path: Path) -> None:
    file = tmp_path / "big.toml"
    file.write_text(f"a = {'1' * 100_000}\n")
    with pytest.raises(UserError, match="mistake"):
        tomlfile.read(file, TypeAdapter(dict[str, int]), what="stack")
