# SPDX-License-Identifier: GPL-2.0
"""Stage install on a toy tree: real make, real compiler, real sandbox."""

from __future__ import annotations

import os
import shutil
import stat
from dataclasses import replace
from pathlib import Path

import pytest

import kselftest_zcrx
from kseries.install.stage import install
from kseries.kbuild import make as kbuild
from kseries.kbuild import sandbox
from kseries.lib import proc, runfolder
from kseries.lib.deadline import Deadline
from kseries.lib.errors import CheckFailed
from kseries.lib.paths import Cache
from kseries.lib.progress import Silent
from kseries.model import (
    BaseTree,
    BuildPlace,
    ChangedFile,
    FileState,
    InstalledSuites,
    Kernel,
    KernelConfig,
    LocalSource,
    NamedSource,
    Stack,
    Tree,
)
from kseries.suites.planning import Install, plan_suites
from tests.toysuites import suites

TOY = Path(__file__).parent / "data" / "kselftest_zcrx" / "toytree"
SELFTESTS = Path("tools/testing/selftests")
UAPI = Path("include/uapi/linux/io_uring.h")
ZCRX = kselftest_zcrx.FOLDER


class Bench:
    """A toy tree in git with its user headers made, and what a run of the stage needs."""

    def __init__(self, folder: Path) -> None:
        self.tree = folder / "tree"
        shutil.copytree(TOY, self.tree)
        self.git("init", "--quiet")
        self.commit("toy")
        self.source = NamedSource("toy", LocalSource("local", self.tree))
        self.stack = Stack(
            name="toy",
            source=self.source,
            series=(),
            under_test="",
            fragments=(Path("base.config"),),
            suites=suites("zcrx", "netdevsim"),
            trusted=True,
        )
        self.place = BuildPlace(folder / "build", folder / "ccache")
        self.make_headers()
        self.cache = Cache(folder / "cache")
        self.run = runfolder.create(folder / "runs", "toy")

    def git(self, *words: str) -> str:
        identity = ("-c", "user.name=t", "-c", "user.email=t@localhost")
        argv = ["git", *identity, *words]
        return proc.run(argv, cwd=self.tree, deadline=Deadline.after(20)).output.strip()

    def commit(self, what: str) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", what)
        self.head = self.git("rev-parse", "HEAD")

    def make_headers(self) -> None:
        box = kbuild.sandbox(self.tree, self.place, trusted=self.stack.trusted)
        sandbox.prepare(box)
        headers = self.place.made / "usr" / "include" / "linux"
        headers.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self.tree / UAPI, headers / "io_uring.h")
        self.place.state.mkdir(parents=True, exist_ok=True)
        (self.place.state / kbuild.CONFIG).write_text("CONFIG_NET=y\n")

    def trust(self, trusted: bool) -> None:
        self.stack = replace(self.stack, trusted=trusted)
        self.make_headers()

    def change(self, file: Path, old: str, new: str) -> None:
        text = (self.tree / file).read_text()
        assert old in text
        (self.tree / file).write_text(text.replace(old, new))
        self.commit(f"change {file}")
        self.make_headers()

    def kernel(self) -> Kernel:
        base = BaseTree(self.source, self.tree / ".git", self.head, "6.12", "toy")
        config = KernelConfig(Tree(self.tree, base, self.head, ()), self.place, "base", "", 0)
        return Kernel(
            config, self.place.state / "bzImage", "6.12", "gcc 12", 0, 0.0, self.run.log("build")
        )

    def install(self) -> InstalledSuites:
        return install(self.kernel(), self.stack, self.cache, self.run, Silent())

    @property
    def log(self) -> str:
        log = self.run.log("install")
        return log.read_text() if log.exists() else ""


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def quick(bench: Bench) -> Bench:
    """Leave out the generated programs, whose compilation is what takes the time."""
    bench.stack = replace(bench.stack, suites=suites("netdevsim"))
    return bench


def places(installed: InstalledSuites) -> list[str]:
    return sorted(
        str(file.relative_to(installed.folder))
        for file in installed.folder.rglob("*")
        if file.is_file()
    )


