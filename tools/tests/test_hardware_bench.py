# SPDX-License-Identifier: GPL-2.0
"""Measurements over the ports of two machines that are reached only over ssh.

The kernel under test is Debian's own, as in test_hardware_run. Its NIC (e1000e) splits no headers
and restarts no queue, and no figure is one of hardware.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import jsonschema
import pytest

from kseries.bench import document, nicrun
from kseries.bench.answer import RECEIVERS
from kseries.bench.document import BENCH
from kseries.bench.nic import Asked, Item, OverNic
from kseries.bench.runner import PLACE, PROGRAM
from kseries.cli import benchrun
from tests import labtoys
from tests.labtarget import Lab
from tests.standin import Pair
from tests.test_benchreading import ANSWER
from tests.test_hardware_run import boot, lab, pair, release
from tests.test_zcrx_bench import program
from tests.toymachine import Toys

__all__ = ["boot", "lab", "pair", "program", "release"]  # fixtures

pytestmark = [pytest.mark.hardware, pytest.mark.timeout(900)]

COPYING = [name for name in RECEIVERS if name != "zcrx"]

# It takes the machine down where it is to receive by epoll, and else says that all went well.
PANICS = f"""#!/bin/sh
case $* in
*"--receiver epoll "*) echo c >/proc/sysrq-trigger; sleep 60 ;;
*--listen*) echo '{json.dumps(ANSWER)}' ;;
esac
"""


def measuring(
    lab: Lab, program: Path, toy_kernel: Path, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> Toys:
    """Give a run whose kernel is Debian's, and whose only test is the program that measures."""
    toys = labtoys.built(lab, toy_kernel, monkeypatch, folder)
    monkeypatch.setattr(benchrun, "build", lambda work, stages: None)
    latest = labtoys.latest(toys)
    installed = Path(json.loads((latest / "install.json").read_text())["folder"]) / PLACE
    installed.mkdir(parents=True)
    shutil.copy(program, installed / PROGRAM)
    return toys


def test_the_command_line_measures_and_the_machines_are_as_before(
    lab: Lab,
    pair: Pair,
    program: Path,
    toy_kernel: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    toys = measuring(lab, program, toy_kernel, monkeypatch, tmp_path / "toys")
    mtu = "cat /sys/class/net/eth1/mtu; ls /var/tmp"
    before = pair.ssh("peer", mtu), pair.ssh("dut", mtu)
    capsys.readouterr()
    file = str(lab.path / "standin.toml")
    words = ("--seconds", "1", "--repeat", "2", "--target", file, "same")
    assert toys.kseries("bench", "--run", "latest", *words) == 0
    told = capsys.readouterr().out
    assert "Pinned to _same_ core:\n(no figures of hardware: the machine is a guest (qemu))" in told
    assert "| epoll " in told
    assert "no cycles and cache misses: the kernel does not count them there" in told
    assert "zcrx: skipped: queue API: e1000e of" in told
    assert (pair.ssh("peer", mtu), pair.ssh("dut", mtu)) == before

    run = toys.toyproject.root / "out" / "runs" / "latest"
    text = (run / "bench.json").read_text()
    jsonschema.validate(json.loads(text), document.schema())
    nic = BENCH.validate_json(text).nic
    assert nic is not None
    assert (nic.target, nic.port.driver, nic.port.settings["link.mtu"]) == (
        "standin", "e1000e", "4148",
    )  # fmt: skip
    assert [step.name for step in nic.steps if step.why_not] == []
    assert [(s.item.receiver, s.answer.receiver) for s in nic.samples] == 2 * [
        (name, name) for name in COPYING
    ]
    for sample in nic.samples:
        assert sample.gbps > 0
        assert sample.answer.cpu == nic.softirq == nic.application["same"]
        (cpu,) = sample.answer.cpus
        assert cpu.net_rx > 0
        assert (sample.drops is not None, sample.retransmits is not None) == (True, True)
    assert "epoll" in (run / "bench.html").read_text()


def test_a_receiver_that_takes_the_machine_down_is_lost_and_the_others_are_measured(
    lab: Lab,
) -> None:
    kept: list[OverNic] = []
    items = tuple(Item("same", name) for name in ("epoll", "discard"))
    with lab.open(lab.run, 1) as machine:
        done = nicrun.Session(
            machine, lab.kernel, PANICS.encode(), "standin",
            Asked(items, seconds=1, repeats=2), lab.progress, kept.append,
        ).run()  # fmt: skip
    (lost,) = done.lost
    assert lost.item.receiver == "epoll"
    assert "sysrq triggered crash" in lost.why
    # It is tried once; what was known is kept after each.
    assert [sample.item.receiver for sample in done.samples] == ["discard", "discard"]
    assert [len(one.samples) + len(one.lost) for one in kept] == [0, 1, 2, 3]
