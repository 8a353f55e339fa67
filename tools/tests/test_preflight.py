# SPDX-License-Identifier: GPL-2.0
"""What the check of a lab machine decides, on what real ones answered.

data/hardware/ has the answers, as they came: of two virtual machines with an Intel NIC (e1000e) and
a cable on Debian's kernel, and of netdevsim on Linux 7.3 (stack mainline).
"""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from kseries.hardware import probe
from kseries.hardware.check import judged
from kseries.hardware.preflight import Asked, Row, State, Timed, Told, ready, summary
from kseries.hardware.probe import Answer, Facts
from kseries.hardware.target import Boot, Dut, Lab, Labgrid, Peer

DATA = Path(__file__).parent / "data" / "hardware"
OURS, THEIRS = ("192.0.2.1/24", "2001:db8::1/64"), ("192.0.2.2/24", "2001:db8::2/64")
E1000E = Lab(
    kind="ssh",
    title="stand-in",
    dut=Dut(
        host="root@dut",
        interface="eth1",
        driver="e1000e",
        pci="0000:00:03.0",
        firmware="2.1",
        addresses=OURS,
        arguments=("panic=-1",),
    ),
    peer=Peer(host="root@peer", interface="eth1", addresses=THEIRS),
)
NETDEVSIM = Lab(
    kind="ssh",
    title="netdevsim",
    dut=Dut(host="root@dut", interface="eth3", driver="netdevsim", addresses=("192.0.2.1/24",)),
    peer=Peer(host="root@peer", interface="eth1", addresses=("192.0.2.2/24",)),
)


def recorded(name: str, host: str) -> Facts:
    facts, ended = probe.read(host, (DATA / f"{name}.jsonl").read_text().splitlines())
    assert ended
    return facts


def asked(name: str, lab: Lab) -> Asked:
    """Give what was asked, at the time that the machines said it was."""
    both = (recorded(name, "root@dut"), recorded("e1000e-peer", "root@peer"))
    timed = (Timed(one, float(one.text("time")), float(one.text("time")) + 1) for one in both)
    ours, theirs = timed
    return Asked(lab, ours, theirs)


def rows(of: Asked) -> dict[str, Row]:
    return {row.name: row for row in judged(of)}


def states(of: Asked) -> dict[str, str]:
    return {name: row.state.value for name, row in rows(of).items()}


def said(of: Asked, fact: str, answer: Answer | None, *, peer: bool = False) -> Asked:
    """Give the same with another answer; None: there was none."""
    timed = of.of_peer if peer else of.of_dut
    answers = {name: one for name, one in timed.facts.answers.items() if name != fact}
    if answer is not None:
        answers[fact] = answer
    changed = replace(timed, facts=replace(timed.facts, answers=answers))
    return replace(of, of_peer=changed) if peer else replace(of, of_dut=changed)


def changed(of: Asked, fact: str, old: str, new: str, *, peer: bool = False) -> Asked:
    """Give the same with another text in an answer."""
    text = (of.peer if peer else of.dut).answers[fact].text
    assert old in text, text
    return said(of, fact, Answer(0, text.replace(old, new)), peer=peer)


def test_a_card_that_can_do_little() -> None:
    found = states(asked("e1000e", E1000E))
    assert {name for name, state in found.items() if state == "skip"} == {
        "queue API",
        "unreadable memory",
        "header split",
        "channels",
        "ntuple",
        "RSS",
    }
    assert {name for name, state in found.items() if state == "unknown"} == {"hds-thresh"}
    assert {name for name, state in found.items() if state == "wrong"} == {"ethtool"}
    assert len(found) == 33


def test_a_card_that_can_do_all() -> None:
    found = states(asked("netdevsim", NETDEVSIM))
    for name in ("queue API", "header split", "channels", "ring size", "ntuple", "RSS", "XDP"):
        assert found[name] == "ok", name
    assert found["hds-thresh"] == "unknown"  # that ethtool does not know it
    assert found["IOMMU"] == "unknown"
    assert found["route to 192.0.2.2"] == "wrong"  # nobody is there


