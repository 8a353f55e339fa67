# SPDX-License-Identifier: GPL-2.0
"""Documents as one HTML page each, without script or network; kseries' only user of jinja2.

Everything that others wrote is escaped, and the page forbids scripts besides.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import jinja2

from kseries.bench import plan, sections
from kseries.bench.document import Bench
from kseries.bench.history import Figure
from kseries.model import RunResult
from kseries.report import benchhistory, benchpage, nicbench, page, programcost
from kseries.report.bench import NAMES
from kseries.report.plot import SIZE
from kseries.report.printable import printable
from kseries.report.words import again, counted, duration, moment, took

TEMPLATE = "report.html.j2"
BENCH_TEMPLATE = "bench.html.j2"
HISTORY_TEMPLATE = "history.html.j2"


def render(result: RunResult) -> str:
    """Give the page of a run."""
    return _template(TEMPLATE).render(page=page.make(printable(result)))


def render_bench(bench: Bench) -> str:
    """Give the page of a bench."""
    return _template(BENCH_TEMPLATE).render(
        page=benchpage.make(printable(bench)),
        names=NAMES,
        regimes=plan.REGIMES,
        size=SIZE,
        columns=sections.COST,
        beside=sections.BESIDE,
    )


def render_history(figures: Sequence[Figure]) -> str:
    """Give the page of what was measured in several runs."""
    return _template(HISTORY_TEMPLATE).render(page=benchhistory.make(figures), size=SIZE)


@cache
def _template(name: str) -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("kseries.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "amount": benchhistory.amount,
        "again": again,
        "change": programcost.change,
        "counted": counted,
        "duration": duration,
        "figure": nicbench.figure,
        "grown": programcost.grown,
        "headline": programcost.headline,
        "limit": programcost.limit,
        "moment": moment,
        "more": programcost.more,
        "number": nicbench.number,
        "rate": nicbench.rate,
        "share": nicbench.share,
        "took": took,
    }
    return environment.get_template(name)
