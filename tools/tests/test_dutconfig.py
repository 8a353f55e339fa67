# SPDX-License-Identifier: GPL-2.0
"""What a lab machine's kernel is configured with: fragments, or the config that it has itself."""

from __future__ import annotations

import gzip
import json
import platform
from dataclasses import replace
from pathlib import Path

import pytest

from kseries.cli.main import main
from kseries.config import fragments
from kseries.hardware import catalogue, dutconfig
from kseries.hardware.dutconfig import Own
from kseries.hardware.target import Target
from kseries.lib.errors import InfraError
from kseries.lib.paths import Project
from kseries.model import Request
from kseries.stacks.stack import plan
from tests.sshserver import Server
from tests.test_targets import GOOD, made

PROJECT = Project.find()
RELEASE = platform.release()
CONFIG = f"""\
#
# Automatically generated file; DO NOT EDIT.
# Linux/x86 {RELEASE} Kernel Configuration
#
CONFIG_CC_VERSION_TEXT="gcc-12 (Debian 12.2.0-14) 12.2.0"
CONFIG_MODULES=y
CONFIG_NR_CPUS=8192
CONFIG_BNXT=m
# CONFIG_GVE is not set
CONFIG_LOCALVERSION="-lab"
CONFIG_SYSTEM_TRUSTED_KEYS="debian/certs/debian-uefi-certs.pem"
CONFIG_MODULE_SIG=y
CONFIG_MODULE_SIG_KEY=""
CONFIG_DEBUG_INFO_BTF=y
CONFIG_FRAME_WARN=2048
# end of it
"""


