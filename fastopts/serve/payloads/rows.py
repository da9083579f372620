"""Rows of payloads: options, series and instruments by field name, times as `{name}_ms`."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from operator import attrgetter
from typing import Any, Final

from fastopts.model import Instrument
from fastopts.reader import Absent, Chain, Option, SmilePoint
from fastopts.reader.export import as_dict
from fastopts.reader.freshness.feed_state import FeedState
from fastopts.reader.freshness.moment import Moment
from fastopts.reader.objects.option import JSON_NAMES, stale_reason
from fastopts.serve.http import problems
from fastopts.serve.protocol import reason_of

__all__ = (
    "ROW_NAMES",
    "STREAMED",
    "Values",
    "absent_rows",
    "chain_row",
    "envelope",
    "feed_row",
    "in_ms",
    "instrument_row",
    "option_row",
    "series_row",
    "smile_row",
    "streamed_row",
    "streamed_values",
)

ROW_NAMES: Final = (*JSON_NAMES, "reason")  # of `Option.to_dict`
# Fields that change with the time alone: streamed, they would make every row change every beat.
_TIME_DEPENDENT: Final = ("as_of_ms", "dte", "t_years", "age_s")
STREAMED: Final = tuple(name for name in ROW_NAMES if name not in _TIME_DEPENDENT)

# One attrgetter reads all attributes in C, in 0.6 of the time of a loop over getattr.
_read_streamed: Final = attrgetter(*STREAMED[:-1])

Values = tuple[Any, ...]


def streamed_values(option: Option) -> Values:
    """The values of a streamed row, in the order of `STREAMED`."""
    return (*_read_streamed(option), stale_reason(option))


def streamed_row(option: Option) -> dict[str, Any]:
    """A streamed row: all fields but those that change with the time alone."""
    return dict(zip(STREAMED, streamed_values(option), strict=True))


def option_row(option: Option) -> dict[str, Any]:
    """All fields of an option, and `reason`: why it is not live, null when it is."""
    return option.to_dict()


def absent_rows(results: Iterable[Absent]) -> list[dict[str, str]]:
    """The symbol of each absent option, with the reason and the error message."""
    return [{"symbol": each.symbol} | problems.error_fields(each.reason) for each in results]


def series_row(chain: Chain) -> dict[str, Any]:
    """The fields of a series, without its options."""
    return in_ms(as_dict.series_values(chain))


def chain_row(chain: Chain) -> dict[str, Any]:
    """A series strike by strike."""
    atm = chain.atm()  # once: it compares all strikes
    return {
        **series_row(chain),
        "settles": chain.settles,
        "strikes": [
            {
                "strike": row.strike,
                "atm": row is atm,
                "call": None if row.call is None else option_row(row.call),
                "put": None if row.put is None else option_row(row.put),
            }
            for row in chain
        ],
        "absent": absent_rows(chain.absent.values()),
    }


def smile_row(point: SmilePoint) -> dict[str, Any]:
    """A point of a smile."""
    return in_ms(as_dict.point_values(point))


def instrument_row(instrument: Instrument) -> dict[str, Any]:
    """The terms of an option."""
    return {
        "symbol": instrument.symbol,
        "asset": instrument.asset,
        "settle": instrument.settle,
        "quote": instrument.quote,
        "expiry_ms": instrument.expiry_ms,
        "strike": instrument.strike,
        "strike_text": instrument.strike_text,
        "type": instrument.type,
        "tick_size": instrument.tick_size,
        "lot_size": instrument.lot_size,
        "status": instrument.status,
        "launch_ms": instrument.launch_ms,
    }


def envelope(moment: Moment | FeedState) -> dict[str, Any]:
    """The venue, whether it is simulated, the venue's time of the read, the collector's epoch."""
    feed = moment.feed if isinstance(moment, Moment) else moment
    return {
        "venue": feed.venue,
        "simulated": feed.venue == "sim",  # spelled out: nobody may trade on it by mistake
        "as_of_ms": moment.venue_ms,
        "epoch": feed.epoch,
    }


def feed_row(state: FeedState) -> dict[str, Any]:
    """The state of the feed: *reason* is the error class, *detail* its message."""
    # as_dict has the message as `reason`; the API has the class there, which programs compare
    values = envelope(state) | as_dict.feed_values(state)
    down = state.down
    reason = None if down is None else reason_of(down)
    return values | {"reason": reason, "detail": values["reason"], "assets": state.assets}


def in_ms(values: Mapping[str, Any]) -> dict[str, Any]:
    """*values* with each datetime as ms since 1970, under its name with `_ms`."""
    return {
        f"{name}_ms" if isinstance(value, datetime) else name: (
            round(value.timestamp() * 1000) if isinstance(value, datetime) else value
        )
        for name, value in values.items()
    }
