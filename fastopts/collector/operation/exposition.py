"""Metrics for Prometheus: counters that are kept anyway, read when it scrapes.

docs/collector.md lists all of them. Only wiring.py imports this module, and only with
`--metrics-port`: other collectors load no library for it.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from fastopts import metrics
from fastopts.capture.status import RecordingStatus, State
from fastopts.collector.operation.duties import Duties
from fastopts.collector.operation.monitor import Monitor
from fastopts.collector.store.writer import STANDING_BY, WAITING, WRITING, Writer
from fastopts.collector.venue.pool import ConnectionPool
from fastopts.collector.venue.rest_check import RestCheck
from fastopts.collector.venue.universe import InstrumentUniverse
from fastopts.contract import StatsField
from fastopts.core import IMPLEMENTATION, Table
from fastopts.metrics import Histogram
from fastopts.model import NUMBERS
from fastopts.venues.bybit.rest import REASONS

if TYPE_CHECKING:
    from fastopts.capture.recorder import Recorder

__all__ = ("Exposition", "Sources")

_STATES = {WRITING: "writing", WAITING: "waiting", STANDING_BY: "standing_by"}


@dataclass(frozen=True, slots=True)
class Sources:
    """The objects whose counters are exposed."""

    table: Table
    connections: ConnectionPool
    writer: Writer
    monitor: Monitor
    universe: InstrumentUniverse
    rest_check: RestCheck
    duties: Duties
    recorder: "Recorder | None" = None


class Exposition(Collector):
    """All metrics of one collector; *build* holds the labels that identify it."""

    def __init__(self, build: Mapping[str, str], sources: Sources) -> None:
        self._build = {**build, "core": IMPLEMENTATION}
        self._sources = sources
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def render(self) -> bytes:
        """Return the text of a scrape. It is of one moment, so that the loss equations hold."""
        return generate_latest(self._registry)

    def describe(self) -> Iterable[Metric]:
        """Return nothing: the registry would collect everything once only to learn the names."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics."""
        sources = self._sources
        table, writer, monitor = sources.table, sources.writer, sources.monitor
        yield _labelled("build_info", "The build of the collector; always 1.", [(self._build, 1)])
        yield from _messages(table)
        yield from _fields(table)
        yield _labelled(
            "field_absent",
            "1 for a field that no option's newest tick has.",
            [({"field": name}, name in monitor.absent_fields) for _, name in NUMBERS],
        )
        yield from _times(table, writer, monitor)
        yield from _symbols(sources)
        yield from _universe(sources)
        yield from _duties(sources.duties)
        yield from _venue(sources)
        yield from _clock(writer)
        yield from _redis(table, writer)
        if sources.recorder is not None:
            yield from _recording(sources.recorder.status())
        yield from _process()


def _symbols(sources: Sources) -> Iterator[Metric]:
    table = sources.table
    covered, total, never = sources.monitor.coverage()
    refused = sources.connections.refused
    yield _gauge("symbols_wanted", "Options of the universe.", total)
    yield _gauge("symbols_covered", "Options that are live for readers.", covered)
    yield _gauge(
        "symbols_never", "Options subscribed more than once that never delivered a tick.", never
    )
    yield _gauge("symbols_refused", "Options whose subscription the venue refuses.", refused)
    yield _gauge(
        "symbols_suspect",
        "Options that REST contradicts, and that readers refuse until their next tick.",
        table.suspects_now,
    )
    yield _counter(
        "suspects", "Times that REST contradicted an option without ticks.", table.suspects
    )


def _universe(sources: Sources) -> Iterator[Metric]:
    yield _gauge(
        "symbols_missing",
        "Suspect options that REST no longer lists.",
        len(sources.rest_check.missing),
    )
    skipped = sources.universe.skipped.counts
    yield _labelled(
        "instruments_skipped",
        "Options that the venue lists and the collector does not track.",
        [({"reason": reason}, skipped.get(reason, 0)) for reason in REASONS],
    )


