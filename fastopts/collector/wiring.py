"""Builds a collector from its settings: every object is complete when another one gets it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fastopts.clock import steady_s
from fastopts.collector.cycle import Cycle
from fastopts.collector.limits import CollectorLimits
from fastopts.collector.operation import recording
from fastopts.collector.operation.duties import Duties, Duty
from fastopts.collector.operation.monitor import Monitor, Observed
from fastopts.collector.store.feed_status import FeedStatus
from fastopts.collector.store.statistics import Statistics
from fastopts.collector.store.writer import Content, Writer
from fastopts.collector.tasks import TaskSupervisor
from fastopts.collector.venue import universe_cache
from fastopts.collector.venue.connection import ConnectionContext, StreamEndpoint
from fastopts.collector.venue.pool import ConnectionPool, SubscriptionPlan
from fastopts.collector.venue.rest_check import RestCheck
from fastopts.collector.venue.rest_driver import RestDriver
from fastopts.collector.venue.resubscriber import Resubscriber
from fastopts.collector.venue.suspects import Suspects
from fastopts.collector.venue.universe import InstrumentUniverse
from fastopts.collector.venue.venue_time import SkewCorrection, VenueTime
from fastopts.config import Settings
from fastopts.core import Table
from fastopts.errors import ConfigError, extra_missing
from fastopts.model import Instrument
from fastopts.net import tls
from fastopts.net.http import HttpClient
from fastopts.net.redis.address import Address
from fastopts.session.ban import Ban
from fastopts.session.resubscribe_policy import ResubscribePolicy
from fastopts.venues.bybit.hosts import Endpoints
from fastopts.venues.bybit.session import Timing
from fastopts.venues.bybit.ticker_table import new_table

if TYPE_CHECKING:
    from fastopts.capture.recorder import Recorder
    from fastopts.collector.operation.metrics_server import MetricsServer

__all__ = ("Parts", "build_metrics_server", "build_universe", "wire")

# How long a connection may deliver nothing before readers refuse its values: as long as it takes to
# replace it, and 2 s more, as a replacement under way must not make the market stale.
WATCHDOG_MARGIN_MS = 2000


@dataclass(slots=True, kw_only=True)
class Parts:
    """The objects of which a collector consists."""

    tasks: TaskSupervisor
    table: Table
    venue_time: VenueTime
    universe: InstrumentUniverse
    writer: Writer
    cycle: Cycle
    connections: ConnectionPool
    context: ConnectionContext
    plan: SubscriptionPlan
    resubscriber: Resubscriber
    rest_check: RestCheck
    monitor: Monitor
    refresh_duty: Duty
    rest_check_duty: Duty
    duties: Duties
    recorder: "Recorder | None"


def build_universe(settings: Settings, endpoints: Endpoints, user_agent: str) -> InstrumentUniverse:
    """Return a universe of its own, for listing the instruments without a collector."""
    driver = RestDriver(HttpClient(endpoints.rest_url, user_agent, settings.insecure), Ban())
    path = _cache_path(settings, endpoints)
    return InstrumentUniverse(driver, endpoints.venue, settings.coins, path, new_table())


def wire(
    settings: Settings,
    endpoints: Endpoints,
    address: Address,
    user_agent: str,
    timing: Timing | None = None,
    limits: CollectorLimits | None = None,
) -> Parts:
    """Build the parts of a collector, from the inside out."""
    timing, limits = timing or Timing(), limits or CollectorLimits()
    tasks, rest_ban, table = TaskSupervisor(), Ban(), new_table()
    feed = _feed(settings, endpoints, timing, limits)
    connections = ConnectionPool()
    instruments: dict[str, Instrument] = {}
    statistics = Statistics(table, endpoints.venue)
    recorder = recording.build_recorder(settings, endpoints.venue, user_agent, table, instruments)
    # The universe fills `instruments`, the writer reads it: with a shared dict each can be built
    # without the other.
    written = recording.feed_recorder(recorder)
    content = Content(table, feed, statistics, instruments.values, on_feed=written)
    writer = _writer(content, settings, address, connections, limits)
    cycle = _cycle(settings, table, writer)
    suspects = Suspects(table, connections, writer.flusher)
    correction = SkewCorrection(table, connections, writer, recorder)
    venue_time = VenueTime(feed.exchange, _steady_ms, correction.apply)
    http = HttpClient(endpoints.rest_url, user_agent, settings.insecure)
    universe = InstrumentUniverse(
        RestDriver(
            *(http, rest_ban, venue_time.process_answer),
            on_exchange=recording.exchange_recorder(recorder),
        ),
        endpoints.venue,
        settings.coins,
        _cache_path(settings, endpoints),
        table,
        instruments=instruments,
        now_ms=venue_time.now_ms,
        on_distrust=suspects.mark_and_resubscribe,
        limits=limits,
    )
    context = ConnectionContext(
        endpoint=_endpoint(settings, endpoints, user_agent),
        table=table,
        universe=universe,
        writer=writer,
        venue_time=venue_time,
        arrived=cycle.arrived,
        cycle=cycle,
        recorder=recorder,
        timing=timing,
        rest_ban=rest_ban,
        late_ms=settings.late_ms,
    )
    plan = SubscriptionPlan(connections, context, tasks)
    policy = ResubscribePolicy(timing.moved_again_after)
    rest_check = RestCheck(universe, table, suspects, limits)
    refresh_duty, rest_check_duty, duties = _duties(settings, writer, limits)
    observed = Observed(table, universe, connections, writer, statistics, policy)
    monitor = Monitor(endpoints.venue, observed, settings.status_s, limits)
    for part in (universe, rest_check, monitor, duties):
        statistics.add_source(part.statistics)
    statistics.add_source(recording.statistics_source(recorder))
    return Parts(
        tasks=tasks,
        table=table,
        venue_time=venue_time,
        universe=universe,
        writer=writer,
        cycle=cycle,
        connections=connections,
        context=context,
        plan=plan,
        resubscriber=Resubscriber(connections, plan, policy, table),
        rest_check=rest_check,
        monitor=monitor,
        refresh_duty=refresh_duty,
        rest_check_duty=rest_check_duty,
        duties=duties,
        recorder=recorder,
    )


def build_metrics_server(
    settings: Settings, endpoints: Endpoints, user_agent: str, parts: Parts, limits: CollectorLimits
) -> "MetricsServer | None":
    """Return the server of the metrics; None without `--metrics-port`.

    Raises ConfigError where its library is not installed.
    """
    if settings.metrics_address is None:
        return None
    try:
        from fastopts.collector.operation.exposition import Exposition, Sources
        from fastopts.collector.operation.metrics_server import MetricsServer
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"--metrics-port: {extra_missing(error.name or 'prometheus_client', 'serve')}"
        ) from error
    build = {"version": user_agent.rpartition("/")[2], "venue": endpoints.venue}
    sources = Sources(
        table=parts.table,
        connections=parts.connections,
        writer=parts.writer,
        monitor=parts.monitor,
        universe=parts.universe,
        rest_check=parts.rest_check,
        duties=parts.duties,
        recorder=parts.recorder,
    )
    host, port = settings.metrics_address
    return MetricsServer(host, port, Exposition(build, sources).render, limits)


def _feed(
    settings: Settings, endpoints: Endpoints, timing: Timing, limits: CollectorLimits
) -> FeedStatus:
    return FeedStatus(
        venue=endpoints.venue,
        watchdog_ms=round(timing.watchdog * 1000) + WATCHDOG_MARGIN_MS,
        late_ms=round(settings.late_ms),
        heartbeat_limit_ms=limits.heartbeat_limit_ms,
    )


def _writer(
    content: Content,
    settings: Settings,
    address: Address,
    connections: ConnectionPool,
    limits: CollectorLimits,
) -> Writer:
    return Writer(
        content,
        address,
        tls.of(address, settings.insecure),
        settings.flush_ms / 1000,
        is_standby=settings.standby,
        on_clock_jump=connections.invalidate,
        limits=limits,
    )


def _cycle(settings: Settings, table: Table, writer: Writer) -> Cycle:
    latency_s = None if settings.latency_ms is None else settings.latency_ms / 1000
    return Cycle(table, writer.flusher, settings.flush_ms / 1000, latency_s)


def _duties(
    settings: Settings, writer: Writer, limits: CollectorLimits
) -> tuple[Duty, Duty, Duties]:
    """Return the duty of refreshing, that of comparing with REST, and all duties together."""
    refresh = Duty("refresh", settings.refresh_s, limits.refresh_within_s, limits)
    # The name is part of the contract: it is in `stats`, metrics and alerts.
    rest_check = Duty("reconciliation", settings.reconcile_s, limits.rest_check_within_s, limits)
    optional = [rest_check] if settings.reconcile_s > 0 else []
    duties = Duties(refresh, *optional, *writer.duties, poll_s=limits.duty_poll_s)
    return refresh, rest_check, duties


def _endpoint(settings: Settings, endpoints: Endpoints, user_agent: str) -> StreamEndpoint:
    is_secure = endpoints.ws_url.startswith("wss://")
    context = tls.context(endpoints.host, settings.insecure) if is_secure else None
    return StreamEndpoint(endpoints.ws_url, context, {"User-Agent": user_agent})


def _cache_path(settings: Settings, endpoints: Endpoints) -> Path:
    if settings.cache_file:
        return Path(settings.cache_file)
    return universe_cache.default_path(endpoints.venue)


def _steady_ms() -> float:
    return steady_s() * 1000
