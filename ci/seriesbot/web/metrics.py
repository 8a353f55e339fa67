# SPDX-License-Identifier: GPL-2.0
"""What Prometheus is told, read from the store when it asks. No text of a mail is in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from kseries.lib.errors import KseriesError
from seriesbot.states import AnswerState, JobState, State
from seriesbot.store import Store
from seriesbot.web.reading import Reader

VERDICTS = ("pass", "partial", "fail", "incomplete", "")

# What is grouped by a column, all values of which are told: what is not there is 0.
_GROUPS: tuple[tuple[str, str, str, str, tuple[str, ...]], ...] = (
    ("versions", "Versions of series.", "version", "state", tuple(State)),
    ("jobs", "Jobs.", "job", "state", tuple(JobState)),
    ("results", "Results; no verdict is empty.", "result", "verdict", VERDICTS),
    ("answers", "Answers.", "answer", "state", tuple(AnswerState)),
    (
        "submissions",
        "What other programs are told.",
        "submission",
        "state",
        tuple(AnswerState),
    ),
)

_NUMBERS = (
    ("messages", "Mails taken in.", "SELECT count(*) FROM message"),
    (
        "messages_unhandled",
        "Mails to be looked at.",
        "SELECT count(*) FROM message WHERE handled = 0",
    ),
    ("optouts", "Addresses that want no answers.", "SELECT count(*) FROM optout"),
    (
        "last_message_timestamp_seconds",
        "When the last mail was taken in.",
        "SELECT arrived FROM message ORDER BY id DESC LIMIT 1",
    ),
    (
        "last_result_timestamp_seconds",
        "When the last result came.",
        "SELECT at FROM result ORDER BY id DESC LIMIT 1",
    ),
    (
        "oldest_waiting_timestamp_seconds",
        "Since when the job waits that waits longest; 0 for none.",
        "SELECT min(wanted) FROM job WHERE state = 'waiting'",
    ),
    (
        "oldest_answer_timestamp_seconds",
        "When the oldest answer was written that is not delivered; 0 for none.",
        "SELECT min(at) FROM answer WHERE state = 'written'",
    ),
    (
        "oldest_submission_timestamp_seconds",
        "The same of what other programs are to be told.",
        "SELECT min(at) FROM submission WHERE state = 'written'",
    ),
)

Opened = Callable[[], AbstractContextManager[Store]]


class _Collector(Collector):
    def __init__(self, opened: Opened) -> None:
        self._opened = opened

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("seriesbot_store_up", "Whether the store can be read.")
        try:
            with self._opened() as store:
                found = [*_metrics(Reader(store))]
        except KseriesError:
            found = []
        up.add_metric([], float(bool(found)))
        yield up
        yield from found


def _metrics(reader: Reader) -> Iterator[Metric]:
    for name, told, table, column, values in _GROUPS:
        metric = GaugeMetricFamily(f"seriesbot_{name}", told, labels=[column])
        query = f"SELECT {column}, count(*) FROM {table} GROUP BY {column}"  # noqa: S608 - ours
        counts: Mapping[str, int] = reader.grouped(query)
        for value in values:
            metric.add_metric([value], counts.get(value, 0))
        yield metric
    for name, told, query in _NUMBERS:
        yield GaugeMetricFamily(f"seriesbot_{name}", told, value=reader.value(query))


def text(opened: Opened) -> bytes:
    """Give the metrics in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(opened))
    return generate_latest(registry)
