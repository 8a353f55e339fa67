# SPDX-License-Identifier: GPL-2.0
"""The project's suites: what they promise about targets and trees."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import kselftest_zcrx
from kseries.machines import needs
from kseries.machines.needs import Needs
from kseries.model import Status
from kseries.parse import ktap
from kseries.suite import Kselftest
from kseries.suites import treeconfig
from kseries.suites.base import Made, Unfit
from kseries.suites.kunit import script
from kseries.suites.planning import SKIP_OF_LIBURING, Install, Plan, of_tree, plan_suites
from kseries.suites.zcrx import ZCRX, Interface, interface_of
from tests.toyproject import git
from tests.toysuites import suites

PATCH_9 = "enum { IORING_REGISTER_ZCRX_IFQ = 32 };"
AREA = "struct io_uring_zcrx_area_reg { int i; };"
REQUEST = "enum { IORING_OP_RECV_ZC };"
TOY = Path(__file__).parent / "data" / "kselftest_zcrx" / "toytree"


def tree(folder: Path, uapi: str) -> Path:
    """Make a tree with nothing but the io_uring header."""
    (folder / "include/uapi/linux").mkdir(parents=True)
    (folder / "include/uapi/linux/io_uring.h").write_text(uapi)
    return folder


def test_the_programs_of_the_kernel_are_the_four_that_use_netdevsim() -> None:
    (suite,) = suites("netdevsim")
    assert isinstance(suite.told, Kselftest)
    assert [(p.folder, p.name, p.ktap) for p in suite.told.programs] == [
        ("drivers/net/netdevsim", "peer.sh", False),
        ("drivers/net", "ping.py", True),
        ("drivers/net", "queues.py", True),
        ("drivers/net", "stats.py", True),
    ]
    assert {program.folder for program in suite.told.programs} == set(suite.told.targets)


def test_zcrx_makes_what_fits_the_tree() -> None:
    made = ZCRX.make(TOY, "/tree/tools/testing/selftests/lib.mk")
    assert isinstance(made, Made)
    assert made.folder == "drivers/net/zcrx"
    assert made.cases == kselftest_zcrx.planned(12)
    assert made.found == "the tree has the interface of v7, up to patch 12"
    assert "include /tree/tools/testing/selftests/lib.mk\n" in made.files["Makefile"]


@pytest.mark.parametrize(
    ("level", "uapi", "code"),
    [
        (9, PATCH_9, ""),
        (10, PATCH_9 + AREA, "io_pin_pages()"),
        (12, PATCH_9 + AREA + REQUEST, ""),
        (14, PATCH_9 + AREA + REQUEST, "netdev_rx_queue_restart()"),
        (15, PATCH_9 + AREA + REQUEST, "netdev_rx_queue_restart(); return IOU_REQUEUE;"),
    ],
)
def test_zcrx_knows_the_last_patch_of_a_tree(
    level: int, uapi: str, code: str, tmp_path: Path
) -> None:
    folder = tree(tmp_path, uapi)
    if code:
        (folder / "io_uring").mkdir()
        (folder / "io_uring/zcrx.c").write_text(code)
    assert interface_of(folder) == Interface("v7", level)


@pytest.mark.parametrize(
    ("uapi", "why"),
    [
        (
            "enum { IORING_REGISTER_LAST };",
            "the tree has no IORING_REGISTER_ZCRX_IFQ in include/uapi/linux/io_uring.h",
        ),
        (
            "enum { IORING_REGISTER_ZCRX_IFQ = 32 }; struct reg { __u64 region_ptr; };",
            "the tree has an older interface of mainline, without ZCRX_REG_NODEV",
        ),
    ],
    ids=["before", "mainline"],
)
def test_zcrx_says_why_it_does_not_fit(uapi: str, why: str, tmp_path: Path) -> None:
    assert interface_of(tree(tmp_path, uapi)) == Unfit(why)


def test_zcrx_does_not_fit_a_folder_without_the_header(tmp_path: Path) -> None:
    found = interface_of(tmp_path)
    assert isinstance(found, Unfit)
    assert found.why.startswith("the tree has no IORING_REGISTER_ZCRX_IFQ")


def mainline(folder: Path, header: str) -> Path:
    """Make a tree whose interface of zero copy receive has a header of its own."""
    tree(folder, "enum { IORING_REGISTER_ZCRX_IFQ = 32 };")
    (folder / "include/uapi/linux/io_uring").mkdir()
    (folder / "include/uapi/linux/io_uring/zcrx.h").write_text(header)
    return folder


def test_zcrx_knows_mainline(tmp_path: Path) -> None:
    folder = mainline(tmp_path, "ZCRX_REG_NODEV = 2, ZCRX_CTRL_FLUSH_RQ,")
    assert interface_of(folder) == Interface("mainline", 15)
    made = ZCRX.make(folder, "lib.mk")
    assert isinstance(made, Made)
    assert made.found == "the tree has the interface of mainline"
    assert made.cases == kselftest_zcrx.planned(15, "mainline")


def test_zcrx_has_no_tests_for_mainline_before_flushing(tmp_path: Path) -> None:
    found = interface_of(mainline(tmp_path, "ZCRX_REG_NODEV = 2,"))
    assert found == Unfit("the tree has an older interface of mainline, without ZCRX_CTRL_FLUSH_RQ")


# ---------------------------------------------------------------- kinds


def worktree(folder: Path, files: dict[str, str]) -> Path:
    """Make a repository with these files."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=x")
    return folder


