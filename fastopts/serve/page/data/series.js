/** Choosing among the series of an asset: by expiry label and settle coin. */

import { USUAL_SETTLE } from "./constants.js";

/**
 * One entry of an "expiries" message: a series with its summary figures.
 *
 * @typedef {Object<string, *>} Series
 */

/**
 * @param {Series} series
 * @returns {string} Identifies it among the series of an asset.
 */
export function seriesKey({ label, settle }) {
  return `${label}-${settle}`;
}

/**
 * @param {Series[]} series
 * @returns {string[]} Labels of the expiries, nearest first.
 */
export function expiryLabels(series) {
  const expiryByLabel = new Map(series.map(({ label, expiry_ms }) => [label, expiry_ms]));
  return [...expiryByLabel].sort((left, right) => left[1] - right[1]).map(([label]) => label);
}

/**
 * @param {Series[]} series
 * @param {string} label
 * @returns {string[]} Settle coins listed for an expiry.
 */
export function settleCoins(series, label) {
  return series
    .filter((each) => each.label === label)
    .map(({ settle }) => settle)
    .sort();
}

/**
 * The series of an expiry: in the requested settle coin, else in the usual one, else in any.
 * Most options are settled in USDT; USDC is the older, thinner market.
 *
 * @param {Series[]} series
 * @param {string} label
 * @param {?string} settle Null for the default coin.
 * @returns {?Series}
 */
export function chooseSeries(series, label, settle = null) {
  const candidates = series.filter((each) => each.label === label);
  const settledIn = (coin) => candidates.find((each) => each.settle === coin);
  return settledIn(settle) || settledIn(USUAL_SETTLE) || candidates[0] || null;
}

/**
 * @param {Series[]} series
 * @param {string} label
 * @param {number} step 1 for the next expiry, -1 for the previous one.
 * @returns {?string} Label; null at either end.
 */
export function neighbourExpiry(series, label, step) {
  const labels = expiryLabels(series);
  return labels[labels.indexOf(label) + step] || null;
}
