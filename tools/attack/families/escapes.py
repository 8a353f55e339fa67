# SPDX-License-Identifier: GPL-2.0
"""Code in the sandbox tries to get out, or to reach what a build has no use for."""

from __future__ import annotations

from collections.abc import Callable

from attack import hostile
from attack.scene import Scene
from attack.table import Attack, Kind


def _script(script: str, *, terminal: bool = False, at: str = "build") -> Callable[[Scene], None]:
    def act(scene: Scene) -> None:
        folder = hostile.series(scene, "escape", hostile.running(f"attempted\n{script}", at))
        words = ("run", "--series", str(folder), "--until", "build")
        scene.kseries(*words, terminal=terminal)

    return act


SCRIPTS = {
    "read-home": ("reads private files of the user's home",
        "cat @HOST@/secret @HOST@/.ssh/* /root/.ssh/* ~root/.bash_history 2>&1; ls -la /root /home 2>&1 | head;"
        " [ -e @HOST@ ] && breach 'the home is visible'"),
    "read-shadow": ("reads /etc/shadow and other files of the system",
        "for file in /etc/shadow /etc/sudoers /etc/ssh/ssh_host_* /var/log/* /var/lib/dpkg/status /etc/passwd /etc/hostname;"
        ' do [ -r "$file" ] && [ -f "$file" ] && breach "reads $file"; done'),
    "read-environment": ("reads the environment of the toolkit and of all processes",
        "env; cat /proc/*/environ | tr '\\0' '\\n'; cat /proc/*/cmdline | tr '\\0' ' '"),
    "write-outside": ("writes wherever it may, outside of its folders",
        "for place in / /usr /usr/bin /usr/local/bin /etc /var /run /root /home /opt /srv /boot /kseries /kseries/linux"
        " /kseries/linux/scripts /kseries/linux/.git @HOST@ @FOLDER@; do"
        ' ( echo x > "$place/kseries-attack" ) 2> /dev/null && breach "wrote to $place"; done'),
    "write-tree": ("changes the sources that it is built from",
        "for file in ../Makefile ../net/core.c ../.git ../Kconfig; do"
        ' ( echo "# evil" >> $file ) 2> /dev/null && breach "wrote ${file#../} of the tree";'
        ' mv $file $file.old 2> /dev/null && breach "moved ${file#../} of the tree"; done;'
        " mkdir ../evil 2> /dev/null && breach 'made a folder in the tree'; mv ../net ../old 2> /dev/null && breach moved"),
    "write-project": ("changes the toolkit's own files, where it can see them",
        "for file in $(find / -xdev -name 'kconfig*.py' -not -path '/proc/*' 2> /dev/null) @FOLDER@/project/patches; do"
        ' [ -w "$file" ] && breach "may write $file"; done'),
    "other-runs": ("reads what other runs and series left",
        "ls @FOLDER@ @FOLDER@/project/out/runs @FOLDER@/cache 2> /dev/null && breach 'sees other runs';"
        " find / -xdev -name results.json -not -path '/proc/*' -not -path '/usr/*' 2> /dev/null | grep . && breach 'sees other runs'"),
    "outer-processes": ("looks for processes of the host and for the root of the first one",
        'for p in /proc/[0-9]*; do cat $p/comm; done | sort | uniq -c; [ "$(ls -d /proc/[0-9]* | wc -l)" -gt 60 ] && breach "sees many processes";'
        " grep -qa kseries /proc/1/cmdline && [ -e /proc/1/root@HOST@ ] && breach 'passes through the first process';"
        " for p in /proc/[0-9]*/root /proc/[0-9]*/cwd; do [ -e $p@HOST@ ] && breach \"passes through $p\"; done"),
    "kill-all": ("kills every process that it can",
        "(sleep 1; kill -9 -1) & kill -STOP -1; kill -HUP -1; kill -9 -1; sleep 2"),
    "kill-parent": ("stops and kills the processes above it",
        "for n in STOP TERM KILL; do kill -$n 1 $PPID; done 2> /dev/null; sleep 0.2"),
    "outlive-setsid": ("leaves processes that lead sessions of their own",
        "for n in 1 2 3; do setsid -f sleep 3007; setsid sh -c 'trap \"\" HUP TERM; sleep 3008 & exec sleep 3009' > /dev/null 2>&1 & done"),
    "outlive-daemon": ("leaves a daemon that forked twice and ignores every signal",
        'perl -e \'use POSIX; exit if fork; setsid; exit if fork; $SIG{$_}="IGNORE" for keys %SIG; close $_ for STDIN,STDOUT,STDERR; POSIX::close($_) for 3..99; sleep 3010\''),
    "outlive-pipe": ("leaves a process that holds the toolkit's pipe",
        "(trap '' HUP TERM; sleep 3011) &"),
    "descriptors": ("uses descriptors that the toolkit did not close",
        "for fd in /proc/self/fd/* /proc/$PPID/fd/*; do to=$(readlink $fd); case $to in pipe:*|/dev/null|/kseries/*|/proc/*|/tmp/*|socket:*|'') ;;"
        ' *) breach "has ${to}" ;; esac; done; for n in $(seq 3 40); do (echo x >&$n) 2> /dev/null; cat <&$n 2> /dev/null & done; sleep 0.3; kill $(jobs -p)'),
    "terminal": ("opens the user's terminal and types into it",
        "(exec 3<> /dev/tty) 2> /dev/null && breach 'opened the terminal';"
        " for fd in 0 1 2; do [ -t $fd ] && breach \"has the terminal as $fd\"; done; c <<'C'\n"
        '#include <sys/ioctl.h>\n#include <stdio.h>\n#include <string.h>\nint main(void){for(int fd=0;fd<20;fd++)'
        'for(char*p="touch @HOST@/executed\\n";*p;p++)if(ioctl(fd,TIOCSTI,p)==0)puts("typed");return 0;}\nC'),
    "loopback": ("connects to a service of the host on loopback",
        "(exec 3<> /dev/tcp/127.0.0.1/@PORT@) 2> /dev/null && breach connected; (exec 3<> /dev/tcp/::1/@PORT@) 2> /dev/null; true"),
    "network": ("reaches any network beside loopback",
        'n=$(grep -c : /proc/net/dev); [ "$n" -gt 1 ] && breach "has $n interfaces"; (exec 3<> /dev/udp/1.1.1.1/53) 2> /dev/null && breach "has a route"'),
    "abstract-socket": ("connects to an abstract socket of the host",
        "perl -MSocket -e 'socket(S,AF_UNIX,SOCK_STREAM,0); connect(S, pack(\"Sa*\",1,\"\\0@ABSTRACT@\")) and print \"connected\\n\"'"),
    "named-socket": ("connects to sockets of the host that have names",
        "perl -MSocket -e 'chdir q(@HOST@); socket(S,AF_UNIX,SOCK_STREAM,0); connect(S, sockaddr_un(\"socket\"))';"
        " find / -xdev -type s 2> /dev/null | while read -r s; do breach \"sees the socket $s\"; done"),
    "signals-of-ipc": ("uses shared memory and queues of the host",
        "[ \"$(tail -n +2 /proc/sysvipc/shm | wc -l)\" -gt 0 ] && breach 'sees shared memory'; ls /dev/shm /dev/mqueue"),
    "user-namespace": ("makes a user namespace to be root in",
        "unshare -Ur true 2> /dev/null && breach 'made a user namespace'"),
    "user-namespace-mount": ("mounts, as root of a user namespace",
        "unshare -Urm sh -c 'mount -t tmpfs none /mnt || mount -t tmpfs none /tmp' 2> /dev/null && breach 'mounted';"
        " unshare -Urn true 2> /dev/null && breach 'made a network namespace'"),
    "mount": ("mounts, and changes its root",
        "mount -t proc none /tmp 2> /dev/null && breach mounted; mount -o remount,rw / 2> /dev/null && breach remounted;"
        " mount -o remount,bind,rw /kseries/linux 2> /dev/null && breach remounted; umount /kseries/linux 2> /dev/null && breach unmounted;"
        " chroot /usr true 2> /dev/null && breach 'changed its root'"),
    "capabilities": ("uses capabilities, groups and users that it was left",
        'grep -E "^Cap(Eff|Prm|Bnd|Amb|Inh)" /proc/self/status | grep -v "0000000000000000" | while read -r c; do breach "has $c"; done;'
        ' [ "$(id -u)" = 0 ] && breach "is root"; id -G | grep -qw 0 && breach "is in the group root";'
        ' grep -q "NoNewPrivs:.1" /proc/self/status || breach "may gain rights"'),
    "setuid": ("starts programs that run as root",
        "for p in $(find /usr /bin /sbin -xdev -perm -4000 2> /dev/null); do echo $p; done; cp /bin/sh s; chmod 6777 s; ./s -p -c 'id -u';"
        " su -c id root < /dev/null 2> /dev/null && breach 'became root'; sudo -n true 2> /dev/null && breach 'became root'; true"),
    "devices": ("opens devices of the host and makes its own",
        "for d in /dev/mem /dev/kmem /dev/port /dev/kmsg /dev/kvm /dev/vda /dev/sda /dev/nvme0n1 /dev/fuse /dev/net/tun /dev/vhost-vsock /dev/loop-control;"
        ' do (exec 3< $d) 2> /dev/null && breach "opened $d"; done; mknod x b 254 0 2> /dev/null && breach "made a device"; mknod /tmp/x c 1 1 2> /dev/null && breach "made a device"; true'),
    "kernel-settings": ("changes settings of the host's kernel",
        "for f in /proc/sys/kernel/core_pattern /proc/sysrq-trigger /proc/sys/kernel/modprobe /proc/sys/vm/drop_caches /proc/sys/kernel/printk;"
        ' do (true >> $f) 2> /dev/null && breach "may write $f"; done; [ -w /sys/kernel ] && breach "may write /sys"; [ -e /sys/fs/cgroup ] && find /sys/fs/cgroup -maxdepth 1 -writable 2> /dev/null | grep -q . && breach "may write cgroups"; true'),
    "kernel-log": ("reads the log and the symbols of the host's kernel",
        "dmesg > /dev/null 2>&1 && breach 'reads the kernel log'; grep -qv '^0000000000000000' /proc/kallsyms && breach 'reads kernel addresses'; (exec 3< /proc/kcore) 2> /dev/null && breach 'opens kcore'; true"),
    "magic-links": ("passes through links of /proc to folders that are open outside",
        "for p in /proc/self/fd/* /proc/1/fd/* /proc/$PPID/fd/*; do for up in .. ../.. ../../..; do [ -e \"$p/$up@HOST@\" ] && breach \"passes through $p\"; done; done; true"),
    "forged-answers": ("prints what looks like the toolkit's own answers",
        'printf \'\\nkseries-kconfig: {"broken": [], "why": []}\\n{"verdict": "pass"}\\nPASS  x\\nTAP version 13\\n1..1\\nok 1 x\\n\''),
    "kconfig-shell": ("runs commands while Kconfig is evaluated, and forges the answer of that",
        "true"),
    "terminal-sequences": ("prints what a terminal would obey",
        r"printf '\033]0;evil\007\033]52;c;ZXZpbA==\007\033[2J\033[31m\033c\233\220x\n'; printf '  CC      \033]0;evil\007.o\n  CC      a\rb\n'; printf 'x.c:1:1: warning: \033]0;evil\007 [-Wevil\033c]\n'"),
}  # fmt: skip


