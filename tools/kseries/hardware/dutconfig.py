# SPDX-License-Identifier: GPL-2.0
"""What a kernel for a lab machine is configured with, beside what its stack says.

A target's file decides: fragments of the project, or the config of the machine's own kernel, which
is taken from there. Either way a fragment of promises comes first that each such kernel keeps.
"""

from __future__ import annotations

import re
import secrets
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kseries.config import fragments
from kseries.hardware.ssh import Link, connected
from kseries.hardware.target import OWN, Lab, Target
from kseries.lib import atomicfile
from kseries.lib.deadline import Deadline
from kseries.lib.errors import InfraError
from kseries.lib.paths import Project
from kseries.model import Request
from kseries.stacks.stackfile import find_fragment

ALWAYS = "hardware"
"""The fragment of what each kernel on a lab machine is promised to have."""

LIMIT_S = 60.0
ROOT = ""
"""Where the machine's folders are; elsewhere in tests."""

# A row: names of symbols, and why they do not leave the machine whose kernel was built with them.
LEFT_OUT = (
    (r"SYSTEM_(TRUSTED|REVOCATION)_KEYS|\w+_X509_PATH", "keys that only its builder has"),
    (r"MODULE_SIG\w*", "signatures, which nobody asks for there"),
    (r"LOCALVERSION\w*|BUILD_SALT|VERSION_SIGNATURE", "its name"),
    (r"DEBUG_INFO\w*", "debug information, which a fragment asks for where it is wanted"),
)

SCRIPT = """
release=$(uname -r) root={root}
for file in "$root/boot/config-$release" "$root/lib/modules/$release/config"; do
	[ -r "$file" ] || continue
	echo "{mark} $release $file"
	cat "$file" && echo && echo "{mark}"
	exit
done
[ -r "$root/proc/config.gz" ] || exit 1
echo "{mark} $release /proc/config.gz"
gzip -dc "$root/proc/config.gz" && echo && echo "{mark}"
"""


@dataclass(frozen=True)
class Own:
    """The config of the kernel that a machine runs. place: the file there; text: of a .config."""

    host: str
    release: str
    place: str
    text: str


def put_into(request: Request, wanted: Sequence[Path], taken: Path, run: Path) -> Request:
    """Give a request with a target's fragments, below those that were asked for by name.

    wanted: as of `of`, which has put into the folder `taken` what is the machine's own; the folder
    of the run keeps that.
    """
    named = [
        str(shutil.move(file, run / file.name) if file.parent == taken else file) for file in wanted
    ]
    return replace(request, configs=tuple(dict.fromkeys((*named, *request.configs))))


def of(target: Target, project: Project, folder: Path) -> tuple[Path, ...]:
    """Give the fragments to be put behind a stack's; what is taken from the machine is in `folder`.

    Raises Unreachable, InfraError where the machine does not keep its config, and UserError for a
    fragment that is not there.
    """
    wanted: list[Path] = []
    for name in (ALWAYS, *target.lab.dut.config):
        if name == OWN:
            wanted.append(fetch(target, folder / f"{target.name}.config"))
        else:
            wanted.append(find_fragment(name, project=project, base=project.root))
    return tuple(dict.fromkeys(wanted))


def fetch(target: Target, file: Path) -> Path:
    """Write the config of the kernel that the DUT runs to a file, as a fragment to begin with."""
    atomicfile.write_text(file, fragment(target.name, taken(target.lab)))
    return file


def taken(lab: Lab) -> Own:
    """Take the config of the kernel that the DUT runs."""
    with connected((lab.dut.host,)) as links:
        return asked(links.by_host[lab.dut.host])


def asked(link: Link) -> Own:
    """Ask a machine for the config of its kernel."""
    mark = secrets.token_hex(8)
    script = SCRIPT.format(root=shlex.quote(ROOT), mark=mark)
    lines = link.run(script, Deadline.after(LIMIT_S)).output.split("\n")
    heads = [re.fullmatch(rf"{mark} (\S+) (.*)", line) for line in lines]
    start = next((number for number, head in enumerate(heads) if head), None)
    head = heads[start] if start is not None else None
    if start is None or head is None:
        raise InfraError(
            f"{link.host} does not keep the config of its kernel.",
            where=f"ssh {link.host}: no /boot/config-*, /lib/modules/*/config, /proc/config.gz",
            do='have the target\'s file name fragments: `config = ["hardware-server"]`',
        )
    text = lines[start + 1 :]
    if mark not in text or not any(line.startswith("CONFIG_") for line in text):
        raise InfraError(
            f"{link.host} did not give the config of its kernel.",
            where="\n".join([f"ssh {link.host}: {head[2]}", *(f"| {line}" for line in text[-3:])]),
            do="look whether that file can be read there",
        )
    return Own(link.host, head[1], head[2], "\n".join(text[: text.index(mark)]))


def fragment(name: str, own: Own) -> str:
    """Write a config as a fragment to begin with, without what is of use at its builder's only."""
    kept: list[str] = []
    left: dict[str, list[str]] = {}
    for line in map(str.strip, own.text.split("\n")):
        match = fragments.SET.fullmatch(line) or fragments.NOT_SET.fullmatch(line)
        if match is None:
            continue
        why = next((why for names, why in LEFT_OUT if re.fullmatch(names, match[1])), "")
        if match.lastindex == 2 and not fragments.VALUE.fullmatch(match[2]):
            why = "values that are none"
        if why:
            left.setdefault(why, []).append(match[1])
        else:
            kept.append(line)
    told = [f"# left out: {', '.join(symbols)} ({why})" for why, symbols in left.items()]
    head = f"# a whole .config: what {name} ran, Linux {own.release}, from {own.host}:{own.place}"
    return "\n".join([*map(_plain, (head, *told)), "", *dict.fromkeys(kept), ""])


def names(lab: Lab) -> Sequence[str]:
    """Name the fragments, for people."""
    return (ALWAYS, *lab.dut.config)


def _plain(line: str) -> str:
    return line if line.isprintable() else repr(line)
