# SPDX-License-Identifier: GPL-2.0
"""Trees that the subjects of patches name."""

from __future__ import annotations

import pytest

from kseries.series.trees import trees_of


@pytest.mark.parametrize(
    ("subject", "trees"),
    [
        ("[PATCH net-next v3 02/17] net: x", ("net-next",)),
        ("[PATCH v7 00/15] io_uring zero copy rx", ()),
        ("[RFC PATCH bpf-next] x", ("bpf-next",)),
        ("[PATCH 6.12.y 1/2] x", ("6.12",)),
        ("[PATCH v6.12] x", ("6.12",)),
        ("[PATCH linux-6.1.y RESEND] x", ("6.1",)),
        ("[PATCH net,v2] x", ("net",)),
        ("Re: [PATCH wireless-next] x", ("wireless-next",)),
        ("[v3] no patch of a list", ()),
        ("no label at all", ()),
    ],
)
def test_trees_that_a_subject_names(subject: str, trees: tuple[str, ...]) -> None:
    assert trees_of(subject) == trees
