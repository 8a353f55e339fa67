# SPDX-License-Identifier: GPL-2.0
"""Two machines reached only over ssh, with a NIC each and a cable: checked, changed, put back.

The commands that fix and repair are those that kseries prints, typed as a person would.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from kseries.cli.main import main
from tests import sshserver, standin
from tests.standin import TARGET, Pair

pytestmark = [pytest.mark.hardware, pytest.mark.timeout(900)]

# What somebody, or a test that crashed, may do to a port.
HAVOC = (
    "ethtool -G eth1 rx 512 tx 128",
    "ethtool -K eth1 gro off tso off",
    "ethtool -C eth1 rx-usecs 20",
    "ethtool -A eth1 autoneg off rx off tx off",
    "ip link set dev eth1 mtu 4000 txqueuelen 77 promisc on",
    "ip address add 203.0.113.9/24 dev eth1",
    "ip address del 192.0.2.1/24 dev eth1",
    "ip route add 198.51.100.0/24 dev eth1",
    "for irq in /proc/irq/*/eth1-rx-0; do echo 1 >${irq%/*}/smp_affinity_list; done",
    "echo 999999 >/proc/sys/net/core/rmem_max",
    "echo 5 >/sys/class/net/eth1/gro_flush_timeout",
)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with standin.pair(standin.prepared(), tmp_path_factory.mktemp("pair")) as machines:
        yield machines


@pytest.fixture
def target(pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The file of a target, with ports that are up and have their addresses."""
    place = sshserver.ssh_of(tmp_path, pair.config)
    monkeypatch.setenv("PATH", f"{place}:/usr/sbin:/usr/bin:/sbin:/bin")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for number, host in ((1, "dut"), (2, "peer")):
        pair.ssh(
            host,
            "ip address flush dev eth1; ip link set dev eth1 up mtu 1500;"
            f" ip address add 192.0.2.{number}/24 dev eth1;"
            f" ip address add 2001:db8::{number}/64 dev eth1 nodad",
        )
    file = tmp_path / "standin.toml"
    file.write_text(TARGET)
    return str(file)


def told(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any]:
    capsys.readouterr()
    status = main(["hw", *words, "--json"])
    said = capsys.readouterr()
    assert said.out, said.err
    return status, json.loads(said.out)


def check(capsys: pytest.CaptureFixture[str], target: str) -> dict[str, Any]:
    _, answer = told(capsys, "check", target)
    return {row["name"]: row for row in answer["checks"]}


