# SPDX-License-Identifier: GPL-2.0
"""A build takes more than its share: processes, memory, disk, output, time."""

from __future__ import annotations

from collections.abc import Callable

from attack import hostile
from attack.scene import Scene
from attack.table import Attack, Kind

GIB = 1 << 30


def _script(script: str, at: str = "build", until: str = "build") -> Callable[[Scene], None]:
    def act(scene: Scene) -> None:
        folder = hostile.series(scene, "limits", hostile.running(f"attempted\n{script}", at))
        scene.kseries("run", "--series", str(folder), "--until", until)
        scene.kseries("report")

    return act


SCRIPTS = {
    # Each process only waits; the bound is far above what any make needs.
    "processes": ("makes 20,000 processes",
        "c <<'C'\n#include <unistd.h>\n#include <stdio.h>\n#include <signal.h>\nint main(void){int n=0;setpgid(0,0);signal(SIGTERM,SIG_IGN);"
        "for(;n<20000;n++){pid_t p=fork();if(p<0)break;if(!p){close(1);close(2);pause();_exit(0);}}"
        "printf(\"%d processes\\n\",n);fflush(stdout);fflush(stdout);if(n>=20000)creat(\"reached\",0644);kill(-getpgrp(),SIGKILL);return 0;}\nC\n[ -e reached ] && breach 'made 20,000 processes'; true"),
    "one-process-memory": ("takes 20 GiB of memory in one process",
        "c <<'C'\n#include <stdlib.h>\n#include <stdio.h>\n#include <sys/mman.h>\nint main(void){void*p=mmap(0,20UL<<30,3,0x4022,-1,0);if(p!=(void*)-1)puts(\"got 20 GiB\");return p!=(void*)-1;}\nC\n"
        "[ $? = 1 ] && breach 'may take 20 GiB in one process'; true"),
    "file-size": ("makes a file of 40 GiB",
        "truncate -s 40G big 2> /dev/null && breach 'made a file of 40 GiB'; rm -f big; dd if=/dev/zero of=big bs=1 count=1 seek=40G 2> /dev/null && breach 'made a file of 40 GiB'; rm -f big; true"),
    "disk": ("takes 32 GiB of the disk in many files",
        "n=0; for i in $(seq 16); do fallocate -l 2G full$i 2> /dev/null || break; n=$((n + 2)); done; echo got $n; rm -f full*; [ $n = 32 ] && breach 'took 32 GiB of the disk'; true"),
    "inodes": ("makes 60,000 files in each folder that it may write",
        "for place in $(writable); do mkdir -p $place/many && cd $place/many && seq 60000 | xargs touch; done; true"),
    "output": ("prints 300 MB", "head -c 300000000 /dev/zero | tr '\\0' 'x'; head -c 1000000 /dev/zero | tr '\\0' '\\n'"),
    "long-line": ("prints one line of 100 MB", "head -c 100000000 /dev/zero | tr '\\0' 'y'; echo"),
    "diagnostics": ("prints 300,000 compiler warnings",
        "seq 300000 | sed 's|.*|../net/core.c:&:1: warning: evil & [-Wevil]|' >&2"),
    "diagnostic-lines": ("prints compiler warnings with huge numbers and names",
        "n=$(head -c 100000 /dev/zero | tr '\\0' 9); echo \"../net/core.c:$n:$n: warning: x [-Wx]\" >&2;"
        " echo \"$(head -c 1000000 /dev/zero | tr '\\0' a):1:1: error: x\" >&2; echo '../net/core.c:-1:0: error: x' >&2; exit 0"),
    "quadratic-output": ("prints what a careless regular expression reads for ever",
        "head -c 2000000 /dev/zero | tr '\\0' ' '; echo; for n in $(seq 200); do printf '  CC      '; done; echo;"
        " printf 'In file included from %.0s' $(seq 20000); echo; head -c 1000000 /dev/zero | tr '\\0' ':'; echo"),
    "priority": ("raises its priority and hides from the killer of memory",
        "nice -n -10 true 2>&1 | grep -q . || breach 'raised its priority'; (echo -1000 > /proc/self/oom_score_adj) 2> /dev/null && breach 'cannot be killed for memory'; chrt -f 50 true 2> /dev/null && breach 'is scheduled before all others'; true"),
    "locks": ("holds locks of all files that it sees",
        "for f in $(find . .. -maxdepth 2 -type f 2> /dev/null | head -500); do exec {fd}< $f && flock -n $fd; done 2> /dev/null; true"),
}  # fmt: skip


def _config(scene: Scene) -> None:
    """Kconfig that takes long: deep, wide, and with a symbol for each of many."""
    wide = "".join(
        f"config W{n}\n\tbool\n\tdefault y if W{n - 1 if n else 0}x\n\n" for n in range(20000)
    )
    deep = "".join(f"config D{n}\n\tbool\n\tselect D{n + 1}\n\n" for n in range(1500))
    nested = f"config N\n\tbool\n\tdefault y if {'(' * 5000}NET{')' * 5000}\n"
    files: dict[str, str | bytes | None] = {"Kconfig.evil": wide + deep + nested}
    change = hostile.Change(
        files=files,
        replace=(("Kconfig", "config NR_CPUS", 'source "Kconfig.evil"\n\nconfig NR_CPUS'),),
    )
    scene.mark(scene.run_series(hostile.series(scene, "kconfig", change)))


def _memory(scene: Scene) -> None:
    script = (
        "half=$(awk '/MemTotal/ { print int($2 / 1024 * 0.9 / 8) }' /proc/meminfo)\n"
        'for n in $(seq 8); do perl -e \'$x = "x" x ($ARGV[0] << 20); print "got\\n"; sleep 5\' $half & done\n'
        "wait; [ $(jobs -p | wc -l) = 0 ] && attempted"
    )
    folder = hostile.series(scene, "memory", hostile.running(f"attempted\n{script}"))
    scene.kseries("run", "--series", str(folder), "--until", "build")
    text = scene.ends[-1].output
    if scene.ends[-1].code == 0 and "got" in text:
        scene.breach("took nine tenths of the host's memory")


ATTACKS = (
    *(Attack(name, Kind.LIMITS, tries, _script(script)) for name, (tries, script) in SCRIPTS.items()),
    Attack("kconfig-size", Kind.LIMITS, "brings a Kconfig that is deep, wide and nested", _config),
    Attack("memory", Kind.LIMITS, "takes nine tenths of the host's memory in many processes", _memory, rough=True),
)  # fmt: skip
