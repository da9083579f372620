"""What is listed: the terms of contracts, and the series they make."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

from fastopts import keys
from fastopts.errors import BadInput, FastoptsError, Unknown
from fastopts.model import TERMS, Instrument
from fastopts.net.redis.resp import pack
from fastopts.reader.freshness.feed import Feed, Version
from fastopts.reader.objects import expiry as expiries
from fastopts.reader.objects.expiry import Expiry
from fastopts.reader.objects.option import phase
from fastopts.reader.selection.arguments import shown

__all__ = (
    "Members",
    "Series",
    "Universe",
    "ask_terms",
    "asset_name",
    "no_asset",
    "read_terms",
    "settle_coin",
)

USUAL_SETTLE: Final = "USDT"


@dataclass(frozen=True, slots=True)
class Series:
    """The options of one asset, expiry and settle coin: *count* of them are listed."""

    asset: str
    expiry_ms: int
    settle: str
    count: int

    @property
    def expiry(self) -> datetime:
        """When it is delivered, in UTC."""
        return datetime.fromtimestamp(self.expiry_ms / 1000, UTC)

    @property
    def label(self) -> str:
        """The expiry as symbols spell it."""
        return expiries.label(self.expiry_ms)


@dataclass(frozen=True, slots=True)
class Members:
    """The options of a series by strike and type; *rows* has for each strike the places of its call
    and its put, None where one is not listed."""

    series: Series
    settles: tuple[str, ...]
    instruments: tuple[Instrument, ...]
    symbols: tuple[str, ...]
    rows: tuple[tuple[float, int | None, int | None], ...]


class Universe:
    """Everything that is listed of *asset*, by expiry, settle coin, strike and type.

    It holds while the feed's version is *version*. *unplaced* are symbols whose terms the store
    has not, *doubles* those whose place another option has (same series, strike and type) and those
    of another coin's name: they belong to no series.
    """

    def __init__(
        self,
        asset: str,
        version: Version,
        instruments: Iterable[Instrument],
        unplaced: Sequence[str],
    ) -> None:
        self.asset = asset
        self.version = version
        self.unplaced = tuple(unplaced)
        placed, self.doubles = _placed(asset, instruments)
        self.instruments = tuple(sorted(placed, key=_place))
        self.members = _members(asset, self.instruments)
        self._by_day: dict[date, list[Members]] = {}
        for each in self.members:
            self._by_day.setdefault(each.series.expiry.date(), []).append(each)

    def __reduce__(self) -> tuple[Any, ...]:
        return Universe, (self.asset, self.version, self.instruments, self.unplaced)

    def series(self) -> list[Series]:
        """One row per series, by expiry and settle coin."""
        return [each.series for each in self.members]

    def choose(self, expiry: Expiry | None, settle: str | None, venue_ms: int) -> Members:
        """The series of *expiry* (None: `front`) and *settle* (None: the only one, else USDT).

        Raises Unknown for one that is not listed, BadInput for a text that names no expiry.
        """
        if isinstance(expiry, Series):
            if expiry.asset != self.asset:
                raise BadInput(f"the series {expiry.label} is of {expiry.asset}, not {self.asset}")
            settle, expiry = settle or expiry.settle, expiry.label
        day = None if expiry is None else expiries.day_of(expiry)
        if day is None or expiry is None:
            of_expiry = self._front(settle, venue_ms)
        else:
            of_expiry = _of_one_delivery(self._by_day.get(day, []), expiry)
        listed = [each for each in of_expiry if settle in (None, each.series.settle)]
        if not listed:
            raise self._unknown(expiry, settle)
        usual = [each for each in listed if each.series.settle == USUAL_SETTLE]
        return (usual or listed)[0]

    def _front(self, settle: str | None, venue_ms: int) -> list[Members]:
        for each in self.members:
            series = each.series
            is_trading = phase(series.expiry_ms, venue_ms) == "trading"
            if is_trading and settle in (None, series.settle):
                return [one for one in self.members if one.series.expiry_ms == series.expiry_ms]
        return []

    def _unknown(self, expiry: Expiry | None, settle: str | None) -> Unknown:
        what = f"{self.asset} {expiry or expiries.FRONT}" + (
            f" settled in {settle}" if settle else ""
        )
        there = ", ".join(f"{one.label} {one.settle}" for one in self.series())
        return Unknown(f"no series {what}; there are: {there or 'none'}")


def _placed(
    asset: str, instruments: Iterable[Instrument]
) -> tuple[list[Instrument], tuple[str, ...]]:
    """Those that have a place of their own, and the symbols of the others."""
    places: dict[tuple[int, str, float, str], Instrument] = {}
    doubles = []
    # of two in one place, the symbol that spells the strike in the usual way is the shorter one
    for one in sorted(instruments, key=lambda one: (len(one.symbol), one.symbol)):
        if one.symbol.startswith(f"{asset}-") and _place(one) not in places:
            places[_place(one)] = one
        else:
            doubles.append(one.symbol)
    return list(places.values()), tuple(doubles)


def _of_one_delivery(of_day: list[Members], expiry: Expiry) -> list[Members]:
    """Those of the delivery that *expiry* names; of a day with more than one, the usual one of
    08:00 UTC, else the first, when it names no time."""
    times = sorted({each.series.expiry_ms for each in of_day})
    if len(times) < 2 and not isinstance(expiry, str):
        return of_day
    exact = [at for at in times if expiries.is_delivered_at(at, expiry)]
    named_ms = expiries.exact_ms(expiry)
    if named_ms is not None and (len(times) > 1 or not exact):
        exact = [at for at in times if at // 1000 == named_ms // 1000]
    usual = [at for at in exact if expiries.is_usual(at)]
    chosen = (usual or exact or [0])[0]
    return [each for each in of_day if each.series.expiry_ms == chosen]


def _members(asset: str, instruments: Sequence[Instrument]) -> list[Members]:
    groups: dict[int, dict[str, list[Instrument]]] = {}
    for one in instruments:
        groups.setdefault(one.expiry_ms, {}).setdefault(one.settle, []).append(one)
    return [
        Members(
            Series(asset, expiry_ms, settle, len(listed)),
            tuple(coins),
            tuple(listed),
            tuple(one.symbol for one in listed),
            _rows(listed),
        )
        for expiry_ms, coins in groups.items()
        for settle, listed in coins.items()
    ]


def _rows(listed: Sequence[Instrument]) -> tuple[tuple[float, int | None, int | None], ...]:
    strikes: dict[float, dict[str, int]] = {}
    for place, one in enumerate(listed):
        strikes.setdefault(one.strike, {})[one.kind] = place
    return tuple((strike, at.get("C"), at.get("P")) for strike, at in strikes.items())


def asset_name(asset: str) -> str:
    """Raises BadInput for what can't be an asset."""
    if isinstance(asset, str) and keys.is_coin(asset.upper()):
        return asset.upper()
    raise BadInput(f"{shown(asset)} is not an asset: write BTC")


