# SPDX-License-Identifier: GPL-2.0
"""The type of argparse's list of subcommands, which argparse keeps private."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]
else:
    Commands = argparse._SubParsersAction
