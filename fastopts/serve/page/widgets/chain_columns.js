/**
 * The columns of a chain, from the outside to the strike. Calls have them in this order and puts
 * mirrored, except that the bid is left of the ask on both sides.
 */

import { description, heading } from "../data/fields.js";
import { ageOf } from "../data/venue_clock.js";
import { age, compact, fixed, number, percent, points, price } from "../lib/format.js";

/** @typedef {import("../data/rows.js").OptionRow} OptionRow */

/**
 * @typedef {Object} ChainColumn
 * @property {string} id Name of the field.
 * @property {string} heading Short, since a chain has twice as many columns as other tables.
 * @property {?string} hint Tooltip of the heading.
 * @property {string} name Heading where there is room and no context, as in the column chooser.
 * @property {function(OptionRow): string} text
 * @property {boolean} [isFixed] Always shown.
 * @property {boolean} [isStrong] Emphasised.
 * @property {boolean} [flashes] Highlighted when its value changes.
 */

function column(id, text, options = {}) {
  const name = options.name ?? heading(id);
  return { id, heading: name, name, hint: description(id), text, ...options };
}

const priceColumn = (id, options) => column(id, (row) => price(row[id], row.forward), options);
const ivColumn = (id, options) => column(id, (row) => percent(row[id]), options);
const sizeColumn = (id, options) => column(id, (row) => compact(row[id]), options);

const OUTER = [
  column("age", (row) => age(ageOf(row.ts_ms)), {
    name: "Age",
    hint: "time since the venue's last update",
    // A value without its age could be mistaken for a current one.
    isFixed: true,
  }),
  sizeColumn("open_interest", { heading: "OI" }),
  sizeColumn("volume_24h", { heading: "Vol" }),
  column("gamma", (row) => number(row.gamma), { heading: "Γ" }),
  column("vega", (row) => fixed(row.vega, 2)),
  column("theta", (row) => fixed(row.theta, 2), { heading: "Θ" }),
  column("delta", (row) => fixed(row.delta, 2), { heading: "Δ" }),
  priceColumn("last_price"),
  priceColumn("mark_price", { flashes: true }),
  ivColumn("mark_iv", { flashes: true }),
  column("spread_iv", (row) => points(row.spread_iv), {
    heading: "Sprd",
    hint: "ask IV − bid IV, in vol points",
  }),
];

const QUOTE = [
  sizeColumn("bid_size", { heading: "Size" }),
  ivColumn("bid_iv"),
  priceColumn("bid_price", { flashes: true, isStrong: true }),
  priceColumn("ask_price", { flashes: true, isStrong: true }),
  ivColumn("ask_iv"),
  sizeColumn("ask_size", { heading: "Size" }),
];

/** @type {ChainColumn[]} */
export const CHAIN_COLUMNS = [...OUTER, ...QUOTE];

const DEFAULT_WIDE = [
  "age open_interest volume_24h delta mark_price mark_iv spread_iv",
  "bid_size bid_iv bid_price ask_price ask_iv ask_size",
]
  .join(" ")
  .split(" ");
const DEFAULT_NARROW = "age delta mark_iv bid_price ask_price".split(" ");

/**
 * @param {boolean} isNarrow Whether the screen is a phone's.
 * @returns {string[]} Ids of the columns shown by default.
 */
export function defaultColumns(isNarrow) {
  return isNarrow ? DEFAULT_NARROW : DEFAULT_WIDE;
}

/**
 * The chosen columns of each side, from left to right.
 *
 * @param {string[]} chosen Column ids.
 * @returns {{call: ChainColumn[], put: ChainColumn[]}}
 */
export function columnsBySide(chosen) {
  const isShown = ({ id, isFixed }) => isFixed || chosen.includes(id);
  const outer = OUTER.filter(isShown);
  const quote = QUOTE.filter(isShown);
  return { call: [...outer, ...quote], put: [...quote, ...outer.toReversed()] };
}
