# SPDX-License-Identifier: GPL-2.0
"""Registration of an interface queue: what is taken, and what is refused with which error."""

from __future__ import annotations

from kselftest_zcrx.cases.rq_entries import ENTRIES
from kselftest_zcrx.model import QUEUE_LEVEL, RING_FLAGS, Caller, Case, Fixture, Need, Spoil


def _without(flag: str) -> tuple[str, ...]:
    return tuple(item for item in RING_FLAGS if item != flag)


CALLER = (
    Case("default_request", "R1", "The default request is taken: all others differ from it."),
    Case(
        "no_net_admin",
        "R2",
        "Root without CAP_NET_ADMIN may not register.",
        caller=Caller.NO_NET_ADMIN,
        error="EPERM",
    ),
    Case(
        "user_namespace",
        "R2",
        "All capabilities in a user namespace of one's own do not help.",
        caller=Caller.USER_NAMESPACE,
        error="EPERM",
    ),
    Case(
        "only_net_admin",
        "R2",
        "CAP_NET_ADMIN is the only capability needed.",
        caller=Caller.ONLY_NET_ADMIN,
    ),
)

RING = (
    Case(
        "no_defer_taskrun",
        "R3",
        "A ring without IORING_SETUP_DEFER_TASKRUN cannot register.",
        ring=_without("IORING_SETUP_DEFER_TASKRUN"),
        error="EINVAL",
    ),
    Case(
        "no_cqe32",
        "R3",
        "A ring without IORING_SETUP_CQE32 cannot register.",
        ring=_without("IORING_SETUP_CQE32"),
        error="EINVAL",
    ),
    Case(
        "registered_ring_fd",
        "R1",
        "A ring that is known by its registered index can register.",
        scripted=True,
    ),
    Case(
        "second_on_ring",
        "R5",
        "A ring takes one interface queue; a second one finds it busy.",
        needs=(Need.TWO_QUEUES,),
        scripted=True,
    ),
    Case(
        "second_is_the_same",
        "R5",
        "The same registration once more finds the ring busy, too.",
        scripted=True,
    ),
    Case(
        "two_rings",
        "R5",
        "Two rings can have a queue each.",
        needs=(Need.TWO_QUEUES,),
        scripted=True,
    ),
    Case(
        "failure_keeps_first",
        "R5",
        "A refused second registration leaves the first one's refill ring alone.",
        scripted=True,
    ),
)

ARGUMENT = (
    Case("nr_args_zero", "R4", "nr_args is 1, not 0.", Spoil("nr_args", "0"), error="EINVAL"),
    Case("nr_args_two", "R4", "nr_args is 1, not 2.", Spoil("nr_args", "2"), error="EINVAL"),
    Case("arg_null", "R4", "There must be a request.", Spoil("arg", "NULL"), error="EINVAL"),
    Case(
        "arg_unmapped",
        "R4",
        "A request where no memory is mapped cannot be read.",
        scripted=True,
    ),
    Case(
        "arg_cut_off",
        "R4",
        "A request whose last byte lies in unmapped memory cannot be read.",
        scripted=True,
    ),
    Case(
        "arg_read_only",
        "R4",
        "A request that cannot be written back to fails, and the ring stays free.",
        scripted=True,
    ),
)

