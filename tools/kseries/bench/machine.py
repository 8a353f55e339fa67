# SPDX-License-Identifier: GPL-2.0
"""A guest that measures: one processor, one clock tick an instruction, no disk, nothing at random.

Time stands still but for what the guest executes, so it measures the same whatever else the host
has to do. The price: a guest that waits for ever spins for ever, so the deadline is the host's.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kseries.bench.model import Cpu
from kseries.bench.reading import Seen
from kseries.lib import atomicfile, proc
from kseries.lib.deadline import Deadline
from kseries.lib.errors import InfraError
from kseries.lib.untrusted import Untrusted
from kseries.machines import confine, qemu

MEMORY_MIB = 1024

MODELS: dict[Cpu, str] = {
    "without-erms": "max,-rdrand,-rdseed,-erms,-fsrm",
    "with-erms": "max,-rdrand,-rdseed,+erms,-fsrm",
}
"""Processors. With ERMS the kernel copies to users by `rep movsb`, an instruction for each byte."""

ARGUMENTS = (
    *("console=ttyS0", "panic=-1", "loglevel=5"),
    *("nokaslr", "norandmaps", "random.trust_cpu=off"),
    *qemu.TIMER_ARGUMENTS,
    *qemu.RCU_ARGUMENTS,
)
SEED = "kseries.seed"
CLOCK = (
    *("-icount", "shift=0,sleep=off"),
    *("-rtc", "base=2026-01-01T00:00:00,clock=vm"),
)

INITRD, PLUGIN, TABLES = "initrd", "plugin.so", "tables"
CONSOLE, ANSWER, COUNTS = "console", "answer", "counts"


@dataclass(frozen=True)
class Job:
    """What is booted. initrd: with its command. tables: of the plugin. seed: as of Setup."""

    kernel: Path
    initrd: bytes
    plugin: bytes
    tables: str
    cpu: Cpu
    seed: int = 0


class Hung(Exception):
    """The guest did not end in time; what it left is in `seen`."""

    def __init__(self, why: str, seen: Seen) -> None:
        super().__init__(why)
        self.seen = seen


def boot(job: Job, deadline: Deadline, log: Path, watch: proc.Watch | None = None) -> Seen:
    """Run the guest to its end; give what it left.

    log: gets what QEMU prints. watch: as of proc.run.

    Raises Hung at the deadline, InfraError when QEMU does not run.
    """
    memory = MEMORY_MIB << 20
    with confine.confined(job.kernel, memory=memory, disk=0, kvm=False) as place:
        with atomicfile.disk_errors(place.folder):
            for name, data in (
                (INITRD, job.initrd),
                (PLUGIN, job.plugin),
                (TABLES, job.tables.encode()),
            ):
                (place.folder / name).write_bytes(data)
                (place.folder / name).chmod(0o444)
        left = Untrusted(place.folder / confine.SPACE)
        argv = place.argv(command(job, place.kernel, place.kernel.parent))
        try:
            proc.run(argv, cwd=Path("/"), deadline=deadline, log=log, watch=watch)
        except proc.CommandTimeout as error:
            why = f"the guest did not end within {deadline.limit_s:.0f} s"
            raise Hung(why, _seen(left)) from error
        except proc.CommandFailed as error:
            raise InfraError(error.what, where=error.where) from error
        return _seen(left)


def command(job: Job, kernel: Path, inside: Path) -> list[str]:
    """Plan QEMU's command line. inside: the folder, as QEMU sees it."""
    # The kernel stirs its command line into what its random numbers are made of, and nothing else
    # here is at random: so hashes, ports and addresses become others.
    seed = (f"{SEED}={job.seed}",) if job.seed else ()
    machine = qemu.Machine(
        accelerator="tcg,thread=single",
        cpus=1,
        memory_mib=MEMORY_MIB,
        kernel=kernel,
        arguments=(*ARGUMENTS, *seed),
        cpu=MODELS[job.cpu],
    )
    space = inside / confine.SPACE
    ports = [
        word
        for name in (CONSOLE, ANSWER)
        for word in (
            "-chardev",
            f"file,id={name},path={space / name}",
            "-serial",
            f"chardev:{name}",
        )
    ]
    plugin = f"file={inside / PLUGIN},tables={inside / TABLES},output={space / COUNTS}"
    return [
        *qemu.base_argv(machine),
        *CLOCK,
        *("-initrd", str(inside / INITRD)),
        *ports,
        *("-plugin", plugin),
    ]


def _seen(left: Untrusted) -> Seen:
    """Read what there is: a guest that hung may have left nothing."""

    def text(name: str) -> str:
        return left.read_text(name) if left.has(name) else ""

    return Seen(answer=text(ANSWER), counts=text(COUNTS), console=text(CONSOLE))
