# SPDX-License-Identifier: GPL-2.0
"""Registration of an interface queue: what is taken, and what is refused with which error."""

from __future__ import annotations

from kselftest_zcrx.cases.rq_entries import ENTRIES
from kselftest_zcrx.model import (
    MAINLINE,
    QUEUE_LEVEL,
    RING_FLAGS,
    Caller,
    Case,
    Fixture,
    Mainline,
    Need,
    Spoil,
)

MAINLINE_RESERVED = 2
"""Words that are reserved in mainline; the third became the identity and the buffers' size."""


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
        "iopoll_no_defer_taskrun",
        "R3",
        "A ring that polls for completions needs IORING_SETUP_DEFER_TASKRUN, too.",
        ring=(*_without("IORING_SETUP_DEFER_TASKRUN"), "IORING_SETUP_IOPOLL"),
        error="EINVAL",
    ),
    Case(
        "iopoll_no_cqe32",
        "R3",
        "A ring that polls for completions needs IORING_SETUP_CQE32, too.",
        ring=(*_without("IORING_SETUP_CQE32"), "IORING_SETUP_IOPOLL"),
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
        mainline=Mainline(absent="a ring takes several (R71)"),
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
        mainline=Mainline(error="ERANGE"),
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
        "pools_unfit",
        "R14",
        "A queue whose page pools the memory cannot be used with stays as it is.",
        needs=(Need.NETDEVSIM,),
        since=QUEUE_LEVEL,
        scripted=True,
        mainline=Mainline(absent="its netdevsim has no page pools that do not fit"),
    ),
    Case(
        "if_rxq_sign_bit",
        "R11",
        "The number of the queue is compared as a whole, its top bit included.",
        Spoil("if_rxq", "1U << 31"),
        error="EINVAL",
        mainline=Mainline(error="ERANGE"),
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
    Case(
        "if_rxq_not_in_use",
        "R11",
        "A queue that the interface has, but does not use, is refused until it does.",
        needs=(Need.NETDEVSIM,),
        since=QUEUE_LEVEL,
        scripted=True,
    ),
    Case(
        "no_queue_api_twice",
        "R12",
        "A device that cannot give its queue away says so each time.",
        since=QUEUE_LEVEL,
        scripted=True,
    ),
    Case(
        "interface_down",
        "R14",
        "A netdevsim that is down refuses, and gives the same queue away when it is up.",
        needs=(Need.NETDEVSIM,),
        since=QUEUE_LEVEL,
        scripted=True,
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
            mainline=Mainline(spoil=Spoil(f"__resv[{word}]", "1"))
            if word < MAINLINE_RESERVED
            else Mainline(absent="there are two reserved words"),
        )
        for word in range(3)
    ),
    Case(
        "resv_top_bit",
        "R9",
        "All 64 bits of a reserved word count.",
        Spoil("resv[2]", "1ULL << 63"),
        error="EINVAL",
        mainline=Mainline(spoil=Spoil("__resv[1]", "1ULL << 63")),
    ),
    *(
        Case(
            f"offsets_resv_{word}",
            "R9",
            f"Reserved word {word} of the offsets must be 0.",
            Spoil(f"offsets.resv[{word}]", "1"),
            error="EINVAL",
            mainline=Mainline(absent="the offsets are not looked at"),
        )
        for word in range(2)
    ),
    *(
        Case(
            f"offsets_{field}_overwritten",
            "R20",
            f"What offsets.{field} holds before does not matter: it is the kernel's to fill.",
            Spoil(f"offsets.{field}", "UINT_MAX"),
            mainline=Mainline(absent="the region tells its size" if field == "mmap_sz" else ""),
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
    Case(
        "flags_every_bit",
        "R9",
        "Each bit of the flags is looked at.",
        scripted=True,
    ),
    Case(
        "resv_every_bit",
        "R9",
        "Each bit of the reserved words is looked at.",
        scripted=True,
    ),
)

# What mainline has beyond v7: several queues for a ring, an identity, sizes of buffers.
ONLY_MAINLINE = (
    Case(
        "two_on_ring",
        "R71",
        "A ring takes two interface queues, known as 0 and 1, each with a refill ring.",
        needs=(Need.TWO_QUEUES,),
        scripted=True,
        dialects=(MAINLINE,),
    ),
    Case(
        "id_is_reused",
        "R71",
        "A refused registration does not use up an identity.",
        needs=(Need.TWO_QUEUES,),
        scripted=True,
        dialects=(MAINLINE,),
    ),
    *(
        Case(name, rule, tests, Spoil(what, value), error=error, dialects=(MAINLINE,))
        for name, rule, tests, what, value, error in (
            ("zcrx_id_1", "R71", "The identity is the kernel's to give.", "zcrx_id", "1", "EINVAL"),
            (
                "nodev_with_interface",
                "R70",
                "What has no device names no interface.",
                "flags",
                "ZCRX_REG_NODEV",
                "EINVAL",
            ),
            (
                "import_with_queue",
                "R73",
                "What is taken over from another ring brings no memory of its own.",
                "flags",
                "ZCRX_REG_IMPORT",
                "EINVAL",
            ),
            (
                "buf_len_3_pages",
                "R74",
                "A buffer is a power of two of bytes long.",
                "rx_buf_len",
                "3 * PAGE",
                "EINVAL",
            ),
            (
                "buf_len_half_a_page",
                "R74",
                "A buffer is a page long at least.",
                "rx_buf_len",
                "PAGE / 2",
                "EINVAL",
            ),
            (
                "buf_len_all_ones",
                "R74",
                "The largest number of all is no power of two.",
                "rx_buf_len",
                "UINT_MAX",
                "EINVAL",
            ),
            (
                "event_desc_unmapped",
                "R75",
                "A description of events that cannot be read is a fault.",
                "event_desc",
                "UINT64_MAX",
                "EFAULT",
            ),
            (
                "region_ptr_null",
                "R72",
                "There must be a description of the refill ring's memory.",
                "region_ptr",
                "0",
                "EFAULT",
            ),
            (
                "region_ptr_all_ones",
                "R72",
                "Nothing is at the end of the address space.",
                "region_ptr",
                "UINT64_MAX",
                "EFAULT",
            ),
            ("region_size_0", "R72", "No memory holds no ring.", "region.size", "0", "EINVAL"),
            (
                "region_size_unaligned",
                "R72",
                "The memory is a number of pages.",
                "region.size",
                "zcrx_region.size + 1",
                "EINVAL",
            ),
            (
                "region_flags_bit_31",
                "R72",
                "No other flag of a region is known.",
                "region.flags",
                "1U << 31",
                "EINVAL",
            ),
            (
                "region_address_without_flag",
                "R72",
                "An address is for memory of user space only.",
                "region.user_addr",
                "zcrx_area.addr",
                "EFAULT",
            ),
            (
                "region_flag_without_address",
                "R72",
                "Memory of user space has an address.",
                "region.flags",
                "IORING_MEM_REGION_TYPE_USER",
                "EFAULT",
            ),
            ("region_id_1", "R72", "The region has no identity.", "region.id", "1", "EINVAL"),
            (
                "region_resv_3",
                "R72",
                "Reserved words of the region are 0.",
                "region.__resv[3]",
                "1",
                "EINVAL",
            ),
        )
    ),
    Case(
        "region_too_small",
        "R72",
        "The entries fit into the memory: one more than a page holds does not.",
        scripted=True,
        dialects=(MAINLINE,),
    ),
    Case(
        "region_of_user",
        "R72",
        "The refill ring may be memory of user space.",
        scripted=True,
        dialects=(MAINLINE,),
    ),
    Case(
        "region_answer",
        "R72",
        "The region tells where it is to be mapped.",
        scripted=True,
        dialects=(MAINLINE,),
    ),
    Case(
        "buf_len_written_back",
        "R74",
        "The size of a buffer is told: a page, when nothing was asked for.",
        then=(("rx_buf_len", "PAGE"), ("zcrx_id", "0U")),
        dialects=(MAINLINE,),
    ),
)

REGISTRATION = Fixture(
    "registration",
    (*CALLER, *RING, *ARGUMENT, *ENTRIES, *INTERFACE, *RESERVED, *ONLY_MAINLINE),
)
