# SPDX-License-Identifier: GPL-2.0
"""Kinds of memory to receive into, and what becomes of the memory while it is the area."""

from __future__ import annotations

from kselftest_zcrx.model import QUEUE_LEVEL, SLOW_S, Case, Fixture

MEMORY = Fixture(
    "memory",
    tuple(
        Case(name, rule, tests, timeout_s=SLOW_S, since=QUEUE_LEVEL, scripted=True)
        for name, rule, tests in (
            ("huge_page", "R17", "A huge page can be received into."),
            ("part_of_huge_page", "R16", "So can a few pages in the middle of a huge one."),
            (
                "huge_page_charged",
                "R18",
                "Who has one page of a huge page pinned is charged for all of it.",
            ),
            (
                "huge_page_charged_once",
                "R18",
                "A huge page that is in the area twice is charged once.",
            ),
            (
                "page_charged_once_in_a_row",
                "R18",
                "So is an ordinary page that is in the area twice in a row.",
            ),
            ("many_pages", "R16", "An area may have more pages than 16 bits count."),
            ("many_pages_used", "R16", "And each of them is one of its own, up to the last."),
            ("transparent_huge_page", "R17", "Memory that the kernel may join to huge pages."),
            ("memfd", "R17", "A file in memory can be received into."),
            (
                "memfd_mapped_twice",
                "R17",
                "What is placed in shared memory is seen through its other mapping.",
            ),
            (
                "file_on_disk",
                "R17",
                "A file system on a disk has to know who writes to its files, and cannot.",
            ),
            (
                "private_file_on_disk",
                "R17",
                "A private mapping of a file is memory of its own.",
            ),
            (
                "two_rings",
                "R18",
                "Two rings may have the same memory, which is then pinned twice.",
            ),
            (
                "mapped_anew",
                "R60",
                "What is mapped in place of the area afterwards is not written to.",
            ),
            ("partly_unmapped", "R60", "Every second page of the area is unmapped."),
            ("discarded", "R60", "An area whose pages are thrown away is no longer seen."),
            ("read_only", "R60", "An area that is made read-only goes on being received into."),
            ("moved", "R60", "What is placed in an area that is moved is found at the new place."),
            ("truncated", "R60", "The file that is the area is cut off."),
            (
                "child_writes",
                "R60",
                "A child process has a copy of the area, and the parent the area.",
            ),
        )
    ),
    setup="link",
)
