# SPDX-License-Identifier: GPL-2.0
"""Lines of a stack: each part of the patterns that know them."""

from __future__ import annotations

import pytest

from kseries.parse.calltrace import BETWEEN, CALL, DOUBTFUL, HEAD, PC, Frame, traces


@pytest.mark.parametrize(
    "line",
    [
        "Call Trace:",
        "Call trace:",
        "  Call Trace:",
        "Backtrace:",
        "backtrace:",
        "backtrace (crc 0a1f):",
        "Call Trace: [<ffffffff81000000>] foo+0x1/0x2",
        "Call Trace:[<ffffffff81000000>] foo",
        "Call Trace: ",
        "Call Trace: <IRQ>"[:11],
    ],
)
def test_a_head(line: str) -> None:
    assert HEAD.match(line)
    told = [frame.symbol for frame in traces(("x", " early+0x1/0x2", line, " a+0x1/0x2"))[0].frames]
    assert "early" not in told


@pytest.mark.parametrize(
    "line",
    [
        "Call tRace:",
        "Call Trace",
        "the Call Trace:",
        "backtrace (crc ):",
        "backtrace (crc xyz):",
        "stack backtrace:",
        "Call Trace: none",
        "Call Trace: [1]",
        "Call Trace: [<>] foo",
    ],
)
def test_no_head(line: str) -> None:
    assert not HEAD.match(line)
    lines = ("x", " early+0x1/0x2", line, " a+0x1/0x2")
    assert traces(lines)[0].frames[0].symbol == "early"


@pytest.mark.parametrize(
    ("line", "groups"),
    [
        (" foo+0x1f/0x2a", ("foo", "1f", "2a", None)),
        ("foo+0x1/0x2", ("foo", "1", "2", None)),
        (" foo.cold-0x5/0x26", ("foo.cold", None, None, None)),
        (" .foo.isra.0+0x1/0x2", ("foo.isra.0", "1", "2", None)),
        (" $a_1.b$+0x1/0x2", ("$a_1.b$", "1", "2", None)),
        (" F+0x1/0x2 [my-mod_1]", ("F", "1", "2", "my-mod_1")),
        (" foo+0x1/0x2 [mod 0123abcd]", ("foo", "1", "2", "mod")),
        (" foo+0x1/0x2 [", ("foo", "1", "2", None)),
        (" foo net/a-b.c:12 [inline]", ("foo", None, None, None)),
        (" foo net/a.c:-1 [inline]", ("foo", None, None, None)),
        (" foo (net/a+b-c.c:12)", ("foo", None, None, None)),
        (" foo (net/a.c:12 net/b.c:3)", ("foo", None, None, None)),
        (" foo (net/a.c:12?)", ("foo", None, None, None)),
        (" foo (a.c:?)", ("foo", None, None, None)),
        (" foo (??:?)", ("foo", None, None, None)),
        (" foo (??:0)", ("foo", None, None, None)),
        (" [<ffffffff81000000>] foo+0x1/0x2", ("foo", "1", "2", None)),
        (" [<0xffffffff81000000>]  foo+0x1/0x2", ("foo", "1", "2", None)),
        ("[c000] [c0000000001234ab] .foo+0x1/0x2", ("foo", "1", "2", None)),
        ("Call Trace: [<ffffffff81000000>] foo+0x1/0x2", ("foo", "1", "2", None)),
        (" Call trace:foo+0x1/0x2", ("foo", "1", "2", None)),
        (" a from foo+0x1/0x2", ("foo", "1", "2", None)),
        ("[<c0100000>] (a) from [<c0100010>] (foo+0x1/0x2)", ("foo", "1", "2", None)),
        ("[<c0100000>] (a+0x1/0x2 [m]) from [<c0100010>] (foo+0x3/0x4)", ("foo", "3", "4", None)),
        (" (a.b$+0x1/0x2) from foo+0x3/0x4", ("foo", "3", "4", None)),
    ],
)
def test_a_call(line: str, groups: tuple[str | None, ...]) -> None:
    symbol, offset, size, module = groups
    assert symbol is not None
    told = (symbol, int(offset or "0", 16), int(size or "0", 16), module or "")
    first = traces(("x", "Call Trace:", line))[0].frames[0]
    assert (first.symbol, first.offset, first.size, first.module) == told
    if " from " not in line and "Trace" not in line and "trace:" not in line:
        found = DOUBTFUL.match(line)
        assert found
        assert found.groups() == groups