def planned(tree: Path, *names: str) -> Plan:
    return plan_suites(tree, suites(*names), "lib.mk")


def test_a_whole_target_has_what_its_makefile_lists(tmp_path: Path) -> None:
    makefile = "TEST_PROGS := b.sh sub/c.sh\nTEST_GEN_PROGS = a\nTEST_PROGS_EXTENDED = long.sh\n"
    tree = worktree(tmp_path, {"tools/testing/selftests/exec/Makefile": makefile})
    plan = planned(tree, "kselftest/exec", "kselftest/gone")
    assert [(one.suite, one.name, one.ktap) for one in plan.programs] == [
        ("kselftest/exec", "a", None),
        ("kselftest/exec", "b.sh", None),
    ]
    assert [suite.name for suite in plan.whole] == ["kselftest/exec"]
    assert plan.installs == (Install(("kselftest/exec",), ("exec",), None, {}, optional=True),)
    gone = "the tree has no tools/testing/selftests/gone/Makefile"
    assert plan.left_out == (("kselftest/gone", gone),)


def test_one_program_of_a_target_may_be_compiled(tmp_path: Path) -> None:
    tree = worktree(tmp_path, {"tools/testing/selftests/exec/a.c": ""})
    plan = planned(tree, "kselftest/exec:a", "kselftest/exec:b")
    assert [one.name for one in plan.programs] == ["a"]
    assert plan.left_out == (("kselftest/exec", "the tree has no tools/testing/selftests/exec/b"),)


def test_nics_are_made_around_each_program(tmp_path: Path) -> None:
    selftests = "tools/testing/selftests/drivers/net/hw"
    makefile = {f"{selftests}/Makefile": "TEST_PROGS := a.py\n"}
    tree = worktree(tmp_path / "tree", makefile | {f"{selftests}/b.py": ""})
    text = 'kind = "kselftest"\ntitle = "x"\ntargets = ["drivers/net/hw"]\nnics = 8\n'
    (tmp_path / "whole.toml").write_text(text)
    one = '[[programs]]\nname = "b.py"\nfolder = "drivers/net/hw"\n'
    (tmp_path / "one.toml").write_text(text + one)
    plan = planned(tree, str(tmp_path / "whole.toml"), str(tmp_path / "one.toml"))
    around = ("sh", "../../../nics/nics.sh", "8", "--")
    assert [(program.folder, program.argv) for program in plan.programs] == [
        ("drivers/net/hw", (*around, "./a.py")),
        ("drivers/net/hw", (*around, "./b.py")),
    ]
    assert "REMOTE_TYPE=netns" in plan.texts["nics/nics.sh"]


def test_a_symbol_has_what_a_file_about_it_says(tmp_path: Path) -> None:
    kasan, kfence, other = suites(
        "kunit/KASAN_KUNIT_TEST", "kunit/KFENCE_KUNIT_TEST", "kunit/LIST_KUNIT_TEST"
    )
    assert [one.told.provokes for one in (kasan, kfence, other)] == [
        ("[kasan_test]",), ("[kfence_test]",), ()
    ]  # fmt: skip
    tree = worktree(tmp_path, {"mm/Makefile": "obj-$(CONFIG_KASAN_KUNIT_TEST) += kasan_test.o\n"})
    (program,) = plan_suites(tree, (kasan,), "lib.mk").programs
    assert program.provokes == ("[kasan_test]",)


