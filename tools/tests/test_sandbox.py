# SPDX-License-Identifier: GPL-2.0
"""The sandbox, for real: what code inside can and cannot do."""

from __future__ import annotations

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

from kseries import proc
from kseries.building.sandbox import (
    INSIDE_TREE,
    NOBODY,
    Host,
    Sandbox,
    give,
    harmless,
    made_file,
    made_text,
    prepare,
)
from kseries.deadline import Deadline
from kseries.errors import CheckFailed, UserError
from kseries.proc import Completed

AS_ROOT = os.geteuid() == 0


@pytest.fixture
def box(tmp_path: Path) -> Sandbox:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "Makefile").write_text("all:\n")
    box = Sandbox(tree, tree / "out-x", tmp_path / "ccache", trusted=False)
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
        "touch out-x/made /kseries/ccache/made /tmp/made && echo three;"
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
def test_tree_that_the_sandbox_cannot_read(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir(mode=0o700)
    with pytest.raises(UserError, match="cannot be read by the user") as error:
        prepare(Sandbox(tree, tree / "out-x", None, trusted=False))
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


def test_trusted_code_runs_as_the_user_at_the_real_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KBUILD_EXTRA_WARN", "1")
    box = Sandbox(tmp_path, tmp_path / "out-x", None, trusted=True)
    prepare(box)
    done = sh(box, "pwd; id -u; echo $KBUILD_EXTRA_WARN; touch out-x/made")
    assert done.output.split() == [str(tmp_path), str(os.geteuid())]
    assert (tmp_path / "out-x" / "made").stat().st_uid == os.geteuid()
    assert "bwrap" not in box.argv(["true"])


def test_everything_inside_dies_with_us(box: Sandbox) -> None:
    """A killed kseries cannot clean up; the kernel has to."""
    token = f"300.{os.getpid()}"
    script = f"sleep {token} & setsid sleep {token} & wait"
    program = (
        "import sys; sys.path[:0] = [sys.argv[1]]\n"
        "from pathlib import Path\n"
        "from kseries import proc; from kseries.deadline import Deadline\n"
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
    box = Sandbox(tree, tree / "out-x", None, False, host=replace(Host.probe(), uid=uid))
    box.build.mkdir(parents=True)
    os.chown(box.build, uid, uid)
    script = (
        "id -u; touch out-x/made; touch Makefile; unshare --user true; ls /proc | grep -c ^[1-9]"
    )
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


@pytest.mark.skipif(not AS_ROOT, reason="only root owns files of others")
def test_give_follows_no_links(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("")
    folder = tmp_path / "build"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "file").write_text("")
    (folder / "link").symlink_to(outside)
    give(folder, NOBODY)
    assert (folder / "sub" / "file").stat().st_uid == NOBODY
    assert (folder / "sub").stat().st_uid == NOBODY
    assert folder.stat().st_uid == NOBODY
    assert (folder / "link").lstat().st_uid == NOBODY
    assert outside.stat().st_uid == 0


def test_bubblewrap_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    monkeypatch.setenv("PATH", str(bin_folder))
    with pytest.raises(UserError, match="needs bubblewrap, which is not installed") as error:
        prepare(Sandbox(tmp_path, tmp_path / "out-x", None, trusted=False))
    assert "trusted = true" in error.value.do


def test_bubblewrap_not_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bwrap that fails as the real one does where namespaces are forbidden."""
    fake = tmp_path / "bin" / "bwrap"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    with pytest.raises(UserError, match="No permissions to create new namespace"):
        prepare(Sandbox(tmp_path, tmp_path / "out-x", None, trusted=False))


def test_links_and_pipes_left_by_the_build_are_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    build = tmp_path / "build"
    (build / "include").mkdir(parents=True)
    (build / "include" / "release").write_text("6.12\n")
    (build / "link").symlink_to(secret)
    (build / "folder").symlink_to(tmp_path)
    (build / "inner").symlink_to("include/release")
    os.mkfifo(build / "pipe")
    assert made_text(build, "include/release") == "6.12\n"
    assert made_file(build, "inner") == build / "include" / "release"
    for name in ("link", "folder/secret", "pipe", "missing", "include"):
        with pytest.raises(CheckFailed, match="did not leave a plain file"):
            made_text(build, name)


def test_control_characters_do_not_reach_the_terminal() -> None:
    said = "a\x1b[2Jb\x07\tc\nd\x9b1mé"
    assert harmless(said) == "a\\x1b[2Jb\\x07\tc\nd\\x9b1mé"