# What is spoiled: (fact, old text, new text, row, its state, a part of what fixes it).
SPOILED = {
    "not_root": ("user", "0", "1000", "login, dut", "wrong", 'host = "root@…"'),
    "page_64k": ("page", "4096", "65536", "page size", "skip", ""),
    "memory": ("memory", "MemAvailable:", "MemAvailable:     9 kB\nX:", "free memory", "wrong", ""),
    "disk": ("disk", " 12% /", "1 12% /", "free disk", "ok", ""),
    "no_option": ("cmdline", "panic=-1", "panic=1", "kernel options", "wrong", "panic=-1"),
    "kexec_off": ("kexec_disabled", "0", "1", "kexec", "wrong", "sysctl"),
    "lockdown": ("lockdown", "none", "none [integrity]", "kexec", "wrong", "secure boot"),
    "driver": ("driver", "driver: e1000e", "driver: igb", "driver", "wrong", "modprobe e1000e"),
    "place": ("driver", ":00:03.0", ":00:04.0", "PCI address", "wrong", "`pci`"),
    "firmware": ("driver", "2.1-0", "2.0-9", "firmware", "wrong", "vendor"),
    "firmware_of_a_later_pkg": ("driver", "2.1-0", "2.1.0.7/pkg 1", "firmware", "ok", ""),
    "firmware_by_number": ("driver", "2.1-0", "2.10.0", "firmware", "ok", ""),
    "no_firmware": ("driver", "2.1-0", "N/A", "firmware", "unknown", ""),
    "xdp": ("link", '"mtu"', '"xdp":{"mode":1},"mtu"', "XDP", "wrong", "xdp off"),
    "mtu": ("link", '"mtu":1500', '"mtu":9000', "MTU", "wrong", "root@peer ip link set"),
    "down": ("link", '"UP","LOWER', '"LOWER', "link, dut", "wrong", "ip link set dev eth1 up"),
    "no_carrier": ("carrier", "1", "0", "link, dut", "wrong", "cable"),
    "no_carrier_known": ("carrier", "1", "?", "link, dut", "unknown", ""),
    "renamed": ("port", "eth1", "eth9", "port, dut", "wrong", 'interface = "eth9"'),
    "address": (
        *("addresses", "192.0.2.1", "192.0.2.7", "addresses, dut", "wrong"),
        "ip address add 192.0.2.1/24 dev eth1",
    ),
    "route": ("route0", "eth1", "eth0", "route to 192.0.2.2", "wrong", "ip route replace"),
    "ring": ("rings", '"rx": 256', '"rx": 32', "ring size", "wrong", "ethtool -G eth1 rx 64"),
    "small_ring": ("rings", "4096", "32", "ring size", "skip", ""),
    "split_off": (
        *("rings", '"tx-push"', '"tcp-data-split": "off", "tx-push"', "header split", "wrong"),
        "ethtool -G eth1 tcp-data-split on",
    ),
    "threshold": (
        *("rings", '"tx-push"', '"hds-thresh": 256, "tx-push"', "hds-thresh", "wrong"),
        "ethtool -G eth1 hds-thresh 0",
    ),
    "no_threshold": ("rings", '"tx-push"', '"hds-thresh": 0, "tx-push"', "hds-thresh", "ok", ""),
    "ethtool": ("ethtool", "split", "split\nhds-thresh", "hds-thresh", "skip", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", SPOILED)
def test_what_is_spoiled_shows_in_its_row(name: str) -> None:
    fact, old, new, row, state, fix = SPOILED[name]
    found = rows(changed(asked("e1000e", E1000E), fact, old, new))[row]
    assert (found.state, fix in found.fix) == (state, True), found
    assert bool(found.fix) == (state == "wrong")
    # It can be pasted: a command for ssh, or a comment.
    assert found.fix.startswith(("ssh root@", "# ")) or not found.fix
    subprocess.run(["sh", "-n", "-c", found.fix], check=True)


NIC = {
    "one_channel": ("channels", "Combined:\t2", "Combined:\t1", "channels", "wrong", "combined 4"),
    "no_channels": ("channels", "Combined:\t4", "Combined:\t1", "channels", "ok", ""),
    "ntuple": (
        *("features", '"ntuple-filters": {\n            "active": true'),
        *('"ntuple-filters": {\n            "active": false', "ntuple", "wrong", "ntuple on"),
    ),
    "other_driver": ("queue_api", "nsim_", "bnxt_", "queue API", "skip", ""),
    "module": ("queue_api", "alloc", "alloc\t[netdevsim]", "queue API", "ok", ""),
    "other_module": ("queue_api", "alloc", "alloc\t[gve]", "queue API", "skip", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", NIC)
def test_what_is_spoiled_of_a_good_card(name: str) -> None:
    fact, old, new, row, state, fix = NIC[name]
    found = rows(changed(asked("netdevsim", NETDEVSIM), fact, old, new))[row]
    assert (found.state, fix in found.fix) == (state, True), found


def test_a_driver_that_has_one_channel_at_most() -> None:
    text = "Pre-set maximums:\nCombined:\t1\nCurrent hardware settings:\nCombined:\t1\n"
    found = rows(said(asked("netdevsim", NETDEVSIM), "channels", Answer(0, text)))["channels"]
    assert found.state is State.SKIP


@pytest.mark.parametrize("lab", [E1000E, NETDEVSIM], ids=["e1000e", "netdevsim"])
@pytest.mark.parametrize("peer", [False, True], ids=["dut", "peer"])
@pytest.mark.parametrize(
    "answer",
    [None, Answer(127, "sh: 1: x: not found"), Answer(124, ""), Answer(0, ""), Answer(0, "?")],
    ids=["none", "no_program", "too_late", "empty", "nonsense"],
)
def test_what_was_not_answered_is_never_ok(lab: Lab, peer: bool, answer: Answer | None) -> None:
    """Whatever one answer is missing or makes no sense, no row becomes a pass by it."""
    whole = asked(lab.dut.driver, lab)
    passed = {name for name, state in states(whole).items() if state == "ok"}
    for fact in (whole.peer if peer else whole.dut).answers:
        now = states(said(whole, fact, answer, peer=peer))
        more = {name for name, state in now.items() if state == "ok"} - passed
        # No group of an IOMMU is an answer: there is none.
        assert more <= ({"IOMMU"} if fact == "iommu_groups" else set()), fact


@pytest.mark.parametrize(
    ("fact", "row"),
    [
        ("user", "login, dut"), ("time", "clock, dut"), ("link", "XDP"), ("link", "MTU"),
        ("lock", "lock"),
        ("link", "link, dut"), ("carrier", "link, dut"), ("addresses", "addresses, dut"),
        ("ethtool", "ethtool"), ("cmdline", "kernel options"), ("driver", "driver"),
        ("channels", "channels"), ("rings", "header split"), ("rings", "hds-thresh"),
        ("rings", "ring size"), ("features", "ntuple"), ("rss", "RSS"), ("queue_api", "queue API"),
        ("page", "page size"), ("iommu_groups", "IOMMU"), ("memory", "free memory"),
        ("disk", "free disk"), ("kexec_disabled", "kexec"), ("lockdown", "kexec"),
        ("route0", "route to 192.0.2.2"), ("ping0", "route to 192.0.2.2"),
    ],
)  # fmt: skip
def test_what_could_not_be_asked_is_unknown(fact: str, row: str) -> None:
    for answer in (None, Answer(124, ""), Answer(127, f"sh: 1: {fact}: not found")):
        found = rows(said(asked("e1000e", E1000E), fact, answer))[row]
        assert found.state is State.UNKNOWN, (answer, found)
        assert found.found.startswith("root@dut: ")


def test_no_answers_at_all_are_no_pass() -> None:
    whole = asked("e1000e", E1000E)
    empty = Timed(Facts("h", {}), 0.0, 0.0)
    found = judged(replace(whole, of_dut=empty, of_peer=empty))
    assert {row.state for row in found} == {State.UNKNOWN}


def test_a_missing_capability_is_a_skip_with_its_reason() -> None:
    refusal = Answer(1, "netlink error: Operation not supported")
    for fact, row in (("channels", "channels"), ("rss", "RSS"), ("rings", "header split")):
        found = rows(said(asked("netdevsim", NETDEVSIM), fact, refusal))[row]
        assert (found.state, found.found) == (State.SKIP, "the driver does not have it")


def test_a_kernel_without_kexec_is_a_skip() -> None:
    none = Answer(1, "cat: /proc/sys/kernel/kexec_load_disabled: No such file or directory")
    found = rows(said(asked("e1000e", E1000E), "kexec_disabled", none))["kexec"]
    assert (found.state, "CONFIG_KEXEC" in found.found) == (State.SKIP, True)


def test_the_program_kexec_is_asked_for() -> None:
    found = rows(said(asked("e1000e", E1000E), "kexec_program", Answer(127, "")))["kexec"]
    assert "install -y kexec-tools" in found.fix


@pytest.mark.parametrize(
    ("told", "state", "fix"),
    [
        (Told("On"), "ok", ""),
        (Told("Off", is_good=False, fix="switch it on"), "wrong", "# switch it on"),
        (Told("The BMC b does not answer.", is_good=False), "wrong", ""),
    ],
)
def test_a_power_switch_is_asked_before_it_is_needed(told: Told, state: str, fix: str) -> None:
    row = rows(replace(asked("e1000e", E1000E), switch=told))["power switch"]
    assert (row.state, row.found, row.fix) == (state, told.text, fix)


def test_a_switch_that_cannot_be_asked_has_no_row() -> None:
    assert "power switch" not in rows(asked("e1000e", E1000E))


def test_where_labgrid_has_the_machines_its_place_counts() -> None:
    managed = replace(E1000E, labgrid=Labgrid(place="lab3"))
    told = Told("held by far/eve for 3 min", is_good=False, fix="ask them")
    found = rows(replace(asked("e1000e", managed), place=told))
    assert (found["labgrid place"].state, found["labgrid place"].found) == ("wrong", told.text)
    assert "lock" not in found


def test_who_boots_by_hand_needs_no_kexec() -> None:
    lab = replace(E1000E, boot=Boot(method="none"))
    assert "kexec" not in rows(replace(asked("e1000e", E1000E), lab=lab))


@pytest.mark.parametrize(
    ("shift", "state", "found"),
    [
        (0.0, "ok", "right"),
        (2.5, "ok", "right"),  # a second that has begun, and two that are granted
        (4.0, "wrong", "3 s behind"),
        (-2.0, "ok", "right"),
        (-5.0, "wrong", "4 s ahead"),
        (3600.0, "wrong", "3599 s behind"),
    ],
)
def test_a_clock_is_held_against_this_ones(shift: float, state: str, found: str) -> None:
    whole = asked("e1000e", E1000E)
    timed = whole.of_dut
    moved = replace(timed, began=timed.began + shift, ended=timed.ended + shift)
    row = rows(replace(whole, of_dut=moved))["clock, dut"]
    assert (row.state, row.found) == (state, found)


@pytest.mark.parametrize("name", ["eth1; reboot", "$(reboot)", "-x", "a" * 16, "ä"])
def test_a_machine_cannot_put_words_into_commands(name: str) -> None:
    found = rows(said(asked("e1000e", E1000E), "port", Answer(0, name)))
    assert found["port, dut"].state is State.WRONG
    assert not [row for row in found.values() if name in row.fix]


def test_addresses_that_are_none_are_not_taken() -> None:
    lab = replace(E1000E, peer=replace(E1000E.peer, addresses=()))
    whole = replace(asked("e1000e", E1000E), lab=lab)
    strange = changed(whole, "addresses", "192.0.2.2", "$(reboot)", peer=True)
    found = rows(strange)
    assert found["addresses, peer"].found == "2001:db8::2/64"
    assert not [name for name in found if "reboot" in name]


def test_without_a_port_nothing_is_told_of_it() -> None:
    gone = said(asked("e1000e", E1000E), "port", Answer(1, ""))
    found = rows(gone)
    assert found["port, dut"].state is State.WRONG
    assert not {"driver", "MTU", "XDP", "queue API"} & set(found)


@pytest.mark.parametrize("release", ["6.12.117", "7.3.4"])
def test_what_the_firmware_of_bnxt_can_do_is_not_known(release: str) -> None:
    found = rows(driven("bnxt_en", "bnxt_queue_mem_alloc", release))
    assert found["queue API"].state is State.OK
    assert found["queue restart"].state is State.UNKNOWN
    assert "VNIC_RE_FLUSH" in found["queue restart"].needed


@pytest.mark.parametrize(
    ("driver", "symbol", "release", "state"),
    [
        ("gve", "gve_rx_queue_mem_alloc", "6.12.117", "skip"),
        ("gve", "gve_rx_queue_mem_alloc", "6.18.2", "unknown"),
        ("gve", "gve_rx_queue_mem_alloc", "7.3.4", "ok"),
        ("mlx5_core", "mlx5e_queue_mem_alloc", "7.3.4-custom", "ok"),
        ("mlx5_core", "mlx5e_queue_mem_alloc", "7.10.1", "ok"),
        ("fbnic", "fbnic_queue_mem_alloc", "8.0-rc1", "ok"),
        ("netdevsim", "nsim_queue_mem_alloc", "7.3.4", "unknown"),  # as it is in the tree: none
        ("mlx5_core", "other_queue_mem_alloc", "7.3.4", "skip"),
        ("gve", "gve_rx_queue_mem_alloc", "", "unknown"),
        ("bnxt_en", "bnxt_queue_mem_alloc", "6.12.117", "skip"),
        ("bnxt_en", "bnxt_queue_mem_alloc bnxt_has_providers", "6.12.117", "ok"),
        ("bnxt_en", "bnxt_has_providers bnxt_queue_mem_alloc", "6.12.117-7", "ok"),
        ("bnxt_en", "bnxt_queue_mem_alloc nsim_has_providers", "6.12.117", "skip"),
        ("bnxt_en", "bnxt_queue_mem_alloc not_bnxt_has_providers", "6.12.117", "skip"),
        ("bnxt_en", "bnxt_queue_mem_alloc bnxt_has_providers", "", "ok"),
        ("bnxt_en", "bnxt_has_providers", "6.12.117", "skip"),
        ("netdevsim", "nsim_queue_mem_alloc nsim_has_providers", "6.12.117", "ok"),
    ],
)
def test_memory_that_the_cpu_cannot_read(
    driver: str, symbol: str, release: str, state: str
) -> None:
    assert rows(driven(driver, symbol, release))["unreadable memory"].state == state


@pytest.mark.parametrize(
    ("series", "mark"),
    [("bnxt-zcrx-6.12", "bnxt_has_providers"), ("netdevsim-zcrx", "nsim_has_providers")],
)
def test_our_patches_bring_what_they_are_known_by(series: str, mark: str) -> None:
    patches = (Path(__file__).parents[2] / "patches" / series).glob("*.patch")
    assert any(f"\n+bool {mark}(" in file.read_text() for file in patches)


TUNABLE = "rx-copybreak: {}\n"


@pytest.mark.parametrize(
    ("answer", "state", "found"),
    [
        (Answer(0, TUNABLE.format(256)), "wrong", "256"),
        (Answer(0, TUNABLE.format(0)), "ok", "0"),
        (Answer(0, ""), "unknown", "dut: what was answered makes no sense"),
        (Answer(0, TUNABLE.format("lots")), "unknown", "dut: what was answered makes no sense"),
        (Answer(1, "not supported"), "skip", "the driver does not have it"),
        (None, "unknown", "dut: it was not answered"),
    ],
)
def test_the_threshold_of_bnxt_with_our_patches(
    answer: Answer | None, state: str, found: str
) -> None:
    """There is no hds-thresh in 6.12: what is copied stays with the headers."""
    patched = driven("bnxt_en", "bnxt_queue_mem_alloc bnxt_has_providers", "6.12.117")
    row = rows(said(patched, "tunable", answer))["hds-thresh"]
    assert (row.state, row.found.replace("root@", "")) == (state, found)
    assert row.needed == "0 (rx-copybreak)"
    assert row.fix == (
        "ssh root@dut ethtool --set-tunable eth3 rx-copybreak 0" if state == "wrong" else ""
    )


@pytest.mark.parametrize(
    ("symbols", "text"),
    [
        ("bnxt_queue_mem_alloc", '"tx-push"'),  # as it is in 6.12
        ("bnxt_queue_mem_alloc bnxt_has_providers", '"hds-thresh": 0, "tx-push"'),
    ],
)
def test_what_is_copied_is_no_threshold_elsewhere(symbols: str, text: str) -> None:
    whole = said(driven("bnxt_en", symbols, "6.12.117"), "tunable", Answer(0, TUNABLE.format(256)))
    row = rows(changed(whole, "rings", '"tx-push"', text))["hds-thresh"]
    assert (row.needed, row.state is State.WRONG) == ("0", False)


def driven(driver: str, symbols: str, release: str) -> Asked:
    """Give a good card of another driver and kernel."""
    lab = replace(NETDEVSIM, dut=replace(NETDEVSIM.dut, driver=driver))
    whole = replace(asked("netdevsim", NETDEVSIM), lab=lab)
    lines = "".join(f"ffffffffc0a1 t {symbol}\n" for symbol in symbols.split())
    whole = said(whole, "queue_api", Answer(0, lines))
    return said(whole, "kernel", Answer(0, release))


LOCK = (
    '{"token": "t1", "owner": "eve@far", "why": "", "kept": true,'
    ' "since": 1796044000, "renewed": 1796044000}'
)


@pytest.mark.parametrize(
    ("text", "token", "state", "found"),
    [
        ("", "", "ok", "free"),
        (LOCK, "t1", "ok", "yours"),
        (LOCK, "t2", "wrong", "held by eve@far for "),
        (LOCK, "", "wrong", "held by eve@far for "),
        ("?", "", "wrong", "held by nobody knows whom"),
    ],
)
def test_a_machine_that_somebody_else_has(text: str, token: str, state: str, found: str) -> None:
    whole = said(replace(asked("e1000e", E1000E), token=token), "lock", Answer(0, text))
    row = rows(whole)["lock"]
    assert (row.state, row.found.startswith(found)) == (state, True), row


def test_commands_for_a_peer_in_a_namespace() -> None:
    lab = replace(E1000E, peer=Peer(namespace="far", interface="eth2", addresses=THEIRS))
    whole = replace(asked("e1000e", E1000E), lab=lab)
    found = rows(changed(whole, "link", '"UP","LOWER', '"LOWER', peer=True))["link, peer"]
    assert found.fix == "ssh root@dut ip netns exec far ip link set dev eth1 up"
    assert "login, peer" not in rows(whole)


def test_only_what_is_ok_throughout_is_ready() -> None:
    good = Row("a", State.OK, "x", "x")
    assert ready([good])
    assert summary("lab1", [good]) == "lab1 is ready."
    for state in (State.WRONG, State.SKIP, State.UNKNOWN):
        assert not ready([good, Row("b", state, "x", "y")])
    told = summary("lab1", [good, Row("b", State.SKIP, "x", "y"), Row("c", State.WRONG, "x", "y")])
    assert told == (
        "lab1 is not ready: 1 to be fixed, 1 that it cannot do (tests of it are skipped)."
    )
