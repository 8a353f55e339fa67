# SPDX-License-Identifier: GPL-2.0
"""The sandbox, for real: what code inside can and cannot do."""

from __future__ import annotations

import itertools
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kseries.kbuild import guard as guard_module
from kseries.kbuild import sandbox, syscalls
from kseries.kbuild.guard import Guard
from kseries.kbuild.sandbox import INSIDE_TREE, NOBODY, Host, Sandbox, prepare
from kseries.lib import proc
from kseries.lib.deadline import Deadline
from kseries.lib.errors import CheckFailed, UserError
from kseries.lib.proc import Completed
from kseries.lib.untrusted import DEPTH, NotPlain
from tests.deepfolders import nest, swept

AS_ROOT = os.geteuid() == 0


@pytest.fixture
def box(tmp_path: Path) -> Sandbox:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "Makefile").write_text("all:\n")
    box = Sandbox(tree, tmp_path / "made", tmp_path / "ccache", trusted=False)
    prepare(box)
    return box


def sh(box: Sandbox, script: str) -> Completed:
    return proc.run(
        box.argv(["sh", "-c", script]),
        cwd=box.tree,
        deadline=Deadline.after(30),
        check=False,
    )


def test_only_build_folder_and_ccache_can_be_written(box: Sandbox) -> None:
    done = sh(
        box,
        "touch out/made /kseries/ccache/made /tmp/made && echo three;"
        "for place in /kseries/linux /kseries / /usr /etc /dev /dev/shm /home /root; do"
        "  touch $place/spoiled 2>/dev/null && echo spoiled $place; done; exit 0",
    )
    assert done.output == "three\n"
    assert (box.build / "made").stat().st_uid == box.owner
    assert (box.tree.parent / "ccache" / "made").exists()
    assert not (box.tree / "spoiled").exists()


def test_tree_is_read_at_a_fixed_path(box: Sandbox) -> None:
    assert sh(box, "pwd; cat Makefile").output == f"{INSIDE_TREE}\nall:\n"


def test_files_of_the_user_are_not_there(box: Sandbox) -> None:
    secret = box.tree.parent / "secret"
    secret.write_text("secret")
    for path in (secret, Path.home(), Path("/etc/passwd"), Path("/var"), Path("/root")):
        done = sh(box, f"ls -d {path}")
        assert not done.ok, path
        assert "No such file" in done.output


def test_user_and_rights(box: Sandbox) -> None:
    assert sh(box, "id -u").output == f"{NOBODY if AS_ROOT else os.geteuid()}\n"
    status = sh(box, "cat /proc/self/status").output
    fields = dict(line.split(":\t", 1) for line in status.splitlines())
    assert fields["NoNewPrivs"] == "1"
    assert fields["Groups"].split() == ([] if AS_ROOT else fields["Groups"].split())
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(fields[name], 16) == 0, name


@pytest.mark.skipif(not AS_ROOT, reason="another user's tree")
@pytest.mark.parametrize("mode", [0o700, 0o711, 0o744])
def test_tree_that_the_sandbox_cannot_read(tmp_path: Path, mode: int) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    tree.chmod(mode)
    with pytest.raises(UserError, match="cannot be read by the user") as error:
        prepare(Sandbox(tree, tmp_path / "made", None, trusted=False))
    assert error.value.where == f"{tree} (user {NOBODY})"
    assert error.value.do == f"chmod -R go+rX {tree}"


