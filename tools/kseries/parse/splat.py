# SPDX-License-Identifier: GPL-2.0
"""A complaint of the kernel while its lines come: what belongs to it, and what it is called."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum, auto

from kseries.model import EventKind
from kseries.parse.calltrace import BETWEEN
from kseries.parse.klogrule import CHANGING, Ending, Role, Rule

MAX_TO_OOPS = 100  # lines from a fault to the header of its Oops
MAX_IN_STALL = 20  # lines of others at a time, while a stall is told
MAX_ENDERS = 3  # a warning breaks off a stall, a panic that warning
MAX_TO_CUT = 3  # lines from what is said before "cut here" to that

CUT = re.compile(r"\s*-+\[ cut here \]-+$|8<--- cut here ---$")
END = re.compile(r"\s*---\[ end |Rebooting in \d+ seconds")
RULER = re.compile(r"\s*={20,}$")
BACKTRACE = re.compile(r"NMI backtrace for cpu \d+")
# What says nothing of its place: of the one that comes, or of processor and machine.
_AROUND = re.compile(rf"{RULER.pattern}|\s*(?:CPU: \d|Tainted: |Hardware name: |Workqueue: )")
# Decoded logs name the function that was inlined first.
_INLINED = re.compile(r" \[inline\](?:$|, CPU#\d+: )")

# What the kernel says behind "cut here".
_BEHIND_CUT = (EventKind.WARN, EventKind.BUG)

# A stall tells of several tasks and processors, one after the other.
_MORE_OF_STALL = re.compile(
    r"\s*(?:rcu: |RCU |Sending NMI |NMI backtrace |CPU: |Hardware name: |Workqueue: "
    r"|[Tt]ask(?: dump|:)|Modules linked|pstate: |pc : |lr : |sp : |x\d+ *: |epc : |[a-z]\d+ : "
    r"|Stack dump|Tainted: |irq event stamp|(?:hard|soft)irqs last |running task )"
    r"|\t|\s*$"
)
# What makes a kernel ask its other processors where they are.
ASKING = (EventKind.RCU_STALL, EventKind.LOCKUP, EventKind.HUNG_TASK)


class Trust(Enum):
    """Why a line may be the kernel's."""

    STAMP = auto()  # the kernel's stamp stands before it
    WORDS = auto()  # no line of the log has one: what programs do not say in the same words
    PROOF = auto()  # lines of the log have one: only with processor and call trace below it


@dataclass
class Splat:
    """A complaint while its lines come. `rule` is None behind "cut here", until its title."""

    start: int
    rule: Rule | None = None
    lines: list[str] = field(default_factory=list)
    title: int = 0  # index of the line that names it
    headed: bool = False  # the header of its Oops was seen
    traced: bool = False
    ended: bool = False  # "---[ end" was seen; on arm64 before 4.17 the call trace comes behind it
    foreign: int = 0  # lines since the last one that surely belongs to it
    trust: Trust = Trust.STAMP
    last: int = 0  # index in the log of its last line
    called: str = ""  # its title, once it is closed and kept
    ender: Splat | None = None  # what broke it off before its own call trace

    @property
    def ending(self) -> Ending:
        """Where its lines end."""
        return self.rule.ending if self.rule else Ending.MARK


def goes_on(splat: Splat, text: str) -> bool:
    """Whether a line behind a call trace still belongs to the complaint."""
    return bool(BETWEEN.match(text) or (_is_stall(splat) and _MORE_OF_STALL.match(text)))


def patience(splat: Splat) -> int:
    """Give how many lines of others may stand between those behind a call trace.

    A stall takes long to tell.
    """
    return MAX_IN_STALL if _is_stall(splat) else 0


def _is_stall(splat: Splat) -> bool:
    return splat.rule is not None and splat.rule.kind in (EventKind.RCU_STALL, EventKind.LOCKUP)


def is_preface(splat: Splat) -> bool:
    """Whether what it tells of is told in full right behind it."""
    return splat.rule is not None and splat.rule.role is Role.PREFACE


def is_text(splat: Splat | None, rule: Rule) -> bool:
    """Whether a first line is what a WARN() says: between "cut here" and its title.

    Before 4.11 it stood behind the title.
    """
    if splat is None or len(splat.lines) - splat.title > MAX_TO_CUT:
        return False
    if splat.rule is None:
        return rule.ending is Ending.LINE or rule.role is Role.PREFACE
    return splat.rule.kind is EventKind.WARN and not splat.traced and rule.role is Role.PREFACE


def is_cut_short(splat: Splat, rule: Rule | None) -> bool:
    """Whether what begins now comes before the call trace of a complaint, which then is its own."""
    said = [line for line in splat.lines[splat.title :] if not _AROUND.match(line)]
    panics = rule is not None and rule.kind is EventKind.PANIC
    return not splat.traced and (panics or len(said) <= MAX_TO_CUT)


def told_by(splat: Splat) -> list[str]:
    """Give its lines from the title on, and those of what broke it off, up to a call trace."""
    told = splat.lines[splat.title :]
    for _ in range(MAX_ENDERS):
        if splat.traced or splat.ender is None:
            break
        splat = splat.ender
        told = told + splat.lines[splat.title + 1 :]
    return told


def takes(splat: Splat, rule: Rule, text: str) -> bool:
    """Whether the first line of a complaint belongs to the one that is open."""
    if splat.rule is rule and _INLINED.search(splat.lines[-1]):
        return True  # what it was inlined into
    if rule.role is Role.WHOLE and splat.lines[splat.title :] == [text]:
        return True  # two processors say the same
    if splat.rule is None:  # behind "cut here"
        arm = splat.lines[0].startswith("8<") and len(splat.lines) <= MAX_TO_CUT
        return arm or (rule.kind in _BEHIND_CUT and rule.ending is Ending.MARK)
    if (splat.rule.kind is EventKind.LEAK) is not (rule.kind is EventKind.LEAK):
        return False
    near = len(splat.lines) - splat.title <= MAX_TO_CUT
    if is_preface(splat) and near:
        return rule.role is not Role.WHOLE or rule.kind in _BEHIND_CUT
    if rule.role is not Role.HEADER or splat.headed or splat.rule.role is Role.WHOLE:
        return False
    return not splat.traced and len(splat.lines) - splat.title <= MAX_TO_OOPS


def title_of(splat: Splat) -> str:
    """Give its title, without what differs from run to run."""
    text = splat.lines[splat.title]
    told = [line for line in splat.lines[1 : splat.title] if line.strip()]
    if splat.rule is None:
        text = f"WARNING: {splat.lines[1]}"
    elif splat.rule.kind is EventKind.WARN and told:
        # WARN(condition, "text") says its text first.
        text = f"WARNING: {told[0]}"
    return settled(text)


def settled(text: str) -> str:
    """Give a message without what differs from run to run."""
    for pattern, replacement in CHANGING:
        text = pattern.sub(replacement, text)
    return text.strip()
