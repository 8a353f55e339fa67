# SPDX-License-Identifier: GPL-2.0
"""A lab machine while we have it: locked, its first state known, and put back when we leave.

What it takes to put it back lies on the machine itself (docs/hardware.md, "Recovery"), so whoever
comes next, from whichever clone, can do that for somebody who was killed.
"""

from __future__ import annotations

import platform
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path

from kseries.hardware import (
    boots,
    holder,
    labgrid,
    namespace,
    place,
    port,
    power,
    restore,
    statefile,
    store,
)
from kseries.hardware.boots import Running
from kseries.hardware.connections import Connections, closing
from kseries.hardware.ends import asker, places
from kseries.hardware.holder import Stranded
from kseries.hardware.lock import FOLDER
from kseries.hardware.restore import Compared
from kseries.hardware.ssh import Lasting, Link, Links, Refused, Unreachable
from kseries.hardware.statefile import StateFile
from kseries.hardware.target import Target
from kseries.lib import atomicfile
from kseries.lib.deadline import Deadline
from kseries.lib.errors import InfraError, KseriesError, UserError
from kseries.lib.progress import Progress
from kseries.lib.runfolder import RunFolder

BEFORE = f"{FOLDER}/before.json"
"""The state of the ports before we changed anything; there until they have it again."""
STATE = "nic-state"
"""In the run folder."""

ASK_S = 60.0

_KEEP = (
    "mkdir -p {folder} && cat >{file}.new && sync {file}.new && mv {file}.new {file} ||"
    " {{ rm -f {file}.new; exit 1; }}"
)


