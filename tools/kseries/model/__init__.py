# SPDX-License-Identifier: GPL-2.0
"""The values that pass between stages, all frozen.

source → BaseTree → Tree → KernelConfig → Kernel → InstalledSuites → SuiteResult → RunResult.
They are written as JSON into the run folder (`runfolder`), so names here are names there;
a change of meaning raises `SCHEMA_VERSION`.
"""

from __future__ import annotations

from kseries.model.applied import (
    AppliedPatch,
    PatchState,
    Tree,
)
from kseries.model.base import (
    SCHEMA_VERSION,
    STRICT,
    Seconds,
)
from kseries.model.baseline import (
    AgainstBase,
    Baseline,
    ChangedTest,
    ComplaintCount,
    Effect,
    NoBaseline,
    SourceChanges,
    TestEffect,
)
from kseries.model.kernel import (
    BuildPlace,
    ChangedFile,
    ChangedFunction,
    Diagnostic,
    FileState,
    FunctionState,
    Kernel,
    KernelConfig,
    Severity,
)
from kseries.model.mutants import (
    GeneratedMutant,
    GeneratedResult,
    MutantFate,
    MutantResult,
)
from kseries.model.request import (
    Request,
)
from kseries.model.result import (
    AuthorBase,
    Provenance,
    RunResult,
    Scope,
    StageRecord,
    StageState,
    Subject,
    Verdict,
)
from kseries.model.series import (
    Patch,
    Prerequisite,
    Series,
    Stack,
)
from kseries.model.source import (
    BaseTree,
    DebianSource,
    GitSource,
    LocalSource,
    NamedSource,
    Source,
    TarballSource,
)
from kseries.model.tests import (
    MOST_REASONS,
    Case,
    EventKind,
    Finding,
    InstalledSuites,
    KernelEvent,
    Place,
    ProgramResult,
    Ran,
    Status,
    Suspect,
    TestCount,
    TestOutcome,
    TestProgram,
)

__all__ = [
    "MOST_REASONS",
    "SCHEMA_VERSION",
    "STRICT",
    "AgainstBase",
    "AppliedPatch",
    "AuthorBase",
    "BaseTree",
    "Baseline",
    "BuildPlace",
    "Case",
    "ChangedFile",
    "ChangedFunction",
    "ChangedTest",
    "ComplaintCount",
    "DebianSource",
    "Diagnostic",
    "Effect",
    "EventKind",
    "FileState",
    "Finding",
    "FunctionState",
    "GeneratedMutant",
    "GeneratedResult",
    "GitSource",
    "InstalledSuites",
    "Kernel",
    "KernelConfig",
    "KernelEvent",
    "LocalSource",
    "MutantFate",
    "MutantResult",
    "NamedSource",
    "NoBaseline",
    "Patch",
    "PatchState",
    "Place",
    "Prerequisite",
    "ProgramResult",
    "Provenance",
    "Ran",
    "Request",
    "RunResult",
    "Scope",
    "Seconds",
    "Series",
    "Severity",
    "Source",
    "SourceChanges",
    "Stack",
    "StageRecord",
    "StageState",
    "Status",
    "Subject",
    "Suspect",
    "TarballSource",
    "TestCount",
    "TestEffect",
    "TestOutcome",
    "TestProgram",
    "Tree",
    "Verdict",
]
