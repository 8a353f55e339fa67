# SPDX-License-Identifier: GPL-2.0
"""Test suites: which programs, from where, and what they need."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from kseries.suites.base import Generated, Program, Suite, Unfit
from kseries.suites.iouzcrx import IOU_ZCRX
from kseries.suites.netdevsim import NETDEVSIM
from kseries.suites.zcrx import ZCRX

SUITES: Mapping[str, Suite] = MappingProxyType(
    {suite.name: suite for suite in (ZCRX, NETDEVSIM, IOU_ZCRX)}
)

__all__ = ["SUITES", "Generated", "Program", "Suite", "Unfit"]