def no_asset(asset: str, feed: Feed) -> FastoptsError:
    """Why nothing is listed of *asset*."""
    if not feed.venue and (down := feed.down(0)) is not None:
        return down
    return Unknown(f"no options of {asset} here; there are: {', '.join(feed.assets) or 'none'}")


def settle_coin(settle: str | None) -> str | None:
    """Raises BadInput for what can't be a coin."""
    if settle is None:
        return None
    if isinstance(settle, str) and keys.is_coin(settle.upper()):
        return settle.upper()
    raise BadInput(f"{shown(settle)} is not a settle coin: write USDT or USDC")


def ask_terms(symbols: Iterable[str]) -> bytes:
    """The commands that ask for the terms of *symbols*; each answer is for `read_terms`."""
    return b"".join(pack("HMGET", keys.instrument(symbol), *TERMS) for symbol in symbols)


def read_terms(symbol: str, answer: Any) -> Instrument | None:
    """The terms of *symbol* out of the server's answer; None when it has them not."""
    if not isinstance(answer, list) or not all(isinstance(text, bytes) for text in answer):
        return None
    try:
        return Instrument.of_terms(symbol, [text.decode() for text in answer])
    except ValueError:  # another program's key
        return None


def _place(one: Instrument) -> tuple[int, str, float, str]:
    return one.expiry_ms, one.settle, one.strike, one.kind
