"""`Universe`: the listed options of an asset, their terms, and the series they form."""

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

# Until 2025 Bybit settled all options in USDC; those that were listed later are settled in USDT.
USUAL_SETTLE: Final = "USDT"


@dataclass(frozen=True, slots=True)
class Series:
    """The options of one asset, expiry and settle coin; *count* is how many are listed."""

    asset: str
    expiry_ms: int
    settle: str
    count: int

    @property
    def expiry(self) -> datetime:
        """Time of delivery, in UTC."""
        return datetime.fromtimestamp(self.expiry_ms / 1000, UTC)

    @property
    def label(self) -> str:
        """The expiry as symbols spell it: `27MAR26`."""
        return expiries.label(self.expiry_ms)


@dataclass(frozen=True, slots=True)
class Members:
    """The options of a series, ordered by strike and type.

    *settles* are the settle coins of all series of this expiry. *rows* has an entry for each
    strike: the strike, and the indices of its call and its put in *symbols*, None if not listed.
    *quote* is the coin of its prices; *tick_size* and *lot_size* are the finest steps of its
    options. Each is "" if unknown.
    """

    series: Series
    settles: tuple[str, ...]
    instruments: tuple[Instrument, ...]
    symbols: tuple[str, ...]
    rows: tuple[tuple[float, int | None, int | None], ...]
    quote: str
    tick_size: str
    lot_size: str


