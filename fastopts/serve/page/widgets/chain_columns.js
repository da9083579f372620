/**
 * The columns of a chain, from the outside to the strike. Calls have them in this order and puts
 * mirrored, except that the bid is left of the ask on both sides.
 */

import { briefHeading, columnUnit, description, heading } from "../data/fields.js";
import { fieldText } from "../data/numbers.js";
import { ageOf } from "../data/venue_clock.js";
import { age } from "../lib/format.js";

/** @typedef {import("../data/rows.js").OptionRow} OptionRow */

/**
 * @typedef {Object} ChainColumn
 * @property {string} id Name of the field.
 * @property {string} heading Short, since a chain has twice as many columns as other tables.
 * @property {?string} hint Tooltip of the heading.
 * @property {string} name Heading where there is room and no context, as in the column chooser.
 * @property {function(import("../data/fields.js").Coins): string} unit What the heading adds.
 * @property {function(OptionRow, import("../data/numbers.js").Steps): string} text
 * @property {boolean} [isFixed] Always shown.
 * @property {boolean} [isStrong] Emphasised.
 * @property {boolean} [flashes] Highlighted when its value changes.
 */

function column(id, options = {}) {
  return {
    id,
    heading: briefHeading(id),
    name: heading(id),
    hint: description(id),
    unit: (coins) => columnUnit(id, coins),
    text: (row, steps) => fieldText(row, id, steps),
    ...options,
  };
}

const FLASHES = { flashes: true };
const SIZE = { heading: "Size" };

const OUTER = [
  {
    id: "age",
    heading: "Age",
    name: "Age",
    hint: "time since the venue's last update",
    unit: () => "",
    text: (row) => age(ageOf(row.ts_ms)),
    // A value without its age could be mistaken for a current one.
    isFixed: true,
  },
  column("open_interest"),
  column("volume_24h"),
  column("gamma", { heading: "Γ" }),
  column("vega"),
  column("theta", { heading: "Θ" }),
  column("delta", { heading: "Δ" }),
  column("last_price"),
  column("mark_price", FLASHES),
  column("mark_iv", FLASHES),
  column("spread_iv"),
];

const QUOTE = [
  column("bid_size", SIZE),
  column("bid_iv"),
  column("bid_price", { flashes: true, isStrong: true }),
  column("ask_price", { flashes: true, isStrong: true }),
  column("ask_iv"),
  column("ask_size", SIZE),
];

/** @type {ChainColumn[]} */
export const CHAIN_COLUMNS = [...OUTER, ...QUOTE];

const ALWAYS = ["age", "delta", "mark_iv", "bid_price", "ask_price"];

/** The other default columns, the least important first: those that do not fit are left out. */
export const OPTIONAL = [
  ["spread_iv"],
  ["volume_24h"],
  ["open_interest"],
  ["bid_iv", "ask_iv"],
  ["mark_price"],
  ["bid_size", "ask_size"],
];

/**
 * @param {number} width Of the window, in CSS pixels.
 * @returns {string[]} Ids of the default columns; a phone scrolls, and so begins with few.
 */
export function defaultColumns(width) {
  return width > 700 ? [...ALWAYS, ...OPTIONAL.flat()] : ALWAYS;
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
