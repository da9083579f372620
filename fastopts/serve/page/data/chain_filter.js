/** Which strikes and which sides of a chain are shown. */

import { parseStrike } from "./symbol_matching.js";

/** @typedef {import("./chain.js").StrikePair} StrikePair */

/**
 * @typedef {Object} ChainFilter
 * @property {"all"|"otm"|"itm"} side Options in the money, out of the money or both.
 * @property {string} strikes "all"; a number, of the strikes shown on each side of the money; or
 *   lowest and highest strike, either of which may be missing: "80000-100000", "80000-".
 */

/** Sides of the money: [value, text]. */
export const SIDES = [
  ["all", "All"],
  ["itm", "ITM"],
  ["otm", "OTM"],
];

/** In the list of strikes: from and to are entered. */
export const RANGE = "range";

/** Ranges of strikes: [value, text]. */
export const STRIKES = [
  ["all", "All"],
  ["5", "ATM ±5"],
  ["10", "ATM ±10"],
  ["20", "ATM ±20"],
  [RANGE, "From – to"],
];

/** @type {ChainFilter} */
export const SHOW_ALL = { side: "all", strikes: "all" };

/**
 * Complete a filter, such as that of an address: unknown choices show all.
 *
 * @param {{side: ?string, strikes: ?string}} choices
 * @returns {ChainFilter}
 */
export function chainFilter({ side, strikes }) {
  const isCount = /^[1-9]\d{0,2}$/.test(strikes ?? "");
  const range = rangeOf(strikes);
  const choice = range ? strikeRange(range.from, range.to) : isCount && strikes;
  return {
    side: SIDES.some(([value]) => value === side) ? side : SHOW_ALL.side,
    strikes: choice || SHOW_ALL.strikes,
  };
}

/**
 * @param {?string} strikes
 * @returns {?{from: string, to: string}} The ends of a range; null if it is none.
 */
export function rangeOf(strikes) {
  const match = /^([^-]*)-([^-]*)$/.exec(strikes ?? "");
  return match && { from: match[1], to: match[2] };
}

/**
 * @param {string} from As entered: 80000, 80,000 or 80k; empty for no limit.
 * @param {string} to
 * @returns {?string} The range as in `strikes`, the lower end first; null if an end is no strike.
 */
export function strikeRange(from, to) {
  const ends = [from, to].map((text) => (text.trim() ? parseStrike(text.trim()) : ""));
  if (ends.includes(null)) return null;
  const isReversed = ends[0] !== "" && ends[1] !== "" && ends[0] > ends[1];
  return (isReversed ? ends.toReversed() : ends).join("-");
}

/**
 * The strikes and sides that a filter leaves. At the money both sides are shown.
 *
 * @param {StrikePair[]} pairs By ascending strike.
 * @param {ChainFilter} filter
 * @param {{forward: ?number, atm: ?number}} money
 * @returns {StrikePair[]}
 */
export function filterPairs(pairs, { side, strikes }, { forward, atm }) {
  const shown = pairsOfStrikes(pairs, strikes, atm);
  if (side === "all" || !forward) return shown;
  return shown.map((pair) => {
    if (pair.strike === atm) return pair;
    const isCallInMoney = pair.strike < forward;
    return isCallInMoney === (side === "itm") ? { ...pair, put: null } : { ...pair, call: null };
  });
}

function pairsOfStrikes(pairs, strikes, atm) {
  if (strikes === "all") return pairs;
  const range = rangeOf(strikes);
  if (range) {
    const from = Number(range.from || -Infinity);
    const to = Number(range.to || Infinity);
    return pairs.filter(({ strike }) => strike >= from && strike <= to);
  }
  const middle = pairs.findIndex(({ strike }) => strike === atm);
  const count = Number(strikes);
  return middle < 0 ? pairs : pairs.slice(Math.max(middle - count, 0), middle + count + 1);
}
