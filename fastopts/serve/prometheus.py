"""The server's own figures for Prometheus, and the collector's counters as Redis has them."""

from collections.abc import Iterator
from typing import Final

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from fastopts import metrics
from fastopts.serve.payloads.health import wanting
from fastopts.serve.settings import ServeSettings
from fastopts.serve.source import Source
from fastopts.serve.stats import Figures

__all__ = ("text",)

PREFIX: Final = "fastopts_serve_"


def text(figures: Figures, source: Source, settings: ServeSettings) -> tuple[bytes, str]:
    """The exposition, and its media type."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Exposed(figures, source, settings))
    return generate_latest(registry), CONTENT_TYPE_PLAIN_0_0_4


class _Exposed(Collector):
    def __init__(self, figures: Figures, source: Source, settings: ServeSettings) -> None:
        self._figures = figures
        self._source = source
        self._settings = settings

    def collect(self) -> Iterator[Metric]:
        yield from self._requests()
        yield from self._streams()
        yield from self._market()
        yield from _process()

    def _requests(self) -> Iterator[Metric]:
        figures = self._figures
        asked = CounterMetricFamily(
            f"{PREFIX}requests", "Requests answered.", labels=("route", "status")
        )
        for (route, status), count in figures.requests.items():
            asked.add_metric((route, str(status)), count)
        yield asked
        took = HistogramMetricFamily(
            f"{PREFIX}request_seconds", "Time to answer a request, streams left out."
        )
        took.add_metric((), figures.took.buckets(), figures.took.sum_ms / 1000)
        yield took
        refused = CounterMetricFamily(
            f"{PREFIX}refused", "Requests that the guard refused.", labels=("reason",)
        )
        for reason, count in figures.refusals.items():
            refused.add_metric((reason,), count)
        yield refused
        yield CounterMetricFamily(
            f"{PREFIX}lockouts",
            "Addresses locked out after too many wrong tokens.",
            value=figures.lockouts,
        )
        dropped = CounterMetricFamily(
            f"{PREFIX}dropped", "Connections that were cut off.", labels=("reason",)
        )
        for reason, count in figures.drops.items():
            dropped.add_metric((reason,), count)
        yield dropped

    def _streams(self) -> Iterator[Metric]:
        figures = self._figures
        opened = GaugeMetricFamily(f"{PREFIX}streams", "Streams that are open.", labels=("kind",))
        for kind, count in figures.streams.items():
            opened.add_metric((kind,), count)
        yield opened
        yield CounterMetricFamily(
            f"{PREFIX}stream_messages", "Messages to streams.", value=figures.messages
        )
        yield CounterMetricFamily(
            f"{PREFIX}stream_skipped",
            "Changes replaced by later ones before a slow client could be told.",
            value=figures.skipped,
        )

    def _market(self) -> Iterator[Metric]:
        source, settings = self._source, self._settings
        look = source.look()
        reasons = wanting(look, settings.ready_share, settings.ready_age_s)
        gauges = {
            "live_options": ("Options that are live.", look.live),
            "listed_options": ("Options that are listed.", look.total),
            "ready": ("1 when there is data that is fit for use.", int(not reasons)),
            "age_seconds_p50": ("Median age of what is live.", look.age_s_p50),
            "age_seconds_p99": ("99 % of what is live are younger.", look.age_s_p99),
            "redis_seconds": ("A round trip to Redis.", source.redis_s),
        }
        for name, (words, value) in gauges.items():
            if value is not None:
                yield GaugeMetricFamily(PREFIX + name, words, value=value)
        counts = CounterMetricFamily(
            f"{PREFIX}collector",
            "The collector's counters, as it leaves them in Redis.",
            labels=("counter",),
        )
        for name, count in source.counters.items():
            counts.add_metric((name,), count)
        yield counts


def _process() -> Iterator[Metric]:
    yield CounterMetricFamily(
        "process_cpu_seconds", "CPU time of this process.", value=metrics.cpu_s()
    )
    yield GaugeMetricFamily(
        "process_resident_memory_bytes", "Resident memory.", value=metrics.rss_mb() * 1e6
    )
