# SPDX-License-Identifier: GPL-2.0
"""Measure over a NIC: set both ports up, let the peer send and the DUT receive, keep what is seen.

What is set is put back by whoever holds the machine (`hardware.visit`), and nothing of ours stays
on the peer: its program is a file that is gone once it runs.
"""

from __future__ import annotations

import shlex
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from kseries.bench import nicfacts, nicgoon, nicplan, nicproof
from kseries.bench.answer import Unreadable, read
from kseries.bench.nic import Asked, Item, Missing, OverNic, Sample, Step
from kseries.bench.nicplan import Plan
from kseries.hardware import asked as questions
from kseries.hardware.ends import Ends
from kseries.hardware.machine import LabMachine
from kseries.hardware.port import Unfit
from kseries.hardware.probe import Facts, Question
from kseries.lib.deadline import Deadline
from kseries.lib.errors import InfraError, UserError
from kseries.lib.progress import Progress
from kseries.machines.base import KernelDied
from kseries.model import Kernel
from kseries.test.ready import PLACE, PUT_S

PROGRAM = "zcrx_bench"
SPARE_S = 120.0  # that a measurement may take beyond its own time: for the warm-up, too
BOOT_S = 600.0
MOSTLY = 0.75
"""Of the softirqs that receive, what has to run where it is meant to; some are of ssh."""

# Its standard input is the program.
_SEND = (
    'file=$(mktemp -p /var/tmp kseries.XXXXXX) && cat >"$file" && chmod 700 "$file" &&'
    ' exec 9<"$file"; rm -f "$file";'
    ' limit=$(command -v timeout) && limit="$limit -k 5 {limit:.0f}";'
    " exec $limit /proc/self/fd/9 {words} 2>&1"
)

Keep = Callable[[OverNic], None]