def test_no_network(box: Sandbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        done = sh(box, f"timeout 5 bash -c 'echo > /dev/tcp/127.0.0.1/{port}'; ls /sys/class/net")
    assert "Connection refused" in done.output
    assert sh(box, "cat /proc/net/dev | grep -vc lo:").output == "2\n"  # its two header lines


def test_processes_of_the_host_are_not_there(box: Sandbox) -> None:
    pids = sh(box, "ls /proc | grep -c '^[0-9]'").output
    assert int(pids) < 8
    assert not sh(box, f"kill -0 {os.getpid()}").ok


def test_environment_is_cleared(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "secret")
    done = proc.run(box.argv(["env"], {"WANTED": "1"}), cwd=box.tree, deadline=Deadline.after(30))
    assert sorted(line.split("=")[0] for line in done.output.splitlines()) == [
        "HOME",
        "LC_ALL",
        "PATH",
        "PWD",
        "WANTED",
    ]


def test_limits(box: Sandbox) -> None:
    done = sh(box, "ulimit -v; ulimit -p; ulimit -c; cat /proc/self/oom_score_adj")
    space, processes, core, oom = map(int, done.output.split())
    assert 4 << 20 <= space <= 16 << 20  # KiB
    assert processes >= 4096
    assert (core, oom) == (0, 500)
    hungry = sh(box, "dd if=/dev/zero of=/dev/null bs=64G count=1")
    assert "memory exhausted" in hungry.output


def test_readable_paths_are_bound_read_only(box: Sandbox) -> None:
    extra = box.tree.parent / "extra"
    extra.mkdir()
    (extra / "file").write_text("there")
    done = sh(replace(box, readable=(extra,)), f"cat {extra}/file; touch {extra}/new 2>/dev/null")
    assert done.output == "there"
    assert not done.ok
    assert not (extra / "new").exists()


def test_a_folder_that_is_written_is_a_copy_that_goes(box: Sandbox) -> None:
    inner = box.tree / "tests/mm/inner"
    inner.mkdir(parents=True)
    (inner / "run.sh").write_text("#!/bin/sh\necho ran\n")
    (inner / "run.sh").chmod(0o755)
    os.utime(inner / "run.sh", (1_000_000_000, 1_000_000_000))
    (inner / "link").symlink_to("/etc/passwd")
    place = replace(box, written=("tests/mm",))
    done = sh(
        place,
        "cd tests/mm && inner/run.sh && stat -c %Y inner/run.sh && readlink inner/link"
        " && echo new >inner/run.sh && echo local >config.h && cat config.h inner/run.sh;"
        " touch ../beside 2>/dev/null && echo spoiled; exit 0",
    )
    assert done.output.split() == ["ran", "1000000000", "/etc/passwd", "local", "new"]
    assert (inner / "run.sh").read_text().endswith("echo ran\n")
    assert sorted(path.name for path in box.tree.rglob("*")) == [
        "Makefile", "inner", "link", "mm", "out", "run.sh", "tests"
    ]  # fmt: skip
    assert sh(place, "exit 7").returncode == 7
    assert not sh(replace(box, written=("nowhere",)), "echo here").ok


def test_trusted_code_runs_as_the_user_at_the_real_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KBUILD_EXTRA_WARN", "1")
    box = Sandbox(tmp_path, tmp_path / "made", None, trusted=True)
    prepare(box)
    done = sh(box, "pwd; id -u; echo $KBUILD_EXTRA_WARN; touch made/made")
    assert done.output.split() == [str(tmp_path), str(os.geteuid())]
    assert (tmp_path / "made" / "made").stat().st_uid == os.geteuid()
    assert "bwrap" not in box.argv(["true"])


def test_everything_inside_dies_with_us(box: Sandbox) -> None:
    """A killed kseries cannot clean up; the kernel has to."""
    token = f"300.{os.getpid()}"
    script = f"sleep {token} & setsid sleep {token} & wait"
    program = (
        "import sys; sys.path[:0] = [sys.argv[1]]\n"
        "from pathlib import Path\n"
        "from kseries.lib import proc; from kseries.lib.deadline import Deadline\n"
        "proc.run(sys.argv[3:], cwd=Path(sys.argv[2]), deadline=Deadline.after(60))\n"
    )
    tools = str(Path(__file__).parent.parent)
    argv = [sys.executable, "-c", program, tools, str(box.tree), *box.argv(["sh", "-c", script])]
    with subprocess.Popen(argv) as child:
        wait_for(lambda: count_of(token) >= 2)
        child.send_signal(signal.SIGKILL)
    wait_for(lambda: count_of(token) == 0)


def count_of(token: str) -> int:
    """Processes that sleep so long."""
    found = 0
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += path.read_bytes() == f"sleep\0{token}\0".encode()
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = Deadline.after(10)
    while not condition():
        assert not deadline.expired
        time.sleep(0.02)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can pass, which pytest's own are not."""
    with tempfile.TemporaryDirectory(prefix="kseries-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.skipif(not AS_ROOT, reason="only root can become another user")
def test_ordinary_user(open_folder: Path) -> None:
    """Planned for uid 12345 and run as it, without a right of root's."""
    uid = 12345
    tree = open_folder / "tree"
    box = Sandbox(tree, open_folder / "made", None, False, host=replace(Host.probe(), uid=uid))
    box.build.mkdir(parents=True)
    (tree / box.objects).mkdir(parents=True)
    (open_folder / sandbox.FILTER).write_bytes(syscalls.program())
    os.chown(box.build, uid, uid)
    script = "id -u; touch out/made; touch Makefile; unshare --user true; ls /proc | grep -c ^[1-9]"
    as_user = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
    done = proc.run(
        [*as_user, *box.argv(["sh", "-c", script])],
        cwd=tree,
        deadline=Deadline.after(30),
        check=False,
    )
    first, *middle, last = done.output.splitlines()
    assert first == str(uid)
    assert "Read-only file system" in middle[0]
    assert "unshare failed" in middle[1]
    assert int(last) < 8
    assert (box.build / "made").stat().st_uid == uid


def test_bubblewrap_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    monkeypatch.setenv("PATH", str(bin_folder))
    with pytest.raises(UserError, match="needs bubblewrap, which is not installed") as error:
        prepare(Sandbox(tmp_path, tmp_path / "made", None, trusted=False))
    assert "trusted = true" in error.value.do


def test_bubblewrap_not_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bwrap that fails as the real one does where namespaces are forbidden."""
    fake = tmp_path / "bin" / "bwrap"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    with pytest.raises(UserError, match="No permissions to create new namespace"):
        prepare(Sandbox(tmp_path, tmp_path / "made", None, trusted=False))


# ---------------------------------------------------------------- system calls


CALLS = """\
import ctypes, errno, sys
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    ctypes.set_errno(0)
    libc.syscall(number, *map(ctypes.c_long, arguments))
    return errno.errorcode.get(ctypes.get_errno(), "done")
NEWUSER, SIGCHLD = 0x10000000, 17
for name, number, *arguments in (
    ("unshare", 272, NEWUSER), ("clone", 56, NEWUSER | SIGCHLD, 0, 0, 0, 0), ("clone3", 435, 0, 88),
    ("ptrace", 101, 0, 0, 0, 0), ("bpf", 321, 0, 0, 0), ("io_uring_setup", 425, 1, 0),
    ("perf_event_open", 298, 0, 0, -1, -1, 0), ("keyctl", 250, 0, -3, 0), ("mount", 165, 0, 0, 0),
    ("netlink", 41, 16, 3, 12), ("fallocate", 285, 1, 0, 0, 4096), ("vsock", 41, 40, 1, 0),
    ("packet", 41, 17, 3, 0), ("alg", 41, 38, 5, 0), ("x25", 41, 9, 1, 0),
    ("packet, upper bits", 41, (1 << 32) + 17, 3, 0), ("unix", 41, 1, 1, 0), ("inet", 41, 2, 1, 0),
    ("TIOCSTI", 16, 0, 0x5412, 0), ("TIOCSTI, upper bits", 16, 0, (1 << 32) + 0x5412, 0),
    ("x32", 0x40000000 + 39),
):
    print(f"{name}: {call(number, *arguments)}")
"""


def test_system_calls_that_no_build_needs_are_refused(box: Sandbox) -> None:
    done = proc.run(
        box.argv([Path("/usr/bin/python3"), "-c", CALLS]),
        cwd=box.tree,
        deadline=Deadline.after(30),
    )
    answers = dict(line.split(": ") for line in done.output.splitlines())
    assert answers.pop("clone3") == "ENOSYS"
    assert answers.pop("x32") == "ENOSYS"
    assert answers.pop("fallocate") == "ENOTSUP"
    assert {answers.pop("unix"), answers.pop("inet")} == {"done"}
    assert set(answers.values()) == {"EPERM"}, answers
    assert len(answers) == 16


def test_no_namespace_can_be_made_inside(box: Sandbox) -> None:
    assert "Operation not permitted" in sh(box, "unshare --user --map-root-user true").output
    assert "Operation not permitted" in sh(box, "unshare --mount true").output


def test_nothing_of_the_host_is_open_or_told(
    box: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "secret")
    done = sh(box, "ls /proc/self/fd; tr '\\0' '\\n' < /proc/1/environ; cat /proc/*/cmdline")
    assert "secret" not in done.output
    assert [line for line in done.output.splitlines() if line.isdigit()] == ["0", "1", "2", "3"]


# ---------------------------------------------------------------- limits for all together


def test_memory_of_many_processes_is_bound_together(box: Sandbox) -> None:
    token = f"301.{os.getpid()}"
    hog = "import time; x = bytearray(64 << 20); time.sleep(60)"
    script = f'sleep {token} & for n in 1 2 3 4 5 6; do python3 -c "{hog}" & done; wait'
    guard = Guard([box.build], memory=200 << 20)
    with pytest.raises(CheckFailed, match="took more memory than it may"):
        proc.run(
            box.argv(["sh", "-c", script]),
            cwd=box.tree,
            deadline=Deadline.after(60),
            watch=guard,
        )
    wait_for(lambda: count_of(token) == 0)


@pytest.fixture
def disk_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk on which others write, too: it has lost 1 GiB whenever it is looked at."""
    free = itertools.count(1 << 50, -(1 << 30))
    monkeypatch.setattr(guard_module, "_free", lambda _: next(free))


@pytest.mark.usefixtures("disk_of_others")
def test_disk_is_bound(box: Sandbox) -> None:
    guard = Guard([box.build], disk=8 << 20)
    sh(box, "head -c 4M /dev/urandom > out/a; head -c 1M /dev/urandom > out/b; sync")
    guard.look_at_disk()
    sh(box, "mkdir out/c; for n in 1 2 3; do head -c 4M /dev/urandom > out/c/$n; done; sync")
    with pytest.raises(CheckFailed, match="took more disk than it may"):
        guard.look_at_disk()


@pytest.mark.usefixtures("disk_of_others")
def test_folders_that_cannot_be_counted_are_refused(box: Sandbox) -> None:
    with swept() as top:
        guard = Guard([top, box.build], disk=1 << 20)
        nest(top, DEPTH + 2)
        sh(box, "head -c 4M /dev/urandom > out/a; sync")
        with pytest.raises(NotPlain, match="nested deeper"):
            guard.look_at_disk()


@pytest.mark.usefixtures("disk_of_others")
def test_a_folder_that_is_gone_takes_no_disk(box: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    guard = Guard([tmp_path / "gone", box.build], disk=1 << 20)
    (tmp_path / "gone").rmdir()
    guard.look_at_disk()


@pytest.mark.usefixtures("disk_of_others")
def test_links_of_the_sandbox_do_not_count_as_its_disk(box: Sandbox) -> None:
    guard = Guard([box.build], disk=1 << 20)
    sh(box, "ln -s /usr out/usr; head -c 512K /dev/urandom > out/a; sync")
    guard.look_at_disk()


# ---------------------------------------------------------------- where the build folder is mounted


@pytest.mark.parametrize("kind", ["file", "link", "full"])
def test_a_tree_cannot_choose_what_is_mounted_on(tmp_path: Path, kind: str) -> None:
    tree, outside = tmp_path / "tree", tmp_path / "outside"
    tree.mkdir()
    outside.mkdir()
    for name in ("out", "out-1"):
        if kind == "file":
            (tree / name).write_text("of the tree")
        elif kind == "link":
            (tree / name).symlink_to(outside)
        else:
            (tree / name).mkdir()
            (tree / name / "file").write_text("of the tree")
    box = Sandbox(tree, tmp_path / "made", None, trusted=False)
    prepare(box)
    assert box.objects == "out-2"
    assert sh(box, "touch out-2/here && cat out/file out 2>/dev/null; exit 0").ok
    assert (box.build / "here").exists()
    assert not list(outside.iterdir())


def test_a_build_folder_of_another_user_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    box = Sandbox(tmp_path / "tree", tmp_path / "made", None, trusted=False)
    prepare(box)
    (box.build / "kept").touch()
    prepare(box)
    assert (box.build / "kept").exists()
    if AS_ROOT:
        os.chown(box.build, 12345, 12345)
        prepare(box)
        assert not list(box.build.iterdir())
        assert box.build.stat().st_uid == NOBODY


def test_memory_of_a_process_with_an_odd_name_counts(box: Sandbox) -> None:
    rename = "import ctypes; ctypes.CDLL(None).prctl(15, b'\\xff', 0, 0, 0)"
    hog = f"{rename}; import time; x = bytearray(300 << 20); time.sleep(60)"
    with pytest.raises(CheckFailed, match="took more memory than it may"):
        proc.run(
            box.argv(["/usr/bin/python3", "-c", hog]),
            cwd=box.tree,
            deadline=Deadline.after(30),
            watch=Guard([box.build], memory=200 << 20),
        )
