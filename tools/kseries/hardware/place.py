# SPDX-License-Identifier: GPL-2.0
"""What a DUT gets for a run, and how it goes again: the agent, kernels, tests, links to them."""

from __future__ import annotations

import shlex
import tempfile
from pathlib import Path

from kseries.hardware import store
from kseries.hardware.boots import STARTS
from kseries.hardware.lock import FOLDER
from kseries.hardware.ssh import Link
from kseries.lib.deadline import Deadline
from kseries.lib.errors import InfraError
from kseries.machines import agentprogram
from kseries.model import Kernel

WORK = f"{FOLDER}/work"
"""What programs under test see of ours: all of it goes when we leave."""
LINKS = f"{FOLDER}/links"
"""Names of the links to it that we have made elsewhere, one a line."""
AGENT = f"{FOLDER}/agent"
SESSION = f"{FOLDER}/session"

ASK_S = 60.0
SEND_S = 600.0
LEASE_S = 1800
"""Without us, a machine goes back to its own kernel by itself after so many seconds."""

# What is no link any more is not ours.
_CLEAN = r"""
if [ -f {links} ]; then
	while IFS= read -r link; do
		[ ! -L "$link" ] || rm -f "$link"
	done <{links}
fi
rm -rf {work} {session} {links} {starts}
sync
"""

# A watchdog's driver is not loaded by itself on most machines. The agent takes what is there.
_SERVE = """
PATH=$PATH:/usr/sbin:/sbin
for driver in iTCO_wdt i6300esb ipmi_watchdog softdog; do
	[ -e /dev/watchdog ] || modprobe -q "$driver" || :
done
rm -rf {session} && mkdir -p -m 700 {session} && {agent} serve {session} {lease}
"""


def must(link: Link, script: str, limit_s: float = ASK_S) -> str:
    """Run a script that is to end well; give what it printed. Raises InfraError."""
    done = link.run(script, Deadline.after(limit_s))
    if not done.ok:
        lines = "".join(f"\n| {line}" for line in done.output.splitlines()[-6:])
        raise InfraError(
            f"{link.host} could not be made ready.",
            where=f"ssh {link.host}{lines}",
            do="is its disk full, or its root file system read-only?",
        )
    return done.output


def agent(link: Link) -> None:
    """Have the agent on the machine."""
    with tempfile.TemporaryDirectory(prefix="ks-") as name:
        program = agentprogram.compiled(agentprogram.DETACHED, Path(name) / "agent")
        archive = store.put(link, program, Deadline.after(SEND_S))
    must(link, store.unpack_words(archive, FOLDER))


def serve(link: Link) -> None:
    """Start the agent, and a watchdog where there is one."""
    must(link, _SERVE.format(session=SESSION, agent=AGENT, lease=LEASE_S))


def send(link: Link, source: Path, place: str) -> None:
    """Have a file or folder on the machine as `place`, below WORK."""
    archive = store.put(link, source, Deadline.after(SEND_S))
    at = Path(place)
    script = store.unpack_words(archive, str(at.parent))
    if source.name != at.name:
        moved = shlex.quote(str(at.parent / source.name))
        script += f" && rm -rf {shlex.quote(place)} && mv {moved} {shlex.quote(place)}"
    must(link, script, SEND_S)


def bring(link: Link, source: Path, destination: str) -> None:
    """Have a file or folder on the machine; `destination` leads to it until we leave."""
    place = WORK + destination
    send(link, source, place)
    must(link, _link_script(place, destination))


def kernel(
    link: Link, built: Kernel, modules: Path | None, initrd: tuple[str, ...]
) -> tuple[str, str]:
    """Have a kernel on the machine; give the paths of its image and its initrd ("": none).

    modules: folder with those of the kernel, one folder each release. initrd: a command there.
    """
    image, made = f"{WORK}/boot/kernel", f"{WORK}/boot/initrd"
    path = "PATH=$PATH:/usr/sbin:/sbin; "
    send(link, built.image, image)
    own = modules / built.release if modules else None
    if own is not None and own.is_dir():
        bring(link, own, f"/lib/modules/{built.release}")
        must(link, f"{path}depmod {shlex.quote(built.release)}", SEND_S)
    if not initrd:
        return image, ""
    must(link, path + shlex.join([*initrd, made, built.release]), SEND_S)
    return image, made


def clean(link: Link) -> None:
    """Remove what a run has put there but for the store and the agent."""
    must(link, _CLEAN.format(links=LINKS, work=WORK, session=SESSION, starts=STARTS))


def _link_script(place: str, name: str) -> str:
    """Plan a link that goes when we leave; what is there already and not ours stays."""
    return (
        f'if [ -e {name} ] && [ "$(readlink {name})" != {place} ]; then'
        f" echo '{name} is there already, and not of kseries'; exit 1; fi;"
        f" echo {name} >>{LINKS} && sync {LINKS} && mkdir -p $(dirname {name})"
        f" && ln -sfn {place} {name}"
    )
