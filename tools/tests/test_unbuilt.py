# SPDX-License-Identifier: GPL-2.0
"""What make says of test programs that do not build, where it goes on."""

from __future__ import annotations

import pytest

from kseries.install.unbuilt import MOST, absent, is_of_host, reasons

OUTPUT = """\
  CC       a
b_numa.c:24:10: fatal error: numa.h: No such file or directory
   24 | #include <numa.h>
compilation terminated.
make[1]: *** [../lib.mk:222: /build/kselftest/net/b_numa] Error 1 (ignored)
/tree/tools/testing/selftests/mm/khuge.c: In function 'main':
/tree/tools/testing/selftests/mm/khuge.c:1195:24: error: 'KSFT_SKIP' undeclared
/tree/tools/testing/selftests/mm/khuge.c:1196:1: error: another one
make[1]: *** [../lib.mk:222: /build/kselftest/mm/khuge] Error 1 (ignored)
/usr/bin/ld: cannot find -lpopt: No such file or directory
collect2: error: ld returned 1 exit status
make[1]: *** [../lib.mk:222: /build/kselftest/mqueue/mq_perf] Error 1 (ignored)
make[1]: *** [Makefile:7: /build/kselftest/odd] Error 2 (ignored)
"""


def test_each_program_has_the_first_thing_that_was_said() -> None:
    assert reasons(OUTPUT.splitlines()) == {
        "b_numa": "numa.h: No such file or directory",
        "khuge": "'KSFT_SKIP' undeclared",
        "mq_perf": "cannot find -lpopt: No such file or directory",
        "odd": "make says no more",
    }


@pytest.mark.parametrize(
    ("reason", "is_it"),
    [
        ("numa.h: No such file or directory", True),
        ("sys/capability.h: No such file or directory", True),
        ("cannot find -lpopt: No such file or directory", True),
        ("linux/io_uring.h: No such file or directory", False),
        ("../kselftest.h: No such file or directory", False),
        ("'KSFT_SKIP' undeclared", False),
        ("make says no more", False),
        ("", False),
    ],
)
def test_what_the_host_lacks_is_no_fault_of_the_series(reason: str, is_it: bool) -> None:
    assert is_of_host(reason) is is_it


def test_output_without_end_is_bound() -> None:
    lines = (f"x{number}.c:1:1: error: {'y' * 10_000}" for number in range(10_000))
    found = reasons(lines)
    assert len(found) == 200
    assert max(map(len, found.values())) == 200


def test_what_make_wanted_to_install_and_had_not_made() -> None:
    def lost(file: str) -> str:
        return f'rsync: [sender] link_stat "{file}" failed: No such file or directory (2)'

    said = [
        "rsync -a --copy-unsafe-links run_vmtests.sh /out/install/mm/",
        lost("/out/kselftest/mm/cow"),
        lost("/out/kselftest/net/forwarding/a.o"),
        lost("/out/kselftest/mm/gup_test").replace("[sender] ", ""),
        lost("/out/kselftest/mm/cow"),
        lost("/out/kselftest-list/mm/x"),
        lost("/elsewhere/y"),
    ]
    assert absent(said, "/out/kselftest") == {
        "mm": ("cow", "gup_test"),
        "net/forwarding": ("a.o",),
    }
    many = [lost(f"/out/kselftest/mm/{number}") for number in range(MOST + 1)]
    assert len(absent(many, "/out/kselftest")["mm"]) == MOST