@pytest.mark.parametrize("trusted", [True, False], ids=["plain", "sandbox"])
def test_programs_are_laid_out_as_kselftest_installs_them(bench: Bench, trusted: bool) -> None:
    bench.trust(trusted)
    installed = bench.install()
    assert installed.left_out == ()
    assert places(installed) == [
        "drivers/net/netdevsim/peer.sh",
        "drivers/net/ping.py",
        "drivers/net/queues.py",
        "drivers/net/stats.py",
        f"{ZCRX}/config",
        f"{ZCRX}/settings",
        f"{ZCRX}/zcrx_lifetime",
        f"{ZCRX}/zcrx_refill",
        f"{ZCRX}/zcrx_register",
    ]
    assert [(p.suite, p.name, p.folder, p.argv, p.ktap) for p in installed.programs] == [
        ("zcrx", "zcrx_register", ZCRX, ("./zcrx_register",), True),
        ("zcrx", "zcrx_refill", ZCRX, ("./zcrx_refill",), True),
        ("zcrx", "zcrx_lifetime", ZCRX, ("./zcrx_lifetime",), True),
        ("netdevsim", "peer.sh", "drivers/net/netdevsim", ("./peer.sh",), False),
        ("netdevsim", "ping.py", "drivers/net", ("./ping.py",), True),
        ("netdevsim", "queues.py", "drivers/net", ("./queues.py",), True),
        ("netdevsim", "stats.py", "drivers/net", ("./stats.py",), True),
    ]
    for program in installed.programs:
        file = installed.folder / program.folder / program.name
        assert stat.S_IMODE(file.stat().st_mode) == 0o755
        done = proc.run([file], cwd=file.parent, deadline=Deadline.after(10))
        planned = list(program.cases) or ["1..0"]
        assert done.output.splitlines() == planned


def test_nothing_is_built_twice(quick: Bench) -> None:
    first = quick.install()
    log = quick.log
    stamps = {file: file.stat().st_mtime_ns for file in first.folder.rglob("*")}
    assert quick.install() == first
    assert quick.log == log
    assert {file: file.stat().st_mtime_ns for file in first.folder.rglob("*")} == stamps


def test_a_changed_tree_is_built_again(quick: Bench) -> None:
    quick.install()
    quick.change(SELFTESTS / "drivers/net/ping.py", "1..0", "1..1")
    installed = quick.install()
    assert "1..1" in (installed.folder / "drivers/net/ping.py").read_text()


def test_a_tree_with_changes_not_committed_is_built_each_time(quick: Bench) -> None:
    (quick.tree / SELFTESTS / "drivers/net/ping.py").write_text("#!/bin/sh\necho one\n")
    quick.install()
    (quick.tree / SELFTESTS / "drivers/net/ping.py").write_text("#!/bin/sh\necho two\n")
    installed = quick.install()
    assert (installed.folder / "drivers/net/ping.py").read_text() == "#!/bin/sh\necho two\n"


def test_a_program_that_was_taken_away_is_made_again(quick: Bench) -> None:
    installed = quick.install()
    (installed.folder / "drivers/net/ping.py").unlink()
    quick.install()
    assert (installed.folder / "drivers/net/ping.py").is_file()


def test_sources_stay_to_be_read_and_the_tree_stays_clean(bench: Bench) -> None:
    bench.install()
    kept = bench.place.state / "kselftest" / ZCRX / "zcrx_register.c"
    assert "TEST_F(registration, default_request)" in kept.read_text()
    assert bench.git("status", "--porcelain") == ""


def test_a_test_that_does_not_compile_fails_the_check(bench: Bench) -> None:
    bench.change(UAPI, "__u32 rq_entries;", "__u32 entries;")
    with pytest.raises(CheckFailed) as caught:
        bench.install()
    assert caught.value.what == "The tests do not build against this tree."
    first = caught.value.where.splitlines()[0]
    assert first.startswith("zcrx")
    assert "has no member named" in first
    assert "rq_entries" in first
    assert caught.value.where.splitlines()[-2:] == [
        f"sources of ours: {bench.place.state / 'kselftest'}",
        f"log: {bench.run.log('install')}",
    ]
    assert not (bench.place.state / "installed").exists()


def test_after_a_failure_the_next_start_works(bench: Bench) -> None:
    bench.change(UAPI, "__u32 rq_entries;", "__u32 entries;")
    with pytest.raises(CheckFailed):
        bench.install()
    bench.change(UAPI, "__u32 entries;", "__u32 rq_entries;")
    assert len(bench.install().programs) == 7


def test_an_installation_that_fails_fails_the_check(quick: Bench) -> None:
    quick.change(SELFTESTS / "Makefile", "install:\n", "install:\n\t@echo 'no way'; exit 1\n")
    with pytest.raises(CheckFailed) as caught:
        quick.install()
    assert caught.value.what == "The tests do not build against this tree."
    assert "Error 1" in caught.value.where