def _duties(duties: Duties) -> Iterator[Metric]:
    now = time.time()
    ages = {duty.name: duty.age_s for duty in duties}
    known = [({"duty": name}, now - age_s) for name, age_s in ages.items() if age_s is not None]
    if known:
        yield _labelled(
            "duty_last_success_timestamp_seconds",
            "Time of the last success of a periodic duty.",
            known,
        )
    yield _labelled(
        "duty_overdue",
        "1 for a periodic duty without a success for longer than its interval and deadline.",
        [({"duty": duty.name}, duty.is_overdue) for duty in duties],
    )


def _venue(sources: Sources) -> Iterator[Metric]:
    counts = sources.monitor.counts()
    rest = sources.universe.driver
    connections = sources.connections
    yield _gauge(
        "connections_open", "Open WebSocket connections to the venue.", connections.open_count
    )
    lags = GaugeMetricFamily(
        "fastopts_connection_lag_seconds",
        "How far a connection lags behind the venue, by exchange times.",
        labels=["connection"],
    )
    for connection in connections:
        if connection.lag_ms is not None:
            lags.add_metric([str(connection.shard.number)], connection.lag_ms / 1000)
    yield lags
    for name, text, count in (
        ("reconnects", "Connections that replaced a lost one.", counts[StatsField.RECONNECTS]),
        (
            "false_acks",
            "Subscriptions that the venue acknowledged and did not serve.",
            counts[StatsField.FALSE_ACKS],
        ),
        ("refusals", "Subscriptions that the venue refused.", counts[StatsField.REFUSALS]),
        ("moves", "Subscriptions moved to another connection.", counts[StatsField.MOVED]),
        ("rest_requests", "Requests to the venue's REST API.", rest.requests),
        ("rest_failures", "REST requests without a usable answer.", rest.failures),
    ):
        yield _counter(name, text, count)


def _messages(table: Table) -> Iterator[Metric]:
    """The terms of the loss equations."""
    for name, text, count in (
        ("messages_received", "Ticks received: applied, older and rejected ones.", table.received),
        ("ticks_applied", "Ticks applied: written, conflated and pending ones.", table.applied),
        ("ticks_older", "Ticks dropped because a newer one was there.", table.older),
        ("ticks_written", "Ticks that Redis has acknowledged.", table.written),
        (
            "ticks_conflated",
            "Ticks replaced by a newer one before they were written.",
            table.conflated,
        ),
    ):
        yield _counter(name, text, count)
    yield _gauge("ticks_pending", "Ticks that Redis has not acknowledged yet.", table.pending)
    rejected = CounterMetricFamily(
        "fastopts_messages_rejected", "Messages that could not be used.", labels=["reason"]
    )
    for reason, count in table.rejected.items():
        rejected.add_metric([reason], count)
    yield rejected


def _fields(table: Table) -> Iterator[Metric]:
    for name, text, count in (
        ("fields_bad", "Fields of ticks that were not a number.", table.bad_fields),
        ("fields_missing", "Fields that ticks lacked.", table.missing_fields),
        ("fields_unknown", "Fields of ticks with an unknown name.", table.unknown_fields),
        (
            "messages_unusual",
            "Messages parsed by the general parser instead of the fast one.",
            table.general,
        ),
    ):
        yield _counter(name, text, count)


def _times(table: Table, writer: Writer, monitor: Monitor) -> Iterator[Metric]:
    """The way of a tick, leg by leg, and what may delay it."""
    yield _histogram(
        "tick_age_seconds",
        "From the venue's time of a tick to its receipt, by the venue's clock.",
        table.ages,
    )
    yield _histogram(
        "tick_wait_seconds",
        "From the receipt of a tick to the batch that carries it; again if it is sent again.",
        table.waits,
    )
    yield _histogram(
        "acknowledgement_seconds",
        "From sending a batch to the last reply of Redis.",
        writer.flusher.acknowledgements,
    )
    yield _histogram("loop_lag_seconds", "How late the event loop ran a timer.", monitor.lag.delays)