@dataclass
class Session:
    """What is measured on a target.

    keep: gets all that is known so far, after each measurement. earlier: of the session that is
    gone on with; None where none is.
    """

    machine: LabMachine
    kernel: Kernel
    program: bytes  # that sends and receives
    target: str
    asked: Asked
    progress: Progress
    keep: Keep
    earlier: OverNic | None = None
    _plan: Plan = field(init=False)
    _done: OverNic = field(init=False)

    def run(self) -> OverNic:
        """Boot the kernel and measure.

        Raises UserError where nothing can be measured, BootFailed, TargetLost and other InfraError.
        """
        self._boot()
        self._plan, self._done = self._set_up()
        if self.earlier is not None:
            self._done = nicgoon.go_on(self._done, self.earlier)
        if self._done.proof is None:
            self._prove()
        self.keep(self._done)
        total = len(self._left()) * self.asked.repeats
        # In turns, so that what changes with time changes all of them.
        for turn in range(1, self.asked.repeats + 1):
            for item in self._left():
                if len(self._done.of(item)) >= turn:
                    continue  # in the session that is gone on with
                words = f"{item.name}, {turn} of {self.asked.repeats}"
                self.progress.update(words, done=len(self._done.samples), total=total)
                self._one(item)
                self.keep(self._done)
        return self._done

    def _left(self) -> Sequence[Item]:
        out = {missing.item for missing in (*self._done.skipped, *self._done.lost)}
        return [item for item in self.asked.items if item not in out]

    def _prove(self) -> None:
        """Count what zero copy copies, in a run that gives no figure."""
        item = next((item for item in self._left() if item.receiver == "zcrx"), None)
        if item is None:
            return
        self.progress.update(f"{self.target}: is anything copied?")

        def receive() -> int | None:
            # The pieces of a warm-up are not told, and its copies are counted.
            plan = replace(self._plan, warm_up=1)
            found = self._sample(item, plan)
            return None if isinstance(found, Missing) else found.answer.calls

        try:
            self._done = replace(self._done, proof=nicproof.prove(self._ask, receive))
        except KernelDied as death:
            self._died(item, death)

    def _ask(self, argv: Sequence[str]) -> list[str]:
        lines: list[str] = []
        self.machine.run(
            argv, deadline=Deadline.after(SPARE_S), on_line=lambda _at, line: lines.append(line)
        )
        return lines

    def _one(self, item: Item) -> None:
        """Measure once; what came to nothing is not tried again."""
        try:
            found = self._sample(item, self._plan)
        except KernelDied as death:
            self._died(item, death)
        else:
            self._done = _with(self._done, found)

    def _died(self, item: Item, death: KernelDied) -> None:
        """Have the machine ready for what is left."""
        self._done = _with(self._done, Missing(item, death.reason))
        self._boot()
        self._plan, again = self._set_up()
        self._done = replace(self._done, steps=again.steps, port=again.port)

    # ---- the kernel, and the ports

    def _boot(self) -> None:
        """Boot the kernel, and have the program there."""
        self.machine.boot(self.kernel, Deadline.after(BOOT_S))
        with tempfile.TemporaryDirectory() as name:
            # By its name and what is in it the machine knows whether it has it already.
            folder = Path(name, "bench")
            folder.mkdir()
            file = folder / PROGRAM
            file.write_bytes(self.program)
            file.chmod(0o755)
            self.machine.put(folder, PLACE, Deadline.after(PUT_S))

    def _set_up(self) -> tuple[Plan, OverNic]:
        """Set both ports up for what is measured, and see what came of it."""
        self.progress.update(f"{self.target}: setting up its port")
        ends = self.machine.ends
        dut = nicfacts.together(ends.dut, nicfacts.DUT)
        peer = ends.peer(nicfacts.PEER)
        try:
            made = nicplan.plan(self.asked, ends.lab, dut, peer)
        except nicplan.Unfit as lack:
            raise UserError(
                f"Nothing can be measured on {self.target}: {lack}.",
                do="`kseries hw check` says more; `addresses` of its file gives ports theirs",
            ) from lack
        steps = tuple(_set(ends, made.commands))
        try:
            self.machine.set_up_ports()
        except Unfit as lack:
            raise InfraError(
                f"{self.target} cannot be measured: {lack}.",
                where="\n".join(step.command for step in steps),
                do="what was set before may be too much for its NIC, or the peer's",
            ) from lack
        skipped = (*made.skipped, *_refused(made, steps, self.asked.items))
        return made, OverNic(
            target=self.target,
            asked=self.asked,
            machine=nicfacts.machine(dut),
            port=nicfacts.port(nicfacts.together(ends.dut, nicfacts.DUT)),
            peer=nicfacts.port(peer).driver,
            softirq=made.softirq,
            application=dict(made.application),
            steps=steps,
            made_of=nicgoon.made_of(self.kernel.image, self.program),
            skipped=skipped,
        )

    # ---- one measurement

    def _sample(self, item: Item, plan: Plan) -> Sample | Missing:
        ends = self.machine.ends
        before = _counters(ends)
        lines: list[str] = []
        sent: list[str] = []
        sender = threading.Thread(target=self._send, args=(ends, plan, sent), daemon=True)
        sender.start()
        port = self._done.port.interface
        words = nicplan.receiver_words(self.asked, plan, item, port)
        ended = self.machine.run(
            [f"{PLACE}/{PROGRAM}", *words],
            deadline=Deadline.after(self.asked.seconds + SPARE_S),
            on_line=lambda _at, line: lines.append(line),
        )
        sender.join(self.asked.seconds + SPARE_S)
        after = _counters(ends)
        if ended.status != 0:
            what = "it did not end in time" if ended.status is None else f"status {ended.status}"
            said = "; ".join([*lines[-3:], *sent])
            return Missing(item, f"{what}: {said}" if said else what)
        return self._judged(item, lines, before, after)

    def _judged(
        self,
        item: Item,
        lines: Sequence[str],
        before: tuple[Facts, Facts],
        after: tuple[Facts, Facts],
    ) -> Sample | Missing:
        try:
            answer = read(lines[-1] if lines else "")
        except Unreadable as error:
            return Missing(item, f"what it printed is no answer: {error}")
        old, new = ([nicfacts.counters(facts) for facts in pair] for pair in (before, after))
        dut, peer = (nicfacts.grown(*pair) for pair in zip(old, new, strict=True))
        known = [name for name in nicfacts.DROPPED if name in new[0]]
        is_known = nicfacts.RETRANSMITS in new[1]
        share = nicfacts.share_on(dut, self._plan.softirq)
        doubts = []
        if share is not None and share < MOSTLY:
            doubts.append(
                f"less than {100 * MOSTLY:.0f} % of the softirqs that received ran on CPU"
                f" {self._plan.softirq}, where all of them were to"
            )
        return Sample(
            item=item,
            answer=answer,
            drops=sum(dut.get(name, 0) for name in known) if known else None,
            retransmits=peer.get(nicfacts.RETRANSMITS, 0) if is_known else None,
            counters={**nicfacts.of_loss(dut, "dut"), **nicfacts.of_loss(peer, "peer")},
            doubts=tuple(doubts),
        )

    def _send(self, ends: Ends, plan: Plan, said: list[str]) -> None:
        """Let the peer send, until nobody receives any more. said: gets why it could not."""
        limit_s = self.asked.seconds + SPARE_S / 2
        words = shlex.join(nicplan.sender_words(self.asked, plan))
        script = _SEND.format(limit=limit_s, words=words)
        with tempfile.TemporaryFile() as file:
            file.write(self.program)
            file.seek(0)
            try:
                done = ends.run_on_peer(script, file, Deadline.after(limit_s + SPARE_S / 4))
            except InfraError as error:
                said.append(f"the peer: {error.what}")
                return
        if not done.ok:
            last = done.output.strip().splitlines()[-1:] or [f"status {done.returncode}"]
            said.append(f"the peer: {last[0]}")


def _with(done: OverNic, found: Sample | Missing) -> OverNic:
    if isinstance(found, Missing):
        return replace(done, lost=(*done.lost, found))
    return replace(done, samples=(*done.samples, found))


def _counters(ends: Ends) -> tuple[Facts, Facts]:
    return ends.dut(nicfacts.COUNTERS_DUT), ends.peer(nicfacts.COUNTERS_PEER)


def _set(ends: Ends, steps: Sequence[Step]) -> list[Step]:
    """Carry out steps; a refusal is kept with its words."""
    done: list[Step] = []
    for side, ask in (("dut", ends.dut), ("peer", ends.peer)):
        own = [step for step in steps if step.side == side]
        asked = [Question(f"step{number}", step.command) for number, step in enumerate(own)]
        facts = ask((*asked, *questions.PORT))
        for number, step in enumerate(own):
            name = f"step{number}"
            done.append(step if facts.ok(name) else replace(step, why_not=facts.why_not(name)))
    return done


def _refused(made: Plan, steps: Sequence[Step], items: Sequence[Item]) -> list[Missing]:
    """Say that zero copy cannot be measured where a step was refused that it needs."""
    lacks = [step for step in steps if step.why_not and step.name in made.needed]
    out = {missing.item for missing in made.skipped}
    if not lacks:
        return []
    why = "; ".join(
        f"{step.name} could not be set to {step.value}: {step.why_not}" for step in lacks
    )
    return [Missing(i, why) for i in items if i.receiver == "zcrx" and i not in out]
