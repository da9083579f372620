"""What the API says of options and series, by name: the vocabulary, times as `_ms`."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from operator import attrgetter
from typing import Any, Final

from fastopts.field_registry import FIELDS
from fastopts.model import Instrument
from fastopts.reader import Absent, Chain, Option, SmilePoint
from fastopts.reader.export import as_dict as plain
from fastopts.reader.freshness.feed_state import FeedState
from fastopts.reader.freshness.moment import Moment, stale_error
from fastopts.serve.http import problems
from fastopts.serve.protocol import reason_of

__all__ = (
    "ROW_NAMES",
    "STREAMED",
    "Values",
    "absent",
    "chain",
    "envelope",
    "feed",
    "in_ms",
    "instrument",
    "option",
    "point",
    "series",
    "streamed",
    "values",
)

_READ: Final = tuple(f"{n}_ms" if field.form == "time" else n for n, field in FIELDS.items())
_read: Final = attrgetter(*_READ)
ROW_NAMES: Final = (*_READ, "reason")
_PASSING: Final = ("dte", "age_s")  # that change with the time alone
STREAMED: Final = tuple(name for name in ROW_NAMES if name not in _PASSING)
_streamed: Final = attrgetter(*STREAMED[:-1])

Values = tuple[Any, ...]


def values(found: Option) -> Values:
    """An option as streams tell it, in the order of `STREAMED`: without what changes with the time
    alone."""
    reason = None if found.live else reason_of(stale_error(found))
    return (*_streamed(found), reason)


def streamed(found: Option) -> dict[str, Any]:
    """The same by name."""
    return dict(zip(STREAMED, values(found), strict=True))


def option(found: Option) -> dict[str, Any]:
    """Everything about an option; `reason` says why it is not live."""
    row = dict(zip(_READ, _read(found), strict=True))
    row["reason"] = None if found.live else reason_of(stale_error(found))
    return row


def absent(found: Iterable[Absent]) -> list[dict[str, str]]:
    """Why each is not handed over."""
    return [{"symbol": one.symbol} | problems.error_fields(one.reason) for one in found]


def series(found: Chain) -> dict[str, Any]:
    """The figures of one series, without its options."""
    return in_ms(plain.series_values(found))


def chain(found: Chain) -> dict[str, Any]:
    """One series strike by strike."""
    atm = found.atm()
    return {
        **series(found),
        "settles": found.settles,
        "strikes": [
            {
                "strike": row.strike,
                "atm": row is atm,
                "call": None if row.call is None else option(row.call),
                "put": None if row.put is None else option(row.put),
            }
            for row in found
        ],
        "absent": absent(found.absent.values()),
    }


def point(found: SmilePoint) -> dict[str, Any]:
    """A point of a smile."""
    return plain.point_values(found) | {"age_s": found.option.age_s}


def instrument(found: Instrument) -> dict[str, Any]:
    """The terms of an option."""
    return {
        "symbol": found.symbol,
        "asset": found.asset,
        "settle": found.settle,
        "quote": found.quote,
        "expiry_ms": found.expiry_ms,
        "strike": found.strike,
        "strike_text": found.strike_text,
        "type": found.kind,
        "tick_size": found.tick_size,
        "lot_size": found.lot_size,
        "status": found.status,
        "launch_ms": found.launch_ms,
    }


def envelope(moment: Moment | FeedState) -> dict[str, Any]:
    """Whose data it is, and of when."""
    feed = moment.feed if isinstance(moment, Moment) else moment
    return {
        "venue": feed.venue,
        "simulated": feed.venue == "sim",
        "as_of_ms": moment.venue_ms,
        "epoch": feed.epoch,
    }


def feed(state: FeedState) -> dict[str, Any]:
    """The feed as it is."""
    values = envelope(state) | plain.feed_values(state)
    down = state.down
    reason = None if down is None else reason_of(down)
    return values | {"reason": reason, "detail": values["reason"], "assets": state.assets}


def in_ms(values: Mapping[str, Any]) -> dict[str, Any]:
    """*values* with each time as ms since 1970, its name saying so."""
    return {
        f"{name}_ms" if isinstance(value, datetime) else name: (
            round(value.timestamp() * 1000) if isinstance(value, datetime) else value
        )
        for name, value in values.items()
    }
