# SPDX-License-Identifier: GPL-2.0
"""Stage build: make turns a configured tree into a kernel image and its user headers.

make is left out when tree, config, compiler and command line are those of the last build and
its image is still there; in every other case make decides what is to be done. A build killed at
any moment is continued: what it may have left half-written is taken away first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from kseries.build import bootimage
from kseries.build.watch import BuildWatch, rough_objects
from kseries.config import kconfig_ask
from kseries.config.fragments import has_modules
from kseries.kbuild import failure
from kseries.kbuild import make as kbuild
from kseries.kbuild.diagnostics import Parser
from kseries.kbuild.sandbox import Sandbox, prepare, run_in
from kseries.lib import atomicfile, proc
from kseries.lib.deadline import Deadline
from kseries.lib.errors import CheckFailed, UserError
from kseries.lib.paths import Cache
from kseries.lib.progress import Progress
from kseries.lib.runfolder import RunFolder
from kseries.lib.untrusted import MIB, Untrusted, harmless
from kseries.model import BuildPlace, Diagnostic, Kernel, KernelConfig, Stack

# Programs outside of the kernel (tests) need its user headers; beside the compiler they are free.
TARGETS = ("bzImage", "headers")
MODULES = "modules"
# All objects that are built in: make goes down from the top folder, and does nothing with them.
OBJECTS = (".",)
# Else it passes over what only modules are made of.
OF_MODULES = {"KBUILD_MODULES": "y"}
IMAGE = "arch/x86/boot/bzImage"
RELEASE = "include/config/kernel.release"
HEADERS = "usr/include/linux"
# In the state folder: the image that is booted. What lies in the build folder can be changed by
# whatever runs there.
KEPT_IMAGE = "bzImage"
IMAGE_SIZE = 512 * MIB
# What make makes of .config before anything else.
MADE_FIRST = "include/config/auto.conf"
BUILD_LIMIT_S = 4 * 3600.0
RECORD = "build.json"
RELEASE_SIZE = 4096
FIX_LIMIT_S = 600.0
DIGITS = 12
# There while make runs; left behind by a build that was killed.
UNFINISHED = "unfinished"
# The same, while what was built elsewhere is copied.
TAKING_OVER = "taking-over"


@dataclass(frozen=True)
class Record:
    """A finished build: what it was made of, and what came out."""

    inputs: str
    image_sha256: str
    release: str
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
        return self.config.place.state


@dataclass(frozen=True)
class _Expected:
    """What make will have to do."""

    objects: int  # 0 when there is no saying
    rough: bool = False  # guessed from the number of options
    whole: bool = False  # a build from nothing


@dataclass(frozen=True)
class _Made:
    """What make did. whole: from nothing."""

    objects: int
    seconds: float  # wall time
    diagnostics: tuple[Diagnostic, ...]
    whole: bool


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
    place = config.place
    box = kconfig_ask.sandbox(config.tree.path, place, trusted=stack.trusted)
    prepare(box)
    require_config(config)
    compiler = kbuild.compiler(box)
    inputs = _inputs(config, box, compiler)
    record = _unchanged(place, box, inputs)
    objects, seconds = 0, 0.0
    if record is None:
        job = _job(config, box, inputs, cache, run, jobs)
        record, objects, seconds = _make(job, progress)
    return Kernel(
        config=config,
        image=place.state / KEPT_IMAGE,
        release=record.release,
        compiler=compiler,
        objects=objects,
        seconds=seconds,
        log=run.log("build"),
        diagnostics=record.diagnostics,
    )


def compile_objects(
    config: KernelConfig,
    stack: Stack,
    cache: Cache,
    run: RunFolder,
    progress: Progress,
    *,
    jobs: int | None = None,
) -> None:
    """Compile all objects, those of modules too, and link nothing. Raises as `build`."""
    box = kconfig_ask.sandbox(config.tree.path, config.place, trusted=stack.trusted)
    prepare(box)
    require_config(config)
    job = _job(config, box, "", cache, run, jobs)
    _run_make(job, progress, OBJECTS, OF_MODULES if _has_modules(config) else {})
    atomicfile.remove_tree(job.state / UNFINISHED)


def take_over(made: BuildPlace, config: KernelConfig, stack: Stack) -> None:
    """Copy what was built in another place, and its .config, unless this was done before.

    made: of a finished build of the same tree and config. The worktree must have been checked out
    before: make then finds all up to date.
    """
    place = config.place
    mark = place.state / TAKING_OVER
    if place.made.exists() and not mark.exists():
        return
    atomicfile.remove_tree(place.made)
    source = made.made.absolute()
    box = kconfig_ask.sandbox(config.tree.path, place, trusted=stack.trusted, readable=[source])
    prepare(box)
    atomicfile.write_text(mark, "")
    atomicfile.write_bytes(place.state / kbuild.CONFIG, (made.state / kbuild.CONFIG).read_bytes())
    words = (str(source), str(box.inside_build))
    argv = kconfig_ask.program(box, "kseries.kbuild.copymade", *words)
    run_in(box, argv, deadline=Deadline.after(FIX_LIMIT_S))
    mark.unlink()


def _job(
    config: KernelConfig,
    box: Sandbox,
    inputs: str,
    cache: Cache,
    run: RunFolder,
    jobs: int | None,
) -> _Job:
    sizes = cache.host / "builds" / f"{config.tree.base.version}-{config.name}.json"
    return _Job(config, box, inputs, jobs or kbuild.cores(), run.log("build"), sizes)


def require_config(config: KernelConfig) -> None:
    """Raise UserError where the .config in the place of a build is not that one any more.

    Runs of the same patches share a place: one with other suites has another config there.
    """
    path = config.place.state / kbuild.CONFIG
    if not path.is_file() or _sha256(path) != config.sha256:
        raise UserError(
            "The .config is not the one that was checked: another run has configured this since.",
            where=str(path),
            do="configure and build again: `kseries config --run RUN`, `kseries build --run RUN`",
        )


def _inputs(config: KernelConfig, box: Sandbox, compiler: str) -> str:
    """Hash all that decides about the kernel; "" when that cannot be known."""
    if not kbuild.is_clean(config.tree):
        return ""
    command = proc.command_text(kbuild.make(box, _targets(config), jobs=1))
    parts = (kbuild.sources(config.tree), config.sha256, compiler, command)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _targets(config: KernelConfig) -> tuple[str, ...]:
    """Give what make is asked for; modules, where the config has any."""
    return (*TARGETS, MODULES) if _has_modules(config) else TARGETS


def _has_modules(config: KernelConfig) -> bool:
    return has_modules((config.place.state / kbuild.CONFIG).read_text())


def _unchanged(place: BuildPlace, box: Sandbox, inputs: str) -> Record | None:
    """Give the last build's record when it was made of the same and its image is still there."""
    try:
        record = RECORD_ADAPTER.validate_json((place.state / RECORD).read_bytes())
        image = _sha256(place.state / KEPT_IMAGE)
    except (FileNotFoundError, ValidationError):
        return None
    if not inputs or record.inputs != inputs or image != record.image_sha256:
        return None
    return record if box.made.has(IMAGE) and box.made.has_folder(HEADERS) else None


