"""Names that somebody gives who means no good, or who has made a mistake."""

from typing import Final

__all__ = ("NAMES",)

_GOOD: Final = "BTC-27NOV99-90000-C-USDT"

NAMES: Final = [
    "",
    " ",
    f"{_GOOD} ",
    f" {_GOOD}",
    f"{_GOOD}\n",
    f"{_GOOD}\r\nDEL stats",
    f"{_GOOD}\0",
    "\r\n*1\r\n$8\r\nFLUSHALL\r\n",
    "*",
    "BTC-*",
    "{BTC}-27NOV99-90000-C-USDT",
    "option:BTC",
    "../../etc/passwd",
    "BTC-27NOV99-90000-C-USDT:x",
    _GOOD.lower(),
    "BTC-27NOV99-９００００-C-USDT",
    "ＢＴＣ-27NOV99-90000-C-USDT",
    "ВТС-27NOV99-90000-C-USDT",
    "\ud800",
    "BTC\u202e-C",
    "\x1b[2J",
    "A" * 41,
    "A" * 1_000_000,
    "é" * 100_000,
]
