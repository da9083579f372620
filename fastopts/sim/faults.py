"""Misbehaviour on demand."""

from dataclasses import dataclass, field

__all__ = ("Faults",)


@dataclass(slots=True)
class Faults:
    """What a venue does wrong. Change it at any time; it counts from the next event on."""

    fail_topics: set[str] = field(default_factory=set)
    """Topics put into failTopics, though they exist."""

    silent_topics: set[str] = field(default_factory=set)
    """Topics acked when subscribed, and never delivered."""

    withhold_acks: bool = False
    """Subscriptions take effect, but no ack is sent."""

    withhold_pongs: bool = False
    """JSON pings count, but are not answered."""

    mute: bool = False
    """No connection delivers tickers; acks and pongs are sent."""

    mute_next: int = 0
    """The next so many connections are mute for life."""

    refuse_status: int | None = None
    """New WebSocket connections are refused with this HTTP status, such as 403, 429 or 502."""

    rest: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Path -> (HTTP status, body) that REST answers instead."""

    stuck: set[str] = field(default_factory=set)
    """Symbols that are not pushed any more, though REST moves on."""

    empty_coins: set[str] = field(default_factory=set)
    """Coins whose instrument list is empty."""
