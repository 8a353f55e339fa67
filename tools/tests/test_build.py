# SPDX-License-Identifier: GPL-2.0
"""Stage build on the toy kernel: real make and compiler, really sandboxed."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from kseries.build.stage import RECORD, build
from kseries.build.watch import BuildWatch, clock_text
from kseries.config.stage import config
from kseries.kbuild import halfmade
from kseries.kbuild import make as kbuild
from kseries.kbuild.diagnostics import Parser
from kseries.kbuild.failure import BuildFailed
from kseries.kbuild.sandbox import Sandbox
from kseries.lib import proc
from kseries.lib.deadline import Deadline
from kseries.lib.errors import CheckFailed, InfraError, UserError
from kseries.lib.paths import Cache
from kseries.lib.progress import Silent
from kseries.lib.runfolder import RunFolder
from kseries.model import BuildPlace, Diagnostic, Kernel, KernelConfig, Severity, Stack, Tree
from tests.conftest import git

FRAGMENT = (
    "CONFIG_NET=y\nCONFIG_INET=y\nCONFIG_IO_URING=y\nCONFIG_NETDEVSIM=y\nCONFIG_IO_URING_ZCRX=y\n"
)
# How the toy kernel's Makefile makes the image.
IMAGE_RULE = r"@{ head -c 510 /dev/zero; printf '\125\252\353\152HdrS'; cat $<; } > $@"
Commit = Callable[[Tree, str, str, str], Tree]


class Heard(Silent):
    def __init__(self) -> None:
        self.notes: list[str] = []
        self.updates: list[tuple[str, int | None, int | None]] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def update(self, text: str, *, done: int | None = None, total: int | None = None) -> None:
        self.updates.append((text, done, total))


@dataclass
class Bench:
    """A tree to build, and a folder with its fragment, cache and run."""

    place: Path
    tree: Tree
    trusted: bool = False
    progress: Heard = field(default_factory=Heard)

    @property
    def stack(self) -> Stack:
        fragment = self.place / "base.config"
        return Stack("toy", self.tree.base.source, (), "", (fragment,), (), self.trusted)

    @property
    def run(self) -> RunFolder:
        return RunFolder(self.place / "run")

    @property
    def cache(self) -> Cache:
        return Cache(self.place / "cache")

    @property
    def at(self) -> BuildPlace:
        kind = "trusted" if self.trusted else "sandboxed"
        return BuildPlace(self.place / "build" / kind, self.place / "ccache" / kind)

    @property
    def folder(self) -> Path:
        return self.at.made

    def configure(self) -> KernelConfig:
        return config(self.tree, self.stack, self.at, self.run, self.progress)

    def build(self, configured: KernelConfig | None = None) -> Kernel:
        configured = configured or self.configure()
        return build(configured, self.stack, self.cache, self.run, self.progress, jobs=2)


def with_file(tree: Tree, file: str, text: str) -> Tree:
    """Commit a file to a tree."""
    (tree.path / file).parent.mkdir(parents=True, exist_ok=True)
    (tree.path / file).write_text(text)
    git(tree.path, "add", file)
    git(tree.path, "commit", "--quiet", "--message=a file")
    return replace(tree, head=git(tree.path, "rev-parse", "HEAD").strip())


@pytest.fixture
def bench(tmp_path: Path, toy_tree: Tree) -> Bench:
    place = tmp_path / "place"
    (place / "run").mkdir(parents=True)
    (place / "base.config").write_text(FRAGMENT)
    return Bench(place, toy_tree)


def test_builds_an_image_and_headers(bench: Bench) -> None:
    kernel = bench.build()
    assert kernel.image == bench.at.state / "bzImage"
    made = bench.folder / "arch/x86/boot/bzImage"
    assert kernel.image.read_bytes() == made.read_bytes()
    assert b"\x7fELF" in kernel.image.read_bytes()
    assert kernel.release == "6.99.0"
    assert kernel.compiler.startswith("gcc")
    assert kernel.objects == 5  # four objects, one link
    assert kernel.seconds > 0
    assert kernel.diagnostics == ()
    assert (bench.folder / "usr/include/linux/toy_abi.h").is_file()
    log = bench.run.log("build").read_text()
    assert log.startswith("$ cd ")
    assert "  CC      io_uring/zcrx.o\n" in log
    assert bench.progress.updates[-1][1] == 5


def test_nothing_to_do_starts_no_make(bench: Bench) -> None:
    first = bench.build()
    configured = bench.configure()
    size = first.log.stat().st_size
    assert bench.build(configured) == replace(first, objects=0, seconds=0.0)
    assert first.log.stat().st_size == size, "make was started"


def test_only_what_changed_is_made(bench: Bench, toy_commit: Commit) -> None:
    bench.build()
    bench.tree = toy_commit(bench.tree, "net/core.c", "return budget;", "return budget + 1;")
    kernel = bench.build()
    assert kernel.objects == 2
    # Without a commit too.
    source = bench.tree.path / "io_uring/zcrx.c"
    source.write_text(source.read_text().replace("budget - 1", "budget - 2"))
    assert bench.build().objects == 2
    assert bench.build().objects == 0  # make was asked


def test_an_edited_test_builds_nothing_anew(bench: Bench) -> None:
    bench.tree = with_file(bench.tree, "tools/testing/selftests/net/ping.py", "one")
    first = bench.build()
    size = first.log.stat().st_size
    bench.tree = with_file(bench.tree, "tools/testing/selftests/net/ping.py", "two")
    again = bench.build()
    assert again == replace(first, config=again.config, objects=0, seconds=0.0)
    assert again.config == replace(first.config, tree=bench.tree)
    assert first.log.stat().st_size == size, "make was started"


@pytest.mark.parametrize(
    ("file", "counts"),
    [
        ("tools/testing/selftests/net/lib/py/ping.py", False),
        ("tools/testing/selftests/kselftest_module.h", True),  # which lib/test_printf.c includes
        ("tools/testing/selftests", True),  # no folder
        ("tools/testing/ping.py", True),
        ("tools/lib/ping.c", True),
        ("net/ping.c", True),
        ("ping", True),
        ("selftests/net/ping.py", True),
        ("net/tools/testing/selftests/net/ping.py", True),
    ],
)
def test_what_a_kernel_is_made_of(toy_tree: Tree, file: str, counts: bool) -> None:
    before, after = toy_tree, with_file(toy_tree, file, "new")
    assert (kbuild.sources(after) != kbuild.sources(before)) == counts
    changed = with_file(after, file, "changed")
    assert (kbuild.sources(changed) != kbuild.sources(after)) == counts


def test_lost_image_is_made_again(bench: Bench) -> None:
    image = bench.build().image
    good = image.read_bytes()
    for lost in (image, bench.folder / "arch/x86/boot/bzImage"):
        lost.unlink()
        assert bench.build().image.read_bytes() == good
    shutil.rmtree(bench.folder / "usr")
    bench.build()
    assert (bench.folder / "usr/include/linux/toy_abi.h").is_file()


def test_warnings_are_kept_with_the_kernel(bench: Bench, toy_commit: Commit) -> None:
    bench.tree = toy_commit(bench.tree, "net/core.c", "#ifdef", "\tint unused;\n#ifdef")
    expected = Diagnostic(
        Severity.WARNING, "net/core.c", 6, 13, "-Wunused-variable", "unused variable 'unused'"
    )
    assert bench.build().diagnostics == (expected,)
    assert bench.build().diagnostics == (expected,)
    assert "1 warning" in bench.progress.updates[-1][0]


def test_compile_error(bench: Bench, toy_commit: Commit) -> None:
    bench.build()
    bench.tree = toy_commit(bench.tree, "io_uring/zcrx.c", "int budget", "int  budget")
    bench.tree = toy_commit(bench.tree, "io_uring/zcrx.c", "budget - 1;", "budget - nothing")
    with pytest.raises(BuildFailed) as error:
        bench.build()
    assert error.value.what == (
        "The tree does not build: io_uring/zcrx.c:6:25: 'nothing' undeclared"
        " (first use in this function)"
    )
    where = error.value.where.splitlines()
    assert where[0] == (
        "io_uring/zcrx.c:6:25: error: 'nothing' undeclared (first use in this function)"
    )
    assert "    6 |         return budget - nothing" in where
    last, first = [line for line in where if line.startswith("patch: ")]
    assert last == 'patch: toys 2 "change io_uring/zcrx.c"'
    assert first == 'patch: toys 1 "change io_uring/zcrx.c"'
    assert "1 more error" in where
    assert where[-1] == f"log: {bench.run.log('build')}"
    assert [(d.severity, d.file, d.line) for d in error.value.diagnostics] == [
        (Severity.ERROR, "io_uring/zcrx.c", 6),
        (Severity.ERROR, "io_uring/zcrx.c", 6),
        (Severity.WARNING, "io_uring/zcrx.c", 7),
    ]
    assert error.value.exit_code == 1
    # The fixed tree goes on from there.
    bench.tree = toy_commit(bench.tree, "io_uring/zcrx.c", "budget - nothing", "budget;")
    assert bench.build().objects == 2


def test_undefined_reference(bench: Bench, toy_commit: Commit) -> None:
    bench.tree = toy_commit(bench.tree, "io_uring/zcrx.c", "int zcrx_poll", "int zcrx_pull")
    with pytest.raises(BuildFailed, match="undefined reference to `zcrx_poll'") as error:
        bench.build()
    found = error.value.diagnostics[0]
    assert (found.file, found.line) == ("init/main.c", 10)


@pytest.mark.parametrize("more", [False, True], ids=["by default", "where the config has its own"])
def test_lines_are_known(bench: Bench, more: bool) -> None:
    # A config that asks for debug information, for BTF perhaps, is not to get less.
    (bench.place / "base.config").write_text(FRAGMENT + more * "CONFIG_DEBUG_INFO=y\n")
    bench.build()
    vmlinux = (bench.folder / "vmlinux").read_bytes()
    assert (b".debug_line\0" in vmlinux) is not more


def test_missing_file(bench: Bench, toy_commit: Commit) -> None:
    bench.tree = toy_commit(bench.tree, "Makefile", "io_uring/zcrx.o", "io_uring/zerocopy.o")
    with pytest.raises(BuildFailed, match=r"No rule to make target '../io_uring/zerocopy\.c'"):
        bench.build()


def test_make_that_says_nothing_useful(bench: Bench, toy_commit: Commit) -> None:
    bench.tree = toy_commit(bench.tree, "Makefile", "@$(LD)", "@echo so: no; $(LD) -so")
    bench.tree = toy_commit(bench.tree, "Makefile", "$(LD) -so -static", "false")
    with pytest.raises(BuildFailed, match="make failed with exit status 2") as error:
        bench.build()
    *said, log = error.value.where.splitlines()
    # The headers may be installed meanwhile.
    assert [line for line in said if "HDRINST" not in line] == [
        "|   LD      vmlinux",
        "| so: no",
        "| make[1]: *** [/kseries/linux/Makefile:"
        f"{line_of(bench, '@echo so: no')}: vmlinux] Error 1",
        f"| make: *** [Makefile:{line_of(bench, '@$(MAKE) -C')}: sub-make] Error 2",
    ]
    assert log == f"log: {bench.run.log('build')}"


def line_of(bench: Bench, text: str) -> int:
    lines = (bench.tree.path / "Makefile").read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def test_success_without_an_image(bench: Bench, toy_commit: Commit) -> None:
    bench.tree = toy_commit(bench.tree, "Makefile", IMAGE_RULE, "@true")
    with pytest.raises(CheckFailed, match="in a form that is not accepted"):
        bench.build()


@pytest.mark.parametrize(
    "made", [": > $@", "echo kernel > $@", "head -c 4096 /dev/zero > $@", "cp $< $@"]
)
def test_success_with_an_image_that_cannot_boot(
    bench: Bench, toy_commit: Commit, made: str
) -> None:
    bench.tree = toy_commit(bench.tree, "Makefile", IMAGE_RULE, f"@{made}")
    with pytest.raises(CheckFailed, match="not a kernel image"):
        bench.build()
    assert not (bench.at.state / RECORD).exists()


def test_errors_that_make_ignores(bench: Bench, toy_commit: Commit) -> None:
    tree = toy_commit(bench.tree, "Makefile", "@$(CC) $(CFLAGS) -MMD", "-@$(CC) $(CFLAGS) -MMD")
    tree = toy_commit(tree, "Makefile", "-o $@ $(obj-y)", "-o $@ $(wildcard $(obj-y))")
    tree = toy_commit(tree, "net/core.c", "int net_poll", "#error ignored\nint net_poll")
    bench.tree = toy_commit(tree, "init/main.c", "net_poll(TOY_BUDGET)", "TOY_BUDGET")
    with pytest.raises(BuildFailed, match="make ignored an error") as caught:
        bench.build()
    assert "net/core.c:" in caught.value.where
    assert "#error ignored" in caught.value.where
    assert not (bench.at.state / RECORD).exists()


def test_image_that_is_a_link_is_not_followed(bench: Bench, toy_commit: Commit) -> None:
    bench.tree = toy_commit(bench.tree, "Makefile", IMAGE_RULE, "@ln -sf /etc/hostname $@")
    with pytest.raises(CheckFailed, match="in a form that is not accepted"):
        bench.build()


def test_build_that_changes_its_config(bench: Bench, toy_commit: Commit) -> None:
    bench.tree = toy_commit(
        bench.tree,
        "Makefile",
        IMAGE_RULE,
        f"@sed /ZCRX/d .config > .new; mv -f .new .config; {IMAGE_RULE[1:]}",
    )
    with pytest.raises(CheckFailed, match=r"changed its own \.config"):
        bench.build()


@pytest.mark.parametrize(
    ("words", "sign"),
    [
        ("gcc: fatal error: Killed signal terminated program cc1", "Killed signal"),
        ("net/core.o: No space left on device", "No space left"),
    ],
)
def test_machine_that_fails_is_not_the_series_fault(
    bench: Bench, toy_commit: Commit, words: str, sign: str
) -> None:
    bench.tree = toy_commit(bench.tree, "Makefile", "@$(LD)", f"@echo '{words}' >&2; exit 1; $(LD)")
    with pytest.raises(InfraError, match="This machine could not carry out make") as error:
        bench.build()
    assert sign in error.value.where
    assert not isinstance(error.value, CheckFailed)


def test_really_full_disk(bench: Bench, toy_commit: Commit) -> None:
    """What programs say of /dev/full is what they say of a full disk."""
    full = "@cat ../Makefile > /dev/full && $(LD)"
    bench.tree = toy_commit(bench.tree, "Makefile", "@$(LD)", full)
    with pytest.raises(InfraError) as error:
        bench.build()
    assert error.value.where.startswith("cat: write error: No space left on device")


def test_config_that_changed_since(bench: Bench) -> None:
    configured = bench.configure()
    (bench.at.state / "config").write_text("CONFIG_NET=y\n")
    with pytest.raises(UserError, match="not the one that was checked"):
        bench.build(configured)


def objects_kept(bench: Bench) -> set[Path]:
    """Give the files of the compiler cache that hold objects."""
    return {file for file in (bench.at.ccache / "objects").rglob("??/*") if file.is_file()}


@pytest.mark.skipif(shutil.which("ccache") is None, reason="ccache is not installed")
def test_ccache_is_shared_between_clones(bench: Bench, tmp_path: Path) -> None:
    bench.build()
    kept = objects_kept(bench)
    assert len(kept) == 8  # of each a manifest and a result
    clone = tmp_path / "elsewhere" / "clone"
    shutil.copytree(bench.tree.path, clone)
    bench.tree = replace(bench.tree, path=clone)
    shutil.rmtree(bench.at.folder)
    assert bench.build().objects >= 4
    # An object that was not found there would have been put there.
    assert objects_kept(bench) == kept


@pytest.mark.skipif(shutil.which("ccache") is None, reason="ccache is not installed")
def test_objects_of_the_base_are_used_and_not_changed(bench: Bench, toy_commit: Commit) -> None:
    bench.build()
    of_base, kept = bench.at.ccache, objects_kept(bench)
    place = BuildPlace(bench.place / "build/series", bench.place / "ccache/series", of_base)
    poison = "$(shell for f in $$(find /kseries/ccache-of-base -type f); do echo > $$f; done)"
    bench.tree = toy_commit(bench.tree, "Makefile", "ARCH ?= x86", f"ARCH ?= x86\n{poison}")
    bench.tree = toy_commit(bench.tree, "net/core.c", "return budget;", "return budget + 1;")
    before = {file: file.read_bytes() for file in kept}
    configured = config(bench.tree, bench.stack, place, bench.run, bench.progress)
    kernel = build(configured, bench.stack, bench.cache, bench.run, bench.progress, jobs=2)
    assert kernel.objects == 5
    # Of four objects, one is not as in the base. (ccache keeps no list of headers beside it where a
    # file has just been written.)
    own = {file for file in (place.ccache / "objects").rglob("??/*") if file.is_file()}
    assert len(own) in (1, 2)
    assert {file: file.read_bytes() for file in objects_kept(bench)} == before


@pytest.mark.skipif(shutil.which("ccache") is None, reason="ccache is not installed")
def test_what_incbin_takes_in_is_not_taken_from_the_cache(tmp_path: Path) -> None:
    """A kernel whose compressed size was that of another got the other's boot image."""
    (tmp_path / "Makefile").write_text("piggy.o: piggy.S vmlinux.gz\n\t$(CC) -MMD -c -o $@ $<\n")
    (tmp_path / "piggy.S").write_text('.incbin "vmlinux.gz"\n')
    (tmp_path / "out").mkdir()
    box = Sandbox(tmp_path, tmp_path / "out", tmp_path / "ccache", trusted=True)
    for content in (b"one kernel", b"an other 1"):
        (tmp_path / "vmlinux.gz").write_bytes(content)
        proc.run(
            kbuild.make(box, ["-B", "piggy.o"], jobs=1), cwd=tmp_path, deadline=Deadline.after(30)
        )
        assert content in (tmp_path / "piggy.o").read_bytes()


