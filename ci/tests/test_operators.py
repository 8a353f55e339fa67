# SPDX-License-Identifier: GPL-2.0
"""Who may log in on the web page: passwords, what is kept of them, and how often they are tried."""

from __future__ import annotations

from pathlib import Path

import pytest

from kseries.lib.errors import UserError
from seriesbot import operators
from seriesbot.web import limits
from seriesbot.web.limits import Tries

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords that cost nothing: how much they do is tested once."""
    monkeypatch.setattr(operators, "COST", 16)


# ---- passwords


def test_what_is_kept_of_a_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    file = tmp_path / "operators.toml"
    operators.put(file, "alice", PASSWORD)
    assert file.stat().st_mode & 0o777 == 0o600
    text = file.read_text()
    assert PASSWORD not in text
    assert f'"alice" = "scrypt:{1 << 16}:8:1:' in text
    found = operators.read(file)
    assert found is not None
    assert operators.is_password(found, "alice", PASSWORD)
    assert not operators.is_password(found, "alice", PASSWORD + "x")
    assert repr(found) == "Operators(alice)"


def test_operators_come_and_go(tmp_path: Path) -> None:
    file = tmp_path / "operators.toml"
    assert operators.read(file) is None
    operators.put(file, "alice", PASSWORD)
    operators.put(file, "bob", "ünïcode päss wörd")
    first = operators.read(file)
    operators.put(file, "alice", "another password")
    operators.remove(file, "bob")
    second = operators.read(file)
    assert first is not None
    assert second is not None
    assert first.key == second.key
    assert operators.is_password(first, "bob", "ünïcode päss wörd")
    assert not operators.is_password(second, "alice", PASSWORD)
    assert operators.is_password(second, "alice", "another password")
    assert {*second.operator} == {"alice"}
    with pytest.raises(UserError, match="no such operator"):
        operators.remove(file, "bob")


@pytest.mark.parametrize("name", ["", "a b", '"', "a\nb", "ü", "x" * 33, "../x", "-x"])
def test_names_that_are_none(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no name for an operator"):
        operators.put(tmp_path / "file", name, PASSWORD)


@pytest.mark.parametrize("password", ["", "short", "x" * 1001])
def test_passwords_that_are_none(password: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="A password has 12 characters"):
        operators.put(tmp_path / "file", "alice", password)
    assert not (tmp_path / "file").exists()


# ---- limits


def test_limits_of_one_address_and_of_all() -> None:
    tries = Tries()
    for number in range(limits.OF_ONE):
        assert tries.begin("a", number) == 0
    assert tries.begin("a", 10) == limits.WINDOW_S - 10
    assert tries.begin("b", 10) == 0
    assert tries.begin("a", limits.WINDOW_S) == 0  # the first is forgotten
    others = limits.OF_ALL - limits.OF_ONE - 1
    assert [tries.begin(f"x{n}", limits.WINDOW_S) for n in range(others)] == [0] * others
    assert tries.begin("y", limits.WINDOW_S) > 0


def test_who_succeeds_used_no_try() -> None:
    tries = Tries()
    for number in range(3 * limits.OF_ALL):
        assert tries.begin("a", number) == 0
        tries.succeed("a")
    for number in range(limits.OF_ONE):
        assert tries.begin("a", number) == 0
    assert tries.begin("a", 9) > 0


def test_no_more_is_remembered_than_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_ADDRESSES", 50)
    monkeypatch.setattr(limits, "OF_ALL", 10_000)
    tries = Tries()
    for number in range(500):
        tries.begin(f"a{number}", number)
    assert len(tries._of_one) <= 52
