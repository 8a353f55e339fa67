# SPDX-License-Identifier: GPL-2.0
"""Records of /dev/kmsg, as a guest's agent sends them."""

from __future__ import annotations

import pytest

from kseries.machines import kmsg
from kseries.machines.kmsg import Log, NoRecord, Reader
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


def test_a_record_of_another_facility_is_of_a_program() -> None:
    assert said("7,0,61000001,-;of the kernel") == ["[   61.000001] of the kernel"]
    assert said("8,0,61000001,-;of a program") == []


def test_a_record_may_have_no_text_or_any() -> None:
    assert said("3,0,1,-;", r"3,1,1,-;a \x41\x7e ") == ["[    0.000001] ", "[    0.000001] a A~ "]
    reader = Reader()
    reader.feed(b"3,0,1,-;\xff\n SUBSYSTEM=net\n\n3,1,1,-;b\n")
    assert reader.take().said == ["[    0.000001] \N{REPLACEMENT CHARACTER}", "[    0.000001] b"]


@pytest.mark.parametrize("line", ["x3,7,1250000,-;a", "3,7,1250000;", "x" * 200])
def test_what_is_no_record_is_told(line: str) -> None:
    with pytest.raises(NoRecord) as caught:
        said(line)
    assert str(caught.value) == line[:100]


def test_numbers_without_a_gap_prove_that_nothing_is_missing() -> None:
    reader = Reader()
    reader.feed(b"3,0,1,-;a\n12,1,1,-;b\n3,4,1,-;c\n")
    told = reader.take()
    assert (told.lost, [line[-1] for line in told.said]) == (2, ["a", "c"])
    assert reader.take() == Log()
    for number in (4, 3):
        with pytest.raises(NoRecord, match=f"^record {number} came after record 4$"):
            reader.feed(b"3,%d,1,-;d\n" % number)
    reader.feed(b"3,6,1,-;e\n")
    assert reader.take().lost == 1


def test_a_mark_is_a_record_of_a_program() -> None:
    reader = Reader()
    reader.awaited = "the mark"
    for record, is_marked in (
        ("3,0,1,-;the mark", False), ("12,1,1,-;the marks", False), ("12,2,1,-;the mark", True)
    ):  # fmt: skip
        reader.feed(record.encode())
        assert reader.take().marked is is_marked


def test_what_is_too_much_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert kmsg.MAX_TEXT == 4 << 20
    monkeypatch.setattr(kmsg, "MAX_TEXT", 2 * len("[    0.000001] a"))
    reader = Reader()
    for begin in (0, 5):
        for number in range(begin, begin + 5):
            reader.feed(b"3,%d,1,-;a\n" % number)
        told = reader.take()
        assert (len(told.said), told.left_out, told.lost) == (2, 3, 0)