def _make(job: _Job, progress: Progress) -> tuple[Record, int, float]:
    """Run make to its end. Gives the new record, objects made and wall time in seconds."""
    made = _run_make(job, progress, _targets(job.config))
    record = _take_out(job, made.diagnostics)
    if made.whole:
        atomicfile.write_bytes(job.sizes, SIZE_ADAPTER.dump_json(Size(made.objects, made.seconds)))
    atomicfile.write_bytes(job.state / RECORD, RECORD_ADAPTER.dump_json(record))
    atomicfile.remove_tree(job.state / UNFINISHED)
    return record, made.objects, made.seconds


def _run_make(
    job: _Job,
    progress: Progress,
    targets: Sequence[str],
    variables: Mapping[str, str] | None = None,
) -> _Made:
    """Run make to its end. What it has begun stays marked as unfinished."""
    marker = job.state / UNFINISHED
    if marker.exists():
        progress.note(f"an earlier build was cut off: {_mend(job)} files of it are made again")
    expected = _expected(job)
    parser = Parser((str(job.box.inside_build), str(job.box.inside_tree)))
    watch = BuildWatch(progress, parser, expected=expected.objects, rough=expected.rough)
    # A failed or killed build must not be taken for the one before it.
    atomicfile.remove_tree(job.state / RECORD)
    atomicfile.write_text(marker, "")
    with atomicfile.disk_errors(job.log):
        kbuild.hand_on_config(job.box, job.log)
        done = run_in(
            job.box,
            kbuild.make(job.box, targets, jobs=job.jobs, variables=variables),
            deadline=Deadline.after(BUILD_LIMIT_S),
            log=job.log,
            on_line=watch.feed,
            check=False,
        )
    watch.tell()
    kbuild.trim_cache(job.box)
    if not done.ok:
        error = failure.explain(parser, done, job.config.tree, job.log)
        if isinstance(error, CheckFailed):
            # make ended by itself and took away what it had not finished.
            atomicfile.remove_tree(marker)
        raise error
    found = parser.finish()
    failure.see_no_error(found, job.config.tree, job.log)
    diagnostics = tuple(item.diagnostic for item in found)
    return _Made(watch.objects, done.seconds, diagnostics, expected.whole)


