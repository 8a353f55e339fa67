# SPDX-License-Identifier: GPL-2.0
"""Power switches that speak Redfish, against a real service on loopback."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kseries.cli.main import main
from kseries.hardware import catalogue, power, redfish
from kseries.hardware.target import Redfish
from kseries.lib.deadline import Deadline
from kseries.lib.errors import InfraError, KseriesError, UserError
from kseries.lib.paths import Project
from tests import redfishbmc
from tests.redfishbmc import PASSWORD, SYSTEM, Bmc
from tests.sshserver import Server

PROJECT = Project.find()
TARGET = """\
kind = "ssh"
title = "one with a BMC"
[dut]
host = "dut"
interface = "eth1"
driver = "e1000e"
[peer]
host = "peer"
interface = "eth1"
"""


@pytest.fixture(scope="module")
def bmc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bmc]:
    with redfishbmc.running(tmp_path_factory.mktemp("bmc")) as running:
        yield running


def switch(tmp_path: Path, table: str) -> Redfish:
    """Read a target's file with this table."""
    file = tmp_path / "lab1.toml"
    file.write_text(TARGET + table)
    found = catalogue.read(file, PROJECT.configs).lab.power
    assert isinstance(found, Redfish)
    return found


def refused(way: Redfish) -> KseriesError:
    with pytest.raises(KseriesError) as caught:
        power.state(way)
    assert PASSWORD not in str(caught.value)
    return caught.value


def test_a_machine_is_switched_off_and_on(bmc: Bmc, tmp_path: Path) -> None:
    way = switch(tmp_path, bmc.table())
    assert power.state(way) == "On"
    seen = len(bmc.log.read_text())
    power.cycle(way, tmp_path / "power.log")
    assert power.state(way) == "On"
    asked = bmc.log.read_text()[seen:]
    assert asked.count("Actions/ComputerSystem.Reset") == 2
    told = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(PASSWORD.encode() in text for text in told)


def test_a_machine_that_is_off_is_switched_on(bmc: Bmc, tmp_path: Path) -> None:
    way = switch(tmp_path, bmc.table())
    with redfish._system(way) as system:
        redfish._switch(system, way, "Off", ("ForceOff",), Deadline.after(20.0))
    assert power.state(way) == "Off"
    power.cycle(way, tmp_path / "power.log")
    assert power.state(way) == "On"


def test_the_only_machine_of_a_bmc_needs_no_name(bmc: Bmc, tmp_path: Path) -> None:
    assert power.state(switch(tmp_path, bmc.table(system=None))) == "On"


def test_the_password_may_be_in_the_environment(
    bmc: Bmc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    way = switch(tmp_path, bmc.table(password_file=None, password_env="LAB1_BMC"))
    error = refused(way)
    assert isinstance(error, UserError)
    assert "LAB1_BMC" in error.where
    monkeypatch.setenv("LAB1_BMC", PASSWORD)
    assert power.state(way) == "On"


def test_a_wrong_password_is_told(bmc: Bmc, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("hunter2")
    wrong.chmod(0o600)
    error = refused(switch(tmp_path, bmc.table(password_file=str(wrong))))
    assert isinstance(error, InfraError)
    assert error.what.endswith("does not let operator in.")
    assert str(wrong) in error.do
    assert "hunter2" not in str(error)


def test_a_machine_that_the_bmc_does_not_know_is_told(bmc: Bmc, tmp_path: Path) -> None:
    error = refused(switch(tmp_path, bmc.table(system=SYSTEM + "0")))
    assert f"knows no system {SYSTEM}0" in error.what
    assert "power.system" in error.do


def test_a_bmc_that_is_down_is_told(bmc: Bmc, tmp_path: Path) -> None:
    error = refused(switch(tmp_path, bmc.table(url="https://127.0.0.1:1")))
    assert error.what == "The BMC 127.0.0.1:1 does not answer."


def test_a_certificate_that_nobody_vouches_for_is_refused(bmc: Bmc, tmp_path: Path) -> None:
    error = refused(switch(tmp_path, bmc.table(ca_file=None)))
    assert "certificate that is not trusted" in error.what
    assert "power.ca_file" in error.do
    assert power.state(switch(tmp_path, bmc.table(ca_file=None, verify=False))) == "On"


def test_the_password_goes_nowhere_before_the_certificate_is_checked(
    bmc: Bmc, tmp_path: Path
) -> None:
    seen = len(bmc.log.read_text())
    refused(switch(tmp_path, bmc.table(ca_file=None)))
    assert "Systems" not in bmc.log.read_text()[seen:]


@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_a_password_that_others_may_read_is_refused_first(
    bmc: Bmc, tmp_path: Path, mode: int
) -> None:
    shared = tmp_path / "shared"
    shared.write_text(PASSWORD)
    shared.chmod(mode)
    way = switch(tmp_path, bmc.table(password_file=str(shared)))
    seen = len(bmc.log.read_text())
    with pytest.raises(UserError, match="Others may read the password"):
        power.require_usable(catalogue.read(tmp_path / "lab1.toml", PROJECT.configs).lab)
    refused(way)
    assert bmc.log.read_text()[seen:] == ""


def test_without_the_library_it_says_what_to_install(
    bmc: Bmc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    way = switch(tmp_path, bmc.table())
    monkeypatch.setitem(sys.modules, "sushy", None)
    error = refused(way)
    assert isinstance(error, UserError)
    assert "kseries[lab]" in error.do


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"password_file": None}, "power: name a password_file, or a password_env"),
        ({"password_env": "X"}, "power: name a password_file, or a password_env"),
        ({"url": "http://bmc"}, "power.redfish.url"),
        ({"url": "https://u:secret@bmc"}, "power.redfish.url"),
        ({"system": "/../x"}, "power.redfish.system"),
        ({"password_env": "A B", "password_file": None}, "power.redfish.password_env"),
    ],
)
def test_mistakes_in_the_file_are_told(
    tmp_path: Path, bmc: Bmc, changes: dict[str, object], told: str
) -> None:
    with pytest.raises(UserError) as caught:
        switch(tmp_path, bmc.table(**changes))
    assert told in caught.value.where
    assert "secret" not in str(caught.value)


def test_a_check_tells_of_a_switch_that_does_not_work(
    bmc: Bmc, server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    switch(tmp_path, bmc.table())
    file = tmp_path / "lab1.toml"
    assert switch_row(file, capsys) == ("ok", "On")
    file.write_text(TARGET + bmc.table(url="https://127.0.0.1:1"))
    assert switch_row(file, capsys) == ("wrong", "The BMC 127.0.0.1:1 does not answer.")


def switch_row(file: Path, capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    main(["hw", "check", str(file), "--json"])
    rows = json.loads(capsys.readouterr().out)["checks"]
    (row,) = (row for row in rows if row["name"] == "power switch")
    return row["state"], row["found"]
