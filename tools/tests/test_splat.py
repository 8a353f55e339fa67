# SPDX-License-Identifier: GPL-2.0
"""What belongs to a complaint, and what of its title is the same in every run."""

from __future__ import annotations

import pytest

from kseries.model import EventKind
from kseries.parse import klog, splat
from kseries.parse.klogrule import Ending, Rule
from kseries.parse.splat import BACKTRACE, CUT, END, RULER, Splat, Trust, goes_on, patience, settled

K = EventKind


def rule(kind: EventKind, ending: Ending = Ending.TRACE) -> Rule:
    return Rule(kind, ending, "x", "", "")


@pytest.mark.parametrize(
    ("line", "pattern"),
    [
        ("------------[ cut here ]------------", CUT),
        (" -[ cut here ]-", CUT),
        ("8<--- cut here ---", CUT),
        ("---[ end trace 1 ]---", END),
        (" ---[ end Kernel panic", END),
        ("Rebooting in 12 seconds..", END),
        ("=" * 20, RULER),
        (" " + "=" * 70, RULER),
        ("NMI backtrace for cpu 12", BACKTRACE),
    ],
)
def test_marks(line: str, pattern: object) -> None:
    for each in (CUT, END, RULER, BACKTRACE):
        assert bool(each.match(line)) is (each is pattern)


@pytest.mark.parametrize(
    "line",
    [
        "[ cut here ]-",
        "-[ cut here ]",
        "-[ cut here ]- x",
        "x -[ cut here ]-",
        "8<--- cut here --- x",
        "---[ ended ]",
        "--[ end trace",
        "Rebooting in seconds",
        "Rebooting in x seconds",
        "=" * 19,
        "=" * 20 + " x",
        "NMI backtrace for cpu",
        "NMI backtrace for cpu x",
    ],
)
def test_no_marks(line: str) -> None:
    assert not any(each.match(line) for each in (CUT, END, RULER, BACKTRACE))


@pytest.mark.parametrize(
    "line",
    [
        "rcu: RCU grace-period kthread stack dump:",
        "  rcu: blocking",
        "RCU grace",
        "Sending NMI from CPU 0",
        "NMI backtrace for cpu 1",
        "CPU: 1 PID: 2",
        "Hardware name: x",
        "Workqueue: x",
        "Task dump for CPU 0",
        "task dump",
        "task:a state:R",
        "Task: x",
        "Modules linked in:",
        "pstate: 1",
        "pc : foo",
        "lr : foo",
        "sp : 1",
        "x29: 1",
        "x9 : 1",
        "x1  : 1",
        "epc : foo",
        "a0 : 1",
        "s11 : 1",
        "Stack dump where",
        "Tainted: x",
        "irq event stamp: 1",
        "hardirqs last enabled",
        "softirqs last enabled",
        "running task  stack:1",
        "\tx",
        "",
        "  ",
    ],
)
def test_what_a_stall_tells_behind_a_trace(line: str) -> None:
    for kind in (K.RCU_STALL, K.LOCKUP):
        assert goes_on(Splat(0, rule(kind)), line)
    for other in (Splat(0, rule(K.HUNG_TASK)), Splat(0)):
        assert not goes_on(other, line)


@pytest.mark.parametrize(
    "line",
    [
        "text",
        "rcu",
        "CPU 1",
        "tasks",
        "Taskset: x",
        "x: 1",
        "xa: 1",
        "a : 1",
        "1 : 1",
        "irqs last x",
    ],
)
def test_what_a_stall_does_not_tell(line: str) -> None:
    assert not goes_on(Splat(0, rule(K.LOCKUP)), line)


def test_frames_go_on_whatever_the_kind() -> None:
    assert goes_on(Splat(0), " foo+0x1/0x2")
    assert goes_on(Splat(0, rule(K.BUG)), " foo+0x1/0x2")


def test_patience() -> None:
    assert [patience(Splat(0, rule(kind))) for kind in (K.RCU_STALL, K.LOCKUP)] == [20, 20]
    assert [patience(Splat(0, rule(kind))) for kind in (K.HUNG_TASK, K.BUG)] == [0, 0]
    assert patience(Splat(0)) == 0
    assert splat.MAX_IN_STALL == 20


