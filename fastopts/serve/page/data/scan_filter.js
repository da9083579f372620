/** The scanner's filter: its fields, its conversion into a subscription, and saved filters. */

import { load, store } from "../lib/storage.js";
import { SCAN_BOUNDS, SCAN_SORTS } from "./constants.js";
import { description, heading } from "./fields.js";

/**
 * A filter as the form and the address hold it: texts by parameter name, such as
 * `{asset: "BTC", min_iv: "80%", sort: "-mark_iv"}`.
 *
 * @typedef {Object<string, string>} ScanFilter
 */

/** Fields that do not bound a number: {name, label, hint, options}; options are [value, text]. */
export const CHOICES = [
  { name: "asset", label: heading("asset"), options: [["", "All"]] },
  {
    name: "type",
    label: heading("type"),
    options: [
      ["", "Any type"],
      ["C", "Calls"],
      ["P", "Puts"],
    ],
  },
  {
    name: "settle",
    label: heading("settle"),
    options: [
      ["", "Any coin"],
      ["USDT", "USDT"],
      ["USDC", "USDC"],
    ],
  },
  { name: "expiry", label: heading("expiry"), hint: "27MAR26, front" },
];

// How a value is written, for bounds whose unit does not say it.
const EXAMPLES = {
  moneyness: "1.05",
  delta: "−0.3",
  iv: "80% or 0.8",
  bid_iv: "80% or 0.8",
  ask_iv: "80% or 0.8",
  spread_iv: "2% or 0.02",
  rel_spread: "10% or 0.1",
};

function bound(id) {
  const { field, hint } = SCAN_BOUNDS[id];
  return {
    id,
    label: heading(field),
    // The label has the 24 hours, and an input field has no room for them.
    hint: EXAMPLES[id] ?? hint.replace(/, 24 hours$/, ""),
    description: description(field),
  };
}

/** Fields with a lower and an upper bound, the parameters min_{id} and max_{id}. */
export const RANGES = ["dte", "strike", "moneyness", "delta", "iv", "bid_iv", "ask_iv"].map(bound);

/** Fields with one bound: {name, label, hint, description}. */
export const LIMITS = [
  "volume",
  "turnover",
  "open_interest",
  "spread_iv",
  "rel_spread",
  "spread_ticks",
].map((id) => {
  const [end] = SCAN_BOUNDS[id].ends;
  const { label, ...rest } = bound(id);
  return { ...rest, name: `${end}_${id}`, label: `${label}, ${end}` };
});

// Of the sortable columns, those a trader ranks options by, in the order of the menu.
const OFFERED_SORTS = [
  "turnover_24h",
  "open_interest",
  "volume_24h",
  "mark_iv",
  "bid_iv",
  "ask_iv",
  "spread_iv",
  "rel_spread",
  "delta",
  "dte",
  "strike",
  "moneyness",
  "mark_price",
  "bid_price",
  "ask_price",
];

/** Columns to sort by: [name, heading]. */
export const SORTS = OFFERED_SORTS.filter((name) => SCAN_SORTS.includes(name)).map((name) => [
  name,
  heading(name),
]);

const SWITCHES = new Set(["gate", "otm"]);
const PERCENTAGE = /^([+-]?\d+\.?\d*|[+-]?\.\d+)\s*%$/;

/** What a filter that does not say otherwise has. */
export const BASIC_FILTER = { sort: "-turnover_24h", limit: "100" };

/**
 * The filter of an empty form. Options in the money are traded little, and their IV is known the
 * less the deeper they are: sorted by IV, they would come first.
 */
export const DEFAULT_FILTER = { ...BASIC_FILTER, otm: "true" };

/**
 * The stream subscription of a filter.
 *
 * @param {ScanFilter} filter
 * @returns {Object<string, *>} Value of `scan` in the subscription.
 */
export function scanOf(filter) {
  const entries = Object.entries(filter).filter(([, text]) => text !== "");
  return Object.fromEntries(entries.map(([name, text]) => [name, parameterOf(name, text)]));
}

// Numbers are read by the server, as in the API's parameters: 90k, 90,000. Only 80% and the minus
// sign that the page itself shows are not known there.
function parameterOf(name, text) {
  if (SWITCHES.has(name)) return text !== "false";
  const plain = text.trim().replace("−", "-");
  if (name === "limit") return Number(plain) || plain;
  const fraction = PERCENTAGE.exec(plain);
  // 7% must be 0.07, not 0.07000000000000001.
  return fraction ? Number((Number(fraction[1]) / 100).toPrecision(12)) : plain;
}

/**
 * @returns {Object<string, ScanFilter>} The saved filters by name.
 */
export function savedFilters() {
  return load("filters", {});
}

/**
 * @param {string} name
 * @param {ScanFilter} filter
 */
export function saveFilter(name, filter) {
  store("filters", { ...savedFilters(), [name]: filter });
}

/**
 * @param {string} name
 */
export function deleteFilter(name) {
  const others = Object.entries(savedFilters()).filter(([each]) => each !== name);
  store("filters", Object.fromEntries(others));
}
