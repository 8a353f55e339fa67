# SPDX-License-Identifier: GPL-2.0
"""Boot the kernel, run the test programs one by one, and say of each what it did.

A program that takes the kernel down is charged with it; the machine is booted afresh and the
programs after it still run. A machine that is lost without its kernel's fault is an exception;
`results.partial` then gives what was seen.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from kseries import publish
from kseries.deadline import Deadline
from kseries.model import Kernel, ProgramResult, StagedSuites, TestOutcome, TestProgram
from kseries.progress import Progress
from kseries.results import attribution, evidence, klog, ktap, outcome, partial, plan
from kseries.results.outcome import Ended, label_of
from kseries.results.running import RunningCases, Span
from kseries.results.testlog import open_log
from kseries.runfolder import RunFolder
from kseries.targets.base import BootFailed, KernelDied, Target

PLACE = "/kselftest"  # of the staged folder, on the target
KERNEL_LOG = "/dev/kmsg"

BOOT_S = 180.0  # a kernel with all checkers, emulated, needs 25
PUT_S = 180.0
MAX_REBOOTS = 3
MAX_NAMED = 5  # cases in one note

OpenTarget = Callable[[], AbstractContextManager[Target]]
Enough = Callable[[ProgramResult], bool]

# Marks the kernel log before and after a program, in one go with it.
# Arguments: file to write to, first line, last line, the program.
_MARKED = """log=$1 first=$2 last=$3; shift 3
say() { { echo "$1" >>"$log"; } 2>/dev/null; }
say "$first"; "$@"; status=$?; say "$last"; exit $status"""

KMEMLEAK = "/sys/kernel/debug/kmemleak"
LEAK_AGE_S = 6  # kmemleak tells of an object when it is older than 5 s, in the second scan
LEAKS_S = 300.0

# Prints where what the kernel has lost was allocated. Arguments: kmemleak's file, an age.
_LEAKS = """[ -w "$1" ] || exit 0
echo scan >"$1"; sleep "$2"; echo scan >"$1"; cat "$1"
"""


def _never(_result: ProgramResult) -> bool:
    return False


def test(
    staged: StagedSuites,
    kernel: Kernel,
    open_target: OpenTarget,
    run: RunFolder,
    progress: Progress,
    *,
    only: str = "",  # noqa: PT028 - a stage, not a test of pytest
    extended: bool = False,  # noqa: PT028
    enough: Enough = _never,  # noqa: PT028
) -> TestOutcome:
    """Run the staged programs, or those that `only` picks, on a machine that `open_target` gives.

    extended: also those that take minutes. enough: whether a program's result tells so much that
    those after it need not run.

    A kernel that does not boot is a result: every program is then MISSING, and a note says why.
    Raises UserError when `only` matches nothing, TargetLost and other InfraError when the
    machine is lost.
    """
    programs = plan.select(staged.programs, only, extended=extended)
    partial.clear(run)
    if not programs:
        return TestOutcome((), (), {}, ("no test program was planned",))
    with open_target() as target:
        session = _Session(staged, kernel, target, run, progress, len(programs), enough)
        session.run_all(programs)
        closed = time.monotonic()
        target.close()
        lines = target.console()
        facts = {**target.facts, "boots": str(session.boots)}
    events = klog.events(lines, during=attribution.during(lines, session.spans, closed))
    events = attribution.charge_death(events, lines, session.died_in)
    results = tuple(outcome.with_events(result, events) for result in session.results)
    results = evidence.gather(run, results, lines)
    for result in results:
        partial.save(run, result)
    return TestOutcome(results, events, facts, tuple(session.notes))


@dataclass
class _Session:
    """A target at work, and what the programs have left so far."""

    staged: StagedSuites
    kernel: Kernel
    target: Target
    run: RunFolder
    progress: Progress
    total: int
    enough: Enough
    results: list[ProgramResult] = field(default_factory=list)
    spans: dict[str, tuple[Span, ...]] = field(default_factory=dict)
    died_in: dict[str, str] = field(default_factory=dict)  # program → case that killed the kernel
    notes: list[str] = field(default_factory=list)
    boots: int = 0

    def run_all(self, programs: Sequence[TestProgram]) -> None:
        """Run all programs, booting again after each that took the kernel down."""
        left = deque(programs)
        while left and self.boots <= MAX_REBOOTS:
            try:
                self._boot()
            except KernelDied as death:
                self._give_up(left, _no_boot(death, self.boots))
                return
            alive = True
            while left and alive:
                alive = self._run_one(left.popleft())
                if self.enough(self.results[-1]):
                    self._give_up(left, "not run: what was seen is enough")
                    return
            if alive:
                self._look_for_leaks()
        if left:
            self._give_up(left, f"not run: the kernel died {self.boots} times before")

    def _boot(self) -> None:
        """Boot and bring the programs to the target. Raises KernelDied."""
        self.boots += 1
        self._tell("booting" if self.boots == 1 else f"booting again ({self.boots})")
        self.target.boot(self.kernel, Deadline.after(BOOT_S))
        self._tell("copying the tests")
        self.target.put(self.staged.folder, PLACE, Deadline.after(PUT_S))

    def _run_one(self, program: TestProgram) -> bool:
        """Run a program and keep its result; tell whether the kernel lives on."""
        label = label_of(program)
        log = self.run.test_log(program.suite, program.name)
        started, death = time.monotonic(), ""
        status: int | None = None
        self._tell(label)
        with open_log(log, lambda running: self._tell(f"{label}: {_current(running)}")) as sink:
            try:
                status = self.target.run(
                    _command(program),
                    deadline=Deadline.after(program.timeout_s),
                    cwd=str(PurePosixPath(PLACE, program.folder)),
                    env=dict(program.env),
                    on_line=sink.take,
                ).status
            except KernelDied as error:
                death = error.reason
        now = time.monotonic()
        running = sink.running.running if status is None else ()
        with log.open(errors="replace") as lines:
            said = ktap.parse(lines)
        result = outcome.judge(program, said, Ended(status, now - started, death, running))
        spans = sink.running.spans(now)
        result = outcome.with_times(result, spans)
        self._keep(replace(result, log=partial.log_name(self.run, program)))
        if death and running:
            self.died_in[label] = running[-1]
        self.spans[label] = spans
        self.notes += _unplanned(program, result)
        return not death

    def _look_for_leaks(self) -> None:
        """Have the kernel say what was never freed; its log tells how many, our log where."""
        self._tell("looking for memory leaks")
        found: list[str] = []
        try:
            self.target.run(
                ["sh", "-c", _LEAKS, "sh", KMEMLEAK, str(LEAK_AGE_S)],
                deadline=Deadline.after(LEAKS_S),
                on_line=lambda _at, line: found.append(line),
            )
        except KernelDied as death:
            self.notes.append(f"the kernel died while it looked for memory leaks: {death.reason}")
        if found:
            log = self.run.log("kmemleak")
            publish.write_text(log, "".join(f"{line}\n" for line in found))
            self.notes.append(f"memory was lost: {log.name} tells where it was allocated")

    def _give_up(self, left: Sequence[TestProgram], why: str) -> None:
        self.notes.append(why)
        for program in left:
            self._keep(outcome.not_run(program, why))

    def _keep(self, result: ProgramResult) -> None:
        partial.save(self.run, result)
        self.results.append(result)

    def _tell(self, text: str) -> None:
        self.progress.update(text, done=len(self.results), total=self.total)


def _command(program: TestProgram) -> list[str]:
    first, *rest = program.argv
    if "/" in first and not first.startswith(("/", "./", "../")):
        first = str(PurePosixPath(PLACE, first))
    label = label_of(program)
    marks = (attribution.start_mark(label), attribution.end_mark(label))
    return ["sh", "-c", _MARKED, "sh", KERNEL_LOG, *marks, first, *rest]


def _current(running: RunningCases) -> str:
    return running.running[-1] if running.running else f"{running.ended} cases done"


def _unplanned(program: TestProgram, result: ProgramResult) -> tuple[str, ...]:
    names = outcome.unplanned(program, result.cases)
    if not names:
        return ()
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    listed = ", ".join(names[:MAX_NAMED])
    return (f"{label_of(program)} ran cases that were not planned: {listed}{more}",)


def _no_boot(death: KernelDied, boots: int) -> str:
    what = "did not boot" if isinstance(death, BootFailed) else "died right after booting"
    again = f", at boot number {boots}" if boots > 1 else ""
    return f"the kernel {what}{again}: {death.reason}"
