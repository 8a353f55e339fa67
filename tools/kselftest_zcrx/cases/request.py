# SPDX-License-Identifier: GPL-2.0
"""The request to receive: what is taken, what is refused, and how it ends."""

from __future__ import annotations

from kselftest_zcrx.model import MAINLINE, QUEUE_LEVEL, Case, Fixture, Mainline, Spoil

_MULTISHOT = "IORING_RECV_MULTISHOT"

# Fields of the SQE that the request has no use for.
_UNUSED = (
    ("off", "1"),
    ("addr", "1"),
    ("len", "1"),
    ("msg_flags", "1"),
    ("buf_index", "1"),
    ("addr3", "1"),
    ("__pad2[0]", "1"),
)

# Why mainline takes a value there.
_USED_BY_MAINLINE = {
    "len": "it limits how much the request receives (R76)",
    "buf_index": "it is not looked at",
    "__pad2[0]": "it is not looked at",
}

_FILES = (
    ("not_a_socket", "A file is no socket.", 'open("/dev/null", O_RDONLY)', "ENOTSOCK"),
    ("udp", "UDP is not TCP.", "socket(AF_INET, SOCK_DGRAM, 0)", "EPROTONOSUPPORT"),
    ("unix_stream", "A stream is not TCP.", "socket(AF_UNIX, SOCK_STREAM, 0)", "EPROTONOSUPPORT"),
    ("not_connected", "A socket is connected.", "socket(AF_INET, SOCK_STREAM, 0)", "ENOTCONN"),
    ("listening", "A listening socket is not connected.", "self->listening", "ENOTCONN"),
    ("no_file", "There must be a file.", "-1", "EBADF"),
    ("directory", "A directory is no socket.", 'open("/", O_RDONLY)', "ENOTSOCK"),
    (
        "raw_tcp",
        "A raw socket has no stream.",
        "socket(AF_INET, SOCK_RAW, IPPROTO_TCP)",
        "EPROTONOSUPPORT",
    ),
    (
        "unix_packets",
        "A local socket is not TCP.",
        "socket(AF_UNIX, SOCK_SEQPACKET, 0)",
        "EPROTONOSUPPORT",
    ),
    ("netlink", "Netlink is not TCP.", "socket(AF_NETLINK, SOCK_RAW, 0)", "EPROTONOSUPPORT"),
    ("packet", "Packets are no stream.", "socket(AF_PACKET, SOCK_DGRAM, 0)", "EPROTONOSUPPORT"),
)

# Flags of any request, that the receiving one allows.
_ALLOWED = (
    ("drain", "IOSQE_IO_DRAIN", "may wait for those before it"),
    ("link", "IOSQE_IO_LINK", "may be the start of a chain"),
    ("hardlink", "IOSQE_IO_HARDLINK", "may be the start of a chain that does not break"),
)

# Flags and fields of any request, that io_uring itself refuses for the receiving one.
_REFUSED = (
    ("buffer_select", "flags", "IOSQE_BUFFER_SELECT", "EOPNOTSUPP", "The area is its buffer."),
    ("flag_7", "flags", "1U << 7", "EINVAL", "No such flag of requests is known."),
    ("personality", "personality", "1", "EINVAL", "There is no such personality."),
)