@pytest.mark.parametrize(
    "line",
    [
        " 1foo+0x1/0x2",
        " foo+0x/0x2",
        " foo+0x1/0x",
        " foo+1/2",
        " foo+0x1",
        " foo",
        " foo net/a.c:12",
        " foo net/a.c:x [inline]",
        " foo net/a.c: [inline]",
        " foo (net/a.c:12]",
        " foo (net/a.c)",
        " foo (net/a.c:x)",
        " foo (?:?)",
        " foo (:1)",
        " foo (a.c:)",
        " foo :12 [inline]",
        "() from foo+0x1/0x2",
        "(a+0x/0x2) from foo+0x1/0x2",
        "(a+0x1/0x) from foo+0x1/0x2",
        "(a []) from foo+0x1/0x2",
        " [<fff>] foo+0x1/0x2",
        " [<fffffffff81000000f>] foo+0x1/0x2",
        "Call Trace foo+0x1/0x2",
        " a of foo+0x1/0x2",
        " at foo+0x1/0x2",
        "%foo+0x1/0x2",
    ],
)
def test_no_call(line: str) -> None:
    assert traces(("x", "Call Trace:", line)) == ()
    assert not CALL.match(line)
    assert not DOUBTFUL.match(line)


def test_the_unwinder_may_be_unsure() -> None:
    for line in (" ? foo+0x1/0x2", "? foo+0x1/0x2", " [<ffffffff81000000>] ? foo+0x1/0x2"):
        assert not CALL.match(line)
        found = DOUBTFUL.match(line)
        assert found
        assert found[1] == "foo"
    for line in ("[c000] [c000] foo+0x1/0x2 (unreliable)", " foo+0x1/0x2 [m] (unreliable)"):
        assert not CALL.match(line)
        assert DOUBTFUL.match(line)
    assert CALL.match(" foo+0x1/0x2 (reliable)")
    assert not DOUBTFUL.match(" ?foo+0x1/0x2")


@pytest.mark.parametrize(
    "before",
    [
        "RIP: 0010:",
        "RIP: ",
        "RIP:",
        "EIP: ",
        "EIP: 0060:",
        "IP: ",
        "IP is at ",
        "EIP is at ",
        "RIP: 0010:[<ffffffff81000000>]  [<ffffffff81000000>] ",
        "RIP  [<ffffffff81000000>] ",
        "PC is at ",
        "pc is at ",
        "pc : ",
        " pc : ",
        "epc : ",
        "epc   : 80101234 ",
        "epc: ",
        "epc : ffffffff80101234 ",
        "ERA: 9000000000001234 ",
        "era: 9000000000001234 ",
        "Krnl PSW : 0704c00180000000 00000000001234ab (",
        "NIP [c000000000001234] ",
        "NIP ",
        "IAOQ[0]: ",
        "TPC: <",
        "PC: [<00101234>] ",
        "PC: ",
    ],
)
def test_a_program_counter(before: str) -> None:
    (trace,) = traces(("x", f"{before}foo+0x1/0x2", "Call Trace:"))
    assert [(frame.symbol, frame.exact) for frame in trace.frames] == [("foo", True)]


@pytest.mark.parametrize(
    "before",
    [
        "RIP: 0033:",
        "RSP: ",
        "XIP: ",
        "IP was at ",
        "lr : ",
        "PC was at ",
        "pc: ",
        "epc : 1234 ",
        "era: 90000000 ",
        "Krnl PSW : 0704 (",
        "NIP: ",
        "IAOQ[1]: ",
        "TPC: ",
        "PC : ",
        "the RIP: ",
        "",
    ],
)
def test_no_program_counter(before: str) -> None:
    assert traces(("x", f"{before}foo+0x1/0x2", "Call Trace:")) == ()
    assert not PC.match(f"{before}foo+0x1/0x2")


