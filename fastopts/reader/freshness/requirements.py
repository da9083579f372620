"""`Requirements` of a read, and the error of an option that does not meet them."""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple, Self, cast

from fastopts.core import Records
from fastopts.errors import (
    BadInput,
    Expired,
    FastoptsError,
    FeedDown,
    NotYetLive,
    StoreError,
    TooOld,
    Unknown,
    clipped,
)
from fastopts.reader.freshness.feed import NEVER_MS
from fastopts.reader.freshness.moment import Moment, stale_error
from fastopts.reader.objects.absent import Absent
from fastopts.reader.objects.expiry import time_text
from fastopts.reader.objects.option import Option, phase
from fastopts.reader.selection.arguments import flag, number

__all__ = (
    "Requirements",
    "expired_error",
    "missing_error",
    "raise_if_down",
    "read_options",
    "unmet",
)

AGE_MAX_MS: Final = NEVER_MS // 2  # any longer limit means none; the sums below stay in 64 bits


class Requirements(NamedTuple):
    """What a read requires of each option: live, not expired, at most *max_age_s* old."""

    require_live: bool = True
    allow_expired: bool = False
    max_age_s: float | None = None

    def checked(self) -> Self:
        """Return the same with plain Python values. Raises BadInput for wrong types and ages."""
        if self.require_live is True and self.allow_expired is False and self.max_age_s is None:
            return self  # the usual case: a `get` takes tens of microseconds in all
        return type(self)(
            flag("require_live", self.require_live),
            flag("allow_expired", self.allow_expired),
            None if self.max_age_s is None else _age(self.max_age_s),
        )

    def time_limits_ms(self, moment: Moment) -> tuple[int, int]:
        """Return the earliest and the latest venue time that certainly meet `max_age_s`.

        Ticks outside are not refused yet: they are judged one by one. Raises as `checked` does.
        """
        self.checked()
        error_ms = moment.feed.skew_error_ms
        if self.max_age_s is None:
            return -NEVER_MS, NEVER_MS
        if error_ms is None:
            return NEVER_MS, -NEVER_MS  # no age is known: an empty interval
        limit_ms = math.floor(min(self.max_age_s * 1000, AGE_MAX_MS))
        return moment.venue_ms + error_ms - limit_ms, moment.venue_ms + error_ms


def _age(value: object) -> float:
    limit_s = number("max_age_s", value, "seconds, or None", kind="an age")
    if limit_s < 0:
        raise BadInput(
            f"max_age_s: {limit_s:g} is not an age: write seconds, or None",
            arguments=("max_age_s",),
        )
    return limit_s


def read_options(
    symbols: Sequence[str], records: Records, moment: Moment, requirements: Requirements
) -> list[Option | Absent]:
    """Return an Option for each of *symbols* that meets the requirements, else an Absent."""
    oldest_ms, newest_ms = requirements.time_limits_ms(moment)
    epoch, live_conns = moment.feed.epoch, moment.live_conns
    # One compiled call decodes all records and names the few that need a closer look: calling
    # `unmet` for every option would double the time of a chain.
    options, doubtful = records.take(
        Option, symbols, moment, epoch, live_conns, moment.venue_ms, oldest_ms, newest_ms
    )
    results: list[Option | Absent] = cast("list[Option | Absent]", options)
    for index in doubtful:
        symbol, option = symbols[index], options[index]
        if option is not None:
            error = unmet(option, requirements)
        elif records.is_unreadable(index):
            error = StoreError(f"{symbol}: a record that this version of fastopts can't read")
        else:
            error = missing_error(symbol, moment, requirements)
        if error is not None:
            results[index] = Absent(symbol, error)
    return results


def unmet(option: Option, requirements: Requirements) -> FastoptsError | None:
    """Return the error of the first requirement that *option* does not meet, or None."""
    if option.phase == "expired" and not requirements.allow_expired:
        ago_h = (option.moment.venue_ms - option.expiry_ms) / 3_600_000
        expired = f"it expired at {time_text(option.expiry_ms)}, {ago_h:.1f} h ago"
        return Expired(f"{_with_age(option)}: {expired}")
    if requirements.require_live and not option.live:
        return stale_error(option)
    return None if requirements.max_age_s is None else _too_old(option, requirements.max_age_s)


def _too_old(option: Option, limit_s: float) -> TooOld | None:
    """Return an error unless the age of *option* is certainly within the limit."""
    # The venue's clock is known to within an error: age plus error must be below the limit.
    error_s = option.moment.error_s
    if option.time_suspect:
        return TooOld(f"{_with_age(option)}: its time can't be right, so its age is unknown")
    if error_s == math.inf:
        return TooOld(f"{_with_age(option)}: the venue's clock is not known yet, nor is any age")
    if option.age_s < -error_s:
        return TooOld(f"{_with_age(option)}: its time is ahead of the venue's clock")
    if option.age_s + error_s > limit_s:
        margin = f" (ages are exact to within {error_s:g} s)" if option.age_s <= limit_s else ""
        return TooOld(f"{_with_age(option)}: more than {limit_s:g} s{margin}")
    return None


def raise_if_down(moment: Moment, requirements: Requirements) -> None:
    """Raise the error that makes everything stale, if live values are required."""
    if requirements.require_live and (down := moment.down) is not None:
        # A mirror keeps one error object for the whole outage and every read raises it: without
        # this, each raise would add its frames to the object's traceback, without limit.
        raise down.with_traceback(None)


def missing_error(symbol: str, moment: Moment, requirements: Requirements) -> FastoptsError:
    """Return the error for a *symbol* without a record."""
    instrument, down = moment.terms.get(symbol), moment.down
    if instrument is None and requirements.require_live and down is not None:
        # Whether it is listed can't be known: only its name can show that it has expired.
        expired = expired_error(symbol, moment.venue_ms) if moment.feed.venue else None
        return expired or FeedDown(f"{clipped(symbol)}: {down}")
    if instrument is None:
        return Unknown(f"there is no option {clipped(repr(symbol))} here")
    if phase(instrument.expiry_ms, moment.venue_ms) == "expired":
        at = time_text(instrument.expiry_ms)
        return Expired(f"{symbol} expired at {at}, and its record has been deleted")
    return NotYetLive(f"{symbol} is listed, and has not ticked yet")


def expired_error(symbol: str, venue_ms: int) -> Expired | None:
    """Return an error if *symbol* names an expiry before *venue_ms*, else None."""
    # Needed only for unknown symbols; a plain reader need not load it.
    from fastopts.reader.selection.spelling import delivery_ms

    expiry_ms = delivery_ms(symbol)
    if expiry_ms is None or phase(expiry_ms, venue_ms) != "expired":
        return None
    return Expired(f"{clipped(symbol)} expired at {time_text(expiry_ms)}, if it ever was listed")


def _with_age(option: Option) -> str:
    return f"{option.symbol}, {option.age_s:.1f} s old"
