# SPDX-License-Identifier: GPL-2.0
"""Stage build: make turns a configured tree into a kernel image and its user headers.

make is left out when tree, config, compiler and command line are those of the last build and
its image is still there; in every other case make decides what is to be done. A build killed at
any moment is continued: what it may have left half-written is taken away first.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from kseries import proc, publish
from kseries.building import buildfailure, buildtree, kbuild
from kseries.building.buildwatch import BuildWatch, rough_objects
from kseries.building.diagnostics import Parser
from kseries.building.sandbox import Sandbox, give, harmless, made_file, made_text, prepare
from kseries.deadline import Deadline
from kseries.errors import CheckFailed, UserError
from kseries.model import Diagnostic, Kernel, KernelConfig, Stack
from kseries.paths import Cache
from kseries.progress import Progress
from kseries.runfolder import RunFolder

# Programs outside of the kernel (tests) need its user headers; beside the compiler they are free.
TARGETS = ("bzImage", "headers")
IMAGE = "arch/x86/boot/bzImage"
RELEASE = "include/config/kernel.release"
HEADERS = "usr/include/linux"
# What make makes of .config before anything else.
MADE_FIRST = "include/config/auto.conf"
BUILD_LIMIT_S = 4 * 3600.0
RECORD = "build.json"
# There while make runs; left behind by a build that was killed.
UNFINISHED = "unfinished"


@dataclass(frozen=True)
class Record:
    """A finished build: what it was made of, and what came out."""

    inputs: str
    image_sha256: str
    diagnostics: tuple[Diagnostic, ...]


@dataclass(frozen=True)
class Size:
    """How much a build from nothing was, the last time on this host."""

    objects: int
    seconds: float


@dataclass(frozen=True)
class _Job:
    """What one run of make needs to know."""

    config: KernelConfig
    box: Sandbox
    inputs: str  # hash of what decides about the kernel, "" where that is not known
    jobs: int
    log: Path
    sizes: Path  # where the size of a build from nothing is kept

    @property
    def state(self) -> Path:
        return kbuild.state_folder(self.config.build)


@dataclass(frozen=True)
class _Expected:
    """What make will have to do."""

    objects: int  # 0 when there is no saying
    rough: bool = False  # guessed from the number of options
    whole: bool = False  # a build from nothing


RECORD_ADAPTER = TypeAdapter(Record)
SIZE_ADAPTER = TypeAdapter(Size)


def build(
    config: KernelConfig,
    stack: Stack,
    cache: Cache,
    run: RunFolder,
    progress: Progress,
    *,
    jobs: int | None = None,
) -> Kernel:
    """Build the kernel. jobs: how many at a time, None for one a core.

    Raises BuildFailed when the tree does not build, InfraError when memory or disk run out,
    UserError when the configured tree is no longer what it was.
    """
    box = kbuild.sandbox(config.tree.path, config.build, stack, cache)
    prepare(box)
    _see_config(config)
    compiler = kbuild.compiler(box)
    inputs = _inputs(config, box, compiler)
    record = _unchanged(config.build, inputs)
    objects, seconds = 0, 0.0
    if record is None:
        sizes = cache.host / "builds" / f"{config.tree.base.version}-{config.name}.json"
        job = _Job(config, box, inputs, jobs or kbuild.cores(), run.log("build"), sizes)
        record, objects, seconds = _make(job, progress)
    return Kernel(
        config=config,
        image=made_file(config.build, IMAGE),
        release=harmless(made_text(config.build, RELEASE).strip()),
        compiler=compiler,
        objects=objects,
        seconds=seconds,
        log=run.log("build"),
        diagnostics=record.diagnostics,
    )


def _see_config(config: KernelConfig) -> None:
    path = config.build / ".config"
    if not path.exists() or _sha256(made_file(config.build, ".config")) != config.sha256:
        raise UserError(
            "The .config is not the one that was checked.",
            where=str(path),
            do="configure again: `kseries config`",
        )


def _inputs(config: KernelConfig, box: Sandbox, compiler: str) -> str:
    """Hash all that decides about the kernel; "" when that cannot be known."""
    if not kbuild.is_clean(config.tree):
        return ""
    command = proc.command_text(kbuild.make(box, TARGETS, jobs=1))
    parts = (config.tree.head, config.sha256, compiler, command)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _unchanged(build: Path, inputs: str) -> Record | None:
    """Give the last build's record when it was made of the same and its image is still there."""
    state = kbuild.state_folder(build)
    try:
        record = RECORD_ADAPTER.validate_json((state / RECORD).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
    if not inputs or record.inputs != inputs:
        return None
    if not all((build / name).exists() for name in (IMAGE, RELEASE, HEADERS)):
        return None
    return record if _sha256(made_file(build, IMAGE)) == record.image_sha256 else None


def _make(job: _Job, progress: Progress) -> tuple[Record, int, float]:
    """Run make to its end. Gives the new record, objects made and wall time in seconds."""
    build = job.config.build
    marker = job.state / UNFINISHED
    if marker.exists():
        count = buildtree.mend(build)
        progress.note(f"an earlier build was cut off: {count} files of it are made again")
    # Somebody may have looked for an error with a make of their own, as root.
    give(build, job.box.owner)
    expected = _expected(job)
    parser = Parser((str(job.box.inside_build), str(job.box.inside_tree)))
    watch = BuildWatch(progress, parser, expected=expected.objects, rough=expected.rough)
    # A failed or killed build must not be taken for the one before it.
    publish.remove_tree(job.state / RECORD)
    publish.write_text(marker, "")
    with publish.disk_errors(job.log):
        done = proc.run(
            kbuild.make(job.box, TARGETS, jobs=job.jobs),
            cwd=job.config.tree.path,
            deadline=Deadline.after(BUILD_LIMIT_S),
            log=job.log,
            on_line=watch.feed,
            check=False,
        )
    watch.tell()
    kbuild.trim_cache(job.box)
    if not done.ok:
        error = buildfailure.explain(parser, done, job.config.tree, job.log)
        if isinstance(error, CheckFailed):
            # make ended by itself and took away what it had not finished.
            publish.remove_tree(marker)
        raise error
    _see_unchanged_config(job)
    if expected.whole:
        publish.write_bytes(job.sizes, SIZE_ADAPTER.dump_json(Size(watch.objects, done.seconds)))
    image = _sha256(made_file(build, IMAGE))
    record = Record(job.inputs, image, tuple(item.diagnostic for item in parser.finish()))
    publish.write_bytes(job.state / RECORD, RECORD_ADAPTER.dump_json(record))
    publish.remove_tree(marker)
    return record, watch.objects, done.seconds


def _expected(job: _Job) -> _Expected:
    """Say how much there is to do, from the last build from nothing, else by a guess."""
    if (job.config.build / "vmlinux").exists():
        return _Expected(0)
    try:
        all_objects = SIZE_ADAPTER.validate_json(job.sizes.read_bytes()).objects
        rough = False
    except (FileNotFoundError, ValidationError):
        all_objects = rough_objects(job.config.enabled)
        rough = True
    if not (job.config.build / MADE_FIRST).exists():
        return _Expected(all_objects, rough, whole=True)
    return _Expected(max(0, all_objects - buildtree.made(job.config.build)), rough)


def _see_unchanged_config(job: _Job) -> None:
    build = job.config.build
    if _sha256(made_file(build, ".config")) != job.config.sha256:
        raise CheckFailed(
            "The build changed its own .config, so what was promised may not be built.",
            where=f"{build / '.config'}\nlog: {job.log}",
            do="look at what the series does in Makefiles and Kconfig, and configure again",
        )


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
