"""Whether a selection can match anything: one rule for scans, watches, mirrors and streams.

A selection names symbols, an asset, an expiry or a settle coin. What is not listed is refused when
the selection is made, with the error that a read of it raises; a selection of several symbols is
refused as a whole, and the message names each that can't be had.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from fastopts import keys
from fastopts.errors import BadInput, Expired, NoSuchOption, Unknown
from fastopts.model import Instrument
from fastopts.reader.objects import expiry as expiries
from fastopts.reader.objects.absent import Absent
from fastopts.reader.objects.expiry import Expiry
from fastopts.reader.selection.arguments import EXAMPLE, shown

if TYPE_CHECKING:
    from fastopts.reader.objects.option import Option
    from fastopts.reader.objects.universe import Series, Universe

__all__ = ("NAMED_MAX", "check_bounds", "check_forms", "check_terms", "lacking", "refusal")

NAMED_MAX: Final = 10  # symbols in one message
_SHOWN_MAX: Final = 40  # expiries in one message


def lacking(found: "Iterable[Option | Absent]") -> list[Absent]:
    """Those of *found* that do not exist: unknown or delivered, rather than stale."""
    return [
        one for one in found if isinstance(one, Absent) and isinstance(one.reason, NoSuchOption)
    ]


def refusal(absent: Sequence[Absent], count: int) -> NoSuchOption:
    """Why a selection of *count* symbols, of which some are *absent*, is refused."""
    if count == 1:
        reason = absent[0].reason
        assert isinstance(reason, NoSuchOption)
        return reason
    reasons = [str(one.reason) for one in absent[:NAMED_MAX]]
    more = [f"and {len(absent) - NAMED_MAX} more"] if len(absent) > NAMED_MAX else []
    words = f"{len(absent)} of {count} symbols can't be had: {'; '.join([*reasons, *more])}"
    is_expired = all(isinstance(one.reason, Expired) for one in absent)
    return Expired(words) if is_expired else Unknown(words)


def check_forms(symbols: Iterable[str]) -> None:
    """Raise BadInput for a name that the venue can't have given."""
    for name in symbols:
        if not keys.is_symbol(name):
            raise BadInput(f"symbols: {shown(name)} is no symbol: write {EXAMPLE!r}")


def check_bounds(
    listed: "Sequence[Universe]", bounds: Mapping[str, Any], venue_ms: int, is_raw: bool
) -> None:
    """Raise BadInput for a settle coin or an expiry of which nothing is *listed*.

    *is_raw*: what was delivered, and still is listed, will do.
    """
    series = [one for universe in listed for one in universe.series()]
    settle, expiry = bounds.get("settle"), bounds.get("expiry")
    if not series or (settle is None and expiry is None):
        return
    assets = sorted({one.asset for one in series})
    what = f"no options of {assets[0]} are" if len(assets) == 1 else "no options are"
    if settle is not None:
        coins = sorted({one.settle for one in series})
        if settle.upper() not in coins:
            raise BadInput(
                f"settle: {what} settled in {settle.upper()}; there are: {', '.join(coins)}",
                arguments=("settle",),
            )
        series = [one for one in series if one.settle == settle.upper()]
        what += f" settled in {settle.upper()} and"
    if expiry is not None:
        _check_expiry(series, expiry, what, venue_ms, is_raw)


def _check_expiry(
    series: "Sequence[Series]", expiry: Expiry, what: str, venue_ms: int, is_raw: bool
) -> None:
    day = expiries.day_of(expiry)
    if day is None:
        return
    there = [one for one in series if expiries.is_delivered_at(one.expiry_ms, expiry)]
    if there and (is_raw or any(one.expiry_ms > venue_ms for one in there)):
        return
    is_past = day < datetime.fromtimestamp(venue_ms / 1000, UTC).date() or bool(there)
    label = expiries.label_of(day)
    fault = f"{label} was delivered" if is_past else f"{what} delivered on {label}"
    left = sorted({one.expiry_ms for one in series if one.expiry_ms > venue_ms})
    labels = [expiries.label(ms) for ms in left[:_SHOWN_MAX]]
    labels += [f"{len(left) - _SHOWN_MAX} more"] if len(left) > _SHOWN_MAX else []
    raise BadInput(
        f"expiry: {fault}; there are: {', '.join(labels) or 'none'}", arguments=("expiry",)
    )


def check_terms(
    instruments: Iterable[Instrument], bounds: Mapping[str, Any], venue_ms: int, is_raw: bool
) -> None:
    """Raise BadInput when none of the *instruments* will ever meet the *bounds* on its terms.

    *is_raw*: one that was delivered may.
    """
    terms = {
        name: bounds[name]
        for name in ("type", "settle", "expiry", "min_strike", "max_strike", "min_dte")
        if name in bounds
    }
    if not terms or any(_can_meet(one, terms, venue_ms, is_raw) for one in instruments):
        return
    named = ", ".join(f"{name} {_told(value)}" for name, value in terms.items())
    raise BadInput(f"{named}: no listed option of the selection meets that", arguments=tuple(terms))


def _told(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _can_meet(one: Instrument, terms: Mapping[str, Any], venue_ms: int, is_raw: bool) -> bool:
    dte = (one.expiry_ms - venue_ms) / 86_400_000
    expiry = terms.get("expiry")
    return (
        (is_raw or dte > 0)
        and one.kind == terms.get("type", one.kind)
        and one.settle == terms.get("settle", one.settle).upper()
        and terms.get("min_strike", one.strike) <= one.strike <= terms.get("max_strike", one.strike)
        and dte >= terms.get("min_dte", dte)
        and (expiry is None or expiries.is_delivered_at(one.expiry_ms, expiry))
    )
