"""The core's table for Bybit's tickers; apart from `fields`, which works without a built core."""

from fastopts.core import Grammar, Table
from fastopts.venues.bybit.fields import TICKER_FIELDS, TOPIC_PREFIX

__all__ = ("new_table",)


def new_table() -> Table:
    """Return an empty table for Bybit's tickers."""
    return Table(Grammar(TOPIC_PREFIX, TICKER_FIELDS))
