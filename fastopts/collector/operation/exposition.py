"""What Prometheus is told: figures that are kept anyway, read when it asks.

docs/collector.md lists every one of them. Only metrics_server.py leads here: a collector that
nobody asks loads no library for it.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from fastopts import metrics
from fastopts.collector.operation.duties import Duties
from fastopts.collector.operation.monitor import Monitor
from fastopts.collector.store.writer import STANDING_BY, WAITING, WRITING, Writer
from fastopts.collector.venue.connection import VenueConnection
from fastopts.collector.venue.rest_check import RestCheck
from fastopts.collector.venue.universe import InstrumentUniverse
from fastopts.core import IMPLEMENTATION, Table
from fastopts.metrics import Histogram
from fastopts.model import NUMBERS
from fastopts.venues.bybit.rest import REASONS

__all__ = ("Exposition",)

_STATES = {WRITING: "writing", WAITING: "waiting", STANDING_BY: "standing_by"}


class Exposition(Collector):
    """All figures of one collector; *build* are labels that say which one it is."""

    def __init__(
        self,
        build: Mapping[str, str],
        table: Table,
        lines: Sequence[VenueConnection],
        writer: Writer,
        watch: Monitor,
        market: InstrumentUniverse,
        reconciliation: RestCheck,
        duties: Duties,
    ) -> None:
        self._build = {**build, "core": IMPLEMENTATION}
        self._table = table
        self._lines = lines
        self._writer = writer
        self._watch = watch
        self._market = market
        self._rest = market.driver
        self._reconciliation = reconciliation
        self._duties = duties
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def render(self) -> bytes:
        """The text that a scrape gets. It is of one moment, so that the loss equations hold."""
        return generate_latest(self._registry)

    def describe(self) -> Iterable[Metric]:
        """Nothing: the registry would take a look at everything to find its names."""
        return ()

    def collect(self) -> Iterator[Metric]:
        yield _labelled("build_info", "Which build this is; always 1.", [(self._build, 1)])
        yield from _messages(self._table)
        yield from _fields(self._table)
        absent = self._watch.absent_fields
        yield _labelled(
            "field_absent",
            "1 for a field that no option's newest tick has.",
            [({"field": name}, name in absent) for _, name in NUMBERS],
        )
        yield from _times(self._table, self._writer, self._watch)
        yield from self._symbols()
        yield from self._universe()
        yield from self._venue()
        yield from _clock(self._writer)
        yield from _redis(self._table, self._writer)
        yield from _process()

    def _symbols(self) -> Iterator[Metric]:
        table = self._table
        covered, wanted, never = self._watch.coverage()
        refused = sum(len(line.learned.refused) for line in self._lines)
        yield _gauge("symbols_wanted", "Options of the universe.", wanted)
        yield _gauge("symbols_covered", "Options that are live to readers.", covered)
        yield _gauge("symbols_never", "Options asked for more than once that never came.", never)
        yield _gauge("symbols_refused", "Options that the venue refuses for now.", refused)
        yield _gauge(
            "symbols_suspect",
            "Options that REST contradicts, and that readers refuse until they tick.",
            table.suspects_now,
        )
        yield _counter(
            "suspects", "Times that REST contradicted an option that did not tick.", table.suspects
        )

    def _universe(self) -> Iterator[Metric]:
        yield _gauge(
            "symbols_missing",
            "Suspect options that REST does not list any more.",
            len(self._reconciliation.missing),
        )
        skipped = self._market.skipped.counts
        yield _labelled(
            "instruments_skipped",
            "Options that the venue lists and that are not tracked.",
            [({"reason": reason}, skipped.get(reason, 0)) for reason in REASONS],
        )
        now = time.time()
        ages = {duty.name: duty.age_s for duty in self._duties}
        known = [({"duty": name}, now - age) for name, age in ages.items() if age is not None]
        if known:
            yield _labelled(
                "duty_last_success_timestamp_seconds",
                "When a periodic duty of the collector succeeded last.",
                known,
            )
        yield _labelled(
            "duty_overdue",
            "1 for a periodic duty that has had no success for too long.",
            [({"duty": duty.name}, duty.is_overdue) for duty in self._duties],
        )

    def _venue(self) -> Iterator[Metric]:
        counts = self._watch.counts()
        is_open = sum(line.is_open for line in self._lines)
        yield _gauge("connections_open", "WebSocket connections to the venue.", is_open)
        lags = GaugeMetricFamily(
            "fastopts_connection_lag_seconds",
            "How far a connection is behind the venue, by the exchange's times.",
            labels=["connection"],
        )
        for line in self._lines:
            if line.lag_ms is not None:
                lags.add_metric([str(line.shard.number)], line.lag_ms / 1000)
        yield lags
        for name, words in (
            ("reconnects", "Connections that took the place of a lost one."),
            ("false_acks", "Subscriptions that the venue acknowledged and did not serve."),
            ("refusals", "Subscriptions that the venue refused."),
        ):
            yield _counter(name, words, counts[name])
        yield _counter("moves", "Options tried on another connection.", counts["moved"])
        yield _counter("rest_requests", "Requests to the venue's REST.", self._rest.requests)
        yield _counter(
            "rest_failures", "Requests to REST without a good answer.", self._rest.failures
        )


def _messages(table: Table) -> Iterator[Metric]:
    """The terms of the loss equations."""
    for name, words, value in (
        ("messages_received", "Ticks that came: applied, older and rejected ones.", table.received),
        ("ticks_applied", "Ticks taken: written, conflated and pending ones.", table.applied),
        ("ticks_older", "Ticks dropped, as a newer one of their option was there.", table.older),
        ("ticks_written", "Ticks that Redis has acknowledged.", table.written),
        (
            "ticks_conflated",
            "Ticks that a newer one replaced before Redis had it.",
            table.conflated,
        ),
    ):
        yield _counter(name, words, value)
    yield _gauge("ticks_pending", "Ticks that Redis has not acknowledged yet.", table.pending)
    rejected = CounterMetricFamily(
        "fastopts_messages_rejected", "Messages that could not be used.", labels=["reason"]
    )
    for reason, count in table.rejected.items():
        rejected.add_metric([reason], count)
    yield rejected


def _fields(table: Table) -> Iterator[Metric]:
    for name, words, value in (
        ("fields_bad", "Fields of ticks that held no number.", table.bad_fields),
        ("fields_missing", "Fields that ticks should have had.", table.missing_fields),
        ("fields_unknown", "Fields of ticks that nobody here knows.", table.unknown_fields),
        (
            "messages_unusual",
            "Messages that took the general path, not the fast one.",
            table.general,
        ),
    ):
        yield _counter(name, words, value)


def _times(table: Table, writer: Writer, watch: Monitor) -> Iterator[Metric]:
    """The way of a tick, leg by leg, and what may hold it up."""
    yield _histogram(
        "tick_age_seconds",
        "From the venue's time of a tick to its receipt, by the venue's clock.",
        table.ages,
    )
    yield _histogram(
        "tick_wait_seconds",
        "From the receipt of a tick to the batch that carries it; again for each time it is sent.",
        table.waits,
    )
    yield _histogram(
        "acknowledgement_seconds",
        "From the sending of a batch to Redis' last answer to it.",
        writer.flusher.acknowledgements,
    )
    yield _histogram(
        "loop_lag_seconds", "How late the event loop came to what was due.", watch.lag.delays
    )


def _clock(writer: Writer) -> Iterator[Metric]:
    """What is known of the venue's clock."""
    discarded = CounterMetricFamily(
        "fastopts_clock_answers_discarded",
        "Times of the venue that were not used: early as from a cache, or slow.",
        labels=["reason"],
    )
    discarded.add_metric(["early"], writer.feed.exchange.early)
    discarded.add_metric(["slow"], writer.feed.exchange.slow)
    yield discarded
    skew = writer.skew()
    if skew is not None:
        words = "The venue's clock minus that of the Redis server."
        yield _gauge("clock_skew_seconds", words, skew.ms / 1000)
        words = "How far off the skew, and with it every age, may be."
        yield _gauge("clock_skew_error_seconds", words, skew.error_ms / 1000)


