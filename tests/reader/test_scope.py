"""Scopes: what an asset, symbols or None select."""

from typing import Any

import pytest

from fastopts.errors import BadInput
from fastopts.reader.freshness.feed import Feed
from fastopts.reader.selection.scope import Scope, scope_of

BTC, ETH = "BTC-25JUN27-100000-C-USDT", "ETH-25JUN27-4000-P-USDT"
FEED = Feed({b"venue": b"bybit", b"assets": b"BTC,ETH"})


def test_none_is_everything() -> None:
    scope = scope_of(None)
    assert scope.is_everything
    assert scope.assets(FEED) == ("BTC", "ETH")


def test_an_asset_is_written_in_either_case() -> None:
    scope = scope_of("btc", {"min_iv": 0.5})
    assert scope == Scope("BTC", (), {"min_iv": 0.5})
    assert (scope.is_everything, scope.assets(FEED)) == (False, ("BTC",))


def test_symbols_are_kept_once_and_in_order() -> None:
    scope = scope_of(iter([ETH, BTC, ETH]))
    assert scope.symbols == (ETH, BTC)
    assert scope.by_asset() == {"BTC": {BTC}, "ETH": {ETH}}
    assert (scope.is_everything, scope.assets(FEED)) == (False, ())


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        (BTC, "is not an asset: write ['BTC-25JUN27-100000-C-USDT'] for a symbol"),
        ("B.C", "'B.C' is not an asset: write BTC"),
        ([], "symbols: there is none"),
        (7, "symbols: 7 is not an iterable of symbols"),
    ],
)
def test_an_invalid_selection_is_refused(selection: Any, message: str) -> None:
    with pytest.raises(BadInput) as error:
        scope_of(selection)
    assert message in str(error.value)
