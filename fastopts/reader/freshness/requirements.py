"""What a caller accepts, and why an option may not be handed to who does not."""

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
from fastopts.reader.freshness import feed as freshness
from fastopts.reader.freshness.feed import NEVER_MS, Moment
from fastopts.reader.objects.absent import Absent
from fastopts.reader.objects.option import Option, phase
from fastopts.reader.selection.arguments import flag, number

__all__ = ("Requirements", "expired_error", "missing", "raise_if_down", "refusal", "sift")

AGELESS_MS: Final = NEVER_MS // 2


class Requirements(NamedTuple):
    """What a caller accepts."""

    require_live: bool = True
    allow_expired: bool = False
    max_age_s: float | None = None

    def check(self) -> Self:
        """The demand itself. Raises BadInput for a limit that is no age, and what is no flag."""
        if self.require_live is True and self.allow_expired is False and self.max_age_s is None:
            return self
        return type(self)(
            flag("require_live", self.require_live),
            flag("allow_expired", self.allow_expired),
            None if self.max_age_s is None else _age(self.max_age_s),
        )

    def times_ms(self, moment: Moment) -> tuple[int, int]:
        """The times of the oldest and of the newest tick whose age at the *moment* is certainly
        acceptable. Raises as `check` does."""
        self.check()
        error_ms = moment.feed.skew_error_ms
        if self.max_age_s is None:
            return -NEVER_MS, NEVER_MS
        if error_ms is None:
            return NEVER_MS, -NEVER_MS
        limit_ms = math.floor(min(self.max_age_s * 1000, AGELESS_MS))
        return moment.venue_ms + error_ms - limit_ms, moment.venue_ms + error_ms


def _age(value: object) -> float:
    limit_s = number("max_age_s", value, "seconds, or None", what="age")
    if limit_s < 0:
        raise BadInput(
            f"max_age_s: {limit_s:g} is no age: write seconds, or None", arguments=("max_age_s",)
        )
    return limit_s


def sift(
    symbols: Sequence[str], records: Records, moment: Moment, demand: Requirements
) -> list[Option | Absent]:
    """The options among *records* that meet the *demand*; for the others why not."""
    oldest_ms, newest_ms = demand.times_ms(moment)
    epoch, live_conns = moment.feed.epoch, moment.live_conns
    options, doubtful = records.take(
        Option, symbols, moment, epoch, live_conns, moment.venue_ms, oldest_ms, newest_ms
    )
    found: list[Option | Absent] = cast("list[Option | Absent]", options)
    for place in doubtful:
        symbol, option = symbols[place], options[place]
        if option is not None:
            reason = refusal(option, demand)
        elif records.is_unreadable(place):
            reason = StoreError(f"{symbol}: a record that this version of fastopts can't read")
        else:
            reason = missing(symbol, moment, demand)
        if reason is not None:
            found[place] = Absent(symbol, reason)
    return found


def refusal(option: Option, demand: Requirements) -> FastoptsError | None:
    """Why *option* may not be handed to who makes this *demand*; None when it may."""
    if option.phase == "expired" and not demand.allow_expired:
        ended_h = (option.moment.venue_ms - option.expiry_ms) / 3_600_000
        return Expired(f"{_aged(option)}: it was delivered {ended_h:.1f} h ago")
    if demand.require_live and not option.live:
        return freshness.stale_error(option)
    return None if demand.max_age_s is None else _too_old(option, demand.max_age_s)


def _too_old(option: Option, limit_s: float) -> TooOld | None:
    """Why the age of *option* may be above the limit; None when it certainly is not."""
    error_s = option.moment.error_s
    if option.time_suspect:
        return TooOld(f"{_aged(option)}: its time can't be right, so that its age is not known")
    if error_s == math.inf:
        return TooOld(f"{_aged(option)}: the venue's clock is not known yet, nor is any age")
    if option.age_s < -error_s:
        return TooOld(f"{_aged(option)}: its time is ahead of the venue's clock")
    if option.age_s + error_s > limit_s:
        margin = f" (ages are right to within {error_s:g} s)" if option.age_s <= limit_s else ""
        return TooOld(f"{_aged(option)}: more than {limit_s:g} s{margin}")
    return None


def raise_if_down(moment: Moment, demand: Requirements) -> None:
    """Raise FeedDown, or what else makes that nothing can be live, when that is asked for."""
    if demand.require_live and (down := moment.down) is not None:
        raise down.with_traceback(None)  # a problem that stays is raised again and again


def missing(symbol: str, moment: Moment, demand: Requirements) -> FastoptsError:
    """Why there is no record of *symbol*."""
    listed, down = moment.terms.get(symbol), moment.down
    if listed is None and demand.require_live and down is not None:
        past = expired_error(symbol, moment.venue_ms) if moment.feed.venue else None
        return past or FeedDown(f"{clipped(symbol)}: {down}")
    if listed is None:
        return Unknown(f"there is no option {clipped(repr(symbol))} here")
    if phase(listed.expiry_ms, moment.venue_ms) == "expired":
        return Expired(f"{symbol} was delivered, and is kept no more")
    return NotYetLive(f"{symbol} is listed, and has not ticked yet")


def expired_error(symbol: str, venue_ms: int) -> Expired | None:
    """The error for a name whose delivery is over; None for any other name."""
    from fastopts.reader.selection import spelling as naming

    delivery_ms = naming.delivery_ms(symbol)
    if delivery_ms is None or phase(delivery_ms, venue_ms) != "expired":
        return None
    return Expired(f"{clipped(symbol)} was delivered, if it ever was listed")


def _aged(option: Option) -> str:
    return f"{option.symbol}, {option.age_s:.1f} s old"
