# SPDX-License-Identifier: GPL-2.0
"""What of a session over a NIC counts for the one that goes on with it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kseries.bench.nic import Item, Machine, Missing, OverNic
from kseries.bench.nicgoon import HANGS_ON, go_on, made_of
from kseries.bench.nicproof import Proof
from tests.test_nicreport import nic

__all__ = ["nic"]  # the fixture

EPOLL, ZCRX = Item("same", "epoll"), Item("same", "zcrx")


def begun(nic: OverNic) -> OverNic:
    return replace(nic, samples=(), proof=None)


def test_what_was_measured_counts_and_what_was_lost_is_tried_again(nic: OverNic) -> None:
    left = tuple(one for one in nic.samples if one.item == EPOLL)[:2]
    lost = (Missing(ZCRX, "the kernel died"),)
    proof = Proof(pieces=900, copies=1)
    found = go_on(begun(nic), replace(nic, samples=left, lost=lost, proof=proof, notes=("odd",)))
    assert found == replace(nic, samples=left, proof=proof)


def test_what_cannot_be_measured_any_more_is_left_out(nic: OverNic) -> None:
    skipped = (Missing(ZCRX, "no split"),)
    found = go_on(replace(begun(nic), skipped=skipped), nic)
    assert found.of(ZCRX) == ()
    assert found.of(EPOLL) == nic.of(EPOLL)


def test_what_nobody_knows_is_asked_again(nic: OverNic) -> None:
    assert go_on(begun(nic), replace(nic, proof=Proof(why_not="no probes"))).proof is None


@pytest.mark.parametrize("name", HANGS_ON)
def test_another_machine_or_kernel_measures_anew_and_says_so(nic: OverNic, name: str) -> None:
    others = {
        "machine": Machine("another", "0", "", "none"),
        "port": replace(nic.port, firmware="231.0"),
        "application": {"same": 1, "different": 2},
        "softirq": 3,
    }
    found = go_on(begun(nic), replace(nic, **{name: others.get(name, "another")}))  # type: ignore[arg-type]
    note = f"all is measured anew, as another than before is: {HANGS_ON[name]}"
    assert found == replace(begun(nic), notes=(note,))


def test_a_setting_of_the_port_that_is_another_is_named(nic: OverNic) -> None:
    settings = {"link.mtu": "9000", "rule.1": "x", "rss.key": "drawn at boot"}
    earlier = replace(nic, port=replace(nic.port, settings=settings))
    (note,) = go_on(begun(nic), earlier).notes
    assert note.endswith(" is: link.mtu (9000 before), rule.1 (x before)")
    (note,) = go_on(begun(earlier), nic).notes
    assert note.endswith(" is: link.mtu (4148 before), rule.1 (not there before)")


def test_of_many_settings_some_are_named(nic: OverNic) -> None:
    many = {f"ring.{number}": "1" for number in range(8)} | nic.port.settings
    (note,) = go_on(begun(nic), replace(nic, port=replace(nic.port, settings=many))).notes
    assert note.endswith("ring.4 (1 before), 3 more settings")


def test_kernel_and_program_both_decide(tmp_path: Path) -> None:
    (tmp_path / "bzImage").write_bytes(b"one")
    first = made_of(tmp_path / "bzImage", b"program")
    assert made_of(tmp_path / "bzImage", b"program") == first
    assert made_of(tmp_path / "bzImage", b"programs") != first
    (tmp_path / "bzImage").write_bytes(b"two")
    assert made_of(tmp_path / "bzImage", b"program") != first
