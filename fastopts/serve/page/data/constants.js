/**
 * Constants that the page shares with the server.
 *
 * Written by `python -m docs.make_page_constants` from fastopts.serve.protocol and
 * fastopts.field_registry: change those.
 */

/** Types of the messages on a stream. */
export const MESSAGE = {
  HELLO: "hello",
  FEED: "feed",
  SUBSCRIBED: "subscribed",
  UNSUBSCRIBED: "unsubscribed",
  PONG: "pong",
  ERROR: "error",
  BYE: "bye",
  ROWS: "rows",
  SCAN: "scan",
  EXPIRIES: "expiries",
  SMILE: "smile",
  SURFACE: "surface",
};

/** Reasons of errors that repeating a request cannot cure. */
export const PERMANENT_REASONS = ["BadInput", "Expired", "NoSuchOption", "Unknown", "WrongVenue"];

/** The fields of an option. */
export const FIELDS = {
  symbol: { heading: "Option", unit: "", meaning: "the venue's name of the option" },
  venue: { heading: "Venue", unit: "", meaning: "bybit, bybit-testnet, sim or custom:<host>" },
  asset: { heading: "Asset", unit: "", meaning: "base coin" },
  settle: { heading: "Settle coin", unit: "", meaning: "settle coin: USDT or USDC" },
  quote: { heading: "Quote coin", unit: "", meaning: "coin of its prices" },
  expiry: { heading: "Expiry", unit: "UTC", meaning: "time of delivery" },
  strike: { heading: "Strike", unit: "quote coin", meaning: "strike price" },
  type: { heading: "Type", unit: "", meaning: "C for a call, P for a put" },
  dte: {
    heading: "DTE",
    unit: "days",
    meaning: "time to expiry, never below 0; a year has 365 days",
  },
  ts: { heading: "Venue time", unit: "UTC", meaning: "the venue's time of the tick" },
  rt: {
    heading: "Received",
    unit: "UTC",
    meaning: "when the collector received the tick, by its own clock",
  },
  live: {
    heading: "Live",
    unit: "",
    meaning: "whether the connection that delivered it still delivers",
  },
  source: {
    heading: "Source",
    unit: "",
    meaning: "ws for a tick, rest for a row of the REST answer: never live",
  },
  phase: {
    heading: "Phase",
    unit: "",
    meaning: "trading, settling (the last 30 minutes) or expired",
  },
  bid_price: {
    heading: "Bid",
    unit: "quote coin",
    meaning: "best bid; none without a price and a size",
  },
  bid_size: { heading: "Bid size", unit: "base coin", meaning: "size of the best bid" },
  bid_iv: {
    heading: "Bid IV",
    unit: "fraction",
    meaning: "implied volatility of the best bid: 0.53 is 53 %",
  },
  ask_price: {
    heading: "Ask",
    unit: "quote coin",
    meaning: "best ask; none without a price and a size",
  },
  ask_size: { heading: "Ask size", unit: "base coin", meaning: "size of the best ask" },
  ask_iv: {
    heading: "Ask IV",
    unit: "fraction",
    meaning: "implied volatility of the best ask: 0.53 is 53 %",
  },
  mid: {
    heading: "Mid",
    unit: "quote coin",
    meaning: "mean of bid and ask; none when they are crossed",
  },
  mark_price: { heading: "Mark", unit: "quote coin", meaning: "the venue's fair price" },
  mark_iv: {
    heading: "Mark IV",
    unit: "fraction",
    meaning: "implied volatility of the mark price",
  },
  last_price: {
    heading: "Last",
    unit: "quote coin",
    meaning: "last trade, which has no time of its own",
  },
  index_price: { heading: "Index", unit: "quote coin", meaning: "spot index" },
  underlying_price: {
    heading: "Underlying",
    unit: "quote coin",
    meaning: "the forward of this expiry",
  },
  delta: {
    heading: "Delta",
    unit: "per 1 base coin",
    meaning: "the venue's delta; negative for a put",
  },
  gamma: { heading: "Gamma", unit: "per 1 quote unit", meaning: "change of delta" },
  vega: { heading: "Vega", unit: "quote coin per vol point (0.01)", meaning: "the venue's vega" },
  theta: { heading: "Theta", unit: "quote coin per calendar day", meaning: "the venue's theta" },
  open_interest: { heading: "Open interest", unit: "base coin", meaning: "open contracts" },
  volume_24h: { heading: "Volume 24 h", unit: "base coin", meaning: "traded in 24 hours" },
  turnover_24h: {
    heading: "Turnover 24 h",
    unit: "quote coin",
    meaning: "traded in 24 hours: notional of the underlying, not premium",
  },
  high_24h: { heading: "High 24 h", unit: "quote coin", meaning: "highest trade in 24 hours" },
  low_24h: { heading: "Low 24 h", unit: "quote coin", meaning: "lowest trade in 24 hours" },
  change_24h: {
    heading: "Change 24 h",
    unit: "fraction",
    meaning: "change in 24 hours: -0.12 is -12 %",
  },
  total_volume: { heading: "Total volume", unit: "base coin", meaning: "traded since listing" },
  total_turnover: {
    heading: "Total turnover",
    unit: "quote coin",
    meaning: "notional traded since listing",
  },
  predicted_delivery_price: {
    heading: "Predicted delivery",
    unit: "quote coin",
    meaning: "known in the last 30 minutes",
  },
  seq: { heading: "Sequence", unit: "", meaning: "the venue's sequence number" },
  age_s: {
    heading: "Age",
    unit: "seconds",
    meaning: "time since `ts`, by the server's clock corrected for the venue's",
  },
  forward: {
    heading: "Forward",
    unit: "quote coin",
    meaning: "the forward of this expiry: `underlying_price` under the usual name",
  },
  moneyness: {
    heading: "K/F",
    unit: "strike over forward",
    meaning: "strike divided by the forward: above 1 for calls out of the money",
  },
  log_moneyness: { heading: "ln(K/F)", unit: "", meaning: "natural logarithm of `moneyness`" },
  intrinsic: {
    heading: "Intrinsic",
    unit: "quote coin",
    meaning: "payoff if it were delivered at the forward",
  },
  time_value: {
    heading: "Time value",
    unit: "quote coin",
    meaning: "mark price minus `intrinsic`; it may be negative",
  },
  spread: {
    heading: "Spread",
    unit: "quote coin",
    meaning: "ask minus bid; negative when they are crossed",
  },
  rel_spread: { heading: "Spread / mid", unit: "fraction", meaning: "spread divided by `mid`" },
  spread_iv: {
    heading: "IV spread",
    unit: "fraction",
    meaning: "ask IV minus bid IV: 0.01 is a vol point",
  },
  spread_ticks: {
    heading: "Spread (ticks)",
    unit: "ticks",
    meaning: "spread in steps of the price grid",
  },
  crossed: { heading: "Crossed", unit: "", meaning: "the bid is above the ask" },
  locked: { heading: "Locked", unit: "", meaning: "bid and ask are equal" },
  iv_capped: {
    heading: "At IV cap",
    unit: "",
    meaning: "an implied volatility is at 5 (500 %) or above, where the venue caps it",
  },
  greeks_ok: {
    heading: "Greeks valid",
    unit: "",
    meaning: "all greeks are known and it is trading: while it settles they are degenerate",
  },
  suspect: {
    heading: "Suspect values",
    unit: "",
    meaning: "two REST rows differ from it while it does not tick: not live",
  },
  time_suspect: {
    heading: "Suspect time",
    unit: "",
    meaning: "the tick's time is impossible: its age means nothing",
  },
};

