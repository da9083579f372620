"""The universe of an asset: its series, the choice of one, symbols without a place."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from fastopts.errors import BadInput, Unknown
from fastopts.model import Instrument
from fastopts.reader.objects import expiry as expiries
from fastopts.reader.objects.universe import Series, Universe

VERSION = ("store", 1, 1)
DAY_MS = 86_400_000
NEAR_MS = round(datetime(2027, 6, 25, 8, tzinfo=UTC).timestamp() * 1000)
FAR_MS = NEAR_MS + 28 * DAY_MS


def instrument(
    strike: str, kind: str, settle: str = "USDT", expiry_ms: int = NEAR_MS, asset: str = "BTC"
) -> Instrument:
    label = expiries.label(expiry_ms)
    suffix = "" if settle == "USDC" else f"-{settle}"
    return Instrument(
        symbol=f"{asset}-{label}-{strike}-{kind}{suffix}",
        asset="BTC",
        quote=settle,
        settle=settle,
        expiry_ms=expiry_ms,
        strike_text=strike,
        type="C" if kind == "C" else "P",
        tick_size="5",
        lot_size="0.01",
        status="Trading",
        launch_ms=0,
    )


def universe(*instruments: Instrument) -> Universe:
    return Universe("BTC", VERSION, instruments, [])


LISTED = universe(
    instrument("90000", "P"),
    instrument("90000", "C"),
    instrument("80000", "C"),
    instrument("90000", "C", "USDC"),
    instrument("90000", "C", "USDC", FAR_MS),
)
NEAR_USDC, NEAR_USDT = Series("BTC", NEAR_MS, "USDC", 1), Series("BTC", NEAR_MS, "USDT", 3)
FAR_USDC = Series("BTC", FAR_MS, "USDC", 1)


def test_series_are_ordered_and_have_their_strikes() -> None:
    assert LISTED.series() == [NEAR_USDC, NEAR_USDT, FAR_USDC]
    usdt = LISTED.members[1]
    assert usdt.settles == ("USDC", "USDT")
    assert usdt.rows == ((80000.0, 0, None), (90000.0, 1, 2))
    assert [each.rsplit("-", 2)[1] for each in usdt.symbols] == ["C", "C", "P"]


@pytest.mark.parametrize(
    ("expiry", "settle", "venue_ms", "series"),
    [
        (None, None, 0, NEAR_USDT),  # the front; of two coins USDT
        (None, None, NEAR_MS, FAR_USDC),
        (None, "USDC", 0, NEAR_USDC),
        ("23JUL27", None, 0, FAR_USDC),  # the only coin
        (NEAR_USDC, None, 0, NEAR_USDC),
        (NEAR_USDC, "USDT", 0, NEAR_USDT),
    ],
)
def test_a_series_is_chosen_by_expiry_and_coin(
    expiry: str | Series | None, settle: str | None, venue_ms: int, series: Series
) -> None:
    assert LISTED.choose(expiry, settle, venue_ms).series == series


def test_a_series_that_is_not_listed_is_refused() -> None:
    with pytest.raises(
        Unknown,
        match=r"BTC 23JUL27 settled in USDT: that expiry is settled in USDC; there are: 25JUN27",
    ):
        LISTED.choose("23JUL27", "USDT", 0)
    with pytest.raises(Unknown, match="no series BTC front"):
        LISTED.choose(None, None, FAR_MS)
    with pytest.raises(BadInput, match="is of ETH, not BTC"):
        LISTED.choose(Series("ETH", NEAR_MS, "USDT", 1), None, 0)


def test_symbols_without_a_place_of_their_own_are_doubles() -> None:
    usual, longer = instrument("90000", "C"), instrument("90000.0", "C")
    other = instrument("80000", "C", asset="XBT")
    listed = universe(longer, other, usual)
    assert listed.instruments == (usual,)
    assert set(listed.doubles) == {longer.symbol, other.symbol}


def test_the_steps_of_a_series_are_the_finest_of_its_options() -> None:
    coarse, fine = (
        replace(instrument("80000", "C"), tick_size="5"),
        replace(instrument("90000", "C"), tick_size="0.5", lot_size=""),
    )
    unknown = replace(instrument("70000", "C"), tick_size="", lot_size="")
    [members] = universe(coarse, fine, unknown).members
    assert (members.tick_size, members.lot_size) == ("0.5", "0.01")
    [members] = universe(unknown).members
    assert (members.tick_size, members.lot_size) == ("", "")