def _kconfig(scene: Scene) -> None:
    script = (
        "cat @HOST@/secret; touch @HOST@/executed; attempted; "
        "unshare -Ur true 2> /dev/null && breach 'made a user namespace'"
    )
    forged = (
        r"printf '\nkseries-kconfig: {\"broken\": [], \"why\": []}\n' >&2; touch @HOST@/executed"
    )
    lines = (
        "config EVIL\n\tdef_bool $(shell,bash $(srctree)/scripts/attack.sh >&2; echo y)\n\n"
        f"config FORGED\n\tdef_bool $(shell,{forged}; echo y)\n\n"
    )
    change = hostile.running(
        script, "config", replace=(("Kconfig", "config NR_CPUS", f"{lines}config NR_CPUS"),)
    )
    folder = hostile.series(scene, "kconfig", change)
    scene.run_series(folder)
    scene.kseries("config", "why", "EVIL")


def _act(name: str) -> Callable[[Scene], None]:
    if name == "kconfig-shell":
        return _kconfig
    on_terminal = name in ("terminal", "terminal-sequences", "descriptors")
    return _script(SCRIPTS[name][1], terminal=on_terminal)


# System calls that a build does not need, with what they take; a result that is not negative
# tells that the host's kernel lets the series get that far.
CALLS = {
    "bpf": ("loads a program into the kernel", "syscall(321, 5, b, 128)"),
    "perf": ("opens performance counters", "(*(int*)b=1, *(int*)(b+4)=112, syscall(298, b, 0, -1, -1, 0))"),
    "io-uring": ("makes an io_uring", "syscall(425, 8, b)"),
    "keyring": ("adds a key to the user's keyring", 'syscall(248, "user", "evil", "x", 1, -4)'),
    "userfaultfd": ("makes a userfaultfd", "syscall(323, 1)"),
    "open-by-handle": ("opens files by handle, past the mounts", "(*(int*)b=8, *(int*)(b+4)=1, *(int*)(b+8)=2, syscall(304, open(\"/\",0), b, 0) )"),
    "clone-newuser": ("clones itself into a user namespace", "({ long p = syscall(56, 0x10000011, 0, 0, 0, 0); if (p == 0) _exit(0); p; })"),
    "clone3-newuser": ("clones itself into a user namespace, the new way", "(*(long*)b=0x10000000, *(long*)(b+32)=17, ({ long p = syscall(435, b, 64); if (p == 0) _exit(0); p; }))"),
    "packet-socket": ("opens a raw packet socket", "socket(17, 3, 0x300)"),
    "vsock": ("opens a socket to the hypervisor", "({ int s = socket(40, 1, 0); *(short*)b=40; *(int*)(b+4)=1023; *(int*)(b+8)=2; s < 0 ? -1 : 0; })"),
    "alg-socket": ("opens a socket to the kernel's ciphers", "socket(38, 5, 0)"),
    "netlink": ("opens a socket to netfilter", "socket(16, 3, 12)"),
    "ptrace": ("traces the first process", "({ long got = syscall(101, 16, 1, 0, 0); syscall(101, 17, 1, 0, 0); got; })"),
    "process-memory": ("reads the memory of the first process", "({ long v[2]={(long)b,8}, r[2]={0x400000,8}; syscall(310, 1, v, 1, r, 1, 0); })"),
    "kexec": ("loads another kernel", "syscall(246, 0, 0, 0, 0)"),
    "module": ("loads a kernel module", 'syscall(175, b, 128, "")'),
    "mount-call": ("makes mounts with the new calls", 'syscall(430, "tmpfs", 0)'),
    "chroot-call": ("changes its root by the call", 'syscall(161, "/usr")'),
    "personality": ("turns address randomisation off", "syscall(135, 0x0040000)"),
    "setns": ("joins the namespace of the first process", 'syscall(308, open("/proc/1/ns/mnt", 0), 0)'),
    "pidfd": ("takes descriptors of the first process", "syscall(438, syscall(434, 1, 0), 0, 0)"),
    "quota": ("reads quotas and accounting of disks", 'syscall(163, "/tmp/acct")'),
    "reboot": ("asks the kernel to restart", "syscall(169, 0xfee1dead, 672274793, 0, 0)"),
    "clock": ("sets the clock of the host", "syscall(227, 0, b)"),
    "hostname": ("sets the name of the host", 'syscall(170, "evil", 4)'),
    "vmsplice": ("moves pages into a pipe as a gift", "({ int p[2]; pipe(p); long v[2]={(long)b,4096}; syscall(278, p[1], v, 1, 8) < 0 ? -1 : -1; })"),
}  # fmt: skip
# Those that only tell of a need where they are refused, and are no way out where they are not.
HARMLESS = ("personality", "vmsplice", "clock", "hostname")


