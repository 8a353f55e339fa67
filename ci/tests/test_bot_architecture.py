# SPDX-License-Identifier: GPL-2.0
"""The bot's parts know of each other in one direction, and each outside tool has one door."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.test_architecture import imports, modules

CI = Path(__file__).parents[1]
BOT = CI / "seriesbot"

DOORS = {
    "sqlite3": {"store.py"},
    "subprocess": {"engine/local.py", "farm/starting.py"},
    "http": {"http.py", "engine/rest.py"},
    "buildbot": {"farm/master.py", "farm/scheduling.py", "farm/steps.py"},
    "buildbot_worker": {"farm/worker.py"},
    "twisted": {"farm/scheduling.py", "farm/steps.py"},
    "patatt": {"trust/attest.py", "demo/__main__.py"},
    "nacl": {"demo/__main__.py"},
    "ezpi": {"answer/ownlist.py"},
    "smtplib": {"answer/smtp.py"},
    "itsdangerous": {"web/sessions.py"},
    "jinja2": {"web/render.py"},
    "uvicorn": {"web/serve.py", "demo/answer.py"},
    "urllib3": {"http.py"},
    "prometheus_client": {"web/metrics.py"},
}

# Pure: they open nothing, and ask neither the store nor a program.
PURE = (
    "postings.py",
    "trust/authresults.py",
    "states.py",
    "submit/checks.py",
    "submit/sinks.py",
    "schema.py",
    "asking.py",
    *(f"answer/{name}.py" for name in ("headers", "thread", "since", "deciding", "compose")),
)
FORBIDDEN = {"os", "subprocess", "seriesbot.store", "kseries.lib.proc", "tempfile"}


def users_of(library: str) -> set[str]:
    return {
        str(file.relative_to(BOT))
        for file in modules(BOT)
        if any(name.split(".")[0] == library for name in imports(file))
    }


@pytest.mark.parametrize("library", DOORS)
def test_each_outside_tool_has_its_door(library: str) -> None:
    assert users_of(library) == DOORS[library]


@pytest.mark.parametrize("name", PURE)
def test_what_is_pure_stays_so(name: str) -> None:
    assert not imports(BOT / name) & FORBIDDEN


def test_the_toolkit_knows_nothing_of_the_bot() -> None:
    for file in modules(CI.parent / "tools/kseries"):
        assert not [name for name in imports(file) if name.split(".")[0] == "seriesbot"], file


# What any part of the bot may use, as it knows of none.
GROUND = ("seriesbot.http", "seriesbot.tls")


def test_engines_know_nothing_of_the_store() -> None:
    for file in modules(BOT / "engine"):
        known = {name for name in imports(file) if name.startswith("seriesbot.")}
        assert all(name.startswith(("seriesbot.engine", *GROUND)) for name in known), file


def test_the_ground_knows_nothing_of_the_bot() -> None:
    for name in GROUND:
        file = BOT / f"{name.partition('.')[2]}.py"
        assert not [one for one in imports(file) if one.split(".")[0] == "seriesbot"], file


def test_every_file_names_its_licence() -> None:
    for file in modules(CI):
        assert "SPDX-License-Identifier: GPL-2.0" in file.read_text()[:200], file
