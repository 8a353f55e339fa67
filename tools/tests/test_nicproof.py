# SPDX-License-Identifier: GPL-2.0
"""What zero copy copies after all is counted, or it is said why nobody knows."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from kseries.bench import nicproof
from kseries.bench.nicproof import Proof, prove

SYMBOLS = """\
ffffffff81a00000 t io_zcrx_copy_head
ffffffff81a00100 t io_zcrx_copy_frag
ffffffff81a00200 T io_zcrx_recv
ffffffff81a00300 r io_zcrx_copy_names
ffffffff81a00100 t io_zcrx_copy_frag"""
PROFILE = """\
  copy0                                      3               0
  copy1                                     40               0
  somebody_elses                           999               0"""


class Machine:
    """What a machine says to each script."""

    def __init__(self, **said: str) -> None:
        self.said = said
        self.asked: list[Sequence[str]] = []

    def ask(self, argv: Sequence[str]) -> list[str]:
        self.asked.append(argv)
        known = {nicproof.BEGIN: "begin", nicproof.LOOK: "look", nicproof.END: "end"}
        return self.said.get(known.get(argv[2], "symbols"), "").splitlines()


def test_copies_are_counted_of_a_run_and_the_probes_taken_away() -> None:
    machine = Machine(symbols=SYMBOLS, look=PROFILE)
    assert prove(machine.ask, lambda: 1000) == Proof(1000, 43)
    begin, *_, end = machine.asked[1:]
    assert list(begin[4:]) == ["io_zcrx_copy_head", "io_zcrx_copy_frag"]
    assert end[2] == nicproof.END


@pytest.mark.parametrize(("copies", "is_doubted"), [(0, False), (10, False), (11, True)])
def test_a_piece_in_a_hundred_may_be_copied(copies: int, is_doubted: bool) -> None:
    assert bool(Proof(1000, copies).doubt) is is_doubted


@pytest.mark.parametrize(
    ("said", "pieces", "why_not"),
    [
        ({"symbols": "ffffffff81a00200 T io_zcrx_recv"}, 9, "no function that is known to copy"),
        ({"symbols": SYMBOLS, "begin": "none"}, 9, "takes no probes"),
        ({"symbols": SYMBOLS, "look": PROFILE}, None, "nothing was received"),
        ({"symbols": SYMBOLS, "look": "  copy0  3  0"}, 9, "the probes were taken away"),
    ],
)
def test_why_nobody_knows(said: dict[str, str], pieces: int | None, why_not: str) -> None:
    proof = prove(Machine(**said).ask, lambda: pieces)
    assert why_not in proof.why_not
    assert proof.doubt == ""


def test_nothing_is_received_where_nothing_can_be_counted() -> None:
    def receive() -> int:
        raise AssertionError

    assert prove(Machine().ask, receive).why_not