def test_two_machines_and_where_they_are(tmp_path: Path) -> None:
    selftests = "tools/testing/selftests/drivers/net"
    makefile = {f"{selftests}/Makefile": "TEST_PROGS := a.py\n"}
    tree = worktree(tmp_path / "tree", makefile)
    text = 'kind = "kselftest"\ntitle = "x"\ntargets = ["drivers/net"]\nmachines = 2\n'
    file = tmp_path / "two.toml"
    file.write_text(text)
    (program,) = planned(tree, str(file)).programs
    assert ("REMOTE_TYPE", "ssh") in program.env
    assert ("NETIF", "eth0") in program.env
    (two,) = suites(str(file))
    (one,) = suites("kselftest/drivers/net")
    assert needs.of_suites([one]).machines == 1
    assert needs.of_suites([two]) == Needs(("openssh-client", "openssh-server"), machines=2)
    assert needs.of_suites([one, two]).machines == 2
    assert ("CONFIG_VIRTIO_NET=y",) in treeconfig.wanted(two, tree)
    assert treeconfig.wanted(one, tree) == []


@pytest.mark.parametrize(
    ("settings", "timeout_s"),
    [("", 300.0), ("timeout=45\n", 300.0), ("timeout=900\n", 900.0), ("timeout=0\n", 3600.0)],
)
def test_a_target_may_ask_for_more_time(settings: str, timeout_s: float) -> None:
    (suite,) = suites("kselftest/exec")
    assert of_tree(suite, "exec", "a", settings).timeout_s == timeout_s


def test_the_settings_of_a_target_hold_for_what_its_makefile_lists(tmp_path: Path) -> None:
    files = {"Makefile": "TEST_PROGS := a.sh b.sh\n", "settings": "timeout=900\n", "a.sh": ""}
    tree = worktree(tmp_path, {f"tools/testing/selftests/exec/{n}": t for n, t in files.items()})
    whole = planned(tree, "kselftest/exec")
    assert {one.timeout_s for one in whole.programs} == {900.0}
    (one,) = planned(tree, "kselftest/exec:a.sh").programs
    assert one.timeout_s == 900.0


def test_kunit_tests_are_modules(tmp_path: Path) -> None:
    files = {
        "lib/Makefile": "obj-$(CONFIG_LIST_KUNIT_TEST) += list-test.o\n",
        "net/Kbuild": "obj-${CONFIG_MPTCP_KUNIT_TEST} += crypto_test.o token_test.o\n",
        "mm/Kconfig": "config DAMON_KUNIT_TEST\n\tbool\n",
    }
    symbols = ("LIST_KUNIT_TEST", "MPTCP_KUNIT_TEST", "DAMON_KUNIT_TEST", "NO_KUNIT_TEST")
    plan = planned(worktree(tmp_path, files), *(f"kunit/{symbol}" for symbol in symbols))
    assert [(one.name, one.argv[2:]) for one in plan.programs] == [
        ("list_kunit_test", ("list_test",)),
        ("mptcp_kunit_test", ("crypto_test", "token_test")),
        ("damon_kunit_test", ()),
    ]
    assert plan.left_out == (("kunit/NO_KUNIT_TEST", "the tree has no CONFIG_NO_KUNIT_TEST"),)
    assert list(plan.texts) == ["kunit/kunit.sh"]


def test_programs_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "run.sh").write_text("exit 0\n")
    (tmp_path / "mine.toml").write_text(
        'kind = "program"\ntitle = "mine"\nfiles = ["run.sh"]\n'
        'known_failures = [{test = "run", why = "emulated"}]\n'
        '[[programs]]\nname = "run"\ncommand = ["sh", "run.sh"]\ntimeout_s = 5\nktap = false\n'
    )
    plan = planned(tmp_path, str(tmp_path / "mine.toml"))
    (program,) = plan.programs
    assert (program.argv, program.folder) == (("sh", "run.sh"), "program/mine")
    assert (program.timeout_s, program.ktap) == (5.0, False)
    assert [one.why for one in program.known] == ["emulated"]
    assert plan.files == {"program/mine/run.sh": tmp_path / "run.sh"}


def test_a_failure_may_be_known_only_where_the_host_lacks_a_program(tmp_path: Path) -> None:
    rows = [("a", "sh"), ("b", "no-such-program"), ("c", "")]
    known = ", ".join(f'{{test = "{t}", why = "x", without = "{w}"}}' for t, w in rows)
    (tmp_path / "mine.toml").write_text(
        f'kind = "program"\ntitle = "mine"\nknown_failures = [{known}]\n'
        '[[programs]]\nname = "run"\ncommand = ["true"]\n'
    )
    (program,) = planned(tmp_path, str(tmp_path / "mine.toml")).programs
    assert [one.test for one in program.known] == ["b", "c"]


