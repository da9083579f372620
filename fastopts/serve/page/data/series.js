/** Choosing among the series of an asset: by expiry label and settle coin. */

/**
 * One entry of an "expiries" message: a series with its summary figures.
 *
 * @typedef {Object<string, *>} Series
 */

// Most options are settled in USDT; USDC is the older, thinner market.
const DEFAULT_COIN = "USDT";

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
 * The series of an expiry: in the requested settle coin, else in USDT, else in any.
 *
 * @param {Series[]} series
 * @param {string} label
 * @param {?string} settle
 * @returns {?Series}
 */
export function chooseSeries(series, label, settle) {
  const candidates = series.filter((each) => each.label === label);
  const settledIn = (coin) => candidates.find((each) => each.settle === coin);
  return settledIn(settle) || settledIn(DEFAULT_COIN) || candidates[0] || null;
}

/**
 * The front series: the nearest one that is still trading, not in settlement.
 *
 * @param {Series[]} series
 * @returns {?Series}
 */
export function frontSeries(series) {
  const byExpiry = series.toSorted((left, right) => left.expiry_ms - right.expiry_ms);
  return byExpiry.find(({ phase }) => phase === "trading") || byExpiry[0] || null;
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