@pytest.mark.skipif(shutil.which("ccache") is None, reason="ccache is not installed")
def test_what_does_not_ask_for_a_symbol_is_not_compiled_for_it(tmp_path: Path) -> None:
    """Every source includes the whole config, which differs from series to series."""
    calls = tmp_path / "calls"
    compiler = tmp_path / "cc"
    compiler.write_text(f'#!/bin/sh\necho "$@" >> {calls}\nexec gcc "$@"\n')
    compiler.chmod(0o755)
    (tmp_path / "Makefile").write_text("%.o: %.c\n\t$(CC) -include conf.h -MMD -c -o $@ $<\n")
    (tmp_path / "asks.c").write_text("#ifdef CONFIG_B\nint b;\n#endif\nint asks;\n")
    (tmp_path / "other.c").write_text("int other;\n")
    (tmp_path / "out").mkdir()
    ccache = tmp_path / "ccache"
    box = Sandbox(tmp_path, tmp_path / "out", ccache, trusted=True, compiler=str(compiler))
    compiled = []
    for text in ("#define CONFIG_A 1\n", "#define CONFIG_A 1\n#define CONFIG_B 1\n"):
        (tmp_path / "conf.h").write_text(text)
        calls.write_text("")
        for name in ("asks.o", "other.o"):
            argv = kbuild.make(box, ["-B", name], jobs=1)
            proc.run(argv, cwd=tmp_path, deadline=Deadline.after(30))
        words = [line.split() for line in calls.read_text().splitlines()]
        compiled.append({name for line in words if "-E" not in line for name in line[-1:]})
    assert [any("other" in name for name in names) for names in compiled] == [True, False]
    assert [any("asks" in name for name in names) for names in compiled] == [True, True]


