"""Misbehaviour on demand."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = ("Ack", "Faults")

Ack = Literal["sent", "lost", "twice", "late"]


@dataclass(slots=True)
class Faults:
    """What a venue does wrong. Change it at any time; it counts from the next event on."""

    fail_topics: set[str] = field(default_factory=set)
    """Topics put into failTopics, though they exist."""

    silent_topics: set[str] = field(default_factory=set)
    """Topics acked when subscribed, and never delivered."""

    topics_delivered_max: int | None = None
    """A connection acks what goes beyond so many topics, and never delivers it."""

    topics_a_request_max: int | None = None
    """A request for more is refused as a whole."""

    poisonous_topics: set[str] = field(default_factory=set)
    """A request for one of them is refused as a whole."""

    hang_up: bool = False
    """Instead of refusing a request the venue cuts the connection."""

    acks: deque[Ack] = field(default_factory=deque)
    """What becomes of the next acks; a late one is sent after the one that follows it."""

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

    refuse_headers: Mapping[str, str] = field(default_factory=dict)
    refuse_body: bytes = b""

    echo_after_s: float | None = None
    """Each ticker is sent again so much later, over all the other connections."""

    rest: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Path -> (HTTP status, body) that REST answers instead."""

    stuck: set[str] = field(default_factory=set)
    """Symbols that are not pushed any more, though REST moves on."""

    empty_coins: set[str] = field(default_factory=set)
    """Coins whose instrument list is empty."""

    names_coins: bool = True
    """`baseCoin=All` lists the options of every coin; else it lists none."""
