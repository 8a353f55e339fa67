# SPDX-License-Identifier: GPL-2.0
"""What bot, master and workers of the engine `buildbot` hand to each other, and how much at most.

An order goes to the master and from there to a worker; its outcome comes back as data of a build.
What is read here was written by another machine: it raises ValueError where it is not as agreed.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import ConfigDict, Field, StringConstraints, TypeAdapter

from kseries.lib.bounded import MIB
from kseries.lib.errors import InfraError
from kseries.lib.runfolder import MAX_BYTES
from seriesbot.engine.base import Order, Outcome

BUILDER = "series"
SCHEDULER = "orders"

# Data of a build, by name, and how many bytes of it are taken.
BASE, DOCUMENT, OUTCOME = "base", "document", "outcome"
LIMITS = {BASE: 1 * MIB, DOCUMENT: 32 * MIB, OUTCOME: 64 << 10}

MAX_ORDER = 512 * MIB  # more than limits.series_kib lets through
MAX_SAID = 4000  # characters

KEY = r"^[A-Za-z0-9][A-Za-z0-9._+@-]{0,127}$"  # kept below its folder
_NAME = r"^[A-Za-z0-9][A-Za-z0-9._+@-]{0,199}$"

_Key = Annotated[str, StringConstraints(pattern=KEY)]
_Name = Annotated[str, StringConstraints(pattern=_NAME)]


@dataclass(frozen=True)
class _Order:
    __pydantic_config__ = ConfigDict(extra="forbid")

    key: _Key
    name: _Name
    files: dict[_Name, Annotated[str, Field(max_length=MAX_ORDER)]]
    arguments: tuple[str, ...]
    limit_s: Annotated[float, Field(gt=0, allow_inf_nan=False)]


@dataclass(frozen=True)
class _Outcome:
    exit_code: Annotated[int, Field(ge=0, le=255)]
    said: Annotated[str, Field(max_length=4 * MAX_SAID)]
    document: Annotated[int, Field(ge=0)]


_ORDER = TypeAdapter(_Order)
_OUTCOME = TypeAdapter(_Outcome)


def is_key(text: object) -> bool:
    """Whether something names an order."""
    return isinstance(text, str) and re.fullmatch(KEY, text) is not None and "\n" not in text


def order_text(order: Order) -> str:
    """Write an order down."""
    files = {name: base64.b64encode(data).decode() for name, data in order.files.items()}
    told = _Order(order.key, order.name, files, order.arguments, order.limit_s)
    return _ORDER.dump_json(told).decode()


def order(text: str | bytes) -> Order:
    """Read an order."""
    told = _ORDER.validate_json(text)
    files = {name: base64.b64decode(data, validate=True) for name, data in told.files.items()}
    return Order(told.key, told.name, files, told.arguments, told.limit_s)


def outcome_text(exit_code: int, said: str, document: int) -> str:
    """Write down how an order ended. said: its end is kept. document: size of the packed one."""
    told = {"exit_code": exit_code, "said": said[-MAX_SAID:], "document": document}
    return json.dumps(told)


def outcome(data: bytes, document: bytes | None) -> Outcome | None:
    """Read how an order ended, with its packed document; None where that has not come whole.

    What cannot be read says nothing about the series.
    """
    try:
        told = _OUTCOME.validate_json(data)
    except ValueError:
        return Outcome(InfraError.exit_code, None, "what the worker sent cannot be read")
    if told.document != len(document or b""):
        return None
    return Outcome(told.exit_code, _unpacked(document or b""), told.said[-MAX_SAID:])


def packed(document: bytes) -> bytes:
    """Pack a document."""
    return zlib.compress(document, 6)


def _unpacked(data: bytes) -> bytes | None:
    """Unpack a document; None for one that cannot be, or that is larger than any may be."""
    unpacker = zlib.decompressobj()
    try:
        found = unpacker.decompress(data, MAX_BYTES)
    except zlib.error:
        return None
    return found if unpacker.eof else None


def base(data: bytes) -> bytes:
    """Give what is told about a base, b"" where that is no JSON object."""
    try:
        told: Any = json.loads(data)
    except (ValueError, RecursionError):
        return b""
    return data if isinstance(told, dict) else b""
