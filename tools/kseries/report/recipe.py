# SPDX-License-Identifier: GPL-2.0
"""How to see the same without kseries: git, make and the kernel's own runners. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from kseries.model import ProgramResult, RunResult, StageState
from kseries.report.words import counted
from kseries.verdict import known_failures

_SELFTESTS = "kselftest/"
_KUNIT = "kunit/"
# Of a release that has a tag: "6.12.117", "6.15.0-rc3".
_RELEASE = re.compile(r"(\d+\.\d+)(?:\.(\d+))?(-rc\d+)?$")
# A version of a Debian package of the kernel's source: "6.12.117-1~deb12u1", "7.0~rc3-1~exp1".
_PACKAGE = re.compile(r"(\d+\.\d+)(?:\.(\d+))?(~rc\d+)?-\d")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_MESSAGE_ID = re.compile(r"[A-Za-z0-9._+=%@-]{3,200}")
_URL = re.compile(r"https?://[!-~]{1,300}")


def commands(result: RunResult, message_id: str = "", config: str = "") -> tuple[str, ...]:
    """Give shell commands for a clone of Linux; () for what no run of ours gave.

    message_id: of the series, without <>. config: address of the .config that was built.
    """
    return tuple(_commands(result, message_id, config)) if result.stack else ()


def differences(result: RunResult) -> str:
    """Say what the commands leave out of what was built; "" for nothing."""
    others = sum(patch.series != result.under_test for patch in result.patches)
    config = result.provenance.config
    parts = (
        f"{counted(others, 'patch')} of other series stood below it" if others else "",
        f"its config was {config}" if config else "",
    )
    return ", and ".join(filter(None, parts))


def _commands(result: RunResult, message_id: str, config: str) -> Iterator[str]:
    base = _base(result)
    if base:
        yield f"git checkout --detach {base}"
    if result.under_test:
        known = _MESSAGE_ID.fullmatch(message_id) is not None
        yield f"b4 am -o - {shlex.quote(message_id)} | git am" if known else "git am series.mbox"
    if not any(s.name == "build" and s.state is not StageState.NOT_RUN for s in result.stages):
        return
    if _URL.fullmatch(config):
        yield f"curl -o .config {shlex.quote(config)}"
        yield "make olddefconfig"
    else:
        yield "make defconfig kvm_guest.config"
    yield "make -j$(nproc)"
    yield from _test(result)


def _base(result: RunResult) -> str:
    """Name the base by what any clone has: the author's commit, that of a git source, a tag."""
    author = result.author_base
    if author is not None and author.used:
        return shlex.quote(author.commit)
    source = result.provenance.source.rpartition(" ")[2]
    if _COMMIT.fullmatch(source):
        return source
    release = _RELEASE.match(result.provenance.kernel_release) or _PACKAGE.match(source)
    if release is None:
        return ""
    minor = f".{release[2]}" if release[2] not in (None, "0") else ""
    return f"v{release[1]}{minor}{(release[3] or '').replace('~', '-')}"


def _test(result: RunResult) -> Iterator[str]:
    """Say how the first test that counts is run, else the first there is."""
    programs = known_failures.of(result).programs
    bad = [program for program in programs if not program.status.good]
    if chosen := next(iter((*bad, *programs)), None):
        yield from _run(chosen)


def _run(program: ProgramResult) -> Iterator[str]:
    suite = program.suite
    if suite.startswith(_KUNIT):
        symbol = f"CONFIG_{suite.removeprefix(_KUNIT)}=y"
        yield f"tools/testing/kunit/kunit.py run --arch=x86_64 --kconfig_add={shlex.quote(symbol)}"
    elif suite.startswith(_SELFTESTS):
        target = suite.removeprefix(_SELFTESTS)
        targets, name = shlex.quote(target), shlex.quote(f"{target}:{program.name}")
        yield f"make -C tools/testing/selftests TARGETS={targets} install INSTALL_PATH=$PWD/kst"
        yield f"kst/run_kselftest.sh -t {name}  # as root, on that kernel"