def test_tests_of_liburing(tmp_path: Path) -> None:
    (tmp_path / "liburing/test").mkdir(parents=True)
    (tmp_path / "liburing/test/nop.c").write_text("")
    text = 'kind = "liburing"\ntitle = "x"\nsource = "liburing"\nprograms = ["nop", "gone"]\n'
    (tmp_path / "uring.toml").write_text(text)
    plan = planned(tmp_path, str(tmp_path / "uring.toml"))
    assert [(one.name, one.argv[-1], one.ktap) for one in plan.programs] == [
        ("nop", "./nop.t", False)
    ]
    assert plan.left_out == (("uring", "liburing has no test/gone.c"),)
    assert plan.sources == {"uring": tmp_path / "liburing"}


@pytest.mark.parametrize(("status", "told"), [(0, 0), (1, 1), (77, 4)])
def test_liburings_way_to_skip_is_kselftests(status: int, told: int) -> None:
    words = ["sh", "-c", SKIP_OF_LIBURING, "sh", "sh", "-c", f"exit {status}"]
    assert subprocess.run(words, check=False).returncode == told


# ---------------------------------------------------------------- results of KUnit

RESULTS = """\
KTAP version 1
1..1
    KTAP version 1
    # Subtest: {name}
    1..1
    {word} 1 case
{word} 1 {name}
"""


def show_results(place: Path, *modules: str) -> subprocess.CompletedProcess[str]:
    """Run the script; its modprobe makes results of the module's name."""
    fake = place / "bin/modprobe"
    fake.parent.mkdir(exist_ok=True)
    fake.write_text(f'#!/bin/sh\n[ "$1" = gone ] && exit 1\nmkdir "{place}/kunit/$1" &&'
                    f' cp "{place}/new" "{place}/kunit/$1/results"\n')  # fmt: skip
    fake.chmod(0o755)
    (place / "new").write_text(RESULTS.format(name="new", word="not ok"))
    (place / "kunit/old").mkdir(parents=True, exist_ok=True)
    (place / "kunit/old/results").write_text(RESULTS.format(name="old", word="ok"))
    env = {"PATH": f"{fake.parent}:/usr/bin:/bin", "KUNIT_RESULTS": str(place / "kunit")}
    words = ["sh", "-c", script(), "sh", *modules]
    return subprocess.run(words, env=env, check=False, capture_output=True, text=True)


def read(done: subprocess.CompletedProcess[str]) -> list[tuple[str, Status]]:
    result = ktap.parse(done.stdout.splitlines())
    assert result.problems == ()
    return [(case.name, case.status) for case in result.cases]


def test_results_of_a_module_are_those_that_came_with_it(tmp_path: Path) -> None:
    done = show_results(tmp_path, "a")
    assert (done.returncode, read(done)) == (1, [("new", Status.FAIL)])


def test_results_of_two_modules_are_one_document(tmp_path: Path) -> None:
    done = show_results(tmp_path, "a", "b")
    assert (done.returncode, len(read(done))) == (1, 2)


def test_without_modules_the_results_of_the_boot_are_shown(tmp_path: Path) -> None:
    done = show_results(tmp_path)
    assert (done.returncode, read(done)) == (0, [("old", Status.PASS)])


def test_a_module_that_cannot_be_loaded_ends_it(tmp_path: Path) -> None:
    done = show_results(tmp_path, "gone")
    assert done.returncode == 1
    assert "Bail out! gone cannot be loaded" in done.stdout


# ---------------------------------------------------------------- what they want of the config


def test_a_target_wants_its_own_config(tmp_path: Path) -> None:
    text = "# x\nCONFIG_NET=y\nCONFIG_VETH=m\nCONFIG_TEST_BPF=m\nCONFIG_HZ=100\n"
    tree = worktree(tmp_path, {"tools/testing/selftests/exec/config": text})
    (suite,) = suites("kselftest/exec")
    modules = "CONFIG_MODULES=y"
    assert treeconfig.wanted(suite, tree) == [
        ("CONFIG_NET=y",),
        # What tests load themselves stays a module; all else may be built in.
        ("CONFIG_VETH=y",),
        (modules, "CONFIG_TEST_BPF=m"),
    ]
    # Where a suite names a fragment, that has been made of it.
    (suite,) = suites("netdevsim")
    assert treeconfig.wanted(suite, tree) == []


def test_kunit_tests_want_modules(tmp_path: Path) -> None:
    (suite,) = suites("kunit/LIST_KUNIT_TEST")
    (lines,) = treeconfig.wanted(suite, tmp_path)
    assert lines[-1] == "CONFIG_LIST_KUNIT_TEST=m"
    assert {"CONFIG_MODULES=y", "CONFIG_KUNIT=y", "CONFIG_KUNIT_DEBUGFS=y"} < set(lines)
