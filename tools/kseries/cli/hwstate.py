# SPDX-License-Identifier: GPL-2.0
"""`kseries hw state`: what the ports of a lab machine are set to, taken and put back."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from kseries.cli.hardware import catalogue
from kseries.cli.screen import print_json
from kseries.hardware import holder, restore, statefile
from kseries.hardware.restore import Compared
from kseries.hardware.ssh import connected
from kseries.hardware.target import Target
from kseries.lib.userpath import current
from kseries.report.printable import printable_lines

FOLD = 60  # characters of a value, for people


def state(arguments: Namespace) -> int:
    """Take, compare or put back."""
    target = catalogue(arguments).find_real(arguments.target, current())
    if arguments.take:
        return _take(arguments, target)
    kept = statefile.read(arguments.compare or arguments.restore, target.name)
    with connected(target.lab.hosts) as links:
        if arguments.restore:
            held = holder.of(target.lab, links.by_host[target.lab.dut.host])
            with held.holding("hw state --restore"):
                found = restore.restore(target.lab, links, kept)
        else:
            found = restore.compare(target.lab, links, kept)
    is_clean = all(each.clean for each in found)
    if arguments.json:
        print_json({"target": target.name, "clean": is_clean, "ports": list(map(asdict, found))})
    else:
        print(printable_lines("\n".join(_lines(target.name, found))))
    return 0 if is_clean else 1


def _take(arguments: Namespace, target: Target) -> int:
    file: Path = arguments.take
    statefile.require_new(file)  # before anybody waits for it
    with connected(target.lab.hosts) as links:
        ports = restore.take(target.lab, links)
    statefile.write(file, target.name, ports)
    if arguments.json:
        counts = {port.side: len(port.settings) for port in ports}
        unknown = {port.side: dict(port.unknown) for port in ports}
        print_json({"file": str(file), "settings": counts, "unknown": unknown})
        return 0
    for port in ports:
        print(f"{port.side}: {len(port.settings)} settings of {port.interface} on {port.host}")
        for group, why in port.unknown.items():
            print(printable_lines(f"  {group} is not among them: {why}"))
    print(file)
    return 0


def _lines(name: str, found: Sequence[Compared]) -> Iterator[str]:
    for port in found:
        if port.booted:
            yield f"{port.side}: {port.host} was booted since the state was taken"
        for each in port.repaired:
            yield f"{port.side}: put back {each.name}: {_change(each.now, each.was)}"
        for each in port.left:
            yield f"{port.side}: differs {each.name}: was {_value(each.was)}, is {_value(each.now)}"
            yield f"  {each.command or 'by hand: nobody knows what made it'}"
            if each.name in port.refused:
                yield f"  refused: {port.refused[each.name]}"
        for group, why in port.unknown.items():
            yield f"{port.side}: unknown {group}: {why}"
    left = sum(len(port.left) for port in found)
    unknown = sum(len(port.unknown) for port in found)
    if not left and not unknown:
        yield f"{name} is as it was."
    else:
        yield f"{name} is not as it was: {left} settings differ, {unknown} groups are unknown."


def _change(now: str, was: str) -> str:
    return f"{_value(now)} → {_value(was)}"


def _value(text: str) -> str:
    if not text:
        return "not there"
    return text if len(text) <= FOLD else f"{text[:FOLD]}…"
