/**
 * Constants that the page shares with the server.
 *
 * Written by `python -m docs.make_page_constants` out of fastopts.serve.protocol and the field
 * registry: change those.
 */

/** Types of the messages on a stream. */
export const MESSAGE = {
  "HELLO": "hello",
  "FEED": "feed",
  "SUBSCRIBED": "subscribed",
  "UNSUBSCRIBED": "unsubscribed",
  "PONG": "pong",
  "ERROR": "error",
  "BYE": "bye",
  "ROWS": "rows",
  "SCAN": "scan",
  "EXPIRIES": "expiries",
  "SURFACE": "surface"
};

/** Reasons of errors that repeating a request cannot cure. */
export const PERMANENT_REASONS = [
  "BadInput",
  "Expired",
  "NoSuchOption",
  "Unknown",
  "WrongVenue"
];

/** Fields by which a scan can be sorted. */
export const SCAN_SORTS = [
  "age_s",
  "ask_iv",
  "ask_price",
  "ask_size",
  "asset",
  "bid_iv",
  "bid_price",
  "bid_size",
  "change_24h",
  "delta",
  "dte",
  "expiry",
  "expiry_ms",
  "forward",
  "gamma",
  "high_24h",
  "index_price",
  "intrinsic",
  "last_price",
  "live",
  "log_moneyness",
  "low_24h",
  "mark_iv",
  "mark_price",
  "mid",
  "moneyness",
  "open_interest",
  "phase",
  "predicted_delivery_price",
  "quote",
  "rel_spread",
  "rt",
  "seq",
  "settle",
  "source",
  "spread",
  "spread_iv",
  "spread_ticks",
  "strike",
  "symbol",
  "theta",
  "time_value",
  "total_turnover",
  "total_volume",
  "ts",
  "turnover_24h",
  "type",
  "underlying_price",
  "vega",
  "venue",
  "volume_24h"
];

/** Unit and meaning of each field of an option. */
export const FIELDS = {
  "symbol": {
    "unit": "",
    "meaning": "the venue's name of the option"
  },
  "venue": {
    "unit": "",
    "meaning": "bybit, bybit-testnet, sim or custom:<host>"
  },
  "asset": {
    "unit": "",
    "meaning": "base coin"
  },
  "settle": {
    "unit": "",
    "meaning": "coin it is settled in: USDT or USDC"
  },
  "quote": {
    "unit": "",
    "meaning": "coin its prices are in"
  },
  "expiry": {
    "unit": "UTC",
    "meaning": "when it is delivered"
  },
  "strike": {
    "unit": "quote coin",
    "meaning": "price at which it is exercised"
  },
  "type": {
    "unit": "",
    "meaning": "C for a call, P for a put"
  },
  "dte": {
    "unit": "days",
    "meaning": "time to expiry, never below 0; a year has 365 days"
  },
  "ts": {
    "unit": "UTC",
    "meaning": "the venue's time of the tick"
  },
  "rt": {
    "unit": "UTC",
    "meaning": "when the collector received the tick, by its own clock"
  },
  "live": {
    "unit": "",
    "meaning": "whether the connection that delivered it still delivers"
  },
  "source": {
    "unit": "",
    "meaning": "ws for a tick, rest for a row of the REST answer: never live"
  },
  "phase": {
    "unit": "",
    "meaning": "trading, settling (the last 30 minutes) or expired"
  },
  "bid_price": {
    "unit": "quote coin",
    "meaning": "best bid; none without a price and a size"
  },
  "bid_size": {
    "unit": "base coin",
    "meaning": "size of the best bid"
  },
  "bid_iv": {
    "unit": "fraction",
    "meaning": "implied volatility of the best bid: 0.53 is 53 %"
  },
  "ask_price": {
    "unit": "quote coin",
    "meaning": "best ask; none without a price and a size"
  },
  "ask_size": {
    "unit": "base coin",
    "meaning": "size of the best ask"
  },
  "ask_iv": {
    "unit": "fraction",
    "meaning": "implied volatility of the best ask: 0.53 is 53 %"
  },
  "mid": {
    "unit": "quote coin",
    "meaning": "half way from bid to ask; none when they are crossed"
  },
  "mark_price": {
    "unit": "quote coin",
    "meaning": "the venue's fair price"
  },
  "mark_iv": {
    "unit": "fraction",
    "meaning": "implied volatility of the mark price"
  },
  "last_price": {
    "unit": "quote coin",
    "meaning": "last trade, which has no time of its own"
  },
  "index_price": {
    "unit": "quote coin",
    "meaning": "the spot index"
  },
  "underlying_price": {
    "unit": "quote coin",
    "meaning": "the forward of this expiry"
  },
  "delta": {
    "unit": "per 1 base coin",
    "meaning": "the venue's delta; negative for a put"
  },
  "gamma": {
    "unit": "per 1 quote unit",
    "meaning": "change of delta"
  },
  "vega": {
    "unit": "quote coin per vol point (0.01)",
    "meaning": "the venue's vega"
  },
  "theta": {
    "unit": "quote coin per calendar day",
    "meaning": "the venue's theta"
  },
  "open_interest": {
    "unit": "base coin",
    "meaning": "contracts that are open"
  },
  "volume_24h": {
    "unit": "base coin",
    "meaning": "traded in 24 hours"
  },
  "turnover_24h": {
    "unit": "quote coin",
    "meaning": "notional of the underlying, no premium"
  },
  "high_24h": {
    "unit": "quote coin",
    "meaning": "highest trade of 24 hours"
  },
  "low_24h": {
    "unit": "quote coin",
    "meaning": "lowest trade of 24 hours"
  },
  "change_24h": {
    "unit": "fraction",
    "meaning": "change in 24 hours: -0.12 is -12 %"
  },
  "total_volume": {
    "unit": "base coin",
    "meaning": "traded since it was listed"
  },
  "total_turnover": {
    "unit": "quote coin",
    "meaning": "notional since it was listed"
  },
  "predicted_delivery_price": {
    "unit": "quote coin",
    "meaning": "known in the last 30 minutes"
  },
  "seq": {
    "unit": "",
    "meaning": "the venue's sequence number"
  },
  "age_s": {
    "unit": "seconds",
    "meaning": ""
  },
  "forward": {
    "unit": "quote coin",
    "meaning": ""
  },
  "moneyness": {
    "unit": "strike over forward",
    "meaning": ""
  },
  "log_moneyness": {
    "unit": "",
    "meaning": ""
  },
  "intrinsic": {
    "unit": "quote coin",
    "meaning": ""
  },
  "time_value": {
    "unit": "quote coin",
    "meaning": ""
  },
  "spread": {
    "unit": "quote coin",
    "meaning": ""
  },
  "rel_spread": {
    "unit": "fraction",
    "meaning": ""
  },
  "spread_iv": {
    "unit": "fraction",
    "meaning": ""
  },
  "spread_ticks": {
    "unit": "ticks",
    "meaning": ""
  }
};
