"""Faults of the simulated venue, switched on by tests."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = ("Ack", "Faults")

Ack = Literal["sent", "lost", "twice", "late"]


@dataclass(slots=True)
class Faults:
    """Faults to inject. They can be changed at any time and apply from the next event on."""

    fail_topics: set[str] = field(default_factory=set)
    """Existing topics that are reported in failTopics."""

    silent_topics: set[str] = field(default_factory=set)
    """Topics that are acknowledged but never delivered."""

    topics_delivered_max: int | None = None
    """Topics beyond this number per connection are acknowledged but never delivered."""

    topics_a_request_max: int | None = None
    """Requests with more topics are rejected as a whole."""

    poisonous_topics: set[str] = field(default_factory=set)
    """Requests that contain one of them are rejected as a whole."""

    hang_up: bool = False
    """Close the connection instead of rejecting a request."""

    acks: deque[Ack] = field(default_factory=deque)
    """Fates of the next acknowledgements; a late one is sent after its successor."""

    withhold_acks: bool = False
    """Apply subscriptions without acknowledging them."""

    withhold_pongs: bool = False
    """Accept JSON pings without answering them."""

    mute: bool = False
    """Send acknowledgements and pongs, but no tickers."""

    mute_next: int = 0
    """Number of further connections that never deliver a ticker."""

    refuse_status: int | None = None
    """HTTP status with which new WebSocket connections are refused, such as 403, 429 or 502."""

    refuse_headers: Mapping[str, str] = field(default_factory=dict)
    refuse_body: bytes = b""

    echo_after_s: float | None = None
    """Delay after which each ticker is repeated on all other connections."""

    rest: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Path -> (HTTP status, body) of REST responses that are replaced."""

    stuck: set[str] = field(default_factory=set)
    """Symbols that are no longer pushed, while REST keeps changing."""

    empty_coins: set[str] = field(default_factory=set)
    """Coins whose instrument list is empty."""

    names_coins: bool = True
    """Whether `baseCoin=All` lists the options of every coin; if not, it lists none."""