INTERFACE = (
    Case(
        "if_rxq_minus_one",
        "R6",
        "Queue -1 is kept for later use.",
        Spoil("if_rxq", "-1"),
        error="EINVAL",
    ),
    Case(
        "if_rxq_last",
        "R6",
        "The last queue of the interface can be registered.",
        Spoil("if_rxq", "self->dev.rx_queues - 1"),
        needs=(Need.TWO_QUEUES,),
    ),
    Case(
        "if_rxq_beyond_last",
        "R11",
        "A queue that the interface does not have is refused.",
        Spoil("if_rxq", "self->dev.rx_queues"),
        error="EINVAL",
    ),
    Case(
        "no_queue_api",
        "R14",
        "The loopback device has a queue, but cannot give it away.",
        Spoil("if_idx", 'if_nametoindex("lo")'),
        error="EOPNOTSUPP",
        since=QUEUE_LEVEL,
    ),
    Case(
        "queue_is_taken",
        "R15",
        "A queue that one ring has is refused to another, and the first keeps it.",
        since=QUEUE_LEVEL,
        scripted=True,
    ),
    Case(
        "queue_after_close",
        "R15",
        "What was refused to a second ring is its to take after the first is closed.",
        since=QUEUE_LEVEL,
        scripted=True,
    ),
    Case(
        "queue_cannot_be_removed",
        "R15",
        "The interface cannot be left with fewer queues than up to the one that is taken.",
        needs=(Need.NETDEVSIM,),
        since=QUEUE_LEVEL,
        scripted=True,
    ),
    Case(
        "if_rxq_sign_bit",
        "R11",
        "The number of the queue is compared as a whole, its top bit included.",
        Spoil("if_rxq", "1U << 31"),
        error="EINVAL",
    ),
    Case(
        "if_idx_0",
        "R10",
        "No interface has index 0.",
        Spoil("if_idx", "0"),
        error="ENODEV",
    ),
    Case(
        "if_idx_unused",
        "R10",
        "An index that no interface has is refused.",
        Spoil("if_idx", "INT_MAX"),
        error="ENODEV",
    ),
    Case(
        "if_idx_negative",
        "R10",
        "An index that is negative as an int is no interface's.",
        Spoil("if_idx", "-1"),
        error="ENODEV",
    ),
    Case(
        "if_idx_sign_bit",
        "R10",
        "The index is compared as a whole, its top bit included.",
        Spoil("if_idx", "self->dev.ifindex | 1U << 31"),
        error="ENODEV",
    ),
    Case(
        "other_netns",
        "R10",
        "The index is looked up in the network namespace of the caller.",
        caller=Caller.NET_NAMESPACE,
        error="ENODEV",
        needs=(Need.NETDEVSIM,),  # its index is above all that a new namespace has
    ),
)

RESERVED = (
    Case(
        "flags_bit_0",
        "R9",
        "No flag is known: the lowest bit.",
        Spoil("flags", "1"),
        error="EINVAL",
    ),
    Case(
        "flags_bit_31",
        "R9",
        "No flag is known: the highest bit.",
        Spoil("flags", "1U << 31"),
        error="EINVAL",
    ),
    *(
        Case(
            f"resv_{word}",
            "R9",
            f"Reserved word {word} must be 0.",
            Spoil(f"resv[{word}]", "1"),
            error="EINVAL",
        )
        for word in range(3)
    ),
    Case(
        "resv_top_bit",
        "R9",
        "All 64 bits of a reserved word count.",
        Spoil("resv[2]", "1ULL << 63"),
        error="EINVAL",
    ),
    *(
        Case(
            f"offsets_resv_{word}",
            "R9",
            f"Reserved word {word} of the offsets must be 0.",
            Spoil(f"offsets.resv[{word}]", "1"),
            error="EINVAL",
        )
        for word in range(2)
    ),
    *(
        Case(
            f"offsets_{field}_overwritten",
            "R20",
            f"What offsets.{field} holds before does not matter: it is the kernel's to fill.",
            Spoil(f"offsets.{field}", "UINT_MAX"),
        )
        for field in ("head", "tail", "rqes", "mmap_sz")
    ),
    Case(
        "area_ptr_not_read",
        "R13",
        "Before areas are known, their pointer is not looked at.",
        Spoil("area_ptr", "UINT64_MAX"),
        until=9,
    ),
)

REGISTRATION = Fixture("registration", (*CALLER, *RING, *ARGUMENT, *ENTRIES, *INTERFACE, *RESERVED))