def test_a_program_that_was_not_installed_fails_the_check(quick: Bench) -> None:
    quick.change(SELFTESTS / "Makefile", "$$target/*.* ", "$$target/*s.py ")
    quick.change(SELFTESTS / "Makefile", "for target in $(TARGETS)", "for target in drivers/net")
    with pytest.raises(CheckFailed) as caught:
        quick.install()
    assert caught.value.where.splitlines() == [
        "drivers/net/netdevsim/peer.sh",
        "drivers/net/ping.py",
    ]


@pytest.mark.parametrize("place", ["$(INSTALL_PATH)/drivers/link", "$(INSTALL_PATH)"])
def test_a_link_to_a_file_of_the_users_is_refused(quick: Bench, place: str) -> None:
    rule = f"\trm -rf {place}; ln -s /etc {place}\n\n.PHONY"
    quick.change(SELFTESTS / "Makefile", "\n.PHONY", rule)
    with pytest.raises(CheckFailed) as caught:
        quick.install()
    assert "in a form that is not accepted" in caught.value.what
    assert not (quick.place.state / "installed").exists()


def test_a_pipe_is_refused(quick: Bench) -> None:
    rule = "\tmkfifo $(INSTALL_PATH)/pipe\n\n.PHONY"
    quick.change(SELFTESTS / "Makefile", "\n.PHONY", rule)
    with pytest.raises(CheckFailed) as caught:
        quick.install()
    assert caught.value.where.endswith("/pipe")


def test_a_suite_that_does_not_fit_is_left_out_with_its_reason(bench: Bench) -> None:
    bench.change(UAPI, "IORING_REGISTER_ZCRX_IFQ = 32,", "")
    installed = bench.install()
    assert installed.left_out == (
        ("zcrx", "the tree has no IORING_REGISTER_ZCRX_IFQ in include/uapi/linux/io_uring.h"),
    )
    assert {program.suite for program in installed.programs} == {"netdevsim"}


def test_a_program_that_the_tree_lacks_is_left_out_with_its_reason(tmp_path: Path) -> None:
    shutil.copytree(TOY, tmp_path / "tree")
    (tmp_path / "tree" / SELFTESTS / "drivers/net/stats.py").unlink()
    plan = plan_suites(tmp_path / "tree", suites("netdevsim"), "lib.mk")
    assert plan.left_out == (
        ("netdevsim", "the tree has no tools/testing/selftests/drivers/net/stats.py"),
    )
    assert [program.name for program in plan.programs] == ["peer.sh", "ping.py", "queues.py"]
    assert plan.installs == (
        Install(("netdevsim",), ("drivers/net", "drivers/net/netdevsim"), None, {}),
    )


def test_a_tree_without_any_of_the_programs_installs_nothing(tmp_path: Path) -> None:
    plan = plan_suites(tmp_path, suites("netdevsim"), "lib.mk")
    assert plan.programs == ()
    assert plan.installs == ()
    assert len(plan.left_out) == 4


def test_no_suites_give_an_empty_folder(bench: Bench) -> None:
    bench.stack = replace(bench.stack, suites=())
    installed = bench.install()
    assert installed.programs == ()
    assert list(installed.folder.iterdir()) == []


def with_test_of_the_tree(bench: Bench) -> None:
    """Give the tree its own test of zero copy receive, whose program wants a library."""
    folder = bench.tree / SELFTESTS / "drivers/net/hw"
    folder.mkdir()
    shutil.copyfile(bench.tree / SELFTESTS / "drivers/net/ping.py", folder / "iou-zcrx.py")
    (folder / "iou-zcrx.py").chmod(0o755)
    text = "#include <liburing.h>\nint main(void) { return toy_uring(); }\n"
    (folder / "iou-zcrx.c").write_text(text)
    bench.commit("add a test")
    bench.stack = replace(bench.stack, suites=suites("netdevsim", "iou-zcrx"))


def make_library(cache: Cache, version: str, answer: int) -> None:
    """Lay out a library as if it had been unpacked earlier."""
    folder = cache.libraries / f"liburing-dev_{version}"
    include, lib = folder / "usr/include", folder / "usr/lib/x86_64-linux-gnu"
    include.mkdir(parents=True)
    lib.mkdir(parents=True)
    (include / "liburing.h").write_text("int toy_uring(void);\n")
    source = cache.root / "toy_uring.c"
    source.write_text(f"int toy_uring(void) {{ return {answer}; }}\n")
    made = source.with_suffix(".o")
    limit = Deadline.after(20)
    proc.run(["gcc", "-c", source, "-o", made], cwd=cache.root, deadline=limit)
    proc.run(["ar", "rcs", lib / "liburing.a", made], cwd=cache.root, deadline=limit)


