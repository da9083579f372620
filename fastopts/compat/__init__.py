"""The names of the scripts that came before, over `fastopts.reader`: change one import.

They take the old arguments and return the old shapes: plain numbers, 0 where there is none. What is
not live is left out. New code is better off with `OptionReader`, which says why.
"""

from fastopts.compat.bot import MinimalTradeBot
from fastopts.compat.data import OptionsDataReader
from fastopts.compat.executor import EfficientTradeExecutor, TradeSignal

__all__ = ("EfficientTradeExecutor", "MinimalTradeBot", "OptionsDataReader", "TradeSignal")
