# SPDX-License-Identifier: GPL-2.0
"""The result document as one HTML page without script or network; kseries' only user of jinja2.

Everything that others wrote is escaped, and the page forbids scripts besides.
"""

from __future__ import annotations

from functools import cache

import jinja2

from kseries.model import RunResult
from kseries.report import page
from kseries.report.printable import printable
from kseries.report.words import again, counted, duration, moment, took

TEMPLATE = "report.html.j2"


def render(result: RunResult) -> str:
    """Give the page."""
    return _template().render(page=page.make(printable(result)))


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("kseries.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "again": again,
        "counted": counted,
        "duration": duration,
        "moment": moment,
        "took": took,
    }
    return environment.get_template(TEMPLATE)
