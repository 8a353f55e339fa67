# SPDX-License-Identifier: GPL-2.0
"""Whose fault a promise is that is not kept: the series', or the request's.

The series has broken it when what decides about the symbol is changed by it; then it does not
pass. Otherwise the same fragment could not be met without the series either: the request is wrong,
or a fragment of this project is, and nothing was learned about the series. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence

from kseries.config.fragments import Promise
from kseries.config.kconfig_ask import Explained
from kseries.config.kconfigdiff import Change
from kseries.lib.errors import CheckFailed, KseriesError, UserError

OF_A_SERIES = "if a series adds it: does the stack have that series?"
WHY = "`kseries config why SYMBOL` prints the chain of any symbol"


def error_for(
    broken: Sequence[Explained], promises: Sequence[Promise], change: Change, version: str
) -> KseriesError:
    """Make the error for promises that are not kept: CheckFailed or UserError.

    change: what the series under test changes. version: of the kernel.
    """
    by_symbol = {promise.symbol: promise for promise in promises}
    lines: dict[bool, list[str]] = {True: [], False: []}
    for told in broken:
        ours = change.concerns(told.chain)
        lines[ours] += _lines(by_symbol[told.symbol], told, version)
    count = "1 promise" if len(broken) == 1 else f"{len(broken)} promises"
    what = f"{count} of {len(promises)} not kept"
    if not lines[True]:
        return UserError(
            f"The config does not fit this tree: {what}, none by a change of the series.",
            where="\n".join(lines[False]),
            do=f"fix the fragment: add what is needed above, or drop the promise; {WHY}",
        )
    if lines[False]:
        lines[True] += ["not by a change of the series:", *lines[False]]
    return CheckFailed(
        f"The config cannot be met: {what}.",
        where="\n".join(lines[True]),
        do="see what the series changes in Kconfig; or add to a fragment what is needed above, or"
        f" drop the promise; {WHY}",
    )


def suggestion(told: Explained) -> str:
    """Say what could be meant by a symbol that is not there."""
    return f"like it: {', '.join(told.lines)}" if told.lines else "no symbol is called like it"


def _lines(promise: Promise, told: Explained, version: str) -> list[str]:
    head = f"{promise.where}: CONFIG_{promise.symbol}={promise.value} promised"
    meant = []
    if promise.kernels is not None:
        meant.append(f"  said to hold for kernels {promise.kernels.text}; this is Linux {version}")
    if told.found is None:
        head += ", but the tree has no such symbol"
        return [head, *meant, f"  {suggestion(told)}", f"  {OF_A_SERIES}"]
    return [f"{head}, {told.found} found", *meant, *(f"  {line}" for line in told.lines)]
