# SPDX-License-Identifier: GPL-2.0
"""How long a registration lives, and what ends it. Each set-up's device must go away in time."""

from __future__ import annotations

from kselftest_zcrx.model import QUEUE_LEVEL, SLOW_S, Case, Fixture, Need

LIFETIME = Fixture(
    "lifetime",
    (
        Case(
            "close_and_again",
            "R30",
            "Closing the ring ends the registration, a hundred times over.",
            scripted=True,
        ),
        Case(
            "free_at_once",
            "R30",
            "The next ring can have the queue as soon as the one before is closed.",
            since=QUEUE_LEVEL,
            scripted=True,
        ),
        Case(
            "largest_and_again",
            "R30",
            "The memory of the largest refill ring comes back each time.",
            scripted=True,
        ),
        Case(
            "mapping_outlives_fd",
            "R31",
            "The mapped refill ring stays usable until it is unmapped.",
            scripted=True,
        ),
        Case(
            "child_inherits_mapping",
            "R31",
            "A child process that inherits the mapping can use it after its parent let go.",
            scripted=True,
        ),
        Case(
            "exit_unregisters",
            "R30",
            "A process that exits leaves nothing registered.",
            scripted=True,
        ),
        Case(
            "kill_unregisters",
            "R30",
            "A process that is killed leaves nothing registered.",
            scripted=True,
        ),
        Case(
            "device_removed",
            "R32",
            "A device with a registered queue can be removed at once.",
            needs=(Need.NETDEVSIM,),
            scripted=True,
        ),
        Case(
            "device_removed_then_close",
            "R32",
            "Closing a ring whose device is gone does no harm.",
            needs=(Need.NETDEVSIM,),
            scripted=True,
        ),
        Case(
            "device_moved",
            "R32",
            "A device with a registered queue can be moved to another network namespace.",
            needs=(Need.NETDEVSIM,),
            since=QUEUE_LEVEL,
            scripted=True,
        ),
        Case(
            "queue_comes_back",
            "R33",
            "Without the ring the queue is an ordinary one: another ring can have it.",
            since=QUEUE_LEVEL,
            scripted=True,
        ),
        Case(
            "down_and_up",
            "R34",
            "The registration outlasts that the interface is taken down and up.",
            needs=(Need.NETDEVSIM,),
            since=QUEUE_LEVEL,
            scripted=True,
        ),
        Case(
            "closed_while_down",
            "R34",
            "A ring can be closed while the interface is down, and the queue is free after it.",
            needs=(Need.NETDEVSIM,),
            since=QUEUE_LEVEL,
            scripted=True,
        ),
        Case(
            "removed_while_down",
            "R34",
            "A device that is down and has a registered queue can be removed.",
            needs=(Need.NETDEVSIM,),
            since=QUEUE_LEVEL,
            scripted=True,
        ),
        Case(
            "memory_comes_back",
            "R30",
            "All memory of a registration comes back, pinned pages included.",
            timeout_s=SLOW_S,
            since=QUEUE_LEVEL,
            scripted=True,
        ),
        Case(
            "refused_memory_comes_back",
            "R12",
            "A refused registration leaves none of the kernel's memory behind.",
            since=QUEUE_LEVEL,
            scripted=True,
        ),
        Case(
            "given_back_soon",
            "R30",
            "Who closes a ring does not wait for what is not there to be waited for.",
            since=QUEUE_LEVEL,
            scripted=True,
        ),
        Case(
            "mappings_end",
            "R33",
            "What is mapped for DMA of the device is unmapped when the registration ends.",
            needs=(Need.NETDEVSIM,),
            since=QUEUE_LEVEL,
            scripted=True,
        ),
        Case(
            "device_removed_with_two_rings",
            "R32",
            "A device with two registered queues can be removed, and both rings closed.",
            needs=(Need.NETDEVSIM,),
            since=QUEUE_LEVEL,
            scripted=True,
        ),
        Case(
            "other_device_removed",
            "R32",
            "A registration outlasts that another device is removed.",
            needs=(Need.NETDEVSIM,),
            since=QUEUE_LEVEL,
            scripted=True,
        ),
    ),
)
