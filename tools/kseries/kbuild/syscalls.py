# SPDX-License-Identifier: GPL-2.0
"""The seccomp filter of the sandbox: what nothing that builds a kernel asks of the kernel.

A filter of what is refused, not of what is allowed: compilers of tomorrow shall run. Refused are
namespaces and mounts, looking into other processes, keys, modules, and families of the kernel's
interfaces with a long history of faults. What is refused fails with EPERM, as without rights;
clone3 with ENOSYS, since its flags lie in memory that a filter cannot see: libraries then take
clone, whose flags it sees.
"""

from __future__ import annotations

import errno
import functools
import tempfile

from kseries.lib.errors import UserError

# linux/sched.h: all that make a namespace, CLONE_NEWTIME (of unshare and clone3) included.
CLONE_NEW = (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000)
CLONE_NEWTIME = 0x00000080

# linux/socket.h: Unix sockets, IPv4 and IPv6 can be had; the network is empty.
FAMILIES = frozenset((1, 2, 10))
LAST_CHECKED = 16

# asm-generic/ioctls.h, linux/tiocl.h: characters put into a terminal as if they were typed.
TIOCSTI, TIOCLINUX = 0x5412, 0x541C

REFUSED = (
    # namespaces, mounts, other roots
    *("setns", "mount", "umount2", "pivot_root", "chroot", "fsopen", "fsconfig", "fsmount"),
    *("fspick", "move_mount", "open_tree", "mount_setattr", "open_by_handle_at"),
    *("name_to_handle_at",),
    # other processes
    *("ptrace", "process_vm_readv", "process_vm_writev", "kcmp", "pidfd_getfd"),
    *("process_madvise", "perf_event_open"),
    # keys of the user
    *("add_key", "request_key", "keyctl"),
    # code in the kernel, and the machine
    *("bpf", "init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load"),
    *("reboot", "swapon", "swapoff", "acct", "quotactl", "quotactl_fd", "syslog", "iopl"),
    *("ioperm", "settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "sethostname"),
    *("setdomainname", "vhangup", "lookup_dcookie", "nfsservctl", "fanotify_init"),
    # interfaces that builds do without
    *("io_uring_setup", "io_uring_enter", "io_uring_register", "userfaultfd", "memfd_secret"),
    *("io_setup", "modify_ldt", "vm86", "vm86old", "personality", "migrate_pages", "move_pages"),
)


@functools.cache
def program() -> bytes:
    """Give the filter as bubblewrap takes it.

    Raises UserError when libseccomp is not there.
    """
    try:
        import pyseccomp as seccomp
    except (ImportError, RuntimeError, OSError) as error:
        raise UserError(
            f"The sandbox needs libseccomp, which cannot be loaded: {error}",
            do="install it (`apt-get install libseccomp2`)",
        ) from error
    rules = seccomp.SyscallFilter(seccomp.ALLOW)
    # i386 and x32 have other numbers, which the rules do not meet.
    rules.set_attr(seccomp.Attr.ACT_BADARCH, seccomp.ERRNO(errno.ENOSYS))
    refuse = seccomp.ERRNO(errno.EPERM)
    for name in REFUSED:
        # An older libseccomp does not know the name; some there are on other machines only.
        if seccomp.resolve_syscall(seccomp.Arch.NATIVE, name) >= 0:
            rules.add_rule(refuse, name)
    rules.add_rule(seccomp.ERRNO(errno.ENOSYS), "clone3")
    # It takes a disk in no time, where writing leaves some to look after it (`guard`). Who wants
    # room writes zeros instead, as on file systems that do not have it.
    rules.add_rule(seccomp.ERRNO(errno.EOPNOTSUPP), "fallocate")
    for flag in (*CLONE_NEW, CLONE_NEWTIME):
        rules.add_rule(refuse, "unshare", seccomp.Arg(0, seccomp.MASKED_EQ, flag, flag))
    for flag in CLONE_NEW:
        rules.add_rule(refuse, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, flag, flag))
    for family in set(range(LAST_CHECKED + 1)) - FAMILIES:
        for call in ("socket", "socketpair"):
            rules.add_rule(refuse, call, seccomp.Arg(0, seccomp.EQ, family))
    for call in ("socket", "socketpair"):
        rules.add_rule(refuse, call, seccomp.Arg(0, seccomp.GT, LAST_CHECKED))
    for request in (TIOCSTI, TIOCLINUX):
        # The kernel takes 32 bits of it.
        argument = seccomp.Arg(1, seccomp.MASKED_EQ, 0xFFFFFFFF, request)
        rules.add_rule(refuse, "ioctl", argument)
    with tempfile.TemporaryFile() as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()
