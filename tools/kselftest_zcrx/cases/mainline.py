# SPDX-License-Identifier: GPL-2.0
"""Cases that do not apply to mainline, as measured on Linux 7.3, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from kselftest_zcrx.model import Fixture, Mainline, Program

_FLUSHED = "a copy takes only what has been flushed (R77)"
_PINNED = "the area is still pinned 30 s afterwards"
_OTHER_RING = "placed for another ring is a fault (R46)"
_UNTRIED = "not tried on Linux 7.3 yet"
_NO_XDP = "its netdevsim takes no program with header split on"

ABSENT: Mapping[str, str] = MappingProxyType(
    {
        "returning.passed_over_wrong_area": _FLUSHED,
        "returning.passed_over_wrong_area_top_bit": _FLUSHED,
        "returning.passed_over_first_behind_area": _FLUSHED,
        "returning.passed_over_last_of_offsets": _FLUSHED,
        "returning.passed_over_all_ones": _FLUSHED,
        "returning.taken_with_len_0": _FLUSHED,
        "returning.taken_with_len_all_ones": _FLUSHED,
        "returning.taken_with_pad_set": _FLUSHED,
        "returning.taken_with_inside_of_buffer": _FLUSHED,
        "returning.taken_with_end_of_buffer": _FLUSHED,
        "returning.twice_at_once": _FLUSHED,
        "returning.head_overwritten": _FLUSHED,
        "returning.ring_filled_up": _FLUSHED,
        "returning.ring_of_one_entry": _FLUSHED,
        "returning.one_at_a_time": _FLUSHED,
        "returning.to_another_ring": _FLUSHED,
        "teardown.returned_twice": "a piece returned twice in a row is not returned at all",
        "teardown.held_piece_is_safe": "the bits 44 to 47 of an offset are not looked at",
        "teardown.refill_unmapped": _PINNED,
        "teardown.device_removed": _PINNED,
        "teardown.device_removed_after_ring": _PINNED,
        "teardown.namespace_removed": _PINNED,
        "lifetime.free_at_once": "the queue is free a moment after close",
        "orders.device_socket_ring": _PINNED,
        "orders.socket_device_ring": _PINNED,
        "orders.socket_for_next_ring": "the area is pinned as long as its data is in a socket",
        "orders.placed_for_another_ring": _OTHER_RING,
        "rss.moved_between_rings": _OTHER_RING,
        "beside.link_goes_on": "the end of the stream breaks the link of its request",
        "beside.told_in_order": "pieces are told at once, and ends after a submission",
        "beside.skip_success": "the end of the stream is no success, and told",
        "beside.bytes_of_a_kernel_tls": "TLS without keys on top of a socket changes nothing",
        "beside.in_sockmap": _UNTRIED,
        "beside.put_into_sockmap": _UNTRIED,
        "beside.many_at_once": _UNTRIED,
        "beside.head_of_packet": _UNTRIED,
        "beside.refilled_in_one_go": _FLUSHED,
        "beside.fair_when_submitted": _FLUSHED,
        "beside.fair_when_polled": "its netdevsim merges packets, so a turn has more pieces",
        "lifetime.refused_memory_comes_back": _UNTRIED,
        "lifetime.given_back_soon": _UNTRIED,
        "lifetime.mapped_after_failed_restart": "its netdevsim has no restart that fails",
        "stream.queue_restarted": _UNTRIED,
        "memory.many_pages": _UNTRIED,
        "memory.many_pages_used": _UNTRIED,
        "neighbours.dmabuf_refused": _UNTRIED,
        "neighbours.dmabuf_of_heap_received": _UNTRIED,
        "memory.huge_page_charged": _UNTRIED,
        "memory.huge_page_charged_once": _UNTRIED,
        "stream.urgent_out_of_order_placed": _UNTRIED,
        "stream.urgent_out_of_order_copied": _UNTRIED,
        "stream.wrong_checksum": _UNTRIED,
        "request.urgent_at_end_of_packet": _UNTRIED,
        "nodev_request.urgent_at_end_of_packet": "the request goes on where urgent data follows",
        "request.completion_written_whole": _UNTRIED,
        "memory.page_charged_once_in_a_row": _UNTRIED,
        "posted.posted_again": "what the pool has is not free to copy to",
        "neighbours.xdp_first": _NO_XDP,
        "neighbours.xdp": _NO_XDP,
        "neighbours.moved_and_back": "a registration outlasts that the interface is moved",
    }
)


def with_absences(programs: Iterable[Program]) -> tuple[Program, ...]:
    """Give the programs with what is absent from mainline marked in their cases."""
    return tuple(
        replace(program, fixtures=tuple(_marked(fixture) for fixture in program.fixtures))
        for program in programs
    )


def _marked(fixture: Fixture) -> Fixture:
    return replace(
        fixture,
        cases=tuple(
            replace(case, mainline=Mainline(absent=why))
            if (why := ABSENT.get(f"{fixture.name.removesuffix('_long')}.{case.name}"))
            else case
            for case in fixture.cases
        ),
    )
