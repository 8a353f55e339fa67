# SPDX-License-Identifier: GPL-2.0
"""Which of the changed functions ran while the tests did, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from kseries.lib.naming import few
from kseries.model import ChangedFunction, FunctionState, RunResult, StageState

MAX_NAMED = 4
REFUSED = "the kernel cannot tell whether it ran"


def seen(
    functions: Iterable[ChangedFunction], ran: Mapping[str, str]
) -> tuple[ChangedFunction, ...]:
    """Give functions with what was seen. ran: symbol → the program, "" where it is not watched."""
    return tuple(_seen(one, ran) for one in functions)


def statement(result: RunResult) -> str:
    """Say how many of the changed functions ran; "" where no test ran or nothing can be told."""
    if not _tests_ran(result) or not _watched(result):
        return ""
    ran, total = _ran(result), len(result.functions)
    told = f"{ran} of {total} changed function{'s' * (total != 1)} ran"
    unknown = total - len(_watched(result))
    return f"{told}, {unknown} cannot be watched" if unknown else told


def idle(result: RunResult) -> str:
    """Name changed functions that no test ran; "" where there are none, or where none did."""
    names = [one.name for one in _watched(result) if one.state is FunctionState.NOT_RUN]
    if not names or not _tests_ran(result) or lacking(result):
        return ""
    return f"no test ran {few(names, MAX_NAMED)}, which the series changes"


def lacking(result: RunResult) -> str:
    """Say that no changed function ran; "" where one did, or none could be watched."""
    watched = _watched(result)
    if not _tests_ran(result) or not watched or _ran(result):
        return ""
    names = few([one.name for one in watched], MAX_NAMED)
    return f"no test ran any of the functions that the series changes: {names}"


def _seen(function: ChangedFunction, ran: Mapping[str, str]) -> ChangedFunction:
    if function.state is not FunctionState.NOT_RUN or function.symbol not in ran:
        return function
    label = ran[function.symbol]
    if not label:
        return replace(function, state=FunctionState.UNWATCHED, by=REFUSED)
    return replace(function, state=FunctionState.RAN, by=label)


def _watched(result: RunResult) -> list[ChangedFunction]:
    states = (FunctionState.RAN, FunctionState.NOT_RUN)
    return [one for one in result.functions if one.state in states]


def _ran(result: RunResult) -> int:
    return sum(one.state is FunctionState.RAN for one in result.functions)


def _tests_ran(result: RunResult) -> bool:
    return any(s.name == "test" and s.state is StageState.DONE for s in result.stages) and bool(
        result.programs
    )