/** The figures of a series. */
export const SERIES_FIELDS = {
  venue: { heading: "Venue", unit: "", meaning: "bybit, bybit-testnet, sim or custom:<host>" },
  asset: { heading: "Asset", unit: "", meaning: "base coin" },
  expiry: { heading: "Expiry", unit: "UTC", meaning: "time of delivery" },
  label: { heading: "Label", unit: "", meaning: "the expiry as symbols spell it: 27MAR26" },
  settle: { heading: "Settle", unit: "", meaning: "settle coin" },
  dte: {
    heading: "DTE",
    unit: "days",
    meaning: "time to expiry, never below 0; a year has 365 days",
  },
  phase: {
    heading: "Phase",
    unit: "",
    meaning: "trading, settling (the last 30 minutes) or expired",
  },
  forward: {
    heading: "Forward",
    unit: "quote coin",
    meaning: "the forward of the expiry, of the newest tick",
  },
  index_price: { heading: "Index", unit: "quote coin", meaning: "spot index, of the newest tick" },
  basis: { heading: "Basis", unit: "fraction", meaning: "forward over index minus 1, annualised" },
  atm_iv: { heading: "ATM IV", unit: "fraction", meaning: "mark volatility at the forward" },
  atm_strike: {
    heading: "ATM strike",
    unit: "quote coin",
    meaning: "the strike nearest the forward",
  },
  straddle: {
    heading: "Straddle",
    unit: "quote coin",
    meaning: "mark prices of call and put at the money together",
  },
  risk_reversal: {
    heading: "25Δ RR",
    unit: "fraction",
    meaning: "25 delta: IV of the call minus IV of the put",
  },
  butterfly: {
    heading: "25Δ BF",
    unit: "fraction",
    meaning: "25 delta: mean IV of call and put minus `atm_iv`",
  },
  open_interest: { heading: "Open interest", unit: "base coin", meaning: "open contracts" },
  volume_24h: { heading: "Volume 24 h", unit: "base coin", meaning: "traded in 24 hours" },
  turnover_24h: {
    heading: "Turnover 24 h",
    unit: "quote coin",
    meaning: "traded in 24 hours: notional of the underlying, not premium",
  },
  max_pain: {
    heading: "Max pain",
    unit: "quote coin",
    meaning: "the strike at which the open interest pays out least; the lower of equal ones",
  },
  put_call_open_interest: {
    heading: "Put/call",
    unit: "ratio",
    meaning: "open interest of puts divided by that of calls",
  },
  put_call_volume_24h: {
    heading: "Put/call volume",
    unit: "ratio",
    meaning: "24-hour volume of puts divided by that of calls",
  },
  live: { heading: "Live", unit: "", meaning: "options that are live" },
  total: { heading: "Total", unit: "", meaning: "options that are listed" },
  oldest_age_s: { heading: "Oldest tick", unit: "seconds", meaning: "age of the oldest tick" },
};

