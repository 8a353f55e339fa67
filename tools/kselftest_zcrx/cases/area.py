# SPDX-License-Identifier: GPL-2.0
"""The area, the memory to receive into: what is taken, and what is refused with which error."""

from __future__ import annotations

from kselftest_zcrx.model import AREA_LEVEL, MAINLINE, Caller, Case, Fixture, Mainline, Spoil

_EINVAL = (
    ("addr_one_off", "R16", "The address is that of a page, not one above.", "addr", "+= 1"),
    ("addr_half_a_page", "R16", "Half a page is no alignment.", "addr", "+= PAGE / 2"),
    ("len_one_more", "R16", "The length is a number of pages, not one byte more.", "len", "+= 1"),
    ("len_one_less", "R16", "The length is a number of pages, not one byte less.", "len", "-= 1"),
    ("len_1", "R16", "A single byte is no area.", "len", "= 1"),
    ("flags_bit_0", "R9", "No flag of an area is known: the lowest bit.", "flags", "= 1"),
    ("flags_bit_31", "R9", "No flag of an area is known: the highest bit.", "flags", "= 1U << 31"),
    ("resv1", "R9", "The reserved word of an area must be 0.", "resv1", "= 1"),
    ("resv2_0", "R9", "Reserved word 0 of an area must be 0.", "resv2[0]", "= 1"),
    ("resv2_1", "R9", "Reserved word 1 of an area must be 0.", "resv2[1]", "= 1"),
    (
        "resv2_top_bit",
        "R9",
        "All 64 bits of a reserved word of an area count.",
        "resv2[1]",
        "= 1ULL << 63",
    ),
)

# Reserved words go by other names in mainline, or have got a use.
_MAINLINE_NAMES = {"resv1": "dmabuf_fd", "resv2[0]": "__resv2[0]", "resv2[1]": "__resv2[1]"}

_EFAULT = (
    ("len_0", "No memory at all is no area.", "len", "= 0"),
    ("len_all_ones", "There is not as much memory as a length can tell.", "len", "= -PAGE"),
    ("addr_null", "Nothing is mapped at address 0.", "addr", "= 0"),
    ("addr_of_kernel", "Memory of the kernel is no area.", "addr", "= 1ULL << 63"),
)


def _value(field: str, change: str) -> str:
    """Turn an assignment into the value that is assigned."""
    operator, _, operand = change.partition(" ")
    return operand if operator == "=" else f"zcrx_area.{field} {operator[0]} {operand}"


def _renamed(field: str, change: str) -> Mainline:
    """Give the same spoiled in mainline."""
    name = _MAINLINE_NAMES.get(field, field)
    return Mainline(spoil=Spoil(f"area.{name}", _value(name, change)))


AREA = Fixture(
    "area",
    (
        *(
            Case(
                f"area_ptr_{name}",
                "R13",
                f"There must be a description of the area: {where}.",
                Spoil("area_ptr", value),
                error="EFAULT",
                since=AREA_LEVEL,
            )
            for name, where, value in (
                ("null", "nothing is at address 0", "0"),
                ("all_ones", "nothing is at the end of the address space", "UINT64_MAX"),
            )
        ),
        Case(
            "description_cut_off",
            "R13",
            "A description whose last byte lies in unmapped memory cannot be read.",
            since=AREA_LEVEL,
            scripted=True,
        ),
        Case(
            "description_ends_at_page_end",
            "R13",
            "The kernel neither reads nor writes beyond the 48 bytes of the description.",
            since=AREA_LEVEL,
            scripted=True,
        ),
        Case(
            "description_read_only",
            "R13",
            "A description that the token cannot be written to fails, and the ring stays free.",
            since=AREA_LEVEL,
            scripted=True,
        ),
        *(
            Case(
                name,
                rule,
                tests,
                Spoil(f"area.{field}", _value(field, change)),
                error="EINVAL",
                since=AREA_LEVEL,
                mainline=_renamed(field, change),
            )
            for name, rule, tests, field, change in _EINVAL
        ),
        *(
            Case(
                name,
                "R17",
                tests,
                Spoil(f"area.{field}", _value(field, change)),
                error="EFAULT",
                since=AREA_LEVEL,
                mainline=Mainline(error="EINVAL" if field == "len" and change != "= 0" else None),
            )
            for name, tests, field, change in _EFAULT
        ),
        Case(
            "one_page",
            "R16",
            "The smallest area is a page.",
            Spoil("area.len", "PAGE"),
            since=AREA_LEVEL,
        ),
        Case(
            "memory_with_a_hole",
            "R17",
            "A page that is not mapped, in the middle of the area, is a fault.",
            since=AREA_LEVEL,
            scripted=True,
        ),
        Case(
            "memory_read_only",
            "R17",
            "Memory that is mapped for reading only cannot be received into.",
            since=AREA_LEVEL,
            scripted=True,
        ),
        Case(
            "memory_shared",
            "R17",
            "Shared memory can be received into.",
            since=AREA_LEVEL,
            scripted=True,
        ),
        Case(
            "memlock_too_little",
            "R18",
            "The area counts against RLIMIT_MEMLOCK: one page short.",
            caller=Caller.LOCKS_TOO_LITTLE,
            error="ENOMEM",
            since=AREA_LEVEL,
        ),
        Case(
            "memlock_enough",
            "R18",
            "The area counts against RLIMIT_MEMLOCK: just enough.",
            caller=Caller.LOCKS_ENOUGH,
            since=AREA_LEVEL,
        ),
        Case(
            "memlock_comes_back",
            "R18",
            "Closing the ring, and a failed registration, give back what they locked.",
            since=AREA_LEVEL,
            scripted=True,
        ),
        Case(
            "pinned_comes_back",
            "R18",
            "The pages are pinned as long as the registration lasts, and no longer.",
            since=AREA_LEVEL,
            scripted=True,
        ),
        Case(
            "token_given",
            "R19",
            "The token is the kernel's to give.",
            Spoil("area.rq_area_token", "1"),
            error="EINVAL",
            dialects=(MAINLINE,),
        ),
        Case(
            "token_written_back",
            "R19",
            "The token is written back, and has no bits where offsets have theirs.",
            since=AREA_LEVEL,
            scripted=True,
        ),
    ),
)
