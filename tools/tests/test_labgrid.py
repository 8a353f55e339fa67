# SPDX-License-Identifier: GPL-2.0
"""Targets that are places of labgrid: one user at a time, power, console, on a real coordinator.

Each word to labgrid's client is a start of Python and takes a second, so most of them are for
`nox -s tests_hardware`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kseries.cli.main import main
from kseries.hardware import catalogue, holder, labgrid, power
from kseries.hardware import target as target_file
from kseries.hardware.holder import OfLabgrid, Stranded
from kseries.hardware.lock import Held
from kseries.hardware.ssh import Link
from kseries.lib.errors import InfraError, KseriesError, UserError
from kseries.lib.paths import Project
from tests import labgridlab
from tests.labgridlab import Lab
from tests.sshserver import Server

pytestmark = pytest.mark.timeout(240)
slow = pytest.mark.hardware

EVE = "far/eve"
TARGET = """\
kind = "ssh"
title = "this host"
[dut]
host = "dut"
interface = "lo"
driver = "x"
[peer]
host = "peer"
interface = "lo"
"""
HOLDS = """\
import sys, time
from pathlib import Path
from kseries.hardware import catalogue, holder
from kseries.hardware.ssh import Link
from kseries.lib.paths import Project
target = catalogue.read(Path(sys.argv[1]), Project.find().configs)
with holder.of(target.lab, Link("dut", Path())).holding("a run"):
    print("has it", flush=True)
    time.sleep(600)
