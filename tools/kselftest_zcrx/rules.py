# SPDX-License-Identifier: GPL-2.0
"""The rules of the user interface that cases test, in short; docs/zcrx.md tells them in full."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

RULES: Mapping[str, str] = MappingProxyType(
    {
        "R1": "IORING_REGISTER_ZCRX_IFQ (32) takes a request of 80 bytes",
        "R2": "the caller needs CAP_NET_ADMIN (EPERM)",
        "R3": "the ring needs DEFER_TASKRUN and CQE32 (EINVAL)",
        "R4": "one request (EINVAL), in memory to read and write (EFAULT)",
        "R5": "one interface queue for each ring (EBUSY)",
        "R6": "if_rxq of -1 is kept for later (EINVAL)",
        "R7": "1 to 32768 entries (EINVAL), or clamped at the upper end",
        "R8": "rq_entries is rounded up to a power of two and written back",
        "R9": "flags and reserved words are 0 (EINVAL)",
        "R10": "the interface exists where the caller is (ENODEV)",
        "R11": "the interface has the queue (EINVAL)",
        "R12": "a refusal leaves everything as it was",
        "R13": "area_ptr points to the description of one area (EFAULT)",
        "R14": "the driver can give the queue away (EOPNOTSUPP)",
        "R15": "a queue goes to one ring (EEXIST), and stays",
        "R16": "the area is made of pages (EINVAL)",
        "R17": "the area is memory that can be written to (EFAULT)",
        "R18": "the area counts against RLIMIT_MEMLOCK (ENOMEM)",
        "R19": "rq_area_token is written back",
        "R20": "offsets say where head, tail and entries are",
        "R21": "the ring is mapped at IORING_OFF_RQ_RING",
        "R22": "there is no more to map than the ring, and nothing without one",
        "R23": "a new ring is zero",
        "R24": "user space may write anything into the ring",
        "R30": "the registration ends with the ring",
        "R31": "a mapping keeps the memory for itself",
        "R32": "a registration does not keep the device",
        "R33": "the queue is an ordinary one without the ring",
        "R34": "a registration outlasts that the interface is down",
        "R35": "other users of the interface are refused, or do no harm",
        "R36": "nobody but the ring sees what is placed",
        "R37": "queues, page pools and their statistics can be listed",
        "R40": "IORING_OP_RECV_ZC (58) receives until it ends",
        "R41": "it is multishot, and what it does not use is 0 (EINVAL)",
        "R42": "zcrx_ifq_idx names the ring's interface queue (EINVAL)",
        "R43": "the file is a TCP socket (ENOTSOCK, EPROTONOSUPPORT, ENOTCONN)",
        "R44": "a completion for each piece, in the area, in order",
        "R45": "the end is a completion without F_MORE",
        "R46": "what is not in the area is copied there",
        "R47": "no free buffer to copy to is an error (ENOMEM)",
        "R48": "no free buffer for the device delays the data",
        "R49": "urgent data ends a request that copies (EOPNOTSUPP), or is in line",
        "R50": "entries of the refill ring are never trusted",
        "R51": "a request takes 20 packets at most before others have their turn",
        "R52": "no room for a completion is an error (ENOSPC)",
        "R53": "IOSQE_CQE_SKIP_SUCCESS leaves out the end of the stream",
        "R54": "what is placed cannot be read by other calls (EFAULT, ENODEV)",
        "R60": "nothing user space does with data on its way does harm",
        "R61": "the device may go down or away with data on its way",
    }
)