@pytest.mark.parametrize(
    "line",
    [
        " foo+0x1/0x2",
        " ? foo+0x1/0x2",
        " .foo.isra$+0x1",
        "Call Trace: [<ffffffff81000000>] foo+0x1/0x2",
        "Call trace:foo+0x1",
        " 0xffffffff81000000",
        "([<0000000000001234>] foo+0x1/0x2)",
        "[<c0100000>] (a) from [<c0100010>] (b+0x1/0x2)",
        " a from b+0x1/0x2",
        " foo net/a.c:12 [inline]",
        " foo (net/a+b-c.c:12)",
        " foo (a.c:?)",
        " foo (??:?)",
        " foo net/a.c:1",
        " [<ffffffff81000000>] [<ffffffff81000000>] ",
        "[<ffffffff81000000>]",
        " <IRQ>",
        " </TASK>",
        " <#DF>",
        " <TASK MORE>",
        "<<EOE>>",
        " <EOE>  more",
        " <</NMI>>",
        "RIP: 0033:0x7f",
        " EIP: 1",
        "IP: 1",
        "Code: 00 00",
        " Code: 00",
        "RAX: 0000",
        "R8: 0",
        "R10: 0",
        "RSP: 0018:ffff",
        "EFLAGS: 0",
        "ORIG_RAX: 0",
        "CR2: 0",
        "DR0: 0",
        "FS:  0",
        "CS: 0",
        "EAX: 0",
        "DS: 0",
        " Call Trace:",
        "Call trace:",
        "Backtrace:",
        "--- interrupt: 500",
        "---Exception: 1",
        "---- interrupt",
        "Exception stack(0xffff to 0xffff)",
        " Exception stack",
        " r10:c0a01f00 r9:00000000",
        "r4:deadbeef",
        "7920: 0000000000000031",
        " 7920: 0000000000000031",
        "NIP: c000",
        "LR: c000",
        "REGS: c000",
        "MSR: 9000",
        "GPR04: 0000",
        "CFAR: c000",
    ],
)
def test_what_stands_between_frames(line: str) -> None:
    assert BETWEEN.match(line)
    (trace,) = traces(("x", "Call Trace:", line, " after+0x1/0x2"))
    assert trace.frames[-1].symbol == "after"


@pytest.mark.parametrize(
    "line",
    [
        "text",
        "",
        " foo+1",
        " foo (bar)",
        " foo net/a.c",
        "eth0: link is up",
        " of 0xffff",
        " <irq>",
        "[ end ]",
        " [<ffffffff81000000>] text",
        "the RIP: 0",
        "The Code: 0",
        "RAX 0000",
        "R: 0",
        "CRX: 0",
        "DRX: 0",
        "Stack trace:",
        "--- end",
        "-- interrupt",
        "Exceptions stack",
        "792: 0000",
        "79200: 0000",
        "GPR4: 0000",
        "SP: c000",
        "a of b+0x1/0x2",
    ],
)
def test_what_ends_a_stack(line: str) -> None:
    assert not BETWEEN.match(line)
    assert traces(("x", "Call Trace:", line, " after+0x1/0x2")) == ()


def test_a_frame() -> None:
    frame = Frame("foo.isra.0", 0x12, 0x34, "mod")
    assert (frame.function, frame.call) == ("foo", "foo.isra.0+0x11/0x34 [mod]")
    assert Frame("foo", 0x12, 0x34, exact=True).call == "foo+0x12/0x34"
    assert Frame("foo", 0, 0).call == "foo+0x0/0x0"


def stacks(*lines: str) -> list[tuple[str, list[str]]]:
    return [(trace.title, [f.function for f in trace.frames]) for trace in traces(lines)]


def test_the_stacks_of_a_complaint() -> None:
    lines = ("BUG: x", "RIP: 0010:at_pc+0x1/0x2", "Call Trace:", " dump_stack+0x1/0x2")
    assert stacks(*lines, " a+0x1/0x2", " b+0x3/0x4", "text", " c+0x1/0x2") == [
        ("", ["at_pc", "a", "b"])
    ]
    assert stacks("x", " early+0x1/0x2", "Call Trace:", " a+0x1/0x2") == [("", ["a"])]
    assert stacks("x", lines[1], "RIP: 0010:other+0x1/0x2", "Call Trace:") == [("", ["at_pc"])]
    assert stacks("x", "Call Trace:", " a+0x1/0x2", lines[1]) == [("", ["a"])]
    # riscv has no head; the title is no frame.
    assert stacks(" title+0x1/0x2", "text", " a+0x1/0x2", " b+0x1/0x2") == [("", ["a", "b"])]
    assert stacks("x", "the odd+0x1/0x2", " a+0x1/0x2") == [("", ["a"])]
    assert stacks("x", "Call Trace:", " a+0x1/0x2", "the b+0x1/0x2", " c+0x1/0x2") == [("", ["a"])]
    assert stacks("x", "Call Trace:", "text") == []
    assert stacks("x") == []


