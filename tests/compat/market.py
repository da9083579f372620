"""A small market: two assets, both settle coins, two expiries, quotes that are not there."""

from tests.support.store import NAN, Store

__all__ = ("BTC_CALL", "BTC_LATER", "BTC_PUT", "ETH_CALL", "EVERYTHING", "SILENT", "fill")

BTC_CALL = "BTC-27NOV65-90000-C-USDT"
BTC_PUT = "BTC-27NOV65-8000-P"
BTC_LATER = "BTC-6DEC65-90000-C-USDT"
ETH_CALL = "ETH-27NOV65-3000-C-USDT"
SILENT = "BTC-27NOV65-95000-C-USDT"  # of a connection that is gone
EVERYTHING = [BTC_PUT, BTC_CALL, BTC_LATER, ETH_CALL]  # what is live, in the order of lists

AGE_S = 3.0


def fill(store: Store) -> None:
    store.option(BTC_CALL, AGE_S)
    store.option(BTC_PUT, AGE_S, mark_iv=1.42, last_price=0.0, bid_price=0.0, volume_24h=200_000.0)
    store.option(BTC_LATER, AGE_S, mark_iv=1.2, last_price=80.0, volume_24h=NAN)
    store.option(ETH_CALL, AGE_S, mark_iv=NAN, last_price=NAN, open_interest=NAN)
    store.option(SILENT, AGE_S, mark_iv=1.5, conn=9)