def test_what_the_check_prints_fixes_it(
    pair: Pair, target: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for host in ("dut", "peer"):
        pair.ssh(host, "ip address flush dev eth1; ip link set dev eth1 down")
    pair.ssh("peer", "ip link set dev eth1 mtu 1400")
    before = check(capsys, target)
    names = ["link, dut", "link, peer", "MTU", "addresses, dut", "addresses, peer"]
    assert {before[name]["state"] for name in names} == {"wrong"}
    for name in names:
        subprocess.run(["sh", "-c", before[name]["fix"]], check=True)
    after = check(capsys, target)
    assert {after[name]["state"] for name in (*names, "route to 192.0.2.2")} == {"ok"}
    assert after["driver"]["state"] == after["PCI address"]["state"] == "ok"
    assert after["clock, dut"]["state"] == "ok"


def test_what_the_card_cannot_do_is_a_skip(target: str, capsys: pytest.CaptureFixture[str]) -> None:
    rows = check(capsys, target)
    skipped = {name for name, row in rows.items() if row["state"] == "skip"}
    assert skipped == {
        "queue API", "unreadable memory", "header split", "channels", "ntuple", "RSS",
    }  # fmt: skip
    assert rows["hds-thresh"]["state"] == "unknown"


def test_a_renamed_port_is_found(
    pair: Pair, target: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pair.ssh("dut", "ip link set dev eth1 down; ip link set dev eth1 name ens9")
    try:
        row = check(capsys, target)["port, dut"]
    finally:
        pair.ssh("dut", "ip link set dev ens9 down; ip link set dev ens9 name eth1")
    assert (row["state"], row["found"]) == ("wrong", "ens9")
    assert 'interface = "ens9"' in row["fix"]


def test_a_driver_that_is_not_bound(
    pair: Pair, target: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = "/sys/bus/pci/drivers/e1000e"
    pair.ssh("dut", f"echo 0000:00:03.0 >{folder}/unbind")
    try:
        row = check(capsys, target)["port, dut"]
    finally:
        pair.ssh("dut", f"echo 0000:00:03.0 >{folder}/bind; sleep 1")
    assert (row["state"], row["found"]) == ("wrong", "there is no such interface")


def test_a_wrong_clock_is_seen(pair: Pair, target: str, capsys: pytest.CaptureFixture[str]) -> None:
    pair.ssh("dut", "date -s @$(($(date +%s) - 3600))")
    row = check(capsys, target)["clock, dut"]
    assert (row["state"], "behind" in row["found"]) == ("wrong", True)
    subprocess.run(["sh", "-c", row["fix"]], check=True)
    assert check(capsys, target)["clock, dut"]["state"] == "ok"


def test_a_changed_host_key_ends_it(pair: Pair, target: str) -> None:
    known = pair.known_hosts.read_text()
    dut, peer = known.splitlines()
    swapped = f"dut {peer.partition(' ')[2]}\npeer {dut.partition(' ')[2]}\n"
    pair.known_hosts.write_text(swapped)
    try:
        assert main(["hw", "check", target]) == 3
    finally:
        pair.known_hosts.write_text(known)


def test_havoc_is_put_back(
    pair: Pair, target: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(tmp_path / "before.json")
    assert told(capsys, "state", target, "--take", file)[0] == 0
    assert told(capsys, "state", target, "--compare", file)[0] == 0
    pair.ssh("dut", "; ".join(HAVOC))
    pair.ssh("peer", "ip link set dev eth1 mtu 1400")
    status, found = told(capsys, "state", target, "--compare", file)
    dut, peer = found["ports"]
    names = {each["name"] for each in dut["left"]}
    assert status == 1
    assert names >= {
        "rings.rx", "rings.tx", "features.generic-receive-offload", "coalesce.rx-usecs",
        "pause.autoneg", "link.mtu", "link.txqlen", "link.promisc", "address.203.0.113.9/24",
        "address.192.0.2.1/24", "route4.198.51.100.0/24", "irq.PORT-rx-0",
        "sysctl.net/core/rmem_max", "sysfs.gro_flush_timeout",
    }  # fmt: skip
    assert [each["name"] for each in peer["left"]] == ["link.mtu"]
    status, found = told(capsys, "state", target, "--restore", file)
    assert status == 0
    assert {each["name"] for each in found["ports"][0]["repaired"]} >= names
    assert told(capsys, "state", target, "--compare", file)[0] == 0


def test_a_person_can_put_it_back_from_the_file(
    pair: Pair, target: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "before.json"
    assert told(capsys, "state", target, "--take", str(file))[0] == 0
    pair.ssh("dut", "; ".join(HAVOC))
    state = json.loads(file.read_text())
    _, found = told(capsys, "state", target, "--compare", str(file))
    names = {each["name"] for each in found["ports"][0]["left"]}
    for setting in state["ports"][0]["settings"]:
        if setting["name"] in names:
            pair.ssh("dut", setting["command"])
    _, found = told(capsys, "state", target, "--compare", str(file))
    # What was added is not in the file, so the comparison says how it goes.
    for each in found["ports"][0]["left"]:
        assert each["was"] == ""
        pair.ssh("dut", each["command"])
    assert told(capsys, "state", target, "--compare", str(file))[0] == 0


def test_interrupts_are_put_back_where_irqbalance_moved_them(
    pair: Pair, target: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(tmp_path / "before.json")
    assert told(capsys, "state", target, "--take", file)[0] == 0
    pair.ssh("dut", "irqbalance")
    pair.ssh(
        "dut", "for irq in /proc/irq/*/eth1-rx-0; do echo 1 >${irq%/*}/smp_affinity_list; done"
    )
    status, found = told(capsys, "state", target, "--restore", file)
    assert status == 0
    repaired = {each["name"] for each in found["ports"][0]["repaired"]}
    assert repaired >= {"irqbalance.runs", "irq.PORT-rx-0"}


def test_what_cannot_be_put_back_is_told(
    pair: Pair, target: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "before.json"
    assert told(capsys, "state", target, "--take", str(file))[0] == 0
    state = json.loads(file.read_text())
    rings = next(one for one in state["ports"][0]["settings"] if one["name"] == "rings.rx")
    rings["value"] = "999999"  # more than the card has
    file.write_text(json.dumps(state))
    status, found = told(capsys, "state", target, "--restore", str(file))
    assert status == 1
    (left,) = found["ports"][0]["left"]
    assert left["name"] == "rings.rx"
    assert shlex.split(left["command"])[:2] == ["ethtool", "-G"]
    assert "rings.rx" in found["ports"][0]["refused"]


@pytest.mark.parametrize("seconds", [0.6, 1.5, 3.0])
def test_whoever_is_killed_while_it_is_put_back_does_it_again(
    pair: Pair, target: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], seconds: float
) -> None:
    file = str(tmp_path / "before.json")
    assert told(capsys, "state", target, "--take", file)[0] == 0
    pair.ssh("dut", "; ".join(HAVOC))
    argv = [sys.executable, "-m", "kseries", "hw", "state", target, "--restore", file]
    child = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with suppress(subprocess.TimeoutExpired):
        child.wait(timeout=seconds)
    child.kill()  # and so what it has started, ssh among that
    child.wait()
    assert told(capsys, "state", target, "--restore", file)[0] == 0
    assert told(capsys, "lock", target, "--show")[1]["lock"] is None


def test_a_machine_of_somebody_else_is_left_alone(
    pair: Pair,
    target: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = str(tmp_path / "before.json")
    assert told(capsys, "state", target, "--take", file)[0] == 0
    with monkeypatch.context() as them:
        them.setenv("XDG_STATE_HOME", str(tmp_path / "them"))
        assert told(capsys, "lock", target)[0] == 0
    try:
        assert main(["hw", "state", target, "--restore", file]) == 3
        assert check(capsys, target)["lock"]["state"] == "wrong"
    finally:
        assert main(["hw", "lock", target, "--take-over"]) == 0
        assert main(["hw", "unlock", target]) == 0
    assert check(capsys, target)["lock"]["state"] == "ok"


def test_a_full_disk_is_told(pair: Pair, target: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder = "/var/lib/kseries"
    pair.ssh(
        "dut",
        f"mkdir -p {folder} && mount -t tmpfs -o size=16k tmpfs {folder};"
        f" cat /dev/zero >{folder}/fill 2>/dev/null; true",
    )
    try:
        assert main(["hw", "lock", target]) == 3
        assert "is the disk full?" in capsys.readouterr().err
        assert check(capsys, target)["driver"]["state"] == "ok"  # asking needs no disk
    finally:
        pair.ssh("dut", f"umount {folder}")


def test_a_peer_in_a_namespace(
    pair: Pair, target: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pair.ssh(
        "dut",
        "ip netns add far; ip link add near0 type veth peer name far0 netns far;"
        " ip -n far link set dev far0 up",
    )
    file = tmp_path / "veth.toml"
    file.write_text(
        'kind = "ssh"\ntitle = "two ports"\n[dut]\nhost = "dut"\ninterface = "near0"\n'
        'driver = "veth"\naddresses = ["198.51.100.1/24"]\n[peer]\nnamespace = "far"\n'
        'interface = "far0"\naddresses = ["198.51.100.2/24"]\n'
    )
    try:
        for _ in range(2):  # a link comes before what goes by it
            for row in check(capsys, str(file)).values():
                if row["name"].startswith(("link", "addresses")) and row["fix"]:
                    subprocess.run(["sh", "-c", row["fix"]], check=True)
        rows = check(capsys, str(file))
        assert rows["route to 198.51.100.2"]["state"] == "ok"
        assert rows["channels"]["state"] in ("ok", "wrong")  # of two kinds, and it has them
        before = str(tmp_path / "veth.json")
        assert told(capsys, "state", str(file), "--take", before)[0] == 0
        pair.ssh("dut", "ip netns exec far ip link set dev far0 mtu 1400")
        status, found = told(capsys, "state", str(file), "--restore", before)
        assert status == 0
        assert [each["name"] for each in found["ports"][1]["repaired"]] == ["link.mtu"]
    finally:
        pair.ssh("dut", "ip link del near0; ip netns del far")
