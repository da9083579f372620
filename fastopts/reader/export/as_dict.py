"""Values by name, as programs are told them: by the command line's JSON and by the API."""

from typing import Any

from fastopts.field_registry import FIELDS
from fastopts.reader.freshness.feed_state import FeedState
from fastopts.reader.objects.chain import Chain, SmilePoint, total
from fastopts.reader.objects.option import Option, phase

__all__ = (
    "feed_values",
    "option_values",
    "point_values",
    "series_values",
)


def option_values(option: Option) -> dict[str, Any]:
    """Everything about *option*: the export schema, then what is derived from it."""
    return {name: getattr(option, name) for name in FIELDS}


def series_values(chain: Chain) -> dict[str, Any]:
    """The figures of a series: RR and BF are of 25 delta, `live` of `total` are live."""
    atm, oldest = chain.atm(), chain.oldest_age
    return {
        "venue": chain.moment.feed.venue,
        "asset": chain.asset,
        "expiry": chain.expiry,
        "label": chain.series.label,
        "settle": chain.settle,
        "dte": chain.dte,
        "phase": phase(chain.series.expiry_ms, chain.moment.venue_ms),
        "forward": chain.forward,
        "index_price": chain.index_price,
        "basis": chain.basis,
        "atm_iv": chain.atm_iv,
        "atm_strike": None if atm is None else atm.strike,
        "straddle": chain.straddle,
        "risk_reversal": chain.risk_reversal(),
        "butterfly": chain.butterfly(),
        "open_interest": chain.open_interest,
        "volume_24h": total(one.volume_24h for one in chain.options),
        "turnover_24h": chain.turnover_24h,
        "live": sum(one.live for one in chain.options),
        "total": chain.series.count,
        "oldest_age_s": None if oldest is None else oldest.total_seconds(),
    }


def point_values(point: SmilePoint) -> dict[str, Any]:
    """A point of a smile, of the option that it is taken from."""
    return {
        "symbol": point.option.symbol,
        "strike": point.strike,
        "log_moneyness": point.log_moneyness,
        "delta": point.option.delta,
        "mark_iv": point.iv,
        "bid_iv": point.bid_iv,
        "ask_iv": point.ask_iv,
        "live": point.option.live,
    }


def feed_values(feed: FeedState) -> dict[str, Any]:
    """The feed: `conns` has the seconds since each connection delivered, `lags` by how many seconds
    each is behind the venue."""
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