def _clock(writer: Writer) -> Iterator[Metric]:
    """The estimate of the venue's clock."""
    discarded = CounterMetricFamily(
        "fastopts_clock_answers_discarded",
        "Times of the venue that were not used: early (such as cached answers) or slow.",
        labels=["reason"],
    )
    discarded.add_metric(["early"], writer.feed.exchange.early)
    discarded.add_metric(["slow"], writer.feed.exchange.slow)
    yield discarded
    skew = writer.skew()
    if skew is not None:
        text = "The venue's clock minus the Redis server's."
        yield _gauge("clock_skew_seconds", text, skew.ms / 1000)
        text = "Maximum error of the skew, and with it of every age."
        yield _gauge("clock_skew_error_seconds", text, skew.error_ms / 1000)


def _redis(table: Table, writer: Writer) -> Iterator[Metric]:
    state = _STATES[writer.state]
    yield _labelled(
        "writer_state",
        "1 for the state of the writer: writing, waiting for Redis or standing by; 0 for others.",
        [({"state": each}, each == state) for each in _STATES.values()],
    )
    yield _gauge("epoch", "Epoch of the records written; 0 before the first.", table.epoch)
    yield _counter("batches", "Batches that Redis has acknowledged.", writer.flusher.batches)
    yield _counter(
        "keys_vanished",
        "Keys that were deleted by others or evicted, and written again.",
        table.vanished,
    )
    # Absent until it is known: 0 would be a claim.
    if writer.heartbeat.took_s is not None:
        took_s = writer.heartbeat.took_s
        yield _gauge("redis_round_trip_seconds", "Duration of the last heartbeat.", took_s)


def _recording(status: RecordingStatus) -> Iterator[Metric]:
    """The recording: absent without `--record`."""
    yield _labelled(
        "recording_state",
        "1 for the state of the recording: recording, slow (the disk is behind) or stopped.",
        [({"state": each}, each == status.state) for each in get_args(State)],
    )
    for name, text, count in (
        (
            "frames_received",
            "Messages received: recorded, not recorded and unwritten ones.",
            status.received,
        ),
        ("frames_recorded", "Messages in synced chunks of a file.", status.recorded),
        (
            "frames_not_recorded",
            "Messages that no file has, as the disk was slow, full or gone.",
            status.not_recorded,
        ),
        ("recorded_bytes", "Bytes written into files, compressed.", status.bytes_written),
    ):
        yield _counter(name, text, count)
    yield _gauge("frames_unwritten", "Messages that wait to be written.", status.unwritten)
    yield _gauge(
        "recording_behind_seconds",
        "How long the oldest chunk has been waiting to be written.",
        status.behind_s,
    )


def _process() -> Iterator[Metric]:
    """Under the names that all exporters use."""
    yield CounterMetricFamily(
        "process_cpu_seconds", "CPU time of the process, user and system.", metrics.cpu_s()
    )
    yield GaugeMetricFamily(
        "process_resident_memory_bytes", "Resident memory of the process.", metrics.rss_mb() * 1e6
    )
    heap_mb = metrics.heap_in_use_mb()
    if heap_mb is not None:
        text = "Memory allocated by the C library's malloc, without its free blocks."
        yield _gauge("collector_heap_in_use_bytes", text, heap_mb * 1e6)


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(f"fastopts_{name}", text, value)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"fastopts_{name}", text, value)


def _labelled(name: str, text: str, samples: Sequence[tuple[Mapping[str, str], float]]) -> Metric:
    family = GaugeMetricFamily(f"fastopts_{name}", text, labels=list(samples[0][0]))
    for labels, value in samples:
        family.add_metric(list(labels.values()), value)
    return family


def _histogram(name: str, text: str, values: Histogram) -> Metric:
    return HistogramMetricFamily(f"fastopts_{name}", text, values.buckets(), values.sum_ms / 1000)
