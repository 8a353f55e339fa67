# SPDX-License-Identifier: GPL-2.0
"""What the host's compiler makes: the plugin for QEMU, and our own programs of the guest."""

from __future__ import annotations

import tempfile
from pathlib import Path

import kselftest_zcrx
from kseries.lib import proc
from kseries.lib.deadline import Deadline
from kseries.lib.errors import InfraError
from kseries.machines import qemu

HERE = Path(__file__).parent
INIT_SOURCE = HERE / "guest" / "init.c"
RUN_SOURCE = HERE / "guest" / "run.c"
# As the program that receives has it.
MARKS = Path(kselftest_zcrx.__file__).parent / "templates" / "bench_marks.h.j2"
PLUGIN_SOURCES = tuple(sorted((HERE / "plugin").glob("*.c")))

COMPILER = "cc"
OPTIONS = ("-std=gnu11", "-O2", "-Wall", "-Wextra", "-D_GNU_SOURCE")
SHARED = ("-fPIC", "-shared", "-fvisibility=hidden")
STATIC = ("-static", "-s")
COMPILE_S, PROBE_S = 120.0, 30.0

LOADED = "kseries plugin: loaded, API "
_ADVICE = "take a QEMU built with --enable-plugins that knows version 1 of their API, as 7.2 does"


def compile_init() -> bytes:
    """Give the guest's first program. Raises InfraError when it does not compile."""
    return _compiled((*OPTIONS, *STATIC), (INIT_SOURCE,))


def compile_run() -> bytes:
    """Give the program that runs another one between marks. Raises as `compile_init`."""
    return _compiled((*OPTIONS, *STATIC, "-include", str(MARKS)), (RUN_SOURCE,))


def compile_plugin() -> bytes:
    """Give the plugin, which this host's QEMU is known to take. Raises InfraError."""
    plugin = _compiled((*OPTIONS, *SHARED), PLUGIN_SOURCES)
    require(plugin)
    return plugin


def require(plugin: bytes, program: str = qemu.PROGRAM) -> None:
    """Raise InfraError when QEMU does not take a plugin, with its reason."""
    with tempfile.NamedTemporaryFile(suffix=".so") as file:
        file.write(plugin)
        file.flush()
        # Without arguments ours says that it was loaded, and ends QEMU.
        words = [program, "-machine", "none", "-display", "none", "-nodefaults"]
        words += ["-plugin", f"file={file.name}"]
        done = proc.run(words, cwd=Path("/"), deadline=Deadline.after(PROBE_S), check=False)
    if LOADED not in done.output:
        raise InfraError(
            "This host's QEMU takes no plugin of ours, so no instruction can be booked.",
            where=_reason(done.output),
            do=_ADVICE,
        )


def _reason(output: str) -> str:
    lines = [line for line in output.splitlines() if line.strip()]
    return "\n".join(lines[-3:]) or "it says nothing"


def _compiled(options: tuple[str, ...], sources: tuple[Path, ...]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "made"
        words: list[str | Path] = [COMPILER, *options, "-o", made, *sources]
        proc.run(words, cwd=HERE, deadline=Deadline.after(COMPILE_S))
        return made.read_bytes()
