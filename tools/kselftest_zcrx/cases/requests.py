# SPDX-License-Identifier: GPL-2.0
"""The request among others: what io_uring and other users of the socket do beside it."""

from __future__ import annotations

from kselftest_zcrx.model import QUEUE_LEVEL, SLOW_S, Case, Fixture, Need

_NO_SOCKETS = ("pipe", "eventfd", "epoll", "memfd", "ring")

_CANCELS = (
    ("by_fd", "by the file that it is about"),
    ("by_opcode", "by its opcode"),
    ("any", "together with everything else"),
    ("all_of_two", "together with another one"),
)

_OF_IO_URING = (
    ("linked_timeout", "R45", "A linked timeout ends the request, whatever has come meanwhile."),
    ("linked_timeout_in_time", "R45", "A request that ends in time ends its linked timeout."),
    ("link_goes_on", "R45", "What is linked to the request comes after its end."),
    ("link_is_broken", "R45", "An error of the request breaks its link."),
    ("told_in_order", "R44", "What is over before a piece comes is told before it."),
    ("many_at_once", "R44", "Who waits for several completions is woken when all come at once."),
    ("drain_waits", "R45", "What is to drain the ring waits for the end of the request."),
    (
        "skip_success",
        "R53",
        "With IOSQE_CQE_SKIP_SUCCESS pieces and errors are told, and the end is not.",
    ),
    ("file_taken_away", "R40", "A registered file is the request's until that ends."),
    ("another_descriptor", "R40", "The descriptor may be closed, the socket is the request's."),
)

_OF_SOCKETS = (
    ("two_on_one_socket", "R40", "Two requests for one socket get its stream between them."),
    ("two_sockets_in_turn", "R40", "Two sockets are received from in turn."),
    ("read_in_between", "R46", "What recv() takes in between is not received by the request."),
    ("reset_after_data", "R45", "What came before a reset is received before the error."),
    ("bytes_of_a_kernel_tls", "R43", "A socket whose payload is made by a ULP is none of TCP."),
    ("in_sockmap", "R43", "A socket in a sockmap is refused as long as it is there."),
    ("put_into_sockmap", "R43", "A request ends when its socket is put into a sockmap."),
)

REQUESTS_BESIDE = Fixture(
    "beside",
    (
        *(
            Case(
                f"no_socket_{name}",
                "R43",
                f"A file is no socket: {name}.",
                since=QUEUE_LEVEL,
                scripted=True,
            )
            for name in _NO_SOCKETS
        ),
        *(
            Case(
                f"cancelled_{name}",
                "R45",
                f"A request is cancelled {tells}, and another one takes over.",
                since=QUEUE_LEVEL,
                scripted=True,
            )
            for name, tells in _CANCELS
        ),
        *(
            Case(name, rule, tests, since=QUEUE_LEVEL, scripted=True)
            for name, rule, tests in (*_OF_IO_URING, *_OF_SOCKETS)
        ),
        Case(
            "completions_full",
            "R52",
            "Without room for a completion the request ends, and no byte is lost.",
            since=QUEUE_LEVEL,
            scripted=True,
        ),
        Case(
            "completions_full_each_time",
            "R52",
            "A completion ring that is full again and again costs neither bytes nor buffers.",
            since=QUEUE_LEVEL,
            scripted=True,
        ),
        Case(
            "refilled_in_one_go",
            "R50",
            "Of more entries than that 256 are looked at in one go.",
            since=QUEUE_LEVEL,
            scripted=True,
        ),
        Case(
            "head_of_packet",
            "R46",
            "Payload of several pages that is in the head of a packet, some of it read before.",
            since=QUEUE_LEVEL,
            scripted=True,
        ),
        Case(
            "fair_when_submitted",
            "R51",
            "A socket with much to receive does not hold up the one after it: when submitted.",
            since=QUEUE_LEVEL,
            scripted=True,
        ),
        Case(
            "fair_when_polled",
            "R51",
            "A socket with much to receive does not hold up the one after it: when woken.",
            since=QUEUE_LEVEL,
            scripted=True,
        ),
        Case(
            "device_is_down",
            "R34",
            "While the interface is down a request receives what comes from elsewhere.",
            needs=(Need.NETDEVSIM,),
            since=QUEUE_LEVEL,
            scripted=True,
        ),
        Case(
            "device_is_gone",
            "R32",
            "Without the device a request receives what comes from elsewhere.",
            needs=(Need.NETDEVSIM,),
            since=QUEUE_LEVEL,
            scripted=True,
        ),
    ),
    setup="request",
)

REQUESTS_PLACED = Fixture(
    "placed",
    tuple(
        Case(name, rule, tests, timeout_s=SLOW_S, since=QUEUE_LEVEL, scripted=True)
        for name, rule, tests in (
            (
                "completions_full_of_placed",
                "R52",
                "What the device placed waits for room in the completion ring.",
            ),
            ("read", "R54", "read() cannot read what the device placed, and takes nothing away."),
            ("peek", "R54", "MSG_PEEK cannot read what the device placed."),
            ("splice", "R54", "splice() cannot move what the device placed into a pipe."),
            ("device_memory", "R54", "To device memory TCP it is not a dma-buf's."),
            ("cut_off", "R44", "MSG_TRUNC takes the start of the stream away, the rest comes."),
            ("busy_polling_ring", "R44", "A ring that polls its queue busily receives."),
            ("waits_while_down", "R61", "What waits in a socket is received with the device down."),
            ("waits_without_device", "R61", "What waits in a socket is received without a device."),
        )
    ),
    setup="link",
)