/** The settle coin of a series, if a request names none. */
export const USUAL_SETTLE = "USDT";

/** Bounds of a scan: the field, and whether it has a min_, a max_ parameter or both. */
export const SCAN_BOUNDS = {
  strike: { field: "strike", ends: ["min", "max"], hint: "quote coin" },
  dte: { field: "dte", ends: ["min", "max"], hint: "days" },
  bid_iv: { field: "bid_iv", ends: ["min", "max"], hint: "" },
  ask_iv: { field: "ask_iv", ends: ["min", "max"], hint: "" },
  iv: { field: "mark_iv", ends: ["min", "max"], hint: "" },
  delta: { field: "delta", ends: ["min", "max"], hint: "negative for puts" },
  open_interest: { field: "open_interest", ends: ["min"], hint: "base coin" },
  volume: { field: "volume_24h", ends: ["min"], hint: "base coin, 24 hours" },
  turnover: { field: "turnover_24h", ends: ["min"], hint: "quote coin, 24 hours" },
  moneyness: { field: "moneyness", ends: ["min", "max"], hint: "strike over forward" },
  rel_spread: { field: "rel_spread", ends: ["max"], hint: "" },
  spread_iv: { field: "spread_iv", ends: ["max"], hint: "" },
  spread_ticks: { field: "spread_ticks", ends: ["max"], hint: "ticks" },
};

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
  "crossed",
  "delta",
  "dte",
  "expiry",
  "expiry_ms",
  "forward",
  "gamma",
  "greeks_ok",
  "high_24h",
  "index_price",
  "intrinsic",
  "iv_capped",
  "last_price",
  "live",
  "locked",
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
  "suspect",
  "symbol",
  "theta",
  "time_suspect",
  "time_value",
  "total_turnover",
  "total_volume",
  "ts",
  "turnover_24h",
  "type",
  "underlying_price",
  "vega",
  "venue",
  "volume_24h",
];
