/** Headings, units and descriptions of fields, for tables, forms and tooltips. */

import { FIELDS } from "./constants.js";

// Short enough for a table column.
const HEADINGS = {
  age_s: "Age",
  ask_iv: "Ask IV",
  ask_price: "Ask",
  ask_size: "Ask size",
  asset: "Asset",
  atm_iv: "ATM IV",
  basis: "Basis",
  bid_iv: "Bid IV",
  bid_price: "Bid",
  bid_size: "Bid size",
  butterfly: "25Δ BF",
  change_24h: "Change 24 h",
  delta: "Delta",
  dte: "DTE",
  expiry: "Expiry",
  forward: "Forward",
  gamma: "Gamma",
  greeks_ok: "Greeks valid",
  high_24h: "High 24 h",
  index_price: "Index",
  intrinsic: "Intrinsic",
  iv_capped: "At IV cap",
  last_price: "Last",
  live: "Live",
  log_moneyness: "ln(K/F)",
  low_24h: "Low 24 h",
  mark_iv: "Mark IV",
  mark_price: "Mark",
  max_pain: "Max pain",
  mid: "Mid",
  moneyness: "K/F",
  open_interest: "Open interest",
  phase: "Phase",
  predicted_delivery_price: "Predicted delivery",
  quote: "Quote coin",
  put_call_ratio: "Put/call",
  rel_spread: "Spread / mid",
  risk_reversal: "25Δ RR",
  rt: "Received",
  seq: "Sequence",
  settle: "Settle coin",
  source: "Source",
  spread: "Spread",
  spread_iv: "IV spread",
  spread_ticks: "Spread (ticks)",
  straddle: "Straddle",
  strike: "Strike",
  suspect: "Suspect values",
  symbol: "Option",
  theta: "Theta",
  time_suspect: "Suspect time",
  time_value: "Time value",
  total_turnover: "Total turnover",
  total_volume: "Total volume",
  ts: "Venue time",
  turnover_24h: "Turnover 24 h",
  type: "Type",
  underlying_price: "Forward",
  vega: "Vega",
  venue: "Venue",
  volume_24h: "Volume 24 h",
};

// Figures of a series.
const SERIES_DESCRIPTIONS = {
  atm_iv: "interpolated mark IV at the forward price",
  basis: "forward over index, annualised",
  butterfly: "25-delta butterfly, in vol points",
  dte: "days to expiry",
  forward: "forward price of the expiry, in quote coin",
  live: "live options / listed options",
  max_pain: "settlement price at which the open options of this expiry together pay least",
  open_interest: "open contracts, in base coin",
  put_call_ratio: "puts over calls",
  risk_reversal: "25-delta risk reversal, in vol points",
  straddle: "call plus put at the money, in quote coin",
  turnover_24h: "notional traded in 24 hours, in quote coin",
  volume_24h: "traded in 24 hours, in base coin",
};

// Times are `ts_ms` in the API and `ts` in the vocabulary.
const plainName = (name) => name.replace(/_ms$/, "");

/**
 * @param {string} name Name of a field.
 * @returns {string} Heading of its column.
 */
export function heading(name) {
  return HEADINGS[plainName(name)] || name;
}

/**
 * @param {string} name
 * @returns {?string} What the field means, with its unit, for a tooltip.
 */
export function description(name) {
  const field = FIELDS[plainName(name)];
  if (!field?.meaning) return null;
  const { meaning, unit } = field;
  return unit && unit !== "fraction" ? `${meaning} (${unit})` : meaning;
}

/**
 * @param {string} name Name of a figure of a series.
 * @returns {?string} What it means, for a tooltip.
 */
export function seriesDescription(name) {
  return SERIES_DESCRIPTIONS[name] ?? null;
}

/**
 * @param {string} name
 * @param {{asset: string, quote: string}} row
 * @returns {string} The field's unit with the option's own coins in place of "base" and "quote".
 *   Empty where the text already has it.
 */
export function unitOf(name, row) {
  const unit = FIELDS[plainName(name)]?.unit ?? "";
  // Shown as a percentage and with a Z.
  if (unit === "fraction" || unit === "UTC") return "";
  return unit
    .replace(/quote (coin|unit)/, row.quote || "quote coin")
    .replace("base coin", row.asset);
}
