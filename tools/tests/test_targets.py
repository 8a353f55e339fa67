# SPDX-License-Identifier: GPL-2.0
"""Files of lab machines: what they may say, where they are looked for, how they are shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kseries.cli.main import main
from kseries.hardware import catalogue
from kseries.hardware.catalogue import Catalogue
from kseries.lib.errors import UserError
from kseries.lib.paths import Project

PROJECT = Project.find()
EXAMPLES = sorted((PROJECT.configs / "targets").glob("example-*.toml"))

GOOD = """\
kind = "ssh"
title = "two of them"
[dut]
host = "root@dut"
interface = "eth1"
driver = "e1000e"
[peer]
host = "peer"
interface = "eth1"
"""


def made(folder: Path, text: str, name: str = "lab1") -> Path:
    file = folder / f"{name}.toml"
    file.write_text(text)
    return file


def mistakes(folder: Path, text: str) -> list[str]:
    """Give what reading tells, `line: text` each."""
    file = made(folder, text)
    with pytest.raises(UserError) as caught:
        catalogue.read(file, PROJECT.configs)
    return [line.removeprefix(f"{file}:") for line in caught.value.where.splitlines()]


@pytest.fixture
def users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's own folder of targets."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    folder = tmp_path / "kseries/targets"
    folder.mkdir(parents=True)
    return folder


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_each_example_can_be_read(file: Path) -> None:
    lab = catalogue.read(file, PROJECT.configs).lab
    assert lab.example
    assert lab.dut.addresses
    assert lab.peer.addresses


def test_there_is_an_example_for_each_driver_that_can_do_it() -> None:
    drivers = {catalogue.read(file, PROJECT.configs).lab.dut.driver for file in EXAMPLES}
    assert drivers == {"bnxt_en", "gve", "mlx5_core"}


def test_the_least_that_a_file_says(tmp_path: Path) -> None:
    lab = catalogue.read(made(tmp_path, GOOD), PROJECT.configs).lab
    assert (lab.console.kind, lab.power.kind, lab.boot.method) == ("none", "none", "kexec")


@pytest.mark.parametrize(
    ("told", "config"),
    [
        ("", ("hardware-server", "hardware-nic")),
        ('config = "own"\n', ("own",)),
        ('config = ["own", "hardware-nic"]\n', ("own", "hardware-nic")),
        ('config = "mine.config"\n', ("{}/mine.config",)),  # a file beside the target's
    ],
)
def test_what_its_kernel_is_configured_with(
    tmp_path: Path, told: str, config: tuple[str, ...]
) -> None:
    (tmp_path / "mine.config").write_text("CONFIG_NET=y\n")
    file = made(tmp_path, GOOD.replace("[peer]", f"{told}[peer]"))
    found = catalogue.read(file, PROJECT.configs).lab.dut.config
    assert found == tuple(name.format(tmp_path) for name in config)


BAD = {
    "option_of_ssh": ('host = "root@dut"', 'host = "-oProxyCommand=x"', "4: dut.host: "),
    "option_behind_a_user": ('host = "root@dut"', 'host = "root@-x"', "4: dut.host: "),
    "host_with_a_password": ('host = "root@dut"', 'host = "root:pw@dut"', "4: dut.host: "),
    "host_with_a_command": ('host = "root@dut"', 'host = "dut; reboot"', "4: dut.host: "),
    "long_interface": ('"eth1"\ndriver', '"eth1234567890123"\ndriver', "5: dut.interface: "),
    "interface_for_a_shell": ('"eth1"\ndriver', '"$(reboot)"\ndriver', "5: dut.interface: "),
    "driver_is_a_number": ('"e1000e"', "7", "6: dut.driver: "),
    "unknown_key": ('"e1000e"', '"e1000e"\nspeed = 10', "7: dut.speed: "),
    "pci_without_domain": ('"e1000e"', '"e1000e"\npci = "41:00.0"', "7: dut.pci: "),
    "no_address": ('"e1000e"', '"e1000e"\naddresses = ["1.2.3/24"]', "7: dut.addresses: "),
    "address_of_1000_bits": ('"e1000e"', '"e1000e"\naddresses = ["::1/999"]', "7: dut.addresses: "),
    "two_peers": ('host = "peer"', 'host = "peer"\nnamespace = "n"', "7: peer: name a host, or"),
    "no_peer": ('host = "peer"\n', "", "7: peer: name a host, or"),
    "peer_is_dut": ('host = "peer"', 'host = "root@dut"', "8: peer.host: that is the DUT"),
    "kind": ('kind = "ssh"', 'kind = "vm"', "1: kind: "),
    "no_fragment": (
        '"e1000e"',
        '"e1000e"\nconfig = ["own",\n"hardware-serve"]',
        "8: dut.config: there is no config fragment 'hardware-serve'; did you mean hardware-server",
    ),
    "no_fragment_alone": (
        '"e1000e"',
        '"e1000e"\nconfig = "owm"',
        "7: dut.config: there is no config fragment 'owm'",
    ),
    "fragment_twice": ('"e1000e"', '"e1000e"\nconfig = ["own", "own"]', "7: dut.config: names"),
    "no_config": ('"e1000e"', '"e1000e"\nconfig = []', "7: dut.config: "),
    "config_is_a_number": ('"e1000e"', '"e1000e"\nconfig = 7', "7: dut.config"),
    "no_toml": ("[peer]", "[peer", "7: not valid TOML"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, name: str) -> None:
    old, new, told = BAD[name]
    assert old in GOOD
    found = mistakes(tmp_path, GOOD.replace(old, new, 1))
    assert found[0].startswith(told), found


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = GOOD.replace('"root@dut"', '""').replace('"e1000e"', '""')
    assert [line.partition(": ")[0] for line in mistakes(tmp_path, text)] == ["4", "6"]


@pytest.mark.parametrize(
    "table",
    [
        '[power]\nkind = "ipmi"\nbmc = "b"\nuser = "u"\npassword_file = "f"\npassword = "hunter2"',
        '[console]\nkind = "ipmi"\nbmc = "b"\nuser = "u"\npassword_file = "f"\n'
        'password = "hunter2"',
        '[power]\nkind = "redfish"\nurl = "https://b"\nsystem = "/s"\nuser = "u"\n'
        'password_file = "f"\npassword = "hunter2"',
        '[power]\nkind = "redfish"\nurl = "https://u:hunter2@b"\nsystem = "/s"\nuser = "u"\n'
        'password_file = "f"',
    ],
)
def test_a_password_is_refused_and_not_repeated(tmp_path: Path, table: str) -> None:
    file = made(tmp_path, GOOD + table)
    with pytest.raises(UserError) as caught:
        catalogue.read(file, PROJECT.configs)
    assert "hunter2" not in str(caught.value)


def test_a_users_target_comes_before_the_projects(users: Path) -> None:
    made(users, GOOD, "example-bnxt")
    assert Catalogue.of(PROJECT).find("example-bnxt", users).lab.title == "two of them"


def test_a_file_is_a_target_by_its_path(tmp_path: Path) -> None:
    made(tmp_path, GOOD, "own")
    assert Catalogue.of(PROJECT).find("own.toml", tmp_path).name == "own"


def test_the_virtual_machine_is_no_lab_machine(tmp_path: Path) -> None:
    found = Catalogue.of(PROJECT)
    assert "vm" not in [one.name for one in found.listed()]
    with pytest.raises(UserError, match="There is no lab machine 'vm'"):
        found.find("vm", tmp_path)


def test_an_unknown_name_is_told_with_those_that_are_like_it(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        Catalogue.of(PROJECT).find("example-bnx", tmp_path)
    assert "did you mean example-bnxt" in caught.value.do


def test_an_example_is_not_asked(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        Catalogue.of(PROJECT).find_real("example-mlx5", tmp_path)
    assert "copy its file" in caught.value.do


def test_the_list_shows_a_broken_file_and_goes_on(
    users: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(users, GOOD, "lab1")
    broken = made(users, "kind =", "lab2")
    assert main(["hw", "list", "--json"]) == 0
    told = {one["name"]: one for one in json.loads(capsys.readouterr().out)}
    assert told["lab1"]["target"]["dut"]["driver"] == "e1000e"
    assert told["lab2"]["target"] is None
    assert f"{broken}:1" in told["lab2"]["problem"]
    assert set(told) >= {"example-bnxt", "example-gve", "example-mlx5"}
    assert main(["hw", "list"]) == 0
    assert "root@dut" in capsys.readouterr().out


def test_show_tells_all_that_a_target_says(users: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["hw", "show", "example-bnxt", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["name"], told["power"]["kind"]) == ("example-bnxt", "redfish")
    assert "password" not in told["power"]
    assert main(["hw", "show", "example-bnxt"]) == 0
    out = capsys.readouterr().out
    assert "dut.pci" in out
    assert "0000:41:00.0" in out