REQUEST = Fixture(
    "request",
    (
        Case(
            "default_sqe",
            "R40",
            "The default request is taken: all others differ from it.",
            since=QUEUE_LEVEL,
        ),
        Case(
            "poll_first",
            "R40",
            "IORING_RECVSEND_POLL_FIRST is allowed.",
            Spoil("sqe.ioprio", f"{_MULTISHOT} | IORING_RECVSEND_POLL_FIRST"),
            since=QUEUE_LEVEL,
        ),
        Case(
            "async_flag",
            "R40",
            "A request that is sent to a worker first comes back and receives.",
            Spoil("sqe.flags", "IOSQE_ASYNC"),
            since=QUEUE_LEVEL,
        ),
        Case(
            "fixed_file",
            "R40",
            "The socket may be a registered file.",
            since=QUEUE_LEVEL,
            scripted=True,
        ),
        Case(
            "not_multishot",
            "R41",
            "How much comes at once is up to the network: there is no single shot.",
            Spoil("sqe.ioprio", "0"),
            error="EINVAL",
            since=QUEUE_LEVEL,
        ),
        *(
            Case(
                f"ioprio_{name}",
                "R41",
                f"No other flag than these two is known: {name.replace('_', ' ')}.",
                Spoil("sqe.ioprio", f"{_MULTISHOT} | {value}"),
                error="EINVAL",
                since=QUEUE_LEVEL,
            )
            for name, value in (
                ("fixed_buffer", "IORING_RECVSEND_FIXED_BUF"),
                ("bundle", "IORING_RECVSEND_BUNDLE"),
                ("bit_15", "1U << 15"),
            )
        ),
        *(
            Case(
                f"unused_{field.strip('_[]0').replace('__', '')}",
                "R41",
                f"The field {field} is not used and must be 0.",
                Spoil(f"sqe.{field}", value),
                error="EINVAL",
                since=QUEUE_LEVEL,
                mainline=Mainline(absent=_USED_BY_MAINLINE.get(field, "")),
            )
            for field, value in _UNUSED
        ),
        *(
            Case(
                f"ifq_idx_{name}",
                "R42",
                f"The ring has one interface queue, number 0, not {value}.",
                Spoil("sqe.zcrx_ifq_idx", value),
                error="EINVAL",
                since=QUEUE_LEVEL,
            )
            for name, value in (("1", "1"), ("all_ones", "UINT_MAX"))
        ),
        Case(
            "no_interface_queue",
            "R42",
            "A ring without an interface queue has nothing to receive into.",
            since=QUEUE_LEVEL,
            scripted=True,
        ),
        *(
            Case(
                f"flag_{name}",
                "R40",
                f"The request {tells}.",
                Spoil("sqe.flags", value),
                since=QUEUE_LEVEL,
            )
            for name, value, tells in _ALLOWED
        ),
        *(
            Case(
                f"common_{name}",
                "R41",
                tests,
                Spoil(f"sqe.{field}", value),
                error=error,
                since=QUEUE_LEVEL,
            )
            for name, field, value, error, tests in _REFUSED
        ),
        *(
            Case(
                f"fd_{name}",
                "R43",
                tests,
                Spoil("sqe.fd", value),
                error=error,
                since=QUEUE_LEVEL,
            )
            for name, tests, value, error in _FILES
        ),
        Case(
            "end_of_stream",
            "R45",
            "The end of the stream is a result of 0 without F_MORE, each time it is asked for.",
            since=QUEUE_LEVEL,
            scripted=True,
        ),
        Case(
            "end_of_receiving",
            "R45",
            "A socket that is shut down by the receiver is at its end.",
            since=QUEUE_LEVEL,
            scripted=True,
        ),
        Case(
            "reset",
            "R45",
            "A connection that is reset ends the request with the error.",
            since=QUEUE_LEVEL,
            scripted=True,
        ),
        Case(
            "cancelled",
            "R45",
            "A request can be cancelled, and another one takes over.",
            since=QUEUE_LEVEL,
            scripted=True,
        ),
        Case(
            "no_free_buffer",
            "R47",
            "Without a free buffer to copy to the request ends, and no byte is lost.",
            since=QUEUE_LEVEL,
            scripted=True,
        ),
        Case(
            "len_limits",
            "R76",
            "A request with a length ends once it has received that much, and the next goes on.",
            scripted=True,
            dialects=(MAINLINE,),
        ),
        Case(
            "ioprio_every_bit",
            "R41",
            "No other flag than these two is known: each bit.",
            since=QUEUE_LEVEL,
            scripted=True,
        ),
        Case(
            "poll_first_waits",
            "R40",
            "IORING_RECVSEND_POLL_FIRST does not look at the socket at once.",
            since=QUEUE_LEVEL,
            scripted=True,
        ),
        Case(
            "failure_breaks_link",
            "R45",
            "A request that fails cancels what is linked to it.",
            since=QUEUE_LEVEL,
            scripted=True,
        ),
        Case(
            "drain_after_pieces",
            "R44",
            "Pieces are no requests: what waits for all requests does not wait for them.",
            since=QUEUE_LEVEL,
            scripted=True,
        ),
        Case(
            "urgent_at_end_of_packet",
            "R49",
            "What comes before urgent data in a packet is copied, and nothing of no length.",
            since=QUEUE_LEVEL,
            scripted=True,
        ),
        Case(
            "completion_written_whole",
            "R44",
            "A piece is told by all words of its completion, and by none beside it.",
            since=QUEUE_LEVEL,
            scripted=True,
        ),
        Case(
            "end_after_reset",
            "R45",
            "The end of the stream stays the end when a reset follows it.",
            since=QUEUE_LEVEL,
            scripted=True,
        ),
    ),
    setup="request",
    scripts="request",
)