@pytest.mark.parametrize("trusted", [True, False], ids=["plain", "sandbox"])
def test_a_test_of_the_tree_gets_its_library(bench: Bench, trusted: bool) -> None:
    with_test_of_the_tree(bench)
    bench.trust(trusted)
    for version, answer in (("2.10-1", 3), ("2.15-1", 4)):
        make_library(bench.cache, version, answer)
        installed = bench.install()
        assert installed.left_out == ()
        assert installed.programs[-1].name == "iou-zcrx.py"
        made = installed.folder / "drivers/net/hw/iou-zcrx"
        done = proc.run([made], cwd=bench.tree, deadline=Deadline.after(10), check=False)
        assert done.returncode == answer


def test_without_apt_a_suite_that_needs_a_library_is_left_out(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_test_of_the_tree(bench)
    which = proc.which
    monkeypatch.setattr(proc, "which", lambda name: None if name == "apt-get" else which(name))
    installed = bench.install()
    assert installed.left_out == (
        ("iou-zcrx", "no liburing-dev: This host has no apt: a Debian package cannot be had here."),
    )
    assert {program.suite for program in installed.programs} == {"netdevsim"}


@pytest.mark.skipif(proc.which("apt-get") is None, reason="no apt here")
def test_without_a_mirror_a_suite_that_needs_a_library_is_left_out(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_test_of_the_tree(bench)
    config = tmp_path / "apt.conf"
    config.write_text('Dir::Etc::SourceList "/dev/null"; Dir::Etc::SourceParts "/dev/null";\n')
    monkeypatch.setenv("APT_CONFIG", str(config))
    ((suite, why),) = bench.install().left_out
    assert suite == "iou-zcrx"
    assert why.startswith("no liburing-dev: apt on this host names no mirror of its own suite")


# ---------------------------------------------------------------- other kinds

# As the kernel's: each program by itself, and a list of all that there should be.
SELFTESTS_MAKEFILE = """\
PROGRAMS := $(foreach target,$(TARGETS),$(patsubst %.c,%,$(wildcard $(target)/*.c)))
install: $(addprefix build-,$(PROGRAMS))
	for p in $(PROGRAMS); do echo "$$(dirname $$p):$$(basename $$p)"; done \\
		>$(INSTALL_PATH)/kselftest-list.txt
	cp extra/settings $(INSTALL_PATH)/extra/
$(addprefix build-,$(PROGRAMS)): build-%:
	mkdir -p $(INSTALL_PATH)/$(dir $*)
	$(CC) $*.c -o $(INSTALL_PATH)/$*
"""


@pytest.fixture
def extra(bench: Bench) -> Bench:
    """Give a tree with a target of three programs, two of which do not build."""
    files = {
        "Makefile": SELFTESTS_MAKEFILE,
        "extra/Makefile": "TEST_GEN_PROGS := good $(shell names)\n",
        "extra/settings": "timeout=700\n",
        "extra/good.c": "int main(void) { return 0; }\n",
        "extra/lacks.c": "#include <nobody/has.h>\n",
        "extra/wrong.c": "int main(void) { return no; }\n",
    }
    for name, text in files.items():
        (bench.tree / SELFTESTS / name).parent.mkdir(parents=True, exist_ok=True)
        (bench.tree / SELFTESTS / name).write_text(text)
    bench.commit("extra")
    bench.make_headers()
    bench.stack = replace(bench.stack, suites=suites("kselftest/extra"))
    return bench


def test_of_a_whole_target_what_builds_is_taken(extra: Bench) -> None:
    for _ in range(2):  # what is kept of the first time says the same
        installed = extra.install()
        assert [(one.name, one.timeout_s) for one in installed.programs] == [("good", 700.0)]
        lacks, wrong = sorted(why for _, why in installed.left_out)
        assert lacks == "lacks does not build on this host: nobody/has.h: No such file or directory"
        assert wrong.startswith("wrong does not build on this host: ")


def test_files_that_tests_use_and_that_are_not_made_are_told(extra: Bench) -> None:
    objects = str(Path(extra.place.made) / "kselftest/extra")
    lost = "".join(
        f"\techo 'rsync: [sender] link_stat \"{objects}/{name}\" failed: No such file'\n"
        for name in ("helper", "wrong")
    )
    installing = "\tcp extra/settings $(INSTALL_PATH)/extra/\n"
    extra.change(SELFTESTS / "Makefile", installing, f"{installing}{lost}")
    for _ in range(2):  # what is kept of the first time says the same
        told = [why for suite, why in extra.install().left_out if "files" in why]
        assert told == ["files that its tests use do not build here: helper"]


def test_a_makefile_may_write_beside_its_sources(extra: Bench) -> None:
    # As that of mm, which looks for a library first and keeps what it found in a header there.
    building = "$(CC) $*.c -o"
    extra.change(
        SELFTESTS / "Makefile", building, f'echo "#define ZERO 0" >extra/local.h && {building}'
    )
    (extra.tree / SELFTESTS / "extra/good.c").write_text(
        '#include "local.h"\nint main(void) { return ZERO; }\n'
    )
    extra.commit("local")
    extra.trust(False)
    assert [one.name for one in extra.install().programs] == ["good"]
    assert not (extra.tree / SELFTESTS / "extra/local.h").exists()


def test_a_program_without_its_mode_can_be_started(extra: Bench) -> None:
    installing = "cp extra/settings $(INSTALL_PATH)/extra/"
    unmarked = f"{installing}\n\tchmod 644 $(INSTALL_PATH)/extra/good"
    extra.change(SELFTESTS / "Makefile", installing, unmarked)
    assert os.access(extra.install().folder / "extra/good", os.X_OK)


def test_a_target_that_cannot_be_made_at_all_is_left_out(extra: Bench) -> None:
    makefile = extra.tree / SELFTESTS / "Makefile"
    makefile.write_text("install: nothing-makes-this\n")
    extra.commit("spoil")
    installed = extra.install()
    assert installed.programs == ()
    assert [suite for suite, _ in installed.left_out] == ["kselftest/extra"]


def test_a_target_that_the_series_changes_has_to_build(extra: Bench) -> None:
    touched = (ChangedFile(f"{SELFTESTS}/extra/wrong.c", (1,), FileState.NOT_BUILT),)
    kernel = replace(extra.kernel(), changed=touched)
    with pytest.raises(CheckFailed) as caught:
        install(kernel, extra.stack, extra.cache, extra.run, Silent())
    assert caught.value.what == "Tests that the series may have changed do not build."
    # What this host lacks is not held against it.
    assert "extra/wrong: " in caught.value.where
    assert "lacks" not in caught.value.where


def test_modules_and_files_of_ones_own_lie_beside_the_tests(quick: Bench, tmp_path: Path) -> None:
    (tmp_path / "run.sh").write_text("exit 0\n")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/word").write_text("word\n")
    (tmp_path / "mine.toml").write_text(
        'kind = "program"\ntitle = "mine"\nfiles = ["run.sh", "data"]\n'
        '[[programs]]\nname = "run"\ncommand = ["sh", "run.sh"]\n'
    )
    own = suites(str(tmp_path / "mine.toml"), "kunit/LIST_KUNIT_TEST")
    quick.stack = replace(quick.stack, suites=own)
    (quick.tree / "lib").mkdir()
    (quick.tree / "lib/Makefile").write_text("obj-$(CONFIG_LIST_KUNIT_TEST) += list-test.o\n")
    with (quick.tree / "Makefile").open("a") as makefile:
        place = "$(INSTALL_MOD_PATH)/lib/modules/6.12"
        makefile.write(
            f"\nmodules_install:\n\tmkdir -p {place}/kernel\n\techo >{place}/kernel/list-test.ko\n"
            f"\tln -s $(CURDIR) {place}/build\n"
        )
    quick.commit("modules")
    quick.make_headers()
    config = quick.place.state / kbuild.CONFIG
    config.write_text("CONFIG_MODULES=y\nCONFIG_LIST_KUNIT_TEST=m\n")
    assert places(quick.install()) == [
        "kunit/kunit.sh",
        "lib/modules/6.12/kernel/list-test.ko",
        "program/mine/data/word",
        "program/mine/run.sh",
    ]
    # Where nothing lets it be on, it is no failure.
    config.write_text("CONFIG_MODULES=y\nCONFIG_OTHER=m\n")
    ((suite, why),) = quick.install().left_out
    assert suite == "kunit/LIST_KUNIT_TEST"
    assert why.startswith("CONFIG_LIST_KUNIT_TEST is off, the config cannot have it")
