# SPDX-License-Identifier: GPL-2.0
"""What a guest left, made a measurement of, or found to prove nothing. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from kseries.bench import answer as answers
from kseries.bench import counts
from kseries.bench.answer import Answer
from kseries.bench.model import Measurement, Setup
from kseries.parse import klog

UNBOOKED = range(257)
"""Ticks of the guest's clock that may pass outside of the marks, beside the counts."""


class Worthless(Exception):
    """What was seen proves nothing; why, in words."""


@dataclass(frozen=True)
class Seen:
    """What a guest left. answer: of the program. counts: of the plugin."""

    answer: str
    counts: str
    console: str


def apart(seen: Seen, count: int) -> list[Seen]:
    """Give what each of some commands left that were run one after the other in a guest.

    One that ended well was measured. Where that is not so, nobody's counts are known.
    """
    if count == 1:
        return [seen]
    answers: list[list[str]] = [[]]
    for line in seen.answer.splitlines():
        answers[-1].append(line)
        if line.startswith("exit "):
            answers.append([])
    answers = [*answers[:count], *([[]] * (count - len(answers)))]
    good = [number for number, lines in enumerate(answers) if lines[-1:] == ["exit 0"]]
    parts = counts.segments(seen.counts)
    of = dict(zip(good, parts, strict=True)) if len(parts) == len(good) else {}
    return [
        Seen("".join(f"{line}\n" for line in lines), of.get(number, ""), seen.console)
        for number, lines in enumerate(answers)
    ]


def measurement(setup: Setup, seen: Seen) -> Measurement:
    """Check all that can be checked, and give what was measured. Raises Worthless."""
    complaints = klog.events([(0.0, line) for line in seen.console.splitlines()])
    if complaints:
        raise Worthless(f"the kernel complained: {complaints[0].title}")
    told = _answer(seen)
    if wrong := _wrong(setup, told):
        raise Worthless(wrong)
    try:
        booked = counts.read(seen.counts)
    except counts.Incomplete as error:
        raise Worthless(str(error)) from None
    unbooked = told.ticks - booked.total
    if unbooked not in UNBOOKED:
        raise Worthless(
            f"the counts ({booked.total}) are not what the guest's clock says ({told.ticks})"
        )
    if not booked.events.get("polls-rx"):
        raise Worthless("no packet was seen to arrive: are the symbols those of this kernel?")
    return Measurement(setup, told, booked.rows, booked.events, unbooked, booked.calls)


def _answer(seen: Seen) -> Answer:
    lines = seen.answer.splitlines()
    if not lines or not lines[-1].startswith("exit "):
        raise Worthless("the program did not end")
    if lines[-1] != "exit 0":
        last = [line for line in seen.console.splitlines() if line.startswith("zcrx_bench: ")]
        raise Worthless(f"the program failed ({lines[-1]}): {' '.join(last[-1:]) or 'no word'}")
    if len(lines) != 2:
        raise Worthless(f"the program printed {len(lines) - 1} lines in place of one")
    try:
        return answers.read(lines[0])
    except answers.Unreadable as error:
        raise Worthless(f"the answer cannot be read: {error}") from None


def _wrong(setup: Setup, told: Answer) -> str:
    """Say why an answer is not what was asked for, "" where it is."""
    asked = (setup.receiver, setup.regime, setup.packet, setup.family, setup.touched)
    if (told.receiver, told.regime, told.write, told.family, told.touched) != asked:
        return "the answer is to something else"
    if told.defer_us != setup.defer_us:
        return "the answer is to something else"
    if (told.warm_up, told.bytes) != (setup.warm_up, setup.bytes):
        return f"{told.bytes} bytes were received, not {setup.bytes}"
    if told.bad:
        return "what was received is not what was sent"
    for name, count in (("dropped", told.drops), ("without a buffer", told.no_buffer)):
        if count:
            return f"{count} packets were {name}"
    if told.starved:
        return f"the receiver had no buffers {told.starved} times"
    if setup.receiver == "zcrx" and told.provider_bytes != setup.bytes:
        return f"{setup.bytes - (told.provider_bytes or 0)} bytes were copied, not placed"
    return ""
