# SPDX-License-Identifier: GPL-2.0
"""The state of a port: what is read of answers, what differs, and what puts it back."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from kseries.hardware import nicstate, probe, putback, statefile
from kseries.hardware.nicstate import Port
from kseries.hardware.probe import Answer, Facts
from kseries.hardware.putback import Difference, differences, put, spread_of
from kseries.lib.errors import UserError

DATA = Path(__file__).parent / "data" / "hardware"


def facts(name: str) -> Facts:
    return probe.read("dut", (DATA / f"{name}.jsonl").read_text().splitlines())[0]


def port(name: str) -> Port:
    return nicstate.port(facts(name))


def other(before: Port, **settings: str) -> Port:
    """Give a port with other settings; "-" for one that is gone."""
    names = {name.replace("__", ".").replace("_", "-"): value for name, value in settings.items()}
    merged = {**before.settings, **names}
    return replace(before, settings={key: value for key, value in merged.items() if value != "-"})


def small(**settings: str) -> Port:
    return other(Port("eth1", "7.3.4", "b", {}, {}), **settings)


def commands(before: Port, now: Port) -> list[str]:
    return [each.command for each in differences(before, now)]


def test_every_group_of_a_good_card_is_read() -> None:
    found = port("netdevsim")
    groups = {nicstate.group_of(name) for name in found.settings}
    # It has no IRQs, no private flags, no tunables, no program of XDP, no routes but the kernel's.
    assert groups == set(nicstate.READERS) - {
        "irq", "flags", "tunable", "xdp", "governor", "route4", "route6",
    }  # fmt: skip
    assert found.unknown == {}
    some = {
        "channels.combined": "2",
        "rings.tcp-data-split": "on",
        "coalesce.rx-frames-low": "0",
        "rss.function": "toeplitz",
        "address.192.0.2.1/24": "there",
        "link.up": "up",
        "link.mtu": "1500",
    }
    assert some.items() <= found.settings.items()


def test_interrupts_and_flags_of_a_real_device_are_read() -> None:
    found = port("e1000e").settings
    assert found["irq.PORT-rx-0"] == "0-1"
    assert found["flags.s0ix-enabled"] == "off"
    assert found["sysctl.net/ipv4/conf/PORT/rp_filter"] == "0"
    assert found["sysctl.net/ipv4/tcp_rmem"] == "4096 131072 6291456"
    assert "features.highdma" not in found  # the driver has it on, and nobody changes that
    assert not [name for name in found if name.startswith(("channels", "rss", "rule"))]


def test_what_was_not_answered_is_unknown_and_not_compared() -> None:
    before = port("netdevsim")
    for fact in set(facts("netdevsim").answers) - {"port"}:  # without one nothing is compared
        groups = [group for group, (asked, _) in nicstate.READERS.items() if asked == fact]
        answers = {**facts("netdevsim").answers, fact: Answer(124, "")}
        now = nicstate.port(Facts("dut", answers))
        assert set(now.unknown) == set(groups), fact
        assert [each for each in differences(before, now) if each.command] == [], fact


@pytest.mark.parametrize(
    "text",
    ["", "Ring parameters for eth3:\nRX:\t512\n", "[1]", "[{}]", '[{"addr_info": 7}]', "{}", "[7]",
     '[{"addr_info": [{"scope": "global"}], "dst": 3}]', '[{"rss-hash-key": ["x"]}]'],
)  # fmt: skip
def test_an_answer_that_makes_no_sense_is_no_state(text: str) -> None:
    """Nothing raises; and a group is either unknown, or misses no setting that it had silently."""
    before = port("netdevsim")
    for fact in nicstate.JSON:
        now = nicstate.port(Facts("dut", {**facts("netdevsim").answers, fact: Answer(0, text)}))
        for group, (asked, _) in nicstate.READERS.items():
            had = [name for name in before.settings if nicstate.group_of(name) == group]
            if asked == fact and had and group not in now.unknown:
                told = [each.name for each in differences(before, now)]
                assert set(had) & set(told) == set(had) - {
                    name for name in had if now.settings.get(name) == before.settings[name]
                }


def test_an_old_ethtool_that_has_no_json_is_told() -> None:
    text = "Ring parameters for eth3:\nPre-set maximums:\nRX:\t4096\n"
    old = nicstate.port(Facts("dut", {**facts("netdevsim").answers, "rings": Answer(0, text)}))
    assert old.unknown == {"rings": "what was answered makes no sense"}


def test_what_a_driver_does_not_have_is_not_unknown() -> None:
    refused = Answer(1, "netlink error: Operation not supported")
    answers = {**facts("netdevsim").answers, "channels": refused}
    assert nicstate.port(Facts("dut", answers)).unknown == {}


@pytest.mark.parametrize("name", ["e1000e", "netdevsim"])
def test_the_same_has_no_differences(name: str) -> None:
    assert differences(port(name), port(name)) == ()


@pytest.mark.parametrize("name", ["e1000e", "netdevsim"])
def test_each_setting_that_changes_is_told_with_its_command(name: str) -> None:
    before = port(name)
    for key, was in before.settings.items():
        changed = {**before.settings, key: "another"}
        told = differences(before, replace(before, settings=changed))
        names = {each.name for each in told}
        if key == "irqbalance.runs":
            assert key in names
            continue
        assert names == {key}
        assert told[-1].was == was
        # Of a context nobody knows what made it.
        assert bool(told[-1].command) == (not key.startswith("context."))


def test_what_was_added_goes_before_all_else_and_what_is_gone_comes_back() -> None:
    before = small(channels__combined="4", link__mtu="1500", address__a="there")
    now = other(
        before,
        channels__combined="2",
        link__mtu="9000",
        address__a="-",
        address__b="there",
        rule__7="x",
        xdp__program="12",
    )
    assert commands(before, now) == [
        "ip link set dev eth1 xdp off; ip link set dev eth1 xdpgeneric off",
        "ethtool -N eth1 delete 7",
        "ip address del b dev eth1",
        "ethtool -L eth1 combined 4",
        "ip link set dev eth1 mtu 1500",
        "ip address add a dev eth1",
    ]


def test_the_length_of_what_is_copied_is_put_back() -> None:
    told = {**facts("netdevsim").answers, "tunable": Answer(0, "rx-copybreak: 256\n")}
    before = nicstate.port(Facts("dut", told))
    assert before.settings["tunable.rx-copybreak"] == "256"
    now = other(before, tunable__rx_copybreak="0")
    assert commands(before, now) == ["ethtool --set-tunable eth3 rx-copybreak 256"]


def test_a_rule_that_is_another_one_is_taken_away_first() -> None:
    rule = port("netdevsim").settings["rule.0"]
    before = small(rule__0=rule)
    now = small(rule__0=rule.replace("5201", "80"))
    assert commands(before, now) == [
        "ethtool -N eth1 delete 0",
        "ethtool -N eth1 flow-type tcp4 dst-port 5201 action 1 loc 0",
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("mask: 0x0;", "mask: 0xff00;"),  # a part of a port
        ("Direct to queue 1", "Direct to VF 1 queue 2"),
        ("TCP over IPv4", "Raw Ethernet"),
        ("Action", "RSS Context ID: 1; Action"),
        ("TOS: 0x0 mask: 0xff", "TOS: 0x4 mask: 0x0"),
    ],
)
def test_a_rule_that_cannot_be_said_is_for_hands(old: str, new: str) -> None:
    rule = port("netdevsim").settings["rule.0"]
    assert old in rule
    assert put("rule.0", rule.replace(old, new), "eth1") == ""


def test_the_link_goes_down_last_and_up_before_addresses() -> None:
    before = small(link__up="down", address__a="there")
    assert commands(before, small(link__up="up"))[-1] == "ip link set dev eth1 down"
    before = small(link__up="up", address__a="there")
    assert commands(before, small(link__up="down")) == [
        "ip link set dev eth1 up",
        "ip address add a dev eth1",
    ]


def test_interrupts_wait_until_nobody_moves_them() -> None:
    before = small(irqbalance__runs="off", irq__PORT="0")
    now = small(irqbalance__runs="on")
    assert [each.name for each in differences(before, now)] == ["irqbalance.runs"]
    running = Answer(0, "on\n")
    moved = nicstate.port(Facts("dut", {**facts("e1000e").answers, "irqbalance": running}))
    assert not [name for name in moved.settings if name.startswith("irq.")]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ([0] * 8, ("equal", "1")),
        ([0, 1, 2, 3] * 2, ("equal", "4")),
        ([2, 3] * 4, ("start", "2", "equal", "2")),
        ([0, 0, 0, 1], ("weight", "3", "1")),
        ([1, 1, 3, 3], ("start", "1", "weight", "2", "0", "2")),
        ([0, 1, 1, 0], ()),
    ],
)
def test_a_table_is_put_back_where_ethtool_can(table: list[int], words: tuple[str, ...]) -> None:
    assert spread_of(table) == words


def test_a_renamed_port_is_put_back_under_its_new_name() -> None:
    before = replace(port("e1000e"), interface="eth1")
    now = replace(other(before, link__mtu="9000"), interface="ens5")
    now = other(now, **{"irq__PORT-rx-0": "1"})
    told = commands(before, now)
    assert told[0] == "ip link set dev ens5 mtu 1500"
    assert "/proc/irq/*/ens5-rx-0" in told[1]


def test_values_are_words_of_a_shell() -> None:
    value = "1; touch '/x' $HOME"
    for name in ("rings.rx", "link.mtu", "rss.key", "features.gro"):
        assert shlex.split(put(name, value, "eth1"))[-1] == value
    for name in ("sysctl.vm/x", "irq.PORT-rx-0", "sysfs.threaded", "governor.cpu0"):
        shell, option, script = shlex.split(put(name, value, "eth1"))
        assert (shell, option) == ("sh", "-c")
        assert shlex.quote(value) in script


def test_the_file_says_all_that_a_person_needs(tmp_path: Path) -> None:
    file = tmp_path / "before.json"
    found = port("netdevsim")
    statefile.write(file, "lab1", (statefile.kept("dut", "root@dut", "", found),))
    told = json.loads(file.read_text())
    assert (told["schema"], told["target"]) == ("kseries-nic-state/1", "lab1")
    assert "By hand" in told["about"]
    settings = {each["name"]: each for each in told["ports"][0]["settings"]}
    assert settings["channels.combined"]["command"] == "ethtool -L eth3 combined 2"
    assert settings["context.1"]["command"] == ""
    again = statefile.read(file, "lab1").ports[0].port()
    assert again == found


def test_a_state_is_not_written_over(tmp_path: Path) -> None:
    file = tmp_path / "before.json"
    file.write_text("mine")
    with pytest.raises(UserError, match="There is a file of this name already"):
        statefile.write(file, "lab1", ())
    assert file.read_text() == "mine"


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "\x00", '{"schema": "kseries-nic-state/9"}', "{" * 2000]
)
def test_what_is_no_state_is_told(tmp_path: Path, text: str) -> None:
    file = tmp_path / "x.json"
    file.write_text(text)
    with pytest.raises(UserError):
        statefile.read(file, "lab1")


def test_a_state_of_another_target_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    statefile.write(file, "lab1", ())
    with pytest.raises(UserError, match="the state of 'lab1', not of 'lab2'"):
        statefile.read(file, "lab2")


def test_differences_name_what_was_and_what_is() -> None:
    (told,) = differences(small(link__mtu="1500"), small(link__mtu="9000"))
    assert told == Difference("link.mtu", "1500", "9000", "ip link set dev eth1 mtu 1500")
    assert putback.drop("link.mtu", "eth1") == ""
