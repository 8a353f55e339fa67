# SPDX-License-Identifier: GPL-2.0
"""In the master: the steps of a build. What a worker sends is taken up to a limit, and not read.

The last step takes the outcome: a build that has one is over as far as the bot is concerned, and
whatever happens before leaves none.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from buildbot.interfaces import IRenderable
from buildbot.process.buildstep import FAILURE, SUCCESS, BuildStep
from buildbot.process.factory import BuildFactory
from buildbot.process.properties import Interpolate, Property
from buildbot.process.remotecommand import RemoteCommand
from buildbot.steps.shell import ShellCommand
from buildbot.steps.transfer import FileDownload
from buildbot.worker.protocols.base import FileWriterImpl
from twisted.internet import defer

from seriesbot.engine import wire
from seriesbot.farm import carry
from seriesbot.farm.folders import ORDERS

BUILDS = 3  # of one request: a worker that dies has its build begun again by the master
TERM_S = 30  # for a run to end by itself
BLOCK = 128 << 10  # bytes that a worker sends at a time

Steps = Generator[Any, Any, Any]


class _Bounded(FileWriterImpl):  # type: ignore[misc] # Buildbot has no types
    """Holds what a worker sends, up to a limit."""

    def __init__(self, limit: int) -> None:
        self.data = bytearray()
        self.limit = limit
        self.over = False

    def remote_write(self, data: object) -> None:
        """Take a piece."""
        if not isinstance(data, bytes) or len(self.data) + len(data) > self.limit:
            self.over = True
        else:
            self.data += data

    def remote_utime(self, _times: object) -> None:
        """Leave times alone."""

    def remote_close(self) -> None:
        """End."""


class Take(BuildStep):  # type: ignore[misc]
    """Take a file of the worker as data of the build. file: below the folder of jobs."""

    renderables = ("file",)

    def __init__(self, what: str, file: IRenderable, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(name=f"take {what}", **kwargs)
        self.what, self.file = what, file

    @defer.inlineCallbacks
    def run(self) -> Steps:
        """Carry out the step."""
        limit = wire.LIMITS[self.what]
        writer = _Bounded(limit)
        told = {
            "workdir": carry.JOBS,
            "workersrc": self.file,
            "writer": writer,
            "maxsize": limit + 1,
            "blocksize": BLOCK,
            "keepstamp": False,
        }
        command = RemoteCommand("uploadFile", told, decodeRC={None: SUCCESS, 0: SUCCESS})
        yield self.runCommand(command)
        if command.didFail():
            return FAILURE
        if writer.over:
            yield self.addCompleteLog("refused", f"more than {limit} bytes\n")
            return FAILURE
        yield self.setBuildData(self.what, bytes(writer.data), "worker")
        return SUCCESS


class NotTooOften(BuildStep):  # type: ignore[misc]
    """End a build of a request that has had its share: it may be what kills the workers."""

    name = "not too often"
    haltOnFailure = True  # noqa: N815 - of Buildbot

    @defer.inlineCallbacks
    def run(self) -> Steps:
        """Carry out the step."""
        request = str(self.build.requests[0].id)
        builds = yield self.master.data.get(("buildrequests", request, "builds"))
        return SUCCESS if len(builds) <= BUILDS else FAILURE


def factory() -> BuildFactory:
    """Give what a build does."""
    made = BuildFactory()
    for step in (
        NotTooOften(hideStepIf=lambda results, _: results == SUCCESS),
        FileDownload(
            mastersrc=Interpolate(f"{ORDERS}/%(prop:key)s.json"),
            workerdest=Interpolate("%(prop:key)s.json"),
            workdir=carry.JOBS,
            mode=0o600,
            blocksize=BLOCK,
            name="give the order",
        ),
        _run(carry.BASE_OF, "choose the base", flunkOnFailure=False),
        _take(wire.BASE, carry.BASE, flunkOnFailure=False),
        _run(carry.RUN, "kseries run"),
        _take(wire.DOCUMENT, carry.PACKED, flunkOnFailure=False),
        _take(wire.OUTCOME, carry.OUTCOME),
    ):
        made.addStep(step)
    return made


def _run(what: str, name: str, **kwargs: Any) -> ShellCommand:  # noqa: ANN401
    """Run the worker's own program; no shell sees its arguments."""
    return ShellCommand(
        command=[f"../../{carry.PROGRAM}", what, Property("key")],
        workdir=carry.JOBS,
        name=name,
        logEnviron=False,
        usePTY=False,
        timeout=None,  # it has a limit of its own, and so has the bot
        sigtermTime=TERM_S,
        description=Property("series"),
        descriptionDone=Property("series"),
        **kwargs,
    )


def _take(what: str, file: str, **kwargs: Any) -> Take:  # noqa: ANN401
    return Take(what, _below(file), hideStepIf=lambda results, _: results == SUCCESS, **kwargs)


def _below(file: str) -> Interpolate:
    return Interpolate(f"%(prop:key)s/{file}")
