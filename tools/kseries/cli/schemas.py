# SPDX-License-Identifier: GPL-2.0
"""The command `schema`: what documents of ours look like, for programs that read them."""

from __future__ import annotations

import json
from argparse import Namespace

from kseries.cli.screen import give
from kseries.verdict import document


def schema(arguments: Namespace) -> int:
    """Give the JSON Schema of the result document, of bench.json, or of what zcrx_bench prints."""
    give(_of_bench(arguments.bench) if arguments.bench else document.schema(), arguments.out)
    return 0


def _of_bench(kind: str) -> str:
    """Give that of bench.json ("document"), or of what the program prints."""
    from kseries.bench import answer
    from kseries.bench import document as of_bench

    found = of_bench.schema() if kind == "document" else answer.schema()
    return json.dumps(found, indent=2) + "\n"
