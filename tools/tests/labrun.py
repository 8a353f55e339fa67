# SPDX-License-Identifier: GPL-2.0
"""Run the programs of a test on a stand-in, in a process that can be killed.

Arguments: the test's folder, the kernel's image, its release.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from kseries.hardware import catalogue
from kseries.hardware.machine import LabMachine
from kseries.lib.paths import Project
from kseries.lib.progress import Silent
from kseries.lib.runfolder import RunFolder
from kseries.model import InstalledSuites, TestProgram
from kseries.test import stage
from tests.labtarget import KERNEL

path, image, release = sys.argv[1:]
run = RunFolder(Path(path, "run"))
run.path.mkdir(exist_ok=True)
programs = (TestProgram("demo", "good", ("./good",), "demo", 60.0),)
stage.test(
    InstalledSuites(Path(path, "installed"), programs),
    replace(KERNEL, image=Path(image), release=release),
    lambda folder, number: LabMachine(
        catalogue.read(Path(path, "standin.toml"), Project.find().configs),
        folder,
        Silent(),
        number=number,
    ),
    run,
    Silent(),
)