class Universe:
    """All listed options of *asset*, ordered by expiry, settle coin, strike and type.

    It is valid while the feed's version is *version*. Two kinds of symbols belong to no series:
    *unplaced* ones, whose terms are missing in Redis, and *doubles*, which have the series, strike
    and type of another symbol, or a name of another asset.
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
        self.unplaced: tuple[str, ...] = tuple(unplaced)
        # A venue's test listing, or a second spelling of a strike, would silently replace the real
        # option in its chain: what has no place of its own is left out and counted in scans.
        self.doubles: tuple[str, ...]
        placed, self.doubles = _placed(asset, instruments)
        self.instruments: tuple[Instrument, ...] = tuple(sorted(placed, key=_place))
        # The strikes of a series are found once per listing, not once per read of a chain.
        self.members: list[Members] = _members(asset, self.instruments)
        self._by_day: dict[date, list[Members]] = {}
        for each in self.members:
            self._by_day.setdefault(each.series.expiry.date(), []).append(each)

    def __reduce__(self) -> tuple[Any, ...]:
        return Universe, (self.asset, self.version, self.instruments, self.unplaced)

    def series(self) -> list[Series]:
        """All series, by expiry and settle coin."""
        return [each.series for each in self.members]

    def choose(self, expiry: Expiry | None, settle: str | None, venue_ms: int) -> Members:
        """The series of *expiry* (None: `front`) and *settle* (None: the only coin, else USDT).

        Raises Unknown for a series that is not listed, BadInput for an invalid expiry.
        """
        if isinstance(expiry, Series):
            if expiry.asset != self.asset:
                raise BadInput(f"the series {expiry.label} is of {expiry.asset}, not {self.asset}")
            # by its label, so that a series of an earlier listing is looked up in the present one
            settle, expiry = settle or expiry.settle, expiry.label
        day = None if expiry is None else expiries.day_of(expiry)
        if day is None or expiry is None:
            of_expiry = self._front(settle, venue_ms)
        else:
            of_expiry = _of_one_delivery(self._by_day.get(day, []), expiry)
        listed = [each for each in of_expiry if settle in (None, each.series.settle)]
        if not listed:
            raise self._unknown(expiry, day, settle, venue_ms)
        usual = [each for each in listed if each.series.settle == USUAL_SETTLE]
        return (usual or listed)[0]

    def _front(self, settle: str | None, venue_ms: int) -> list[Members]:
        """The series of the first expiry that is trading, in *settle* if that is not None."""
        for each in self.members:
            series = each.series
            is_trading = phase(series.expiry_ms, venue_ms) == "trading"
            if is_trading and settle in (None, series.settle):
                return [m for m in self.members if m.series.expiry_ms == series.expiry_ms]
        return []

    def _unknown(
        self, expiry: Expiry | None, day: date | None, settle: str | None, venue_ms: int
    ) -> Unknown:
        name = f"{self.asset} {expiry or expiries.FRONT}"
        name += f" settled in {settle}" if settle else ""
        hint = "" if day is None else self._near(day, settle, venue_ms)
        listed = ", ".join(f"{each.label} {each.settle}" for each in self.series())
        return Unknown(f"no series {name}{hint}; there are: {listed or 'none'}")

    def _near(self, day: date, settle: str | None, venue_ms: int) -> str:
        """What is listed near *day*: the same expiry in another coin, else the nearest expiries."""
        series = self.series()
        coins = sorted({each.settle for each in series if each.expiry.date() == day})
        if coins and settle not in coins:
            return f": that expiry is settled in {' and '.join(coins)}"
        if day < datetime.fromtimestamp(venue_ms / 1000, UTC).date():
            return ": that day has passed"
        of_coin = [each.expiry_ms for each in series if settle in (None, each.settle)]
        nearest = expiries.nearest_text((at for at in of_coin if at > venue_ms), day)
        return f": {nearest}" if nearest else ""


def _placed(
    asset: str, instruments: Iterable[Instrument]
) -> tuple[list[Instrument], tuple[str, ...]]:
    """The instruments that have a place of their own, and the symbols of the others."""
    places: dict[tuple[int, str, float, str], Instrument] = {}
    doubles = []
    # Two symbols can have the same terms, such as strikes "0.4" and "0.40": the usual spelling is
    # the shorter one.
    for each in sorted(instruments, key=lambda each: (len(each.symbol), each.symbol)):
        if each.symbol.startswith(f"{asset}-") and _place(each) not in places:
            places[_place(each)] = each
        else:
            doubles.append(each.symbol)
    return list(places.values()), tuple(doubles)


def _of_one_delivery(of_day: list[Members], expiry: Expiry) -> list[Members]:
    """The series of the delivery that *expiry* names.

    If it names no time, and the day has several deliveries, that is the usual one of 08:00 UTC,
    else the first.
    """
    times_ms = sorted({each.series.expiry_ms for each in of_day})
    if len(times_ms) < 2 and not isinstance(expiry, str):
        return of_day
    matching = [at for at in times_ms if expiries.is_delivered_at(at, expiry)]
    exact_ms = expiries.exact_ms(expiry)
    if exact_ms is not None and (len(times_ms) > 1 or not matching):
        matching = [at for at in times_ms if at // 1000 == exact_ms // 1000]
    usual = [at for at in matching if expiries.is_usual(at)]
    expiry_ms = (usual or matching or [0])[0]
    return [each for each in of_day if each.series.expiry_ms == expiry_ms]


def _members(asset: str, instruments: Sequence[Instrument]) -> list[Members]:
    groups: dict[int, dict[str, list[Instrument]]] = {}
    for each in instruments:
        groups.setdefault(each.expiry_ms, {}).setdefault(each.settle, []).append(each)
    return [
        Members(
            series=Series(asset, expiry_ms, settle, len(listed)),
            settles=tuple(coins),
            instruments=tuple(listed),
            symbols=tuple(each.symbol for each in listed),
            rows=_rows(listed),
            quote=next((each.quote for each in listed if each.quote), ""),
            tick_size=_finest({each.tick_size for each in listed}),
            lot_size=_finest({each.lot_size for each in listed}),
        )
        for expiry_ms, coins in groups.items()
        for settle, listed in coins.items()
    ]


def _finest(steps: set[str]) -> str:
    return min(steps - {""}, key=float, default="")


def _rows(listed: Sequence[Instrument]) -> tuple[tuple[float, int | None, int | None], ...]:
    strikes: dict[float, dict[str, int]] = {}
    for index, each in enumerate(listed):
        strikes.setdefault(each.strike, {})[each.type] = index
    return tuple((strike, sides.get("C"), sides.get("P")) for strike, sides in strikes.items())


def asset_name(asset: str) -> str:
    """Return *asset* in upper case. Raises BadInput for an invalid one."""
    if isinstance(asset, str) and keys.is_coin(asset.upper()):
        return asset.upper()
    raise BadInput(f"{shown(asset)} is not an asset: write BTC")


def no_asset(asset: str, feed: Feed) -> FastoptsError:
    """The error for an *asset* without listed options: Unknown, or FeedDown without a collector."""
    # Where nothing was ever written the feed is down, whatever asset was named: "unknown" would
    # have the user look for a typing error.
    if not feed.venue and (down := feed.down(0)) is not None:
        return down
    return Unknown(f"no options of {asset} here; there are: {', '.join(feed.assets) or 'none'}")


def settle_coin(settle: str | None) -> str | None:
    """Return *settle* in upper case, None for None. Raises BadInput for an invalid coin."""
    if settle is None:
        return None
    if isinstance(settle, str) and keys.is_coin(settle.upper()):
        return settle.upper()
    raise BadInput(f"{shown(settle)} is not a settle coin: write USDT or USDC")


def ask_terms(symbols: Iterable[str]) -> bytes:
    """The packed commands that read the terms of *symbols*; `read_terms` parses each reply."""
    return b"".join(pack("HMGET", keys.instrument(symbol), *TERMS) for symbol in symbols)


def read_terms(symbol: str, reply: Any) -> Instrument | None:
    """Parse the terms of *symbol*; None if they are missing or unusable."""
    if not isinstance(reply, list) or not all(isinstance(text, bytes) for text in reply):
        return None
    try:
        return Instrument.of_terms(symbol, [text.decode() for text in reply])
    except ValueError:  # Another program's key, or a bad value: it costs this option alone.
        return None


def _place(each: Instrument) -> tuple[int, str, float, str]:
    return each.expiry_ms, each.settle, each.strike, each.type