@pytest.mark.skipif(shutil.which("ccache") is None, reason="ccache is not installed")
def test_ccache_stays_within_its_size(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kbuild, "CCACHE_SIZE", "0.1k")
    bench.build()
    assert objects_kept(bench) == set()


# ---------------------------------------------------------------- killed builds


def test_killed_build_goes_on(bench: Bench, toy_commit: Commit) -> None:
    """Killed while an object is half-written: it must not be linked."""
    whole = bench.build().image.read_bytes()
    bench.tree = toy_commit(
        bench.tree,
        "Makefile",
        "@$(CC) $(CFLAGS)",
        "@[ ! -e .hang ] || { printf '\\177ELF' > $@; touch .hung; sleep 1000; }; $(CC) $(CFLAGS)",
    )
    configured = bench.configure()
    core = bench.folder / "net" / "core.o"
    (bench.folder / ".hang").touch()
    os.utime(bench.tree.path / "net" / "core.c")
    script = (
        "import sys, pickle; build, arguments = pickle.load(sys.stdin.buffer);"
        "build(*arguments, jobs=2)"
    )

    arguments = (configured, bench.stack, bench.cache, bench.run, Silent())
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, env=environment
    ) as child:
        assert child.stdin is not None
        pickle.dump((build, arguments), child.stdin)
        child.stdin.close()
        deadline = Deadline.after(20)
        while not (bench.folder / ".hung").exists():
            assert not deadline.expired
            time.sleep(0.02)
        child.kill()
    (bench.folder / ".hang").unlink()
    assert core.read_bytes() == b"\x7fELF"
    kernel = bench.build(configured)
    assert kernel.image.read_bytes() == whole
    assert any("an earlier build was cut off" in note for note in bench.progress.notes)


