# SPDX-License-Identifier: GPL-2.0
"""What tools print, turned into records."""

from __future__ import annotations

import pytest

from kseries.kbuild.diagnostics import Found, Parser, parse
from kseries.model import Diagnostic, Severity

ROOTS = ("/kseries/linux/out-base", "/kseries/linux")

WARNING = Severity.WARNING
ERROR = Severity.ERROR


def found(log: str) -> list[Diagnostic]:
    return [item.diagnostic for item in parse(log, ROOTS)]


def test_good_build_has_none() -> None:
    log = """\
make[1]: Entering directory '/kseries/linux/out-base'
  GEN     Makefile
  CALL    ../scripts/checksyscalls.sh
  DESCEND objtool
  CC      net/core/error.o
  LD      vmlinux.o
Kernel: arch/x86/boot/bzImage is ready  (#1)
make[1]: Leaving directory '/kseries/linux/out-base'
"""
    assert found(log) == []


def test_warning_with_notes_and_include_chain() -> None:
    log = """\
  CC      io_uring/net.o
In file included from ../include/linux/kernel.h:22,
                 from ../include/linux/list.h:9,
                 from ../io_uring/net.c:2:
../io_uring/net.c: In function 'io_recv':
../io_uring/net.c:12:9: warning: unused variable 'done' [-Wunused-variable]
   12 |     int done;
      |         ^~~~
../include/linux/kernel.h:5:2: note: in expansion of macro 'max'
    5 |  max(a, b)
      |  ^~~
  CC      io_uring/poll.o
"""
    assert parse(log, ROOTS) == (
        Found(
            Diagnostic(
                severity=WARNING,
                file="io_uring/net.c",
                line=12,
                column=9,
                option="-Wunused-variable",
                text="unused variable 'done'\n"
                "note: include/linux/kernel.h:5: in expansion of macro 'max'",
            ),
            excerpt=("   12 |     int done;", "      |         ^~~~"),
        ),
    )


def test_include_chain_belongs_to_the_message_behind_it() -> None:
    log = """\
In file included from ../include/linux/skbuff.h:38,
                 from /kseries/linux/net/core/dev.c:87:
/kseries/linux/include/net/netmem.h:30:3: error: unknown type name 'net_iov_area'
net/core/gro.c:7:1: error: expected ';' before '}' token
"""
    assert found(log) == [
        Diagnostic(
            severity=ERROR,
            file="include/net/netmem.h",
            line=30,
            column=3,
            option="",
            text="unknown type name 'net_iov_area'\n"
            "included from include/linux/skbuff.h:38\nincluded from net/core/dev.c:87",
        ),
        Diagnostic(ERROR, "net/core/gro.c", 7, 1, "", "expected ';' before '}' token"),
    ]


def test_warning_in_a_header_counts_once() -> None:
    line = "../include/net/netmem.h:30:3: warning: shadowed [-Wshadow]\n"
    chains = [f"In file included from ../net/core/{name}.c:3:\n{line}" for name in "abc"]
    assert [item.line for item in found("".join(chains))] == [30]


def test_werror() -> None:
    log = """\
../net/a.c:3:5: error: unused variable 'x' [-Werror=unused-variable]
cc1: all warnings being treated as errors
make[4]: *** [../scripts/Makefile.build:229: net/a.o] Error 1
make[3]: *** [../scripts/Makefile.build:478: net] Error 2
make: *** [Makefile:236: __sub-make] Error 2
make: *** Waiting for unfinished jobs....
"""
    expected = Diagnostic(ERROR, "net/a.c", 3, 5, "-Wunused-variable", "unused variable 'x'")
    assert found(log) == [expected]


