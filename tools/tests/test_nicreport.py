# SPDX-License-Identifier: GPL-2.0
"""The report of measurements over a NIC: the cover letter's tables, spread, what is in doubt."""

from __future__ import annotations

import json
from dataclasses import replace

import jsonschema
import pytest

from kseries.bench import answer as answers
from kseries.bench import document
from kseries.bench.answer import Receiver
from kseries.bench.document import BENCH, Bench
from kseries.bench.nic import Asked, Item, Machine, Missing, OverNic, Port, Sample, Step, Where
from kseries.bench.nicproof import Proof
from kseries.report import bench as report
from kseries.report import html, nicbench
from tests.conftest import EVIL
from tests.test_benchreading import ANSWER

RATES: dict[Where, dict[Receiver, tuple[float, ...]]] = {
    "different": {"epoll": (82.2, 82.0, 82.5), "zcrx": (116.2, 115.9, 116.4)},
    "same": {"epoll": (62.6, 62.4, 62.9), "zcrx": (80.9, 80.8, 81.3)},
}
CPU: dict[Where, int] = {"different": 9, "same": 8}
IDLE = {"irq_us": 0, "steal_us": 0, "net_rx": 5, "cache_references": 4}


def sample(where: Where, receiver: Receiver, gbps: float, **more: object) -> Sample:
    """Give one of 10 s, in which each CPU was busy for 8 s."""
    busy = {"user_us": 1_000_000, "system_us": 5_000_000, "softirq_us": 2_000_000}
    cpus = [
        {"cpu": n, **busy, "idle_us": 2_000_000, **IDLE, "cycles": 4 * 10**9,
         "instructions": 10**9, "cache_misses": 10**7}
        for n in dict.fromkeys((8, CPU[where]))
    ]  # fmt: skip
    told = {**ANSWER, "receiver": receiver, "bytes": int(gbps * 1.25e9), "ns": 10**10}
    found = Sample(
        Item(where, receiver),
        answers.read(json.dumps({**told, "cpus": cpus})),
        drops=1,
        retransmits=2,
        counters={"dut.port.rx_dropped": 1},
    )
    return replace(found, **more)  # type: ignore[arg-type]


@pytest.fixture
def nic() -> OverNic:
    items = tuple(Item(where, receiver) for where, known in RATES.items() for receiver in known)
    return OverNic(
        target="lab1",
        asked=Asked(items, repeats=3),
        machine=Machine("AMD EPYC 9454", "0-31", "Supermicro", "none"),
        port=Port("ens1", "bnxt_en", "230.0", "0000:c1:00.0", "0x14e4 0x1750", "200000",
                  {"link.mtu": "4148"}),
        peer="bnxt_en",
        softirq=8,
        application=CPU,
        steps=(Step("dut", "link.mtu", "4148", "ip link set dev ens1 mtu 4148"),),
        samples=tuple(
            sample(where, receiver, gbps)
            for where, known in RATES.items()
            for receiver, rates in known.items()
            for gbps in rates
        ),
    )  # fmt: skip


def text(nic: OverNic) -> str:
    return "\n".join(nicbench.lines(nic))


def test_the_tables_are_those_of_the_cover_letter(nic: OverNic) -> None:
    assert """\
With application thread + net rx softirq pinned to _different_ cores:

+-------------------------------+
| epoll     | io_uring          |
|-----------|-------------------|
| 82.2 Gbps | 116.2 Gbps (+41%) |
+-------------------------------+
""" in text(nic)
    assert """\
Pinned to _same_ core:

+------------------------------+
| epoll     | io_uring         |
|-----------|------------------|
| 62.6 Gbps | 80.9 Gbps (+29%) |
+------------------------------+
""" in text(nic)
    assert "HARDWARE" not in text(nic)
    assert "within the spread" not in text(nic)


def test_each_row_has_its_spread_and_what_it_cost(nic: OverNic) -> None:
    (line,) = [
        line for line in text(nic).splitlines() if line.startswith("  zcrx") and "116" in line
    ]
    # Of two CPUs, 8 * 10^9 cycles for 145.25 GB.
    assert line.split() == [
        "zcrx", "116.2", "115.9,", "116.4", "60", "%", "20", "%", "0.055", "0.141", "3", "6",
    ]  # fmt: skip
    (line,) = [
        line for line in text(nic).splitlines() if line.startswith("  zcrx") and "80.9" in line
    ]
    assert line.split()[8:10] == ["0.040", "0.101"]  # of one