class Visit:
    """What we do on a target, from the lock to giving it back."""

    def __init__(self, target: Target, run: RunFolder, progress: Progress) -> None:
        """Describe it; nothing is done before it is entered."""
        power.require_usable(target.lab)
        self.target = target
        self.lab = target.lab
        self._run = run
        self._progress = progress
        self._stack = ExitStack()
        self._state: StateFile | None = None
        self.restored: tuple[Compared, ...] = ()
        self._stranded = ""
        self.was_cycled = False  # by us, as it did not answer

    @property
    def dut(self) -> Link:
        """The connection to the machine under test."""
        return self.dut_lasting.link

    @property
    def dut_lasting(self) -> Lasting:
        """The same, to be made anew when the machine was booted."""
        return self.connections[self.lab.dut.host]

    @property
    def own(self) -> Running:
        """The machine's own kernel."""
        return self._own

    # ---- from the lock to giving it back

    def enter(self, why: str) -> None:
        """Connect, take the lock, bring the machine into its first state, take that."""
        with ExitStack() as stack:
            name = stack.enter_context(tempfile.TemporaryDirectory(prefix="ks-", dir="/tmp"))
            self.connections = Connections(
                self.lab.hosts, Path(name), self.lab.boot.deadline_s, self._progress.note
            )
            stack.enter_context(closing(self.connections))
            self._holder = holder.of(self.lab, self.dut)
            if self._holder.needs_machine:
                self._reach()
                stack.enter_context(holder.having(self._holder, why, self._progress))
            else:
                stack.enter_context(holder.having(self._holder, why, self._progress))
                self.lab = labgrid.equipped(self.lab, self._progress.note)
                self._reach()
            self._require_same_machine()
            self.connections.persist(lambda: place.agent(self.dut))
            self._begin()
            self._stack = stack.pop_all()

    def leave(self) -> tuple[Compared, ...]:
        """Bring the machine back and let go of it. Safe to repeat.

        Gives what became of the ports. Raises InfraError where it is not in its first state.
        """
        stack, self._stack = self._stack, ExitStack()
        with stack:  # who has the machine hears of what goes wrong
            self._put_back()
        return self.restored

    def _put_back(self) -> None:
        state, self._state = self._state, None
        if state is None:
            return
        if self._stranded:
            raise self.stranded(self._stranded)
        self._progress.update(f"{self.target.name}: back to its own kernel")
        self._own = self.home()
        self.restored = (*self.restored, *self._restore(state))

    def _reach(self) -> None:
        """Connect. A machine that we were killed on may be booting, or hang: it is waited for.

        Raises Unreachable; Stranded where the machine is ours, and does not come back.
        """
        if not self._holder.needs_machine and self._is_off():
            self.cycle()
        try:
            self.connections.together()
        except Refused:
            raise
        except Unreachable:
            if self.dut_lasting.is_up or not self._holder.vouches():
                raise  # what somebody else may have is left alone
            self._progress.update(f"{self.target.name} was ours, and does not answer: waiting")
            if self.wait_boot("") is None and not (self.cycle() and self.wait_boot("")):
                raise self.stranded("it does not answer") from None
        for each in self.connections:
            if not each.is_up:
                each.connect()

    def _begin(self) -> None:
        file = self._run.path / f"{STATE}.json"
        file.unlink(missing_ok=True)
        left = self.dut.run(f"cat {BEFORE} 2>/dev/null", Deadline.after(ASK_S))
        if left.ok and left.output.strip():
            self._progress.note(
                f"{self.target.name} was left in the middle of a run; it is put back first"
            )
            atomicfile.write_text(file, left.output)
            state = statefile.read(file, self.target.name)
            self._state = state
            self._own = self.home()
            self.restored = self._restore(state)
        else:
            self._own = self.home()
            links = self.connections.links
            ports = self.connections.persist(lambda: restore.take(self.lab, links))
            statefile.write(file, self.target.name, ports)
        self.connections.persist(lambda: self._keep(file))
        self._state = statefile.read(file, self.target.name)

    def _keep(self, file: Path) -> None:
        """Have the state of the ports on the machine, too."""
        with file.open("rb") as source:
            command = _KEEP.format(folder=FOLDER, file=BEFORE)
            done = self.dut.feed(command, source, Deadline.after(ASK_S))
        if not done.ok:
            raise store.no_room(self.dut.host, file.stat().st_size, done.output)

    def _require_same_machine(self) -> None:
        running = boots.look(self.dut)
        if running.machine != platform.machine():
            raise UserError(
                f"{self.dut.host} is {running.machine or 'of an unknown kind'}, this host"
                f" {platform.machine()}: what is built here does not run there.",
                where=f"ssh {self.dut.host} uname -m",
            )

    # ---- on the machine

    def home(self) -> Running:
        """Have the machine run its own kernel, and nothing of ours left there."""
        running = self._reached()
        if running.token:
            try:
                boots.reboot(self.dut, place.AGENT)
            except Refused:
                raise
            except Unreachable:
                pass  # it hangs, and is switched off and on when it does not come
            self.dut_lasting.close()
            running = self.own_kernel(running.boot)
        place.clean(self.dut)
        return running

    def _reached(self) -> Running:
        """Look which kernel runs, with a power cycle where the machine does not answer."""
        found = boots.wait(self.dut_lasting, "", Deadline.after(self.lab.boot.deadline_s))
        return found or self.own_kernel("")

    def own_kernel(self, before: str) -> Running:
        """Wait for the machine's own kernel, in another boot than `before`; switch it off and on.

        Raises Stranded.
        """
        if before:
            found = self.wait_boot(before)
            if found is not None and not found.token:
                return found
        if self.cycle():
            found = self.wait_boot(before)
            if found is not None and not found.token:
                return found
        raise self.stranded("it does not come back on its own kernel")

    def wait_boot(self, before: str) -> Running | None:
        """Wait for another boot than `before`; None where it did not come in time."""
        return boots.wait(self.dut_lasting, before, Deadline.after(self.lab.boot.deadline_s))

    def cycle(self) -> bool:
        """Switch the machine off and on; False where that cannot be done."""
        self._progress.note(f"{self.target.name} does not answer")
        if not power.can_switch(self.lab.power):
            self._progress.note("it has no power switch")
            return False
        try:
            power.cycle(self.lab.power, self._run.log("power"))
        except KseriesError as error:
            self._progress.note(f"its power switch does not work: {error}")
            return False
        self.was_cycled = True
        self._progress.note(f"{self.target.name} was switched off and on")
        return True

    def _is_off(self) -> bool:
        with suppress(KseriesError):  # whoever needs the switch is told
            return power.state(self.lab.power) == "Off"
        return False

    def stranded(self, why: str) -> Stranded:
        """Make the error for a machine that only a person can help now."""
        self._stranded = why
        return Stranded(
            f"{self.target.name} is not in its first state: {why}.",
            where=f"ssh {self.lab.dut.host}; its ports' state is in {self._run.path}/{STATE}.json"
            f" and on it in {BEFORE}",
            do=f"switch it off and on by hand, then `kseries hw recover {self.target.name}`",
        )

    # ---- its ports

    def configure(self) -> str:
        """Set up the ports for tests; give the DUT's name of its own. Raises port.Unfit."""
        links = self.connections.links
        ours, theirs = places(self.lab)
        namespace.enter(links, theirs)
        port.set_up(asker(links, theirs), self.lab.peer.addresses)
        return port.ready(asker(links, ours, port.PORT_S), self.lab.dut)

    def _restore(self, state: StateFile) -> tuple[Compared, ...]:
        self._progress.update(f"{self.target.name}: putting back the state of its ports")
        with suppress(Unreachable):  # whom we do not reach is told below
            self.connections.again()
        try:
            found = restore.restore(self.lab, self.connections.links, state)
        except Refused:
            raise
        except Unreachable as error:
            raise InfraError(
                f"{self.target.name} is not in its first state: {error.what}",
                where=error.where,
                do=f"{error.do}; then `kseries hw recover {self.target.name}`",
            ) from error
        left = [each for one in found for each in one.left]
        if left:
            names = ", ".join(each.name for each in left[:5])
            raise InfraError(
                f"{self.target.name} is not as it was: {len(left)} settings differ ({names}).",
                where=f"{self._run.path}/{STATE}.json",
                do=f"`kseries hw state {self.target.name} --compare FILE` says what, and how to"
                " put it back",
            )
        place.must(self.dut, f"rm -f {BEFORE}; sync")
        return found

    def connected(self) -> Links:
        """Give the connections, made anew where one was lost meanwhile. Raises Unreachable."""
        self.connections.again()
        return self.connections.links
