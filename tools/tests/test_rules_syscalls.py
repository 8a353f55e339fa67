# SPDX-License-Identifier: GPL-2.0
"""What the filter of system calls answers, call by call: its program is read as the kernel does."""

from __future__ import annotations

import errno
import struct
import sys
from collections.abc import Sequence

import pyseccomp as seccomp
import pytest

from kseries.kbuild import syscalls
from kseries.lib.errors import UserError

ALLOW, ERRNO = 0x7FFF0000, 0x00050000
X86_64, I386 = 0xC000003E, 0x40000003

NOT_NEEDED = """
setns mount umount2 pivot_root chroot fsopen fsconfig fsmount fspick move_mount open_tree
mount_setattr open_by_handle_at name_to_handle_at
ptrace process_vm_readv process_vm_writev kcmp pidfd_getfd process_madvise perf_event_open
add_key request_key keyctl
bpf init_module finit_module delete_module kexec_load kexec_file_load
reboot swapon swapoff acct quotactl quotactl_fd syslog iopl ioperm settimeofday clock_settime
clock_adjtime adjtimex sethostname setdomainname vhangup lookup_dcookie nfsservctl fanotify_init
io_uring_setup io_uring_enter io_uring_register userfaultfd memfd_secret io_setup modify_ldt
personality migrate_pages move_pages
"""
# Where this machine has a call of that name.
ELSEWHERE = {"vm86", "vm86old"}

NEW_IPC, NEW_USER, NEW_TIME = 0x08000000, 0x10000000, 0x80
NAMESPACES = (0x00020000, 0x02000000, 0x04000000, NEW_IPC, NEW_USER, 0x20000000, 0x40000000)


def answer(number: int, arguments: Sequence[int] = (), arch: int = X86_64) -> int:
    """Run the filter on a system call; give 0 where it may be made, else the errno."""
    padded = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("<iIQ6Q", number, arch, 0, *padded)
    code = list(struct.iter_unpack("<HBBI", syscalls.program()))
    at = accumulator = 0
    jumps = {0x15: int.__eq__, 0x25: int.__gt__, 0x35: int.__ge__, 0x45: int.__and__}
    while True:
        what, yes, no, k = code[at]
        at += 1
        if what == 0x20:  # load a word
            (accumulator,) = struct.unpack_from("<I", data, k)
        elif what == 0x54:
            accumulator &= k
        elif what == 0x05:
            at += k
        elif what in jumps:
            at += yes if jumps[what](accumulator, k) else no
        else:
            assert what == 0x06, hex(what)
            break
    if k == ALLOW:
        return 0
    assert k & 0xFFFF0000 == ERRNO
    return int(k & 0xFFFF)


def number_of(name: str) -> int:
    """Give the number of a system call; a negative one where this machine has none."""
    return int(seccomp.resolve_syscall(seccomp.Arch.NATIVE, name))


def call(name: str, *arguments: int) -> int:
    return answer(number_of(name), arguments)


def test_what_no_build_needs_is_refused() -> None:
    names = NOT_NEEDED.split()
    assert set(syscalls.REFUSED) == {*names, *ELSEWHERE}
    known = [name for name in names if number_of(name) >= 0]
    assert len(known) > 50
    assert {name: call(name) for name in known} == dict.fromkeys(known, errno.EPERM)


@pytest.mark.parametrize(
    "name", ["read", "openat", "execve", "fork", "vfork", "mmap", "kill", "wait4", "futex"]
)
def test_what_builds_need_is_allowed(name: str) -> None:
    assert call(name) == 0


def test_what_libraries_do_without_is_said_not_to_be_there() -> None:
    assert call("clone3") == errno.ENOSYS
    assert call("fallocate") == errno.EOPNOTSUPP


def test_no_namespace_can_be_made() -> None:
    signal = 17
    for flag in NAMESPACES:
        for others in (0, signal, 0x100):
            assert call("clone", flag | others) == errno.EPERM
            assert call("unshare", flag | others) == errno.EPERM
    assert call("unshare", NEW_TIME) == errno.EPERM
    # Of clone these bits are the signal at the end: a thread, a process.
    for flags in (signal, 0x003D0F00, NEW_TIME | 0x100):
        assert call("clone", flags) == 0
    assert call("unshare", 0x400) == 0  # files


@pytest.mark.parametrize("name", ["socket", "socketpair"])
def test_sockets_are_those_of_unix_and_ip(name: str) -> None:
    allowed = [family for family in range(60) if call(name, family) == 0]
    assert allowed == [1, 2, 10]
    for family in (16, 17, 40, (1 << 32) + 17):
        assert call(name, family) == errno.EPERM


def test_nothing_is_typed_into_a_terminal() -> None:
    for request in (0x5412, 0x541C):
        assert call("ioctl", 0, request) == errno.EPERM
        assert call("ioctl", 0, request | 1 << 32) == errno.EPERM
    for request in (0x5401, 0x5413, 0x541D):  # among them to ask for the size of a window
        assert call("ioctl", 0, request) == 0


def test_without_its_library_it_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyseccomp", None)
    with pytest.raises(UserError, match="needs libseccomp") as caught:
        syscalls.program.__wrapped__()
    assert "libseccomp2" in caught.value.do


def test_other_numberings_of_calls_do_not_pass() -> None:
    assert answer(39, arch=I386) == errno.ENOSYS
    assert answer(0x40000000 + 39) == errno.ENOSYS