def test_what_a_killed_build_left(tmp_path: Path) -> None:
    """Files by name, with their age in seconds: only what may be cut off goes."""
    ages = {
        "net/good.o": 100,
        "net/.good.o.cmd": 99,
        "net/half.o": 50,  # remade, its .cmd is of the time before
        "net/.half.o.cmd": 90,
        "net/first.o": 10,  # no .cmd: make makes it in any case
        "net/deps.o": 20,  # killed while its dependencies were written
        "net/.deps.o.d": 20,
        "net/.deps.o.cmd": 20,
        "include/generated/autoconf.h": 1,
        "include/config/NET": 1,
        ".config": 1,
        "tools/objtool/objtool": 2,
        "tools/objtool/old": 9,
        "vmlinux": 0,
        ".vmlinux.cmd": 0,
    }
    now = time.time_ns()
    for name, age in ages.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
        changed = now - age * 1_000_000_000
        os.utime(path, ns=(changed, changed))
    (tmp_path / "source").symlink_to("..")
    assert halfmade.fix(tmp_path) == 5
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    gone = {"net/half.o", "net/deps.o", "net/.deps.o.d", "net/.deps.o.cmd", "tools/objtool/objtool"}
    assert left == set(ages) - gone


# ---------------------------------------------------------------- progress


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_progress_line() -> None:
    clock, heard = Clock(), Heard()
    watch = BuildWatch(heard, Parser(), expected=4, clock=clock)
    assert watch.text() == "objects"
    lines = [
        "  CC      a.o",
        "  CC [M]  b.o",
        "a.c:1:1: warning: w",
        "  CALL    x.sh",
        "  HDRINST y.h",
    ]
    for line in lines:
        clock.now += 30
        watch.feed(line)
    assert watch.objects == 2
    assert watch.text() == "objects, 2:30 left, 1 warning"
    assert heard.updates[-1] == (watch.text(), 2, 4)
    for name in ("c.o", "d.o", "e.o"):
        watch.feed(f"  LD      {name}")
    # More than was expected: no total, no promise.
    assert watch.text() == "objects, 1 warning"
    watch.tell()
    assert str(heard.updates[-1][1:]) == "(5, None)"