def _redis(table: Table, writer: Writer) -> Iterator[Metric]:
    state = _STATES[writer.state]
    yield _labelled(
        "writer_state",
        "1 for what the writer does: writing, waiting for Redis, standing by; 0 for the rest.",
        [({"state": each}, each == state) for each in _STATES.values()],
    )
    yield _gauge("epoch", "The epoch under which it writes; 0 before the first.", table.epoch)
    yield _counter("batches", "Batches that Redis has acknowledged.", writer.flusher.batches)
    yield _counter(
        "keys_vanished",
        "Keys that somebody else removed, and that were written again.",
        table.vanished,
    )
    # Nothing is known of these at first, and absence is not 0.
    if writer.heartbeat.took_s is not None:
        took_s = writer.heartbeat.took_s
        yield _gauge(
            "redis_round_trip_seconds", "The last heartbeat's exchange with Redis.", took_s
        )


def _process() -> Iterator[Metric]:
    """By the names that every exporter uses."""
    yield CounterMetricFamily(
        "process_cpu_seconds", "CPU time of the process, user and system.", metrics.cpu_s()
    )
    yield GaugeMetricFamily(
        "process_resident_memory_bytes", "Resident memory of the process.", metrics.rss_mb() * 1e6
    )
    heap_mb = metrics.heap_in_use_mb()
    if heap_mb is not None:
        words = "Memory that the C library's allocator has given out; without its free blocks."
        yield _gauge("collector_heap_in_use_bytes", words, heap_mb * 1e6)


def _counter(name: str, words: str, value: float) -> Metric:
    return CounterMetricFamily(f"fastopts_{name}", words, value)


def _gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(f"fastopts_{name}", words, value)


def _labelled(name: str, words: str, samples: Sequence[tuple[Mapping[str, str], float]]) -> Metric:
    family = GaugeMetricFamily(f"fastopts_{name}", words, labels=list(samples[0][0]))
    for labels, value in samples:
        family.add_metric(list(labels.values()), value)
    return family


def _histogram(name: str, words: str, values: Histogram) -> Metric:
    return HistogramMetricFamily(f"fastopts_{name}", words, values.buckets(), values.sum_ms / 1000)