def test_a_stack_ends_with_the_interrupt_that_it_happened_in() -> None:
    head = ("x", "Call Trace:", " <IRQ>", " dump_stack+0x1/0x2")
    for end in ("</IRQ>", " </IRQ>", " </#DF>", " <EOI>", " <<EOE>>", "<EOE>"):
        assert stacks(*head, " a+0x1/0x2", end, " b+0x1/0x2") == [("", ["a"])], end
        assert stacks(*head, end, " b+0x1/0x2") == [("", ["b"])], end
    assert stacks(*head, " a+0x1/0x2", " b+0x1/0x2 </IRQ>", " c+0x1/0x2") == [("", ["a", "b", "c"])]
    for goes_on in (" <TASK>", " <EOX>", " RIP: 0"):
        assert stacks(*head, " a+0x1/0x2", goes_on, " b+0x1/0x2") == [("", ["a", "b"])]


@pytest.mark.parametrize(
    ("line", "title"),
    [
        ("Allocated by task 12:", "Allocated"),
        ("Allocated by task 1:", "Allocated"),
        ("Freed by task 12 on cpu 0 at 1.2s:", "Freed"),
        ("Allocated:", "Allocated"),
        ("freed:", "freed"),
        ("allocated by task 12 on cpu 1 at 2.5s:", "allocated"),
        ("Last potentially related work creation:", "Last potentially related work creation"),
        (
            "Second to last potentially related work creation:",
            "Second to last potentially related work creation",
        ),
    ],
)
def test_stacks_of_before(line: str, title: str) -> None:
    first = ("x", "Call Trace:", " a+0x1/0x2", "")
    assert stacks(*first, line, " kasan_save_stack+0x1/0x2", " b+0x1/0x2") == [
        ("", ["a"]),
        (title, ["b"]),
    ]
    assert stacks(*first, line, " b+0x1/0x2") == [("", ["a"]), (title, ["b"])]
    wrong = (line.replace(" task 12", " 12"), line.replace(" task 12", " task "))
    for other in (f"It was {line}", f"{line} text", *wrong, line[:-1]):
        if other != line:
            assert len(stacks(*first, other, " b+0x1/0x2")) == 1, other


def test_a_stack_has_so_many_frames_once_each() -> None:
    many = [f" f{number}+0x1/0x2" for number in range(20)]
    assert len(traces(("x", "Call Trace:", *many))[0].frames) == 16
    twice = (" a+0x1/0x2", " a+0x1/0x2", " a+0x2/0x2", " b+0x2/0x2", " a+0x2/0x2")
    assert stacks("x", "Call Trace:", *twice) == [("", ["a", "a", "b", "a"])]
    other = (" a+0x1/0x2", " b+0x2/0x2", " b+0x1/0x2")
    assert stacks("x", "Call Trace:", *other) == [("", ["a", "b", "b"])]


def test_helpers_at_the_program_counter_only() -> None:
    lines = ("x", "RIP: 0010:{}+0x1/0x2", "Call Trace:", " a+0x1/0x2")
    for name, kept in (("memcpy", False), ("schedule", True)):
        told = stacks(*(line.format(name) for line in lines))
        assert told == [("", [name, "a"] if kept else ["a"])]
    assert stacks("x", "Call Trace:", " schedule+0x1/0x2", " a+0x1/0x2") == [("", ["a"])]


def test_the_stack_of_memory_that_leaks() -> None:
    lines = ("unreferenced object 0xffff888012345678 (size 64):", '  comm "a", pid 1')
    for head in ("  backtrace:", "  backtrace (crc 0a1f):"):
        calls = ("    kmalloc_trace+0x1/0x2", "    [<ffffffff81>] foo_new+0x1/0x2")
        assert stacks(*lines, head, *calls, "    foo_open+0x1/0x2") == [
            ("", ["foo_new", "foo_open"])
        ]


def test_a_call_behind_its_function_is_one_of_the_stack() -> None:
    lines = ("x", "Call Trace:", " a+0x1/0x2", " b.cold-0x5/0x26", " ? c-0x1/0x2", " d+0x1/0x2")
    assert [frame.symbol for frame in traces(lines)[0].frames] == ["a", "b.cold", "d"]