def test_progress_is_not_told_for_each_line() -> None:
    clock, heard = Clock(), Heard()
    watch = BuildWatch(heard, Parser(), expected=2900, rough=True, clock=clock)
    for number in range(1000):
        clock.now += 0.001
        watch.feed(f"  CC      {number}.o")
    assert 5 <= len(heard.updates) <= 6
    clock.now += 60
    assert watch.text() == "objects, about 1:56 left"


def test_clock_text() -> None:
    assert [clock_text(s) for s in (0, 59.4, 61, 3725)] == ["0:00", "0:59", "1:01", "62:05"]


def test_expected_objects_come_from_the_last_build(bench: Bench, toy_commit: Commit) -> None:
    bench.build()
    assert totals(bench) == {round(8 * 2.84)}  # a guess from the options
    shutil.rmtree(bench.at.folder)
    bench.build()
    assert totals(bench) == {5}
    bench.tree = toy_commit(bench.tree, "net/core.c", "return budget;", "return budget + 1;")
    bench.build()
    assert totals(bench) == {None}
    # As after a build that was killed: three of the four objects are there.
    (bench.folder / "vmlinux").unlink()
    (bench.folder / "net" / "core.o").unlink()
    (bench.folder / "arch/x86/boot/bzImage").unlink()
    bench.build()
    assert totals(bench) == {2}


def totals(bench: Bench) -> set[int | None]:
    """What the listener heard as totals while make ran; forgets it."""
    found = {total for text, _, total in bench.progress.updates if "object" in text}
    bench.progress.updates.clear()
    return found