def _take_out(job: _Job, diagnostics: tuple[Diagnostic, ...]) -> Record:
    """Copy the image to where the sandbox cannot reach. Raises CheckFailed for an odd one."""
    made = job.box.made
    _see_unchanged_config(job)
    image = job.state / KEPT_IMAGE
    made.copy(IMAGE, image, IMAGE_SIZE)
    bootimage.check(image, log=job.log)
    release = harmless(made.read_text(RELEASE, RELEASE_SIZE).strip())
    return Record(job.inputs, _sha256(image), release, diagnostics)


def _mend(job: _Job) -> str:
    """Take away, in the sandbox, what a killed build may have left half-written; tell how many."""
    argv = kconfig_ask.program(job.box, "kseries.kbuild.halfmade", str(job.box.inside_build))
    done = run_in(job.box, argv, deadline=Deadline.after(FIX_LIMIT_S))
    return harmless(done.output.strip())[:DIGITS]


def _expected(job: _Job) -> _Expected:
    """Say how much there is to do, from the last build from nothing, else by a guess."""
    made = job.box.made
    if made.has("vmlinux"):
        return _Expected(0)
    try:
        all_objects = SIZE_ADAPTER.validate_json(job.sizes.read_bytes()).objects
        rough = False
    except (FileNotFoundError, ValidationError):
        all_objects = rough_objects(job.config.enabled)
        rough = True
    if not made.has(MADE_FIRST):
        return _Expected(all_objects, rough, whole=True)
    return _Expected(max(0, all_objects - _objects(made)), rough)


def _objects(made: Untrusted) -> int:
    """Count the objects that are there, each with the command that made it."""
    there = {file.name for file in made.files() if file.name.endswith((".o", ".a", ".cmd"))}
    places = (name.rpartition("/") for name in there if name.endswith((".o", ".a")))
    return sum(f"{folder}{slash}.{name}.cmd" in there for folder, slash, name in places)


def _see_unchanged_config(job: _Job) -> None:
    if job.box.made.sha256(".config") != job.config.sha256:
        raise CheckFailed(
            "The build changed its own .config, so what was promised may not be built.",
            where=f"{job.box.build / '.config'}\nlog: {job.log}",
            do="look at what the series does in Makefiles and Kconfig, and configure again",
        )


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
