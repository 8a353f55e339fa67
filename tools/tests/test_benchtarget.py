# SPDX-License-Identifier: GPL-2.0
"""The command line of measurements over a NIC: what it takes, and what it refuses."""

from __future__ import annotations

import json

import pytest

from kseries.bench import nic
from kseries.cli import benchtarget
from kseries.cli.main import main
from kseries.lib.errors import UserError


def test_what_would_be_measured_is_listed_with_no_machine_there(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["bench", "--target", "lab1", "--list", "same", "--json"]) == 0
    named = json.loads(capsys.readouterr().out)
    assert named == [item.name for item in nic.ITEMS if item.where == "same"]
    assert "zcrx-same" in named


@pytest.mark.parametrize(
    "words",
    [("--full",), ("--each-patch",), ("--program", "."), ("--resume", "latest")],
)
def test_what_is_about_guests_is_refused(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", "--target", "lab1", *words]) == 2
    assert f"which {words[0]} has nothing to do with" in capsys.readouterr().err


def test_a_machine_that_is_not_described_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--target", "nowhere-at-all"]) == 2
    assert "There is no lab machine 'nowhere-at-all'." in capsys.readouterr().err


def test_names_choose_by_all_of_their_words() -> None:
    assert [item.name for item in benchtarget.chosen(["zcrx"])] == ["zcrx-different", "zcrx-same"]
    assert [item.name for item in benchtarget.chosen(["epoll-zc", "same"])] == ["epoll-zc-same"]
    with pytest.raises(UserError, match="Nothing is measured over a NIC"):
        benchtarget.chosen(["late"])