# line, severity, file, line number, text
ONE_LINERS = (
    (
        "../arch/x86/entry/entry.S:44: Error: no such instruction: `mvo'",
        *(ERROR, "arch/x86/entry/entry.S", 44, "no such instruction: `mvo'"),
    ),
    (
        "{standard input}:120: Error: junk at end of line",
        *(ERROR, "{standard input}", 120, "junk at end of line"),
    ),
    (
        "ld: io_uring/net.o:net.c:(.text+0x12): undefined reference to `io_zcrx_recv'",
        *(ERROR, "io_uring/net.c", 0, "undefined reference to `io_zcrx_recv'"),
    ),
    (
        "/kseries/linux/out-base/../io_uring/net.c:77: undefined reference to `io_zcrx_recv'",
        *(ERROR, "io_uring/net.c", 77, "undefined reference to `io_zcrx_recv'"),
    ),
    (
        "net.c:(.text+0x12): undefined reference to `f'",
        *(ERROR, "net.c", 0, "undefined reference to `f'"),
    ),
    (
        "ld: net/b.o:(.data+0x0): multiple definition of `t'; net/a.o:(.data+0x0): defined here",
        *(ERROR, "net/b.o", 0, "multiple definition of `t'; net/a.o:(.data+0x0): defined here"),
    ),
    (
        "ld: warning: vmlinux has a LOAD segment with RWX permissions",
        *(WARNING, "", 0, "vmlinux has a LOAD segment with RWX permissions"),
    ),
    (
        "ld: cannot find scripts/module.lds: No such file or directory",
        *(ERROR, "", 0, "cannot find scripts/module.lds: No such file or directory"),
    ),
    (
        'ERROR: modpost: "net_iov_free" [drivers/net/sim.ko] undefined!',
        *(ERROR, "drivers/net/sim.ko", 0, '"net_iov_free" [drivers/net/sim.ko] undefined!'),
    ),
    (
        "WARNING: modpost: vmlinux: section mismatch in reference: f+0x1 -> g",
        *(WARNING, "vmlinux", 0, "vmlinux: section mismatch in reference: f+0x1 -> g"),
    ),
    (
        "WARNING: modpost: missing MODULE_LICENSE() in net/a.o",
        *(WARNING, "net/a.o", 0, "missing MODULE_LICENSE() in net/a.o"),
    ),
    (
        "io_uring/net.o: warning: objtool: io_recv+0x12: unreachable instruction",
        *(WARNING, "io_uring/net.o", 0, "io_recv+0x12: unreachable instruction"),
    ),
    (
        "make[3]: *** No rule to make target 'io_uring/x.o', needed by 'io_uring/y.a'.  Stop.",
        *(ERROR, "", 0, "No rule to make target 'io_uring/x.o', needed by 'io_uring/y.a'."),
    ),
    (
        "../io_uring/Makefile:5: *** missing separator.  Stop.",
        *(ERROR, "io_uring/Makefile", 5, "missing separator."),
    ),
    ("io_uring/Kconfig:5: syntax error", ERROR, "io_uring/Kconfig", 5, "syntax error"),
    (
        "net/Kconfig:12:warning: config symbol defined without type",
        *(WARNING, "net/Kconfig", 12, "config symbol defined without type"),
    ),
    (
        "net/Kconfig:12:error: recursive dependency detected!",
        *(ERROR, "net/Kconfig", 12, "recursive dependency detected!"),
    ),
    ("make[1]: *** read jobs pipe: Bad file", ERROR, "", 0, "read jobs pipe: Bad file"),
    ("gcc: fatal error: no input files", ERROR, "", 0, "no input files"),
    *(
        (f"{tool}: error: x", ERROR, "", 0, "x")
        for tool in ("cc1", "cc", "/usr/bin/as", "collect2", "g++", "ccache", "<command-line>")
    ),
    ("a.c:1: warning: x [-Wa] y", WARNING, "a.c", 1, "x [-Wa] y"),
)