"""


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with labgridlab.running(tmp_path_factory.mktemp("labgrid")) as lab:
        yield lab


@pytest.fixture
def lab(started: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """A lab whose place is free."""
    monkeypatch.setenv("PATH", str(labgridlab.on_path(tmp_path)), prepend=":")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("LG_USERNAME", "us")
    monkeypatch.setenv("LG_HOSTNAME", "near")
    started.worked.clear()
    return started


@pytest.fixture
def file(lab: Lab, tmp_path: Path) -> Path:
    made = tmp_path / "lab1.toml"
    made.write_text(TARGET + lab.table)
    return made


@pytest.fixture
def place(file: Path) -> OfLabgrid:
    found = holder.of(target(file), Link("dut", Path()))
    assert isinstance(found, OfLabgrid)
    return found


def target(file: Path) -> target_file.Lab:
    return catalogue.read(file, Project.find().configs).lab


def test_a_place_is_had_for_a_time(lab: Lab, place: OfLabgrid) -> None:
    assert place.look().told == "free"
    with place.holding("a run"):
        seen = place.look()
        assert (seen.is_ours, seen.told) == (True, "held by near/us for 0 min")
        assert lab.owner() == "near/us"
    assert place.look().is_free


@slow
def test_it_is_given_back_after_an_error(lab: Lab, place: OfLabgrid) -> None:
    with pytest.raises(ZeroDivisionError), place.holding("a run"):
        raise ZeroDivisionError
    assert lab.owner() == "None"


def test_a_second_user_is_told_who_has_it_and_since_when(
    lab: Lab, place: OfLabgrid, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.client("acquire", user=EVE)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3 * 3600 + 250)
    try:
        with pytest.raises(Held) as caught, place.holding("a run"):
            raise AssertionError
        assert lab.owner() == EVE
        assert caught.value.what == "The place lab3 is held by far/eve for 3 h 4 min."
        assert "--take-over" in caught.value.do
        assert not place.file.exists()
    finally:
        lab.client("release-from", EVE)


@slow
def test_what_was_acquired_by_hand_stays_so(lab: Lab, place: OfLabgrid) -> None:
    lab.client("acquire")
    with place.holding("a run"):
        pass
    assert lab.owner() == "near/us"
    assert place.release().is_free


@slow
def test_what_a_killed_command_left_goes_with_the_next(
    lab: Lab, file: Path, place: OfLabgrid
) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(file)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    with child, child.stdout:
        assert child.stdout.readline() == "has it\n"
        with pytest.raises(InfraError, match="Another kseries"), place.holding("meanwhile"):
            pass
        child.kill()
    assert lab.owner() == "near/us"
    with place.holding("the next"):
        assert lab.owner() == "near/us"
    assert lab.owner() == "None"


@slow
def test_a_machine_that_is_stranded_is_kept_from_others(lab: Lab, place: OfLabgrid) -> None:
    with pytest.raises(Stranded), place.holding("a run"):
        raise Stranded("it hangs")
    assert lab.owner() == "near/us"
    with place.holding("hw recover"):
        pass
    assert lab.owner() == "None"


@slow
def test_a_place_that_is_reserved_is_told(lab: Lab, place: OfLabgrid) -> None:
    lab.client("reserve", "--wait", "name=lab3", user=EVE)
    found = labgrid.reservation(place.place)
    try:
        assert found is not None
        assert found.owner == EVE
        with pytest.raises(Held, match=r"The place lab3 is reserved by far/eve for 0 min\."):
            place.take("", take_over=True)
    finally:
        (line,) = (each for each in lab.client("show").splitlines() if "  reservation: " in each)
        lab.client("cancel-reservation", line.split()[1])
    lab.client("reserve", "--wait", "name=lab3")
    with place.holding("a run"):  # ours
        assert lab.owner() == "near/us"
    (line,) = (each for each in lab.client("show").splitlines() if "  reservation: " in each)
    lab.client("cancel-reservation", line.split()[1])


@slow
@pytest.mark.parametrize(
    ("change", "kind", "told"),
    [
        ({"place": "lab"}, InfraError, "has no place lab."),  # a part of a name
        ({"place": "nonesuch"}, InfraError, "has no place nonesuch."),
        ({"coordinator": "127.0.0.1:1"}, InfraError, "at 127.0.0.1:1 does not answer."),
    ],
)
def test_what_is_wrong_is_told(
    lab: Lab, place: OfLabgrid, change: dict[str, str], kind: type[KseriesError], told: str
) -> None:
    wrong = OfLabgrid(replace(place.place, **change))
    with pytest.raises(kind) as caught, wrong.holding("a run"):
        raise AssertionError
    assert caught.value.what.endswith(told)
    assert caught.value.do
    assert not wrong.file.exists()


@slow
def test_a_place_has_aliases(place: OfLabgrid) -> None:
    assert OfLabgrid(replace(place.place, place="third")).look().is_free


def test_without_the_client_it_says_what_to_install(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    with pytest.raises(UserError) as caught:
        power.require_usable(target(file))
    assert "pipx install labgrid" in caught.value.do
    assert main(["run", "--target", str(file), "--workspace", str(tmp_path)]) == 2
    assert "labgrid-client is not installed" in capsys.readouterr().err


@slow
def test_power_and_console_of_a_place(
    lab: Lab, file: Path, place: OfLabgrid, tmp_path: Path
) -> None:
    lab.shown = lambda: iter([b"[    0.000000] Linux version\r\n", b"login: \r\n"])
    notes: list[str] = []
    with place.holding("a run"):
        found = labgrid.equipped(target(file), notes.append)
        assert power.state(found.power) == "On"
        power.cycle(found.power, tmp_path / "power.log")
        assert lab.worked == ["0", "1"]
        lines: list[tuple[float, str]] = []
        with power.shown(found.console, tmp_path / "serial.log", lines):
            end = time.monotonic() + 30
            while not any("login:" in text for _, text in lines):
                assert time.monotonic() < end, lines
                time.sleep(0.05)
    assert "Linux version" in (tmp_path / "serial.log").read_text()
    assert notes == []


@slow
def test_what_the_file_says_comes_first(lab: Lab, file: Path, place: OfLabgrid) -> None:
    with file.open("a") as more:
        more.write(
            '[power]\nkind = "command"\noff = ["true"]\non = ["true"]\n'
            '[console]\nkind = "command"\ncommand = ["true"]\n'
        )
    asked = target(file)
    with place.holding("a run"):
        assert labgrid.equipped(asked, print) == asked


@slow
def test_a_console_that_nothing_can_show_is_told(
    lab: Lab, file: Path, place: OfLabgrid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labgrid, "TERMINALS", ("nonesuch-terminal",))
    notes: list[str] = []
    with place.holding("a run"):
        assert labgrid.equipped(target(file), notes.append).console.kind == "none"
    assert "needs nonesuch-terminal" in notes[0]


@slow
def test_on_the_command_line(lab: Lab, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["hw", "lock", str(file), "--show"]) == 0
    assert capsys.readouterr().out == "the place lab3 is free.\n"
    lab.client("acquire", user=EVE)
    assert main(["hw", "lock", str(file), "--show", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["lock"]["owner"], told["yours"]) == (EVE, False)
    assert main(["hw", "lock", str(file)]) == 3
    assert "held by far/eve" in capsys.readouterr().err
    assert main(["hw", "unlock", str(file)]) == 3
    assert lab.owner() == EVE
    assert main(["hw", "lock", str(file), "--take-over"]) == 0
    assert lab.owner() == "near/us"
    assert main(["hw", "lock", str(file), "--show"]) == 0
    assert main(["hw", "unlock", str(file)]) == 0
    assert lab.owner() == "None"


@slow
def test_a_check_tells_who_has_the_place(
    server: Server, lab: Lab, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lab.client("acquire", user=EVE)
    try:
        main(["hw", "check", str(file), "--json"])
    finally:
        lab.client("release-from", EVE)
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["checks"]}
    assert (rows["labgrid place"]["state"], "lock" in rows) == ("wrong", False)
    assert "held by far/eve" in rows["labgrid place"]["found"]
