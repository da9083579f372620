/** A chain computed from its option rows: forward, at-the-money strike, smile, open interest. */

/** @typedef {import("./rows.js").OptionRow} OptionRow */

/**
 * @typedef {Object} StrikePair
 * @property {number} strike In quote coin.
 * @property {?OptionRow} call
 * @property {?OptionRow} put
 */

const isCall = (row) => row.type === "C";

/**
 * The forward of a series: that of the newest update that has one. Updates with a suspect time count
 * only if there is no other.
 *
 * @param {OptionRow[]} rows Of one series.
 * @returns {?number} In quote coin.
 */
export function forwardOf(rows) {
  let newest = null;
  for (const row of rows) {
    if (row.underlying_price && (newest === null || isNewer(row, newest))) newest = row;
  }
  return newest === null ? null : newest.underlying_price;
}

function isNewer(row, other) {
  const isSuspect = Boolean(row.time_suspect);
  if (isSuspect !== Boolean(other.time_suspect)) return !isSuspect;
  return row.ts_ms > other.ts_ms;
}

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
 * The strike nearest the forward, the lower one if two are equally near.
 *
 * @param {number[]} strikes Ascending.
 * @param {?number} forward
 * @returns {?number} Null without a forward.
 */
export function atmStrike(strikes, forward) {
  if (!forward) return null;
  // Rounded: 0.30000000000000004 and 0.3 are equally far.
  const distance = (strike) => Number(Math.abs(strike - forward).toFixed(9));
  let nearest = null;
  for (const strike of strikes) {
    if (nearest === null || distance(strike) < distance(nearest)) nearest = strike;
  }
  return nearest;
}

/**
 * The smile: at each strike the out-of-the-money option, or the other one if that has no mark IV.
 * Out-of-the-money options are the more liquid ones, and their IV the better known.
 *
 * @param {OptionRow[]} rows Of one series.
 * @param {?number} forward
 * @returns {Object[]} Points by ascending strike.
 */
export function smilePoints(rows, forward) {
  if (!forward) return [];
  return pairByStrike(rows)
    .map(({ strike, call, put }) => {
      const preferred = strike < forward ? [put, call] : [call, put];
      return preferred.find((row) => row?.mark_iv);
    })
    .filter(Boolean)
    .map((row) => ({
      symbol: row.symbol,
      strike: row.strike,
      type: row.type,
      log_moneyness: Math.log(row.strike / forward),
      delta: row.delta,
      mark_iv: row.mark_iv,
      bid_iv: row.bid_iv,
      ask_iv: row.ask_iv,
      live: row.live,
      ts_ms: row.ts_ms,
    }));
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

/**
 * Max pain: the settlement price, among the strikes, at which the open options together pay least.
 *
 * @param {StrikeTotal[]} interest Open interest by strike, of one series.
 * @returns {?number} A strike; null without open interest.
 */
export function maxPain(interest) {
  if (totalOf(interest, "call") + totalOf(interest, "put") <= 0) return null;
  let least = null;
  for (const { strike: settlement } of interest) {
    const payout = interest.reduce((sum, { strike, call, put }) => {
      const calls = Math.max(settlement - strike, 0) * (call ?? 0);
      const puts = Math.max(strike - settlement, 0) * (put ?? 0);
      return sum + calls + puts;
    }, 0);
    if (least === null || payout < least.payout) least = { settlement, payout };
  }
  return least.settlement;
}
