/** Headings, units and descriptions of fields, for tables, forms and tooltips. */

import { FIELDS, SERIES_FIELDS } from "./constants.js";

// The API sends times as Unix ms and appends the unit to their names: `ts_ms` is `ts`.
const registered = (name) => name.replace(/_ms$/, "");

// Descriptions refer to other fields as in Python docstrings: `mid`.
const withHeadings = (meaning, fields) =>
  meaning.replace(/`(\w+)`/g, (_, name) => (fields[name] ?? FIELDS[name])?.heading ?? name);

/**
 * Coins of the options that a heading is about.
 *
 * @typedef {Object} Coins
 * @property {string} asset
 * @property {?string} [quote] Null if they are quoted in several.
 */

function unitWith(unit = "", { asset, quote }) {
  return unit.replace("base coin", asset).replace("quote coin", quote || "quote coin");
}

function describe(fields, name) {
  const field = fields[registered(name)];
  if (!field) return null;
  const meaning = withHeadings(field.meaning, fields);
  // A fraction is shown as a percentage.
  return field.unit && field.unit !== "fraction" ? `${meaning} (${field.unit})` : meaning;
}

/**
 * @param {string} name Name of an option's field.
 * @returns {string} Heading of its column.
 */
export function heading(name) {
  return FIELDS[registered(name)].heading;
}

/**
 * @param {string} name Name of an option's field.
 * @returns {string} Heading where space is short.
 */
export function briefHeading(name) {
  return FIELDS[registered(name)].brief ?? heading(name);
}

/**
 * The unit that the heading of a column adds, such as "BTC" to "OI".
 *
 * @param {string} name Name of an option's field.
 * @param {Coins} coins
 * @returns {string} Empty where the values have it, or need none.
 */
export function columnUnit(name, coins) {
  return unitWith(FIELDS[registered(name)].column_unit, coins);
}

/**
 * @param {string} name Name of an option's field.
 * @returns {?string} What it means, with its unit, for a tooltip; null if it is not registered.
 */
export function description(name) {
  return describe(FIELDS, name);
}

/**
 * @param {string} name Name of a series' figure.
 * @returns {string} Heading of its column.
 */
export function seriesHeading(name) {
  return SERIES_FIELDS[registered(name)].heading;
}

/**
 * @param {string} name Name of a series' figure.
 * @param {Coins} coins
 * @returns {string} As that of columnUnit().
 */
export function seriesUnit(name, coins) {
  return unitWith(SERIES_FIELDS[registered(name)].column_unit, coins);
}

/**
 * @param {string} name Name of a series' figure.
 * @returns {?string} What it means, with its unit, for a tooltip; null if it is not registered.
 */
export function seriesDescription(name) {
  return describe(SERIES_FIELDS, name);
}

/**
 * @param {string} name Name of an option's field.
 * @param {{asset: string, quote: string}} row
 * @returns {string} The field's unit with the option's own coins in place of "base" and "quote".
 *   Empty where the text already has it, such as a percent sign.
 */
export function unitOf(name, row) {
  const unit = FIELDS[registered(name)]?.unit ?? "";
  if (unit === "fraction" || unit === "UTC") return "";
  return unit
    .replace(/quote (coin|unit)/, row.quote || "quote coin")
    .replace("base coin", row.asset);
}
