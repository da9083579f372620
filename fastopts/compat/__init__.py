"""The old scripts' classes over `fastopts.reader`: change one import.

They take the old arguments and return the old shapes: plain numbers, 0 where a value is unknown.
Values that are not live are left out. New code should use `OptionReader`, which says why a value is
missing and returns None for an unknown number.

Deprecation policy: the package is for migration only. It gets fixes and no new features, and works
through all 0.x releases. It emits no DeprecationWarning before the last of them, and is removed in
1.0.

bot         `MinimalTradeBot`: a strategy that prints its trades
data        `OptionsDataReader`: the market as lists of dictionaries, and as files
executor    `EfficientTradeExecutor`: prices, a cache, and signals
quote       one option's numbers under the old short names
rows        a market as a list of dictionaries
source      which Redis to read: arguments, environment, password
usage       CPU and memory of this process
"""

from fastopts.compat.bot import MinimalTradeBot
from fastopts.compat.data import OptionsDataReader
from fastopts.compat.executor import EfficientTradeExecutor, TradeSignal

__all__ = ("EfficientTradeExecutor", "MinimalTradeBot", "OptionsDataReader", "TradeSignal")