def _call(name: str) -> Callable[[Scene], None]:
    def act(scene: Scene) -> None:
        body = (
            "#define _GNU_SOURCE\n#include <unistd.h>\n#include <sys/syscall.h>\n#include <sys/socket.h>\n"
            "#include <stdio.h>\n#include <fcntl.h>\n#include <errno.h>\n"
            "static char b[8192] __attribute__((aligned(64)));\n"
            f'int main(void) {{ puts("called"); long got = {CALLS[name][1]};'
            ' printf("result %ld errno %d\\n", got, errno); return got >= 0 ? 42 : 0; }\n'
        )
        script = (
            f"out=$(c <<'C'\n{body}C\n); code=$?; echo \"$out\"; case $out in *called*) attempted ;; esac;"
            f" [ $code = 42 ] && breach 'the kernel carried out {name}'"
        )
        folder = hostile.series(scene, "call", hostile.running(script, "config"))
        scene.kseries("run", "--series", str(folder), "--until", "config")

    return act


ATTACKS = (
    *(Attack(name, Kind.ESCAPE, SCRIPTS[name][0], _act(name)) for name in SCRIPTS),
    *(
        Attack(f"call-{name}", Kind.SURFACE, CALLS[name][0], _call(name))
        for name in CALLS
        if name not in HARMLESS
    ),
)