@pytest.fixture
def root(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folders of the machine "dut"."""
    folder = tmp_path / "it's root"
    for name in ("boot", "proc", f"lib/modules/{RELEASE}"):
        (folder / name).mkdir(parents=True)
    monkeypatch.setattr(dutconfig, "ROOT", str(folder))
    return folder


def target(folder: Path, config: str = '"own"') -> Target:
    text = GOOD.replace("root@dut", "dut").replace("[peer]", f"config = {config}\n[peer]")
    return catalogue.read(made(folder, text), PROJECT.configs)


def test_the_machines_own_config_is_begun_with(root: Path, tmp_path: Path) -> None:
    (root / f"boot/config-{RELEASE}").write_text(CONFIG)
    (tmp_path / "run").mkdir()
    always, own = dutconfig.of(target(tmp_path), PROJECT, tmp_path / "run")
    assert (always.stem, own) == ("hardware", tmp_path / "run/lab1.config")
    text = own.read_text()
    assert text.startswith(f"# a whole .config: what lab1 ran, Linux {RELEASE}, from dut:")
    found = fragments.read([always, own], "6.12.117")
    assert {line.symbol: line.value for line in found.begun} == {
        "CC_VERSION_TEXT": '"gcc-12 (Debian 12.2.0-14) 12.2.0"',
        "BNXT": "m",
        "GVE": "n",
        "FRAME_WARN": "2048",
    }
    promised = {promise.symbol: promise.value for promise in found.promises}
    assert promised["NR_CPUS"] == "512", "what each of them is promised to have counts more"
    for symbol in ("SYSTEM_TRUSTED_KEYS", "LOCALVERSION", "MODULE_SIG_KEY", "DEBUG_INFO_BTF"):
        assert f"CONFIG_{symbol}" not in text
        assert symbol in text, "and it says so"


@pytest.mark.parametrize("place", ["lib/modules", "proc"])
def test_it_is_looked_for_where_distributions_keep_it(
    root: Path, tmp_path: Path, place: str
) -> None:
    if place == "proc":
        (root / "proc/config.gz").write_bytes(gzip.compress(CONFIG.encode()))
    else:
        (root / f"lib/modules/{RELEASE}/config").write_text(CONFIG)
    assert "CONFIG_BNXT=m\n" in dutconfig.fetch(target(tmp_path), tmp_path / "own").read_text()


def test_a_machine_that_does_not_keep_it_is_told(root: Path, tmp_path: Path) -> None:
    with pytest.raises(InfraError) as caught:
        dutconfig.of(target(tmp_path), PROJECT, tmp_path)
    assert caught.value.what == "dut does not keep the config of its kernel."
    assert 'config = ["hardware-server"]' in caught.value.do
    assert not (tmp_path / "lab1.config").exists()


@pytest.mark.parametrize(
    "text", ["", "<html>\n", gzip.compress(CONFIG.encode())[:40]], ids=["none", "a page", "cut off"]
)
def test_what_is_no_config_is_refused(root: Path, tmp_path: Path, text: str | bytes) -> None:
    if isinstance(text, bytes):
        (root / "proc/config.gz").write_bytes(text)
    else:
        (root / f"boot/config-{RELEASE}").write_text(text)
    with pytest.raises(InfraError, match="did not give the config of its kernel"):
        dutconfig.fetch(target(tmp_path), tmp_path / "own")
    assert not (tmp_path / "own").exists()


def test_what_is_no_value_is_left_out_and_said_in_a_line() -> None:
    own = Own("dut", "6.1", "/boot/\x1b[2J", 'CONFIG_A="a\tb\nCONFIG_B=maybe\n CONFIG_C=y\n')
    lines = dutconfig.fragment("lab1", own).splitlines()
    assert lines[1:] == ["# left out: A, B (values that are none)", "", "CONFIG_C=y"]
    assert "\x1b" not in lines[0]


def test_fragments_need_no_machine(tmp_path: Path) -> None:
    lab1 = target(tmp_path, '["hardware-server", "hardware-nic"]')
    found = dutconfig.of(lab1, PROJECT, tmp_path)
    assert [file.stem for file in found] == ["hardware", "hardware-server", "hardware-nic"]
    merged = fragments.read([PROJECT.configs / "base.config", *found], "6.12.117")
    assert {"BLK_DEV_NVME", "SATA_AHCI", "BNXT", "GVE", "MLX5_CORE"} <= {
        promise.symbol for promise in merged.promises
    }
    # One of them later takes back no promise of another, but for the number of processors.
    assert [note.split()[1] for note in merged.notes] == ["CONFIG_NR_CPUS=512"]
    twice = replace(lab1, lab=replace(lab1.lab, dut=replace(lab1.lab.dut, config=("hardware",))))
    assert [file.stem for file in dutconfig.of(twice, PROJECT, tmp_path)] == ["hardware"]


def test_a_run_is_configured_with_them_below_what_was_asked_for(root: Path, tmp_path: Path) -> None:
    (root / f"boot/config-{RELEASE}").write_text(CONFIG)
    asked = Request(stack="plain", configs=("debug",))
    taken, run = tmp_path / "taken", tmp_path / "run"
    taken.mkdir()
    run.mkdir()
    wanted = dutconfig.of(target(tmp_path), PROJECT, taken)
    request = dutconfig.put_into(asked, wanted, taken, run)
    assert [file.name for file in run.iterdir()] == ["lab1.config"]
    names = [file.stem for file in plan(request, project=PROJECT).fragments]
    assert names == ["base", "vm", "netdevsim", "hardware", "lab1", "debug"]
    # A run that is taken up again keeps what it was begun with.
    assert plan(request, project=PROJECT).fragments[-2].read_text().startswith("# a whole .config")


def test_the_command_says_and_fetches_it(
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    target(tmp_path)
    (root / f"boot/config-{RELEASE}").write_text(CONFIG)
    assert main(["hw", "config", "lab1.toml", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in told["configs"]] == ["hardware", "own"]
    assert main(["hw", "config", "lab1.toml"]) == 0
    assert "own" in capsys.readouterr().out
    assert main(["hw", "config", "lab1.toml", "--fetch", "own.config"]) == 0
    assert capsys.readouterr().out == "own.config\n"
    assert "CONFIG_BNXT=m\n" in (tmp_path / "own.config").read_text()
    assert main(["hw", "config", "lab1.toml", "--fetch", "own.config"]) == 2
    assert "of this name already" in capsys.readouterr().err
