/** Choosing among the series of an asset: by expiry label and settle coin. */

import { USUAL_SETTLE } from "./constants.js";

/** In place of a settle coin: the series of every coin. */
export const ALL_COINS = "all";

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
 * The series to open where an address names none: the front, or in a coin that the front is not
 * listed in, the first of that coin.
 *
 * @param {{expiries: Series[], front: ?string}} message An "expiries" message.
 * @param {?string} settle Null for the default coin.
 * @returns {?Series}
 */
export function frontSeries({ expiries, front }, settle = null) {
  const inCoin = expiries.filter((each) => each.settle === settle);
  const candidates = inCoin.length ? inCoin : expiries;
  const labels = expiryLabels(candidates);
  // No series is the front while all of them are in settlement: the nearest one then.
  const label = labels.includes(front) ? front : labels[0];
  return chooseSeries(candidates, label, settle);
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

/**
 * @param {Series[]} series
 * @param {function(Series): *} [value] What to sort by; by default the expiry.
 * @param {boolean} [isDescending]
 * @returns {Series[]} Sorted, unknown values last; equal ones by expiry and settle coin.
 */
export function sortSeries(series, value = ({ expiry_ms }) => expiry_ms, isDescending = false) {
  const isUnknown = (each) => Number((value(each) ?? null) === null);
  const sign = isDescending ? -1 : 1;
  return series.toSorted(
    (left, right) =>
      isUnknown(left) - isUnknown(right) ||
      sign * compareValues(value(left), value(right)) ||
      left.expiry_ms - right.expiry_ms ||
      compareValues(left.settle, right.settle),
  );
}

const compareValues = (left, right) => (left < right ? -1 : Number(left > right));

/**
 * @param {Series[]} series
 * @param {string} field Such as "open_interest".
 * @param {"settle"|"quote"} coinField
 * @returns {[string, ?number][]} The coins and the total of each; null if none is known.
 */
export function totalsByCoin(series, field, coinField) {
  const totals = new Map();
  for (const { [coinField]: coin, [field]: value } of series) {
    const total = totals.get(coin) ?? null;
    totals.set(coin, value === null ? total : (total ?? 0) + value);
  }
  return [...totals].sort(([left], [right]) => compareValues(right, left));
}
