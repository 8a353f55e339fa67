# SPDX-License-Identifier: GPL-2.0
"""Kernels on a lab machine: which one runs, another one started by kexec, its own one again.

A kernel under test is started by kexec alone, so that whatever resets the machine brings back its
own: a panic (`panic=` on the command line), the watchdog, the power switch. It is known by a token
on its command line. Neither what is installed nor the boot loader's default is changed.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kseries.hardware.lock import FOLDER
from kseries.hardware.ssh import Lasting, Link, Refused, Unreachable
from kseries.lib.deadline import Deadline
from kseries.lib.errors import InfraError
from kseries.machines.base import TargetLost

TOKEN = "kseries.boot"
ASK_S = 60.0
LOAD_S = 120.0
PAUSE_S = 1.0
START_TRIES = 3
GOING_S = 5.0  # until a machine that was told to start a kernel does not answer any more
PANIC_S = 10  # before a panic resets the machine: its console has time to print

# Of the running kernel's command line these words are about itself, or keep the console silent.
_OWN = ("BOOT_IMAGE=", "initrd=", "panic=", f"{TOKEN}=")
_SILENT = ("quiet", "splash")
ALWAYS = (f"panic={PANIC_S}", "nmi_watchdog=panic", "printk.devkmsg=on", "log_buf_len=4M")

STARTS = f"{FOLDER}/starts"
"""The id of a boot in which the machine was told to start another kernel: it goes, some time."""

_LOOK = """
echo "boot $(cat /proc/sys/kernel/random/boot_id)"
echo "starts $(cat {starts} 2>/dev/null)"
echo "release $(uname -r)"
echo "machine $(uname -m)"
echo "cmdline $(cat /proc/cmdline)"
"""

# What is loaded goes once: whoever ends the machine meanwhile finds its own kernel.
_LOAD = r"""
PATH=$PATH:/usr/sbin:/sbin
command -v kexec >/dev/null || {{ echo 'kexec: not found: install kexec-tools'; exit 3; }}
if [ "$(cat /proc/sys/kernel/kexec_load_disabled 2>/dev/null)" = 1 ]; then
	echo 'kernel.kexec_load_disabled is 1 until the next boot'
	exit 3
fi
sync
kexec -s {arguments} || kexec {arguments}
"""
_START = r"""
PATH=$PATH:/usr/sbin:/sbin
if [ -d /run/systemd/system ]; then how='systemctl kexec'; else how='kexec -e'; fi
cat /proc/sys/kernel/random/boot_id >{starts}
sync
setsid sh -c "sleep 1; $how || rm -f {starts}" </dev/null >/dev/null 2>&1 &
"""
# Where a processor hangs, so may each of these ways, and whoever waits for the disk.
_REBOOT = r"""
PATH=$PATH:/usr/sbin:/sbin
if [ -d /run/systemd/system ]; then how='systemctl reboot; sleep 120'; else how=; fi
setsid sh -c "sleep 1; $how
	{agent} reset &
	sleep 20
	echo 1 >/proc/sys/kernel/sysrq; echo u >/proc/sysrq-trigger; sleep 2
	echo b >/proc/sysrq-trigger" \
	</dev/null >/dev/null 2>&1 &
"""


@dataclass(frozen=True)
class Running:
    """The kernel that a machine runs. boot: id of this boot."""

    boot: str
    release: str
    machine: str  # as uname -m has it
    arguments: tuple[str, ...]  # of its command line
    goes: bool = False  # it is about to start another one

    @property
    def token(self) -> str:
        """The token of a kernel of ours; "" for the machine's own."""
        found = (word.partition("=")[2] for word in self.arguments if word.startswith(f"{TOKEN}="))
        return next(found, "")


class NoKexec(InfraError):
    """The machine does not start another kernel by kexec."""


def look(link: Link) -> Running:
    """Say which kernel runs."""
    done = link.run(_LOOK.format(starts=STARTS), Deadline.after(ASK_S))
    told = dict(line.partition(" ")[::2] for line in done.output.splitlines())
    boot = told.get("boot", "")
    return Running(
        boot,
        told.get("release", ""),
        told.get("machine", ""),
        tuple(told.get("cmdline", "").split()),
        goes=bool(boot) and told.get("starts") == boot,
    )


def arguments(running: Running, token: str, more: Sequence[str]) -> tuple[str, ...]:
    """Plan the command line of a kernel under test: as the own one's, and what we want."""
    kept = [word for word in running.arguments if not word.startswith(_OWN)]
    kept = [word for word in kept if word not in _SILENT]
    return (*kept, *ALWAYS, f"{TOKEN}={token}", *more)


def load(link: Link, before: str, image: str, initrd: str, words: Sequence[str]) -> None:
    """Load a kernel, to be started. image, initrd ("": none): paths there. Raises NoKexec.

    before: id of the boot that all was sent to; in another one nothing is loaded.
    """
    if look(link).boot != before:
        raise TargetLost(
            f"{link.host} was booted while a kernel was sent to it.",
            where=f"ssh {link.host}",
            do="see on its console why",
        )
    given = ["-l", image, f"--command-line={' '.join(words)}"]
    given += [f"--initrd={initrd}"] if initrd else []
    done = link.run(_LOAD.format(arguments=shlex.join(given)), Deadline.after(LOAD_S))
    if not done.ok:
        said = "".join(f"\n| {line}" for line in done.output.splitlines()[-4:])
        raise NoKexec(
            f"{link.host} does not load another kernel by kexec.",
            where=f"ssh {link.host}{said}",
            do="install kexec-tools there; secure boot and lockdown refuse kernels that nobody"
            " signed (`kseries hw check` tells)",
        )


def start(lasting: Lasting, before: str) -> None:
    """Start the kernel that was loaded. before: id of this boot.

    Where the connection is lost meanwhile, nobody knows whether the machine has heard: a machine
    that still runs the same some seconds later has not.
    """
    for _ in range(START_TRIES):
        try:
            lasting.link.run(_START.format(starts=STARTS), Deadline.after(ASK_S))
        except Refused:
            raise
        except Unreachable:
            lasting.close()
            time.sleep(GOING_S)
            try:
                lasting.connect()
                if look(lasting.link).boot == before:
                    continue
            except Refused:
                raise
            except Unreachable:
                pass  # it is on its way
        return


def reboot(link: Link, agent: str) -> None:
    """Have the machine boot its own kernel. agent: a program there that can reset it."""
    link.run(_REBOOT.format(agent=shlex.quote(agent)), Deadline.after(ASK_S))


def wait(
    lasting: Lasting,
    before: str,
    deadline: Deadline,
    stop: Callable[[], bool] = lambda: False,
) -> Running | None:
    """Wait until the machine runs another boot than `before`, to stay; None at the deadline.

    stop: whether there is no point in waiting. Raises Refused.
    """
    while not deadline.expired and not stop():
        try:
            if not lasting.is_up:
                lasting.connect()
            running = look(lasting.link)
            if running.boot and running.boot != before and not running.goes:
                return running
        except Refused:
            raise
        except Unreachable:
            pass
        lasting.close()
        time.sleep(min(PAUSE_S, deadline.remaining()))
    return None