def test_what_is_no_hardware_says_so_beside_each_table(nic: OverNic) -> None:
    guest = replace(nic, machine=replace(nic.machine, guest="qemu"))
    told = text(guest)
    assert "NO FIGURES OF HARDWARE: the machine is a guest (qemu)." in told
    assert told.count("cores:\n(no figures of hardware: the machine is a guest (qemu))\n") == 1
    assert told.count("core:\n(no figures of hardware: the machine is a guest (qemu))\n") == 1
    simulated = replace(nic, port=replace(nic.port, driver="netdevsim"))
    assert "NO FIGURES OF HARDWARE: the driver netdevsim has no NIC." in text(simulated)


def test_a_difference_within_the_spread_is_told(nic: OverNic) -> None:
    wide = sample("same", "epoll", 81.0)
    assert "zcrx: the difference is within the spread" in text(
        replace(nic, samples=(*nic.samples, wide))
    )
    once = tuple(nic.of(Item("same", name))[0] for name in ("epoll", "zcrx"))
    assert "measured once" in text(replace(nic, samples=once))


def test_what_was_not_measured_is_told_and_no_figure(nic: OverNic) -> None:
    left = tuple(one for one in nic.samples if one.item.receiver == "epoll")
    skipped = (Missing(Item("same", "zcrx"), "queue API: e1000e does not have it"),)
    lost = (Missing(Item("different", "zcrx"), "status 1: No such device"),)
    told = text(replace(nic, samples=left, skipped=skipped, lost=lost))
    assert "| 62.6 Gbps | -        |" in told
    assert "  zcrx: skipped: queue API: e1000e does not have it" in told
    assert "  zcrx: lost: status 1: No such device" in told


def test_without_counters_of_the_processor_the_reason_stands_there(nic: OverNic) -> None:
    cpus = tuple(replace(cpu, cycles=None, cache_misses=None) for cpu in nic.samples[0].answer.cpus)
    blind = replace(nic.samples[0].answer, cpus=cpus, perf_error="No such file or directory")
    told = text(replace(nic, samples=(replace(nic.samples[0], answer=blind),)))
    assert "no cycles and cache misses: the kernel does not count them there (No such file" in told
    assert told.count(" ? ") == 2


def test_what_is_in_doubt_and_what_was_refused_is_told(nic: OverNic) -> None:
    doubted = replace(nic.samples[0], doubts=("2 % of the softirqs ran on CPU 8",))
    step = replace(nic.steps[0], why_not="mtu greater than device maximum")
    told = text(replace(nic, samples=(doubted, *nic.samples[1:]), steps=(step,)))
    assert "in doubt: epoll-different: 2 % of the softirqs ran on CPU 8" in told
    assert "dut: link.mtu to 4148: mtu greater than device maximum" in told


def test_whether_zero_copy_was_none_is_told(nic: OverNic) -> None:
    told = text(replace(nic, proof=Proof(1000, 2)))
    assert "in a run by itself 2 of 1000 pieces of zero copy were copied" in told
    assert "NO FIGURES" not in told
    told = text(replace(nic, proof=Proof(1000, 900)))
    assert "NO FIGURES OF ZERO COPY: 900 of 1000 pieces were copied" in told
    assert told.count("\n(no figures of zero copy: what io_uring received was copied)\n") == 2
    told = text(replace(nic, proof=Proof(why_not="the kernel takes no probes")))
    assert "it is not known whether anything was copied: the kernel takes no probes" in told


@pytest.fixture
def bench(nic: OverNic) -> Bench:
    return Bench(
        run="20261130T191500-bench", stack="zcrx-v7", started="2026-11-30T19:15:00+00:00",
        seconds=300.0, kernel="6.12.117", head="d" * 40, dialect="v7", qemu="", compiler="gcc 12",
        models={}, measurements=(), nic=nic,
    )  # fmt: skip


def test_the_document_holds_it_and_its_schema_fits(bench: Bench) -> None:
    told = BENCH.dump_json(bench)
    jsonschema.validate(json.loads(told), document.schema())
    assert BENCH.validate_json(told) == bench


def test_a_report_of_a_nic_alone_tells_nothing_of_guests(bench: Bench) -> None:
    told = report.text(bench)
    assert "over a NIC: lab1" in told
    for words in ("icount", "ERMS", "instructions"):
        assert words not in told
    page = html.render_bench(bench)
    assert "116.2 Gbps (+41%)" in page
    assert "ERMS" not in page
    assert "All figures" not in page


def test_the_page_shows_text_of_others_as_text(bench: Bench, nic: OverNic) -> None:
    port = replace(nic.port, firmware=EVIL, device=EVIL)
    evil = replace(
        nic, target=EVIL, port=port, peer=EVIL, notes=(EVIL,),
        lost=(Missing(nic.asked.items[0], EVIL),), steps=(Step("dut", EVIL, EVIL, EVIL, EVIL),),
        samples=(replace(nic.samples[0], counters={EVIL: 1}, doubts=(EVIL,)),),
    )  # fmt: skip
    assert "<script" not in html.render_bench(replace(bench, nic=evil))
