# SPDX-License-Identifier: GPL-2.0
"""Streams from a simulated device: each byte checked, and where it was placed."""

from __future__ import annotations

from kselftest_zcrx.model import LONG_S, QUEUE_LEVEL, SLOW_S, Case, Fixture, Mainline, Transfer

_FAMILIES = (("ipv4", "AF_INET"), ("ipv6", "AF_INET6"))
_SIZES = (
    ("1_byte", "1", "a single byte"),
    ("4095_bytes", "4095", "one byte less than a page"),
    ("4096_bytes", "4096", "a page"),
    ("4097_bytes", "4097", "one byte more than a page"),
    ("1_mib", "1 << 20", "many packets"),
    ("64_mib", "64 << 20", "more than the area and all buffers of the connection"),
)
# Packets of the wire's size, one buffer for each page of their payload.
_MTUS = (1280, 1500, 9000)
# Writes of the sender, each a packet or more: bytes, and how much is sent.
_WRITES = ((1, "500"), (7, "10000"), (1447, "512 << 10"), (4097, "512 << 10"))
_FALLBACK_SIZES = (_SIZES[0], _SIZES[3], _SIZES[4], ("16_mib", "16 << 20", "twice the area"))

STREAM = Fixture(
    "stream",
    (
        *(
            Case(
                f"{family}_{name}",
                "R44",
                f"The device places {tells} into the area, and all of it arrives.",
                transfer=Transfer(value, size),
                timeout_s=SLOW_S,
                since=QUEUE_LEVEL,
            )
            for family, value in _FAMILIES
            for name, size, tells in _SIZES
        ),
        *(
            Case(
                f"{family}_fallback_{name}",
                "R46",
                f"What arrives on another queue is copied into the area: {tells}.",
                transfer=Transfer(value, size, steered=False),
                timeout_s=SLOW_S,
                since=QUEUE_LEVEL,
            )
            for family, value in _FAMILIES
            for name, size, tells in _FALLBACK_SIZES
        ),
        Case(
            "data_before_request",
            "R44",
            "What waits in the socket is received by a request that comes later.",
            transfer=Transfer("AF_INET6", "1 << 20", changes=(("early", "true"),)),
            since=QUEUE_LEVEL,
        ),
        Case(
            "poll_first",
            "R44",
            "With IORING_RECVSEND_POLL_FIRST all of a stream arrives.",
            transfer=Transfer(
                "AF_INET", "1 << 20", changes=(("ioprio", "IORING_RECVSEND_POLL_FIRST"),)
            ),
            since=QUEUE_LEVEL,
        ),
        Case(
            "async_flag",
            "R44",
            "With IOSQE_ASYNC all of a stream arrives.",
            transfer=Transfer("AF_INET", "1 << 20", changes=(("flags", "IOSQE_ASYNC"),)),
            since=QUEUE_LEVEL,
        ),
        *(
            Case(
                f"{family}_mtu_{mtu}",
                "R44",
                f"Packets of {mtu} bytes are placed, one by one.",
                transfer=Transfer(value, "1 << 20", changes=(("mtu", str(mtu)),)),
                timeout_s=SLOW_S,
                since=QUEUE_LEVEL,
            )
            for family, value in _FAMILIES
            for mtu in _MTUS
        ),
        *(
            Case(
                f"{family}_fallback_mtu_{mtu}",
                "R46",
                f"Packets of {mtu} bytes are copied, one by one.",
                transfer=Transfer(value, "1 << 20", steered=False, changes=(("mtu", str(mtu)),)),
                timeout_s=SLOW_S,
                since=QUEUE_LEVEL,
            )
            for family, value, mtu in ((*_FAMILIES[0], 9000), (*_FAMILIES[1], 1280))
        ),
        *(
            Case(
                f"{family}_writes_of_{write}",
                "R44",
                f"The sender writes {write} bytes at a time.",
                transfer=Transfer(value, size, changes=(("write", str(write)),)),
                timeout_s=SLOW_S,
                since=QUEUE_LEVEL,
            )
            for family, value in _FAMILIES
            for write, size in _WRITES
        ),
        *(
            Case(
                f"fallback_writes_of_{write}",
                "R46",
                f"The sender writes {write} bytes at a time, which are copied.",
                transfer=Transfer("AF_INET6", size, False, changes=(("write", str(write)),)),
                timeout_s=SLOW_S,
                since=QUEUE_LEVEL,
            )
            for write, size in _WRITES[1:3]
        ),
        Case(
            "placed_and_copied",
            "R46",
            "A stream that is steered to the queue and away again is placed and copied in turn.",
            timeout_s=SLOW_S,
            since=QUEUE_LEVEL,
            scripted=True,
        ),
        Case(
            "queue_restarted",
            "R33",
            "The queue is restarted while the stream runs, and keeps the memory.",
            timeout_s=SLOW_S,
            since=QUEUE_LEVEL,
            scripted=True,
        ),
        Case(
            "mtu_changed",
            "R44",
            "The size of packets changes while the stream runs.",
            timeout_s=SLOW_S,
            since=QUEUE_LEVEL,
            scripted=True,
        ),
        Case(
            "connections_64",
            "R44",
            "64 connections at once on one ring and queue, each with a stream of its own.",
            timeout_s=SLOW_S,
            since=QUEUE_LEVEL,
            scripted=True,
        ),
        Case(
            "two_queues",
            "R44",
            "Two rings receive from two queues at the same time.",
            timeout_s=SLOW_S,
            since=QUEUE_LEVEL,
            scripted=True,
        ),
        Case(
            "urgent_placed",
            "R49",
            "Urgent data that the device has placed is data like all other.",
            since=QUEUE_LEVEL,
            scripted=True,
        ),
        Case(
            "urgent_copied",
            "R49",
            "Urgent data that can be read ends the request before it.",
            since=QUEUE_LEVEL,
            scripted=True,
        ),
        Case(
            "urgent_out_of_order_placed",
            "R49",
            "Urgent data that came before its pointer did is in its place when it is placed.",
            since=QUEUE_LEVEL,
            scripted=True,
        ),
        Case(
            "urgent_out_of_order_copied",
            "R49",
            "Urgent data that came before its pointer did ends the request when it can be read.",
            since=QUEUE_LEVEL,
            scripted=True,
        ),
        Case(
            "wrong_checksum",
            "R44",
            "What the device places of a packet with a wrong checksum is not received.",
            since=QUEUE_LEVEL,
            scripted=True,
        ),
        *(
            Case(
                f"starve_{family}",
                "R48",
                "An area that is all in use starves the connection, which recovers afterwards.",
                timeout_s=SLOW_S,
                since=QUEUE_LEVEL,
                scripted=True,
            )
            for family, _ in _FAMILIES
        ),
        Case(
            "part_of_page_taken",
            "R44",
            "A piece starts where the kernel's own receive calls have ended.",
            since=QUEUE_LEVEL,
            scripted=True,
        ),
        Case(
            "returned_on_other_cpu",
            "R50",
            "Buffers that were filled on a CPU that is idle now are free once they are returned.",
            since=QUEUE_LEVEL,
            scripted=True,
            mainline=Mainline(absent="a CPU may put off what its packets have"),
        ),
    ),
    setup="link",
)

LONG_STREAM = Fixture(
    "long_stream",
    tuple(
        Case(
            f"{family}_{name}",
            rule,
            tests,
            transfer=Transfer(value, "1 << 30", steered, area_pages, changes),
            timeout_s=LONG_S,
            since=QUEUE_LEVEL,
        )
        for family, value in _FAMILIES
        for name, rule, tests, steered, area_pages, changes in (
            ("placed", "R44", "The device places 1 GiB into the area.", True, "", ()),
            (
                "copied",
                "R46",
                "1 GiB from another queue is copied.",
                False,
                "",
                (),
            ),
            (
                "starving",
                "R48",
                "1 GiB through an area that is all in use now and then.",
                True,
                "256",
                (("starves", "true"),),
            ),
        )
    ),
    setup="link",
)
