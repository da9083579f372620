"""Options, series and the feed as dictionaries: the JSON of the command line and of the API."""

from collections.abc import Callable, Mapping
from datetime import datetime
from operator import attrgetter
from typing import Any, Final

from fastopts.field_registry import FIELDS, SERIES_FIELDS
from fastopts.reader.freshness.feed_state import FeedState
from fastopts.reader.objects.chain import Chain, SmilePoint
from fastopts.reader.objects.option import JSON_NAMES, Option, phase

__all__ = (
    "feed_values",
    "option_json",
    "option_values",
    "point_values",
    "series_value",
    "series_values",
    "with_ms",
)


# The fields that `Option.to_dict` has under another name: the times.
_ONLY_AS_TEXT: Final = tuple(name for name in FIELDS if name not in JSON_NAMES)
_texts: Final = attrgetter(*_ONLY_AS_TEXT)


def option_values(option: Option) -> dict[str, Any]:
    """All fields of *option* by name: the export schema, derived values, flags."""
    return {name: getattr(option, name) for name in FIELDS}


def option_json(option: Option) -> dict[str, Any]:
    """An option as the command line's JSON: the row of the HTTP API, and its times as text, too."""
    # the order of `FIELDS` first; no value is computed twice
    values: dict[str, Any] = dict.fromkeys(FIELDS)
    values |= option.to_dict()
    values |= zip(_ONLY_AS_TEXT, _texts(option), strict=True)
    return values


def with_ms(values: Mapping[str, Any]) -> dict[str, Any]:
    """*values*, and each time in ms since 1970 as well, under its name in the API: `expiry_ms`."""
    times = {name: value for name, value in values.items() if isinstance(value, datetime)}
    in_ms = {f"{name}_ms": round(value.timestamp() * 1000) for name, value in times.items()}
    return {**values, **in_ms}


def series_values(chain: Chain) -> dict[str, Any]:
    """All fields of a series by name, as `SERIES_FIELDS` describes them."""
    return {name: _SERIES[name](chain) for name in SERIES_FIELDS}


def series_value(chain: Chain, name: str) -> Any:
    """One field of a series, *name* of `SERIES_FIELDS`: without computing the others."""
    return _SERIES[name](chain)


def _atm_strike(chain: Chain) -> float | None:
    atm = chain.atm()
    return None if atm is None else atm.strike


def _oldest_age_s(chain: Chain) -> float | None:
    oldest = chain.oldest_age
    return None if oldest is None else oldest.total_seconds()


# A test compares the names with SERIES_FIELDS, and so no field lacks a value.
_SERIES: Final[dict[str, Callable[[Chain], Any]]] = {
    "venue": lambda chain: chain.moment.feed.venue,
    "asset": lambda chain: chain.asset,
    "expiry": lambda chain: chain.expiry,
    "label": lambda chain: chain.series.label,
    "settle": lambda chain: chain.settle,
    "quote": lambda chain: chain.quote,
    "tick_size": lambda chain: chain.tick_size,
    "lot_size": lambda chain: chain.lot_size,
    "dte": lambda chain: chain.dte,
    "phase": lambda chain: phase(chain.series.expiry_ms, chain.moment.venue_ms),
    "forward": lambda chain: chain.forward,
    "index_price": lambda chain: chain.index_price,
    "basis": lambda chain: chain.basis,
    "atm_iv": lambda chain: chain.atm_iv,
    "atm_strike": _atm_strike,
    "straddle": lambda chain: chain.straddle,
    "risk_reversal": lambda chain: chain.risk_reversal(),
    "butterfly": lambda chain: chain.butterfly(),
    "open_interest": lambda chain: chain.open_interest,
    "volume_24h": lambda chain: chain.volume_24h,
    "turnover_24h": lambda chain: chain.turnover_24h,
    "max_pain": lambda chain: chain.max_pain,
    "put_call_open_interest": lambda chain: chain.put_call_ratio("open_interest"),
    "put_call_volume_24h": lambda chain: chain.put_call_ratio("volume_24h"),
    "live": lambda chain: sum(option.live for option in chain.options),
    "total": lambda chain: chain.series.count,
    "oldest_age_s": _oldest_age_s,
}


def point_values(point: SmilePoint) -> dict[str, Any]:
    """A point of a smile, with the option it is taken from."""
    option = point.option
    return {
        "symbol": option.symbol,
        "strike": point.strike,
        "type": option.type,
        # by the forward of the series: the option's own tick may be older
        "log_moneyness": point.log_moneyness,
        "delta": option.delta,
        "mark_iv": point.iv,
        "bid_iv": point.bid_iv,
        "ask_iv": point.ask_iv,
        "live": option.live,
        "ts": option.ts,
        "age_s": option.age_s,
    }


def feed_values(feed: FeedState) -> dict[str, Any]:
    """The state of the feed; `conns` maps each connection to the seconds since it delivered, `lags`
    to the seconds it is behind the venue."""
    return {
        "venue": feed.venue,
        "alive": feed.alive,
        "reason": None if feed.down is None else str(feed.down),
        "epoch": feed.epoch,
        "heartbeat_age_s": feed.heartbeat_age_s,
        "skew_ms": feed.skew_ms,
        "skew_error_ms": feed.skew_error_ms,
        "covered": feed.covered,
        "wanted": feed.wanted,
        "never": feed.never,
        "conns": {str(conn): feed.silence_s.get(conn) for conn in feed.conns},
        "lags": {str(conn): feed.lag_s.get(conn) for conn in feed.conns},
        "muted": feed.muted,
        "late": feed.late,
    }
