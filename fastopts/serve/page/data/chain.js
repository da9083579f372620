/**
 * Arranging option rows by strike. Figures of a series, such as its forward, come from the server:
 * see series.js.
 */

/** @typedef {import("./rows.js").OptionRow} OptionRow */

/**
 * @typedef {Object} StrikePair
 * @property {number} strike In quote coin.
 * @property {?OptionRow} call
 * @property {?OptionRow} put
 */

const isCall = (row) => row.type === "C";

/**
 * @param {OptionRow[]} rows Of one series.
 * @returns {StrikePair[]} By ascending strike.
 */
export function pairByStrike(rows) {
  const pairs = new Map();
  for (const row of rows) {
    if (!pairs.has(row.strike)) {
      pairs.set(row.strike, { strike: row.strike, call: null, put: null });
    }
    pairs.get(row.strike)[isCall(row) ? "call" : "put"] = row;
  }
  return [...pairs.values()].sort((left, right) => left.strike - right.strike);
}

/**
 * @typedef {Object} StrikeTotal
 * @property {number} strike In quote coin.
 * @property {?number} call Total of the calls at this strike; null if none is known.
 * @property {?number} put
 */

/**
 * Totals of a field by strike, over any number of series.
 *
 * @param {OptionRow[]} rows
 * @param {string} field Such as "open_interest".
 * @returns {StrikeTotal[]} By ascending strike.
 */
export function totalByStrike(rows, field) {
  const totals = new Map();
  for (const row of rows) {
    if (!totals.has(row.strike)) {
      totals.set(row.strike, { strike: row.strike, call: null, put: null });
    }
    if (row[field] === null) continue;
    const total = totals.get(row.strike);
    const side = isCall(row) ? "call" : "put";
    total[side] = (total[side] ?? 0) + row[field];
  }
  return [...totals.values()].sort((left, right) => left.strike - right.strike);
}

/**
 * @param {StrikeTotal[]} totals
 * @param {"call"|"put"} side
 * @returns {number}
 */
export function totalOf(totals, side) {
  return totals.reduce((sum, total) => sum + (total[side] ?? 0), 0);
}