def test_an_open_complaint() -> None:
    new = Splat(3)
    assert (new.title, new.foreign, new.last, new.called, new.ender) == (0, 0, 0, "", None)
    assert (new.headed, new.traced, new.ended) == (False, False, False)
    assert new.trust is Trust.STAMP
    assert new.ending is Ending.MARK
    assert Splat(0, rule(K.BUG, Ending.RULER)).ending is Ending.RULER


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("a CPU: 12 PID: 34 b", "a b"),
        ("a CPU: 1 b", "a CPU: 1 b"),
        ("a, CPU#12: b c", "a"),
        ("a CPU#12 b", "a CPU b"),
        ("a cpu 12 b", "a CPU b"),
        ("xcpu 12", "xcpu 12"),
        ("foo+0x1f/0x2a b", "foo b"),
        ("foo+0x1/0x2 [mod] b", "foo b"),
        ("foo+0x1/0x2 [my-mod]", "foo [my-mod]"),
        ("foo+0x/0x2", "foo+0x/0x2"),
        ("foo+1 b", "foo+1 b"),
        ("a/12", "a"),
        ("a/12/0x2 b", "a b"),
        ("a/12]", "a]"),
        ("a/12! b", "a! b"),
        ("a/b12", "a/b12"),
        ("/12", "/12"),
        ("a/12x", "a/12x"),
        ("a for address 0123456789abcdef b", "a b"),
        ("a for address: 0x0123456789abcdef", "a"),
        ("a, probably for non-canonical address 0x0123456789abcdef", "a"),
        ("a at virtual address 0123456789abcdef", "a"),
        ("a address 0123456789abcdef", "a"),
        ("a, address: 0123456789abcdef", "a"),
        ("a: 0002 [#12] SMP", "a"),
        ("a[#1]", "a"),
        ("a: 0004 ilc:3 [#1]", "a"),
        ("a, sig: 11 [#1]", "a, sig: 11"),
        ("a 12345678 b", "a … b"),
        ("a 0x1234567 b", "a 0x1234567 b"),
        ("a 0x12345678 b", "a … b"),
        ("a 0123456789abcdef0 b", "a 0123456789abcdef0 b"),
        ("a:12]", "a]"),
        ("a:12 blocked", "a blocked"),
        ("a:12 b", "a:12 b"),
        (" a - CPU#1 stuck for 26s b", "a b"),
        ("id 12, 3 inflight 60 sec", "3 inflight"),
        ("a code: x12 y", "a code: x12 y"),
        ("a code: x12", "a"),
        ("a, nodemask=(null),b", "a"),
        ("a CPU:  PID: 34 b", "a CPU:  PID: 34 b"),
        ("a CPU: 1 PID:  b", "a CPU: 1 PID:  b"),
        ("a, CPU#: b", "a, CPU#: b"),
        ("a, CPU#1: ", "a"),
        ("foo+0x1/0x b", "foo+0x1/0x b"),
        ("foo+0x1/0x2 [] b", "foo [] b"),
        ("a/ b", "a/ b"),
        ("a/12/0x b", "a/12/0x b"),
        ("a [#] b", "a [#] b"),
        ("a:] b", "a:] b"),
        ("a - CPU# stuck for 26s b", "a - CPU# stuck for 26s b"),
        ("a - CPU#1 stuck for s b", "a - CPU stuck for s b"),
        ("xCPU#1", "xCPU#1"),
        ("CPU# b", "CPU# b"),
        ("cpu  b", "cpu  b"),
        ("xid 12, 3 inflight 60 sec", "xid 12, 3 inflight 60 sec"),
        ("id , 3 inflight 60 sec", "id , 3 inflight 60 sec"),
        ("id 12,  inflight 60 sec", "id 12,  inflight 60 sec"),
        ("id 12, 3 inflight  sec", "id 12, 3 inflight  sec"),
        ("xcode: y", "xcode: y"),
        ("a code: ", "a code:"),
        ("a, nodemask=", "a"),
        ("in foo (net/foo.h:1 net/foo.c:12 (discriminator 1)) net", "in foo net"),
        ("at a.c:1 foo (a.c:1 b-c/d+e.S:2) [m]", "at a.c:1 foo [m]"),
        ("in foo (??:?)", "in foo"),
        ("in foo (a.c:1 (discriminator 2", "in foo"),
        ("in foo (size 12:3)", "in foo (size 12:3)"),
        ("in foo() (a.c:1)", "in foo()"),
    ],
)
def test_what_differs_from_run_to_run(text: str, title: str) -> None:
    assert settled(text) == title


def titles(*lines: str) -> list[str]:
    return [event.title for event in klog.events([(0.0, line) for line in lines])]


def test_a_rule_is_sure_unless_told() -> None:
    assert not rule(K.BUG).vague
    assert rule(K.BUG).behind == ""


def test_a_warning_says_its_text_first() -> None:
    cut, warn = "------------[ cut here ]------------", "WARNING: CPU: 0 PID: 7 at a.c:12 f+0x1/0x2"
    assert titles(cut, warn) == ["WARNING: at a.c:12 f"]
    assert titles(cut, "text", warn) == ["WARNING: text"]
    assert titles(cut, " ", "text", "more", warn) == ["WARNING: text"]
    assert titles(cut, "text") == ["WARNING: text"]
    assert titles("text", warn) == ["WARNING: at a.c:12 f"]
    assert titles(cut, "text", "kernel BUG at a.c:12!") == ["kernel BUG at a.c:12!"]
