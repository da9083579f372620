"""Whether a selection can match any listed option: one rule for scans, watches, mirrors, streams.

A selection names symbols, an asset, an expiry or a settle coin. One that matches nothing is refused
when it is made, with the error that a read of it would raise: a watch on a typing error would wait
without end. A selection of several symbols is refused as a whole, and the message names each fault.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from fastopts import keys
from fastopts.errors import BadInput, Expired, NoSuchOption, Unknown
from fastopts.field_registry import DAY_MS
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


def lacking(results: "Iterable[Option | Absent]") -> list[Absent]:
    """The options among *results* that do not exist: unknown or delivered, not merely stale."""
    return [
        result
        for result in results
        if isinstance(result, Absent) and isinstance(result.reason, NoSuchOption)
    ]


def refusal(absent: Sequence[Absent], count: int) -> NoSuchOption:
    """The error for a selection of *count* symbols of which those in *absent* do not exist."""
    if count == 1:
        reason = absent[0].reason
        assert isinstance(reason, NoSuchOption)
        return reason
    reasons = [str(each.reason) for each in absent[:NAMED_MAX]]
    more = [f"and {len(absent) - NAMED_MAX} more"] if len(absent) > NAMED_MAX else []
    details = "; ".join([*reasons, *more])
    message = f"{len(absent)} of {count} symbols are not available: {details}"
    # Expired only if it is true of all: callers decide by the class whether to try again
    is_expired = all(isinstance(each.reason, Expired) for each in absent)
    return Expired(message) if is_expired else Unknown(message)


def check_forms(symbols: Iterable[str]) -> None:
    """Raise BadInput for a symbol that no venue could have listed."""
    for name in symbols:
        if not keys.is_symbol(name):
            raise BadInput(f"symbols: {shown(name)} is not a symbol: write {EXAMPLE!r}")


def check_bounds(
    universes: "Sequence[Universe]", bounds: Mapping[str, Any], venue_ms: int, is_raw: bool
) -> None:
    """Raise BadInput for a settle coin or an expiry that no option of *universes* has.

    With *is_raw*, delivered options that are still listed count, too.
    """
    series = [each for universe in universes for each in universe.series()]
    settle, expiry = bounds.get("settle"), bounds.get("expiry")
    # Without any series nothing is known of what could be listed: a scan is empty then.
    if not series or (settle is None and expiry is None):
        return
    assets = sorted({each.asset for each in series})
    subject = f"no options of {assets[0]} are" if len(assets) == 1 else "no options are"
    if settle is not None:
        coins = sorted({each.settle for each in series})
        if settle.upper() not in coins:
            raise BadInput(
                f"settle: {subject} settled in {settle.upper()}; there are: {', '.join(coins)}",
                arguments=("settle",),
            )
        series = [each for each in series if each.settle == settle.upper()]
        subject += f" settled in {settle.upper()} and"
    if expiry is not None:
        _check_expiry(series, expiry, subject, venue_ms, is_raw)


def _check_expiry(
    series: "Sequence[Series]", expiry: Expiry, subject: str, venue_ms: int, is_raw: bool
) -> None:
    day = expiries.day_of(expiry)
    if day is None:
        return
    matching = [each for each in series if expiries.is_delivered_at(each.expiry_ms, expiry)]
    if matching and (is_raw or any(each.expiry_ms > venue_ms for each in matching)):
        return
    # an expiry of today that was listed and is over was delivered, not misspelled
    is_past = day < datetime.fromtimestamp(venue_ms / 1000, UTC).date() or bool(matching)
    label = expiries.label_of(day)
    fault = f"{label} was delivered" if is_past else f"{subject} delivered on {label}"
    times_ms = sorted({each.expiry_ms for each in series if each.expiry_ms > venue_ms})
    nearest = "" if is_past else expiries.nearest_text(times_ms, day)
    fault += f": {nearest}" if nearest else ""
    labels = [expiries.label(at) for at in times_ms[:_SHOWN_MAX]]
    labels += [f"{len(times_ms) - _SHOWN_MAX} more"] if len(times_ms) > _SHOWN_MAX else []
    raise BadInput(
        f"expiry: {fault}; there are: {', '.join(labels) or 'none'}", arguments=("expiry",)
    )


def check_terms(
    instruments: Iterable[Instrument], bounds: Mapping[str, Any], venue_ms: int, is_raw: bool
) -> None:
    """Raise BadInput when the terms of no instrument can ever meet the *bounds*.

    With *is_raw*, those of a delivered one may.
    """
    names = ("type", "settle", "expiry", "min_strike", "max_strike", "min_dte")
    terms = {name: bounds[name] for name in names if name in bounds}
    if not terms or any(_can_meet(each, terms, venue_ms, is_raw) for each in instruments):
        return
    named = ", ".join(f"{name} {_formatted(value)}" for name, value in terms.items())
    raise BadInput(f"{named}: no listed option of the selection meets that", arguments=tuple(terms))


def _formatted(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _can_meet(
    instrument: Instrument, terms: Mapping[str, Any], venue_ms: int, is_raw: bool
) -> bool:
    # An upper bound on the time to expiry is met sooner or later: only the lower one is a term.
    dte = (instrument.expiry_ms - venue_ms) / DAY_MS
    expiry, strike = terms.get("expiry"), instrument.strike
    return (
        (is_raw or dte > 0)
        and instrument.type == terms.get("type", instrument.type)
        and instrument.settle == terms.get("settle", instrument.settle).upper()
        and terms.get("min_strike", strike) <= strike <= terms.get("max_strike", strike)
        and dte >= terms.get("min_dte", dte)
        and (expiry is None or expiries.is_delivered_at(instrument.expiry_ms, expiry))
    )
