# SPDX-License-Identifier: GPL-2.0
"""What a booted machine gets before programs run on it: tests, modules, another to talk to."""

from __future__ import annotations

from kseries.install import modules
from kseries.lib.deadline import Deadline
from kseries.lib.errors import InfraError
from kseries.machines.base import Target
from kseries.model import InstalledSuites
from kseries.suites import linked

PLACE = "/kselftest"  # of the installed folder, on the target
PUT_S = 180.0

# Arguments: the folder with the modules of a release, and where such are looked for.
_LINK = 'mkdir -p "$2" && ln -sfn "$1"/* "$2"/'


class Unlinked(InfraError):
    """Two machines do not find each other."""


def bring(target: Target, installed: InstalledSuites) -> None:
    """Put the tests on a booted target, and on the one that it is linked with.

    There modprobe finds the kernel's modules among them.
    """
    for one in (target, target.peer):
        if one is not None:
            one.put(installed.folder, PLACE, Deadline.after(PUT_S))
            bring_modules(one, installed)
    if target.peer is not None:
        _connect(target, target.peer)


def _connect(target: Target, peer: Target) -> None:
    """Give two machines addresses, and let the first one log in to the other. Raises Unlinked."""
    *_, key = _said(target, "1")
    _said(peer, "2", key)
    _said(target, "connect")


def _said(target: Target, *arguments: str) -> list[str]:
    said: list[str] = []
    end = target.run(
        linked.words(*arguments),
        deadline=Deadline.after(PUT_S),
        env=dict(linked.ENVIRONMENT),
        on_line=lambda _at, line: said.append(line),
    )
    if end.status != 0:
        raise Unlinked(
            "The two machines do not find each other.",
            where="\n".join(said[-5:]),
            do="the kernel needs VIRTIO_NET, INET and IPV6",
        )
    return said


def bring_modules(target: Target, installed: InstalledSuites) -> None:
    """Have modprobe find the kernel's modules among the tests that were put on a target."""
    if (installed.folder / modules.FOLDER).is_dir():
        link = ["sh", "-c", _LINK, "sh", f"{PLACE}/{modules.FOLDER}", f"/{modules.FOLDER}"]
        target.run(link, deadline=Deadline.after(PUT_S))
