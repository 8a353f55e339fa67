# SPDX-License-Identifier: GPL-2.0
"""Pages written down: the templates, with what each of them has. The bot's user of jinja2."""

from __future__ import annotations

import time
from typing import Any

import jinja2
from starlette.responses import HTMLResponse

from kseries.report.words import counted, duration
from seriesbot.web import shown
from seriesbot.web.sessions import NOBODY, Visitor


class Renderer:
    """Writes pages. bot: what the bot is called."""

    def __init__(self, bot: str) -> None:
        self._bot = bot
        self._templates = _environment()

    def page(
        self,
        name: str,
        context: dict[str, Any],
        status: int = 200,
        visitor: Visitor = NOBODY,
        *,
        can_log_in: bool = False,
    ) -> HTMLResponse:
        """Write a page for somebody. can_log_in: whether anybody can."""
        about = {
            "page": name,
            "bot": self._bot,
            "ago": shown.ago(now()),
            "visitor": visitor,
            "can_log_in": can_log_in,
        }
        text = self._templates.get_template(f"{name}.html.j2").render(context | about)
        headers = {}
        if visitor.id:
            # Without a referrer a browser does not tell either from where a form comes.
            headers = {"Cache-Control": "no-store", "Referrer-Policy": "same-origin"}
        return HTMLResponse(text, status, headers)


def now() -> float:
    """Give the time, in Unix seconds."""
    return time.time()


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("seriesbot.web"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=shown.harmless,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "counted": counted,
        "duration": duration,
        "minutes": shown.minutes,
        "outcome": shown.outcome,
        "stamp": shown.stamp,
        "verdict": shown.verdict,
        "word": shown.word,
    }
    return environment
