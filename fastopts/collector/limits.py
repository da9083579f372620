"""Intervals, deadlines and sizes that are no settings: an operator has no reason to change them.

They are collected here, and passed to the objects that need them, so that tests can use others.
"""

from dataclasses import dataclass

__all__ = ("CollectorLimits",)


@dataclass(frozen=True, slots=True)
class CollectorLimits:
    """Limits of a collector. Times are in seconds unless their name says ms."""

    # the universe
    # Symbols in memory, of whatever lists and streams name: three times what the venue lists. Each
    # takes 2 KB here and 3 KB in Redis.
    symbols_max: int = 12_000
    # Without a place in the list and without a tick for so long, an option has left the market.
    unlisted_max_s: float = 3600.0
    refresh_within_s: float = 120.0
    rest_check_within_s: float = 60.0

    # batches
    # About 500 updates. The buffers of a batch stay resident, at twice their size; a larger batch
    # would not be quicker, as the rest follows as soon as the first part is acknowledged.
    batch_bytes: int = 1 << 18
    exchange_within_s: float = 10.0  # of commands that carry data
    slow_s: float = 1.0  # what arrived while the server took so long is not current any more
    final_flush_s: float = 3.0

    # the connection to Redis
    connect_within_s: float = 5.0
    # Retrying costs nothing on a server of our own: it is found as soon as it is back.
    reconnect_max_s: float = 0.25
    refused_max_s: float = 5.0  # then the connection is given up: the name may lead elsewhere now
    refused_again_s: float = 1.0  # between two of those
    denied_again_s: float = 10.0  # a missing right: retry slowly, an operator has to act

    # lease and heartbeat
    heartbeat_s: float = 1.0
    heartbeat_limit_ms: int = 5000  # readers take the feed for dead then
    heartbeat_within_s: float = 10.0
    lease_again_s: float = 0.1  # between two attempts to take a lease that another holds
    lease_margin_s: float = 1.0  # beyond the lifetime of a lease that nobody renews

    # rewrites and the listing
    rewrite_every_s: int = 60  # every symbol is written whole once in this time
    refused_keys_again_s: float = 60.0
    listing_every_s: float = 6 * 3600.0
    listing_count_every_s: float = 60.0
    listing_count_within_s: float = 60.0

    # operation
    condition_every_s: float = 60.0  # between two log messages about an ongoing condition
    duty_poll_s: float = 1.0
    absent_fields_every_s: float = 60.0
    metrics_cache_s: float = 1.0
    metrics_request_within_s: float = 5.0
