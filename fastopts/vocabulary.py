"""The one vocabulary: every name that a user meets, its unit and its meaning.

Options, exports, the command line and the API all use these names and these words.
"""

from dataclasses import dataclass
from typing import Final, Literal

__all__ = ("COLUMNS", "SCHEMA_VERSION", "VOCABULARY", "Word")

SCHEMA_VERSION: Final = 1

Form = Literal["text", "time", "flag", "count", "number"]


@dataclass(frozen=True, slots=True)
class Word:
    """One name. *short* is its field in the hash `option:{symbol}`; None: it is not kept there."""

    name: str
    form: Form
    unit: str
    meaning: str
    short: str | None = None

    def __str__(self) -> str:
        return f"{self.meaning} ({self.unit})" if self.unit else self.meaning


_WORDS: Final = (
    Word("symbol", "text", "", "the venue's name of the option"),
    Word("venue", "text", "", "bybit, bybit-testnet, sim or custom:<host>"),
    Word("asset", "text", "", "base coin"),
    Word("settle", "text", "", "coin it is settled in: USDT or USDC"),
    Word("quote", "text", "", "coin its prices are in"),
    Word("expiry", "time", "UTC", "when it is delivered"),
    Word("strike", "number", "quote coin", "price at which it is exercised"),
    Word("type", "text", "", "C for a call, P for a put"),
    Word("dte", "number", "days", "time to expiry, never below 0; a year has 365 days"),
    Word("ts", "time", "UTC", "the venue's time of the tick", "tm"),
    Word("rt", "time", "UTC", "when the collector received the tick, by its own clock", "rt"),
    Word("live", "flag", "", "whether the connection that delivered it still delivers"),
    Word("source", "text", "", "ws for a tick, rest for a row of the REST answer: never live"),
    Word("phase", "text", "", "trading, settling (the last 30 minutes) or expired"),
    Word("bid_price", "number", "quote coin", "best bid; none without a price and a size", "bp"),
    Word("bid_size", "number", "base coin", "size of the best bid", "bq"),
    Word("bid_iv", "number", "fraction", "implied volatility of the best bid: 0.53 is 53 %", "biv"),
    Word("ask_price", "number", "quote coin", "best ask; none without a price and a size", "ap"),
    Word("ask_size", "number", "base coin", "size of the best ask", "aq"),
    Word("ask_iv", "number", "fraction", "implied volatility of the best ask: 0.53 is 53 %", "aiv"),
    Word("mid", "number", "quote coin", "half way from bid to ask; none when they are crossed"),
    Word("mark_price", "number", "quote coin", "the venue's fair price", "mp"),
    Word("mark_iv", "number", "fraction", "implied volatility of the mark price", "miv"),
    Word("last_price", "number", "quote coin", "last trade, which has no time of its own", "lp"),
    Word("index_price", "number", "quote coin", "the spot index", "ip"),
    Word("underlying_price", "number", "quote coin", "the forward of this expiry", "up"),
    Word("delta", "number", "per 1 base coin", "the venue's delta; negative for a put", "d"),
    Word("gamma", "number", "per 1 quote unit", "change of delta", "g"),
    Word("vega", "number", "quote coin per vol point (0.01)", "the venue's vega", "v"),
    Word("theta", "number", "quote coin per calendar day", "the venue's theta", "t"),
    Word("open_interest", "number", "base coin", "contracts that are open", "oi"),
    Word("volume_24h", "number", "base coin", "traded in 24 hours", "v24"),
    Word("turnover_24h", "number", "quote coin", "notional of the underlying, no premium", "t24"),
    Word("high_24h", "number", "quote coin", "highest trade of 24 hours", "h24"),
    Word("low_24h", "number", "quote coin", "lowest trade of 24 hours", "l24"),
    Word("change_24h", "number", "fraction", "change in 24 hours: -0.12 is -12 %", "c24"),
    Word("total_volume", "number", "base coin", "traded since it was listed", "tv"),
    Word("total_turnover", "number", "quote coin", "notional since it was listed", "tt"),
    Word("predicted_delivery_price", "number", "quote coin", "known in the last 30 minutes", "pdp"),
    Word("seq", "count", "", "the venue's sequence number", "sq"),
)

VOCABULARY: Final = {word.name: word for word in _WORDS}
COLUMNS: Final = tuple(VOCABULARY)  # of the export schema, in this order
