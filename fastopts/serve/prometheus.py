"""Metrics of the server, its market, and the collector's counters, for Prometheus."""

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
from fastopts.serve.payloads.health import readiness_problems
from fastopts.serve.settings import ServeSettings
from fastopts.serve.source import MarketSource
from fastopts.serve.stats import ServerStats

__all__ = ("exposition",)

PREFIX: Final = "fastopts_serve_"


def exposition(
    stats: ServerStats, source: MarketSource, settings: ServeSettings
) -> tuple[bytes, str]:
    """Return the metrics in Prometheus' text format, and its media type."""
    # A registry of its own: the default one has collectors of the Python process that nobody asks
    # for, and would mix the metrics of two servers in one process.
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_ServerCollector(stats, source, settings))
    return generate_latest(registry), CONTENT_TYPE_PLAIN_0_0_4


class _ServerCollector(Collector):
    def __init__(self, stats: ServerStats, source: MarketSource, settings: ServeSettings) -> None:
        self._stats = stats
        self._source = source
        self._settings = settings

    def collect(self) -> Iterator[Metric]:
        yield from self._requests()
        yield from self._connections()
        yield from self._streams()
        yield from self._market()
        yield self._collector()
        yield from _process()

    def _requests(self) -> Iterator[Metric]:
        stats = self._stats
        requests = CounterMetricFamily(
            f"{PREFIX}requests", "Requests answered.", labels=("route", "status")
        )
        for (route, status), count in stats.requests.items():
            requests.add_metric((route, str(status)), count)
        yield requests
        durations = HistogramMetricFamily(
            f"{PREFIX}request_seconds", "Time to answer a request, without event streams."
        )
        durations.add_metric((), stats.durations.buckets(), stats.durations.sum_ms / 1000)
        yield durations

    def _connections(self) -> Iterator[Metric]:
        stats = self._stats
        refused = CounterMetricFamily(
            f"{PREFIX}refused",
            "Requests refused before any route handled them, by reason.",
            labels=("reason",),
        )
        for reason, count in stats.refusals.items():
            refused.add_metric((reason,), count)
        yield refused
        yield CounterMetricFamily(
            f"{PREFIX}lockouts",
            "Addresses locked out after too many wrong tokens.",
            value=stats.lockouts,
        )
        dropped = CounterMetricFamily(
            f"{PREFIX}dropped", "Connections closed by the server, by reason.", labels=("reason",)
        )
        for reason, count in stats.drops.items():
            dropped.add_metric((reason,), count)
        yield dropped

    def _streams(self) -> Iterator[Metric]:
        stats = self._stats
        streams = GaugeMetricFamily(f"{PREFIX}streams", "Open streams, by kind.", labels=("kind",))
        for kind, count in stats.streams.items():
            streams.add_metric((kind,), count)
        yield streams
        yield CounterMetricFamily(
            f"{PREFIX}stream_messages", "Messages sent to streams.", value=stats.messages
        )
        yield CounterMetricFamily(
            f"{PREFIX}stream_skipped",
            "Changes that a newer one replaced before a slow client read them.",
            value=stats.skipped,
        )

    def _market(self) -> Iterator[Metric]:
        source, settings = self._source, self._settings
        health = source.health()
        problems = readiness_problems(
            health, share_min=settings.ready_share, age_s_max=settings.ready_age_s
        )
        gauges = {
            "live_options": ("Options whose values are live.", health.live),
            "listed_options": ("Options that are listed.", health.total),
            "ready": ("1 if /ready answers 200, else 0.", int(not problems)),
            "age_seconds_p50": ("Median age of live values.", health.age_s_p50),
            "age_seconds_p99": ("99th percentile of the age of live values.", health.age_s_p99),
            "redis_seconds": ("Round trip of the newest poll of Redis.", source.redis_s),
        }
        for name, (description, value) in gauges.items():
            if value is not None:
                yield GaugeMetricFamily(PREFIX + name, description, value=value)

    def _collector(self) -> Metric:
        counters = CounterMetricFamily(
            f"{PREFIX}collector", "The collector's counters in Redis.", labels=("counter",)
        )
        for name, count in self._source.counters.items():
            counters.add_metric((name,), count)
        return counters


def _process() -> Iterator[Metric]:
    yield CounterMetricFamily(
        "process_cpu_seconds", "CPU time of this process.", value=metrics.cpu_s()
    )
    yield GaugeMetricFamily(
        "process_resident_memory_bytes", "Resident memory.", value=metrics.rss_mb() * 1e6
    )