@pytest.mark.parametrize(
    "line",
    [
        *(
            f"make[1]: *** [net/a.o] {how}"
            for how in ("Error 1", "Killed", "Terminated", "Interrupt")
        ),
        "make: *** Waiting for unfinished jobs....",
        "make: *** Deleting file 'net/a.o'",
        "collect2: error: ld returned 1 exit status",
        "cc1: some warnings being treated as errors",
        "cc1: all warnings being treated as errors",
        "other: error: x",
    ],
)
def test_what_only_repeats_that_a_command_failed_is_no_error_of_its_own(line: str) -> None:
    assert found(f"{line}\n") == []


def test_the_first_word_of_a_machine_that_fails_counts() -> None:
    parser = Parser()
    first, second = "a: No space left on device", "virtual memory exhausted"
    for line in (first, second, "cc1: out of memory"):
        parser.feed(line)
    assert parser.lost == first
    assert "free some space" in parser.remedy


@pytest.mark.parametrize(("line", "severity", "file", "number", "text"), ONE_LINERS)
def test_one_line(line: str, severity: Severity, file: str, number: int, text: str) -> None:
    log = f"  CC      a.o\n{line}\n  CC      b.o\n"
    assert found(log) == [Diagnostic(severity, file, number, 0, "", text)]


def test_missing_header() -> None:
    log = "../io_uring/net.c:9:10: fatal error: zcrx.h: No such file or directory\n"
    missing = "zcrx.h: No such file or directory"
    assert found(log) == [Diagnostic(ERROR, "io_uring/net.c", 9, 10, "", missing)]


def test_unmet_dependencies_keep_their_reason() -> None:
    log = """\
WARNING: unmet direct dependencies detected for PAGE_POOL
  Depends on [n]: NET [=n]
  Selected by [y]:
  - NETDEVSIM [=y]
#
"""
    assert found(log) == [
        Diagnostic(
            WARNING,
            "",
            0,
            0,
            "",
            "unmet direct dependencies detected for PAGE_POOL\n"
            "Depends on [n]: NET [=n]\nSelected by [y]:\n- NETDEVSIM [=y]",
        )
    ]


@pytest.mark.parametrize(
    "line",
    [
        "gcc: fatal error: Killed signal terminated program cc1",
        "cc1: out of memory allocating 65536 bytes after a total of 1000 bytes",
        "virtual memory exhausted: Cannot allocate memory",
        "make[2]: *** [../scripts/Makefile.build:229: net/a.o] Killed",
        "sh: 1: Cannot fork: fork: Cannot allocate memory",
        "ld: final link failed: memory exhausted",
    ],
)
def test_memory_running_out_is_this_machines_fault(line: str) -> None:
    parser = Parser(ROOTS)
    parser.feed(line)
    assert parser.lost == line
    assert "memory" in parser.remedy or "jobs" in parser.remedy


@pytest.mark.parametrize(
    "line",
    [
        "/tmp/ccX.s: Fatal error: can't close net/a.o: No space left on device",
        "ld: final close failed: No space left on device",
        "sh: 1: cannot create .a.o.cmd: No space left on device",
    ],
)
def test_full_disk_is_this_machines_fault(line: str) -> None:
    parser = Parser(ROOTS)
    parser.feed(line)
    assert parser.lost == line
    assert "space" in parser.remedy


def test_code_that_speaks_of_memory_is_not_lost() -> None:
    parser = Parser(ROOTS)
    parser.feed('../net/a.c:3:5: error: "memory exhausted" and No space left on device')
    parser.feed("  CC      net/killed.o")
    assert parser.lost == ""
    assert len(parser.finish()) == 1


def test_warnings_are_counted_as_they_come() -> None:
    parser = Parser(ROOTS)
    parser.feed("../a.c:1:1: warning: one")
    parser.feed("../a.c:2:1: warning: two")
    parser.feed("../a.c:3:1: error: three")
    assert parser.warnings == 2
    assert [item.diagnostic.text for item in parser.finish()] == ["one", "two", "three"]


def test_numbers_without_end_are_no_lines() -> None:
    assert [f.diagnostic.line for f in parse(f"a.c:{'1' * 10_000}: error: x")] in ([], [0])
