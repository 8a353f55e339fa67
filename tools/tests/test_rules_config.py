# SPDX-License-Identifier: GPL-2.0
"""Rules of the stage config that one small change of a line would break."""

from __future__ import annotations

import pytest

from kseries.lib.errors import CheckFailed
from tests.test_config import BASE, Bench, Commit, bench

__all__ = ["bench"]  # a fixture

PROMISE = "CONFIG_NET_RX_BUSY_POLL=y"


def test_what_make_wrote_decides_whatever_kconfig_says(bench: Bench, toy_commit: Commit) -> None:
    """A kernel is built of the text of .config, so a promise must stand there."""
    more = bench.fragment("more", [*BASE, PROMISE])
    bench.configure(more)
    # A tree whose make leaves a line out that its Kconfig sets.
    bench.tree = toy_commit(
        bench.tree,
        "scripts/kconfig/Makefile",
        "exit 1; }",
        "exit 1; }\n\t@sed -i /NET_RX_BUSY_POLL/d $(KCONFIG_CONFIG)",
    )
    with pytest.raises(CheckFailed, match="1 promise of 5 not kept") as error:
        bench.configure(more)
    assert error.value.where.splitlines()[0] == f"{more}:5: {PROMISE} promised, n found"
