/**
 * Numbers as text, with the decimals that the field registry gives to each kind of field: the same
 * as in a terminal, where fastopts/number_format.py applies the rules.
 */

import { ABSENT, age, compact, exact, fixed, isAbsent, number } from "../lib/format.js";
import { DISPLAY_RULES, FIELDS, SERIES_FIELDS } from "./constants.js";

/** @typedef {import("./rows.js").OptionRow} OptionRow */
/** @typedef {import("./series.js").Series} Series */

/**
 * The grids of a series. An unknown one is empty or null: numbers that need it have five significant
 * digits.
 *
 * @typedef {Object} Steps
 * @property {string} tick Tick size, as decimal text.
 * @property {string} lot Lot size, as decimal text.
 * @property {?number} strikePlaces Decimals of the strikes.
 * @property {?number} forward
 */

/** @type {Steps} */
const NO_STEPS = { tick: "", lot: "", strikePlaces: null, forward: null };

// Relative: above the noise of binary fractions, below the step of any price.
const TOLERANCE = 1e-9;

/**
 * Format a number by the rule of its kind.
 *
 * @param {?number} value
 * @param {string} display Of the field registry, such as "price".
 * @param {Steps} steps
 * @param {boolean} isDetail Whether it has the further decimals of a view of a single option.
 * @returns {string}
 */
export function formatted(value, display, steps = NO_STEPS, isDetail = false) {
  if (isAbsent(value)) return ABSENT;
  if (display === "compact") return compact(value);
  if (display === "duration") return age(value);
  const rule = DISPLAY_RULES[display];
  const decimals = rule ? decimalsOf(rule, steps) : null;
  if (decimals === null) return number(value);
  const { detail = 0, factor = 1, suffix = "", is_exact: isExact, is_signed: isSigned } = rule;
  const text = fixed(factor * value, decimals + (isDetail ? detail : 0));
  // A price or a size that can be traded is never rounded, even if it is off the grid.
  if (isExact && !isClose(value, Number(text.replaceAll(",", "").replace("−", "-")))) {
    return exact(value);
  }
  const sign = isSigned && value > 0 && /[1-9]/.test(text) ? "+" : "";
  return sign + text + suffix;
}

/**
 * @param {OptionRow} row
 * @param {string} name Name of a numeric field.
 * @param {Steps} [steps] Those of its series, for a column of equal decimals; by default its own.
 * @param {boolean} [isDetail]
 * @returns {string} The value as text.
 */
export function fieldText(row, name, steps = stepsOfOption(row), isDetail = false) {
  return formatted(row[name], FIELDS[name].display, steps, isDetail);
}

/**
 * @param {Series} series
 * @param {string} name Name of a figure.
 * @returns {string} The figure as text.
 */
export function seriesText(series, name) {
  return formatted(series[name], SERIES_FIELDS[name].display, stepsOfSeries(series));
}

/**
 * @param {OptionRow} row
 * @returns {Steps}
 */
export function stepsOfOption({ symbol, tick_size, lot_size, forward }) {
  return {
    tick: tick_size,
    lot: lot_size,
    strikePlaces: places(symbol.split("-")[2]),
    forward,
  };
}

/**
 * @param {Series} series
 * @returns {Steps} Without the strikes' decimals, which a series does not have.
 */
export function stepsOfSeries({ tick_size, lot_size, forward }) {
  return { ...NO_STEPS, tick: tick_size, lot: lot_size, forward };
}

/**
 * @param {OptionRow[]} rows Options of one series.
 * @returns {Steps} The finest steps of all.
 */
export function commonSteps(rows) {
  const all = rows.map(stepsOfOption);
  const distinct = (name) => [...new Set(all.map((steps) => steps[name]))];
  return {
    tick: finest(distinct("tick")),
    lot: finest(distinct("lot")),
    strikePlaces: all.length ? Math.max(...distinct("strikePlaces")) : null,
    forward: distinct("forward").find(Boolean) ?? null,
  };
}

/**
 * @param {Steps} steps
 * @returns {string} The same for steps that give all numbers the same decimals.
 */
export function stepsKey({ tick, lot, strikePlaces, forward }) {
  return [tick, lot, strikePlaces, magnitude(forward)].join();
}

const finest = (steps) =>
  steps.filter(Boolean).sort((left, right) => Number(left) - Number(right))[0] ?? "";

// Decimals of a step: 2 of "0.05", 0 of "5".
function places(step) {
  const fraction = step.split(".")[1] ?? "";
  return fraction.replace(/0+$/, "").length;
}

function magnitude(forward) {
  return forward > 0 ? Math.max(0, Math.floor(Math.log10(forward))) : null;
}

function decimalsOf({ step = "", decimals = 0 }, { tick, lot, strikePlaces, forward }) {
  const base = {
    "": 0,
    tick: tick ? places(tick) : null,
    lot: lot ? places(lot) : null,
    strike: strikePlaces,
    forward: magnitude(forward),
  }[step];
  return base === null ? null : base + decimals;
}

function isClose(left, right) {
  return Math.abs(left - right) <= TOLERANCE * Math.max(Math.abs(left), Math.abs(right));
}
