# SPDX-License-Identifier: GPL-2.0
"""All cases as a page for people: what each needs, does and expects, and the rule behind it."""

from __future__ import annotations

from collections.abc import Iterator

from kselftest_zcrx.cases import PROGRAMS
from kselftest_zcrx.model import MAINLINE, Caller, Case, Fixture, Need, Program

INTRODUCTION = """\
<!-- SPDX-License-Identifier: GPL-2.0 -->
<!-- Written by `python -m kselftest_zcrx --cases FILE`; change the tables in
     tools/kselftest_zcrx/cases/ instead. -->
# The cases of zero copy receive

Each case of the generated kselftests: the rule of [zcrx.md](zcrx.md) that it tests, from which
patch of the series on it holds, and what it does. A case changes at most one thing of a valid
default and names the exact outcome; one marked *scripted* has a body of its own in
`tools/kselftest_zcrx/templates/`. The column *mainline* says what differs in the interface of
mainline: another outcome, or why the case does not apply; a case that has *mainline* in the
column *from* is about that interface only.
"""

_SETUPS = {
    "queue": "a ring, and a queue of a device",
    "request": "a registered queue, and a connection of the process with itself",
    "nodev": "an area without a device, and a connection of the process with itself",
    "link": "two devices with a wire between them, in two network namespaces",
}
_CALLERS = {
    Caller.NO_NET_ADMIN: "root without `CAP_NET_ADMIN`",
    Caller.ONLY_NET_ADMIN: "only `CAP_NET_ADMIN`",
    Caller.USER_NAMESPACE: "all capabilities in a user namespace",
    Caller.NET_NAMESPACE: "another network namespace",
    Caller.LOCKS_TOO_LITTLE: "`RLIMIT_MEMLOCK` below the area",
    Caller.LOCKS_ENOUGH: "`RLIMIT_MEMLOCK` is the area",
}
_NEEDS = {Need.NETDEVSIM: "a netdevsim device", Need.TWO_QUEUES: "two queues"}


def page() -> str:
    """Give the page as Markdown."""
    return INTRODUCTION + "".join(line for program in PROGRAMS for line in _program(program))


def _program(program: Program) -> Iterator[str]:
    extended = ", takes minutes" if program.extended else ""
    yield f"\n## {program.name}: {program.title}{extended}\n"
    if program.long_of:
        numbers = ", ".join(f"`{name}={number}`" for name, number in program.numbers)
        yield f"\nThe cases of `{program.long_of}`, compiled with {numbers}.\n"
        return
    for fixture in program.fixtures:
        yield from _fixture(fixture)


def _fixture(fixture: Fixture) -> Iterator[str]:
    yield f"\n### {fixture.name}\n\nEach has {_SETUPS[fixture.setup]}.\n\n"
    yield "| case | rule | from | what it tests | what differs | outcome | mainline |\n"
    yield "|---|---|---|---|---|---|---|\n"
    for case in fixture.cases:
        cells = (
            f"`{case.name}`",
            case.rule,
            _patches(case),
            case.tests,
            "; ".join(_differences(case)),
            _outcome(case),
            _in_mainline(case),
        )
        yield f"| {' | '.join(_escaped(cell) for cell in cells)} |\n"


def _in_mainline(case: Case) -> str:
    if case.mainline.absent:
        return f"*not there:* {case.mainline.absent}"
    words = []
    if case.mainline.spoil:
        words.append(f"`{case.mainline.spoil.what}`")
    if case.mainline.error:
        words.append(f"`-{case.mainline.error}`")
    return ", ".join(words)


def _patches(case: Case) -> str:
    if case.dialects == (MAINLINE,):
        return MAINLINE
    return f"{case.since} to {case.until}" if case.until else str(case.since)


def _differences(case: Case) -> Iterator[str]:
    if case.scripted:
        yield "*scripted*"
    if case.spoil:
        yield f"`{case.spoil.what} = {case.spoil.value}`"
    if case.caller in _CALLERS:
        yield _CALLERS[case.caller]
    if case.ring != Case.ring:
        yield f"ring flags `{' | '.join(flag.removeprefix('IORING_SETUP_') for flag in case.ring)}`"
    if case.transfer:
        how = "placed by the device" if case.transfer.steered else "copied by the kernel"
        yield f"`{case.transfer.size}` bytes over `{case.transfer.family}`, {how}"
        yield from (f"`{field} = {value}`" for field, value in case.transfer.changes)
    yield from (f"needs {_NEEDS[need]}" for need in case.needs)


def _outcome(case: Case) -> str:
    if case.error:
        return f"`-{case.error}`"
    return "as told" if case.scripted else "success"


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|")
