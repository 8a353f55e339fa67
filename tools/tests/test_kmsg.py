# SPDX-License-Identifier: GPL-2.0
"""Records of /dev/kmsg, as a guest's agent sends them."""

from __future__ import annotations

import pytest

from kseries.machines.kmsg import NoRecord, Reader
from kseries.parse import stamps


def said(*records: str) -> list[str]:
    reader = Reader()
    reader.feed("".join(f"{record}\n" for record in records).encode())
    return reader.take().said


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        ("-", "[    1.250000] BUG: x"),
        ("-,caller=T321", "[    1.250000][  T321] BUG: x"),
        ("c,caller=C1", "[    1.250000][    C1] BUG: x"),
        ("-,caller=T1234567,more=1", "[    1.250000][T1234567] BUG: x"),
    ],
)
def test_a_record_becomes_a_line_as_on_the_console(flags: str, line: str) -> None:
    assert said(f"3,7,1250000,{flags};BUG: x") == [line]
    # So the same complaints are found in both.
    told = stamps.read(line)
    assert (told.message, f"caller={told.caller}" in flags or not told.caller) == ("BUG: x", True)


def test_each_line_of_a_record_has_its_caller() -> None:
    assert said(r"3,7,1250000,-,caller=T1;a\x0ab") == ["[    1.250000][    T1] a",
                                                       "[    1.250000][    T1] b"]  # fmt: skip


def test_records_of_programs_are_not_the_kernels() -> None:
    assert said("12,7,1250000,-,caller=T1;BUG: x", "4,8,1250000,-;y") == ["[    1.250000] y"]


def test_what_is_no_record() -> None:
    with pytest.raises(NoRecord):
        said("3,7,1250000;no flags")
