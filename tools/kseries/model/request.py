# SPDX-License-Identifier: GPL-2.0
"""What a user asks for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Request:
    """What the user asked for, as given. "" means: the stack's own, or the default."""

    stack: str = ""  # name or file of a stack
    source: str = ""  # name or file of a source, or a folder with a kernel tree
    series: str = ""  # name, folder, mbox or message id of the series to test
    before: tuple[str, ...] = ()  # the same, of series that are put below it
    tree: str = ""  # a kernel tree to test as it lies there
    configs: tuple[str, ...] = ()  # names of fragments added to the stack's
    suites: tuple[str, ...] = ()  # in place of the stack's
    suites_why: tuple[str, ...] = ()  # where we have chosen them: what, and what not
    only: tuple[str, ...] = ()  # patterns of test programs or cases; () for all
    extended: bool = False  # run test programs that take minutes too
    partial: bool = False  # the series may lack patches
    archive: str = ""  # public-inbox to take message ids from
    trusted: bool = False  # build without the sandbox
    incremental: bool = False  # build on what earlier versions of the same left
    compiler: str = ""  # of make; "": gcc
    jobs: int = 0  # of make; 0: one for each core
    machines: int = 0  # that run tests side by side; 0: as many as there is room for
    target: str = ""  # name or file of a lab machine that tests run on; "": virtual machines
    base_why: str = ""  # why the source is the one it is, where we have chosen it
    append: tuple[str, ...] = ()  # words for the kernel's command line
    reruns: bool = True  # what fails is run again
    # Each patch of the series is compiled on its own, too; None: where that costs little.
    each_patch: bool | None = None
    exact_config: bool = False  # nothing is added to the config for what the series changes
    until: str = ""  # last stage to carry out
    # Build the base without the series to compare with; None: where something failed.
    baseline: bool | None = None
    command: tuple[str, ...] = ()  # as typed, for provenance
