# SPDX-License-Identifier: GPL-2.0
"""What documents of all kinds have."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

SCHEMA_VERSION = 3

STRICT = ConfigDict(extra="forbid")

Seconds = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
"""How long something took; documents of others are held to it."""
