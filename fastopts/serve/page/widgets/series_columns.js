/** Table columns of series, shared by the views that list expiries. */

import { seriesDescription, seriesHeading, seriesUnit } from "../data/fields.js";
import { formatted, seriesText } from "../data/numbers.js";
import { daysTo } from "../data/venue_clock.js";
import { toggleClass } from "../lib/dom.js";
import { age } from "../lib/format.js";
import { viewLink } from "../lib/router.js";
import { liveCount } from "./summary_bar.js";

/** @typedef {import("../data/series.js").Series} Series */
/** @typedef {import("./table.js").Column} Column */

const AGE_SHOWN_S = 1; // the age of a younger series is of no interest

function column(field, options = {}) {
  return {
    id: field,
    heading: seriesHeading(field),
    hint: seriesDescription(field),
    unit: (coins) => seriesUnit(field, coins),
    text: (series) => seriesText(series, field),
    sort: field,
    value: (series) => series[field],
    ...options,
  };
}

/** @type {Object<string, Column>} */
export const SERIES_COLUMNS = {
  settle: column("settle", { isText: true, text: ({ settle }) => settle }),
  dte: column("dte", { text: ({ expiry_ms }) => formatted(daysTo(expiry_ms), "days") }),
  forward: column("forward"),
  basis: column("basis"),
  atmIv: column("atm_iv"),
  straddle: column("straddle"),
  riskReversal: column("risk_reversal", { id: "rr" }),
  butterfly: column("butterfly", { id: "bf" }),
  openInterest: column("open_interest"),
  turnover: column("turnover_24h"),
  live: column("live", {
    hint: "live options / listed options; with the age of the oldest one if some are stale",
    text: coverage,
    value: ({ live, total }) => live / total,
    paint: (cell, { live, total }) => toggleClass(cell, "warn", live < total),
  }),
};

/**
 * The column of expiries, as links to a view of the series.
 *
 * @param {string} asset
 * @param {string} view
 * @returns {Column}
 */
export function expiryColumn(asset, view) {
  return {
    id: "label",
    heading: seriesHeading("expiry"),
    isRowHeading: true,
    isText: true,
    text: ({ label }) => label,
    sort: "expiry",
    value: ({ expiry_ms }) => expiry_ms,
    link: ({ label, settle }) => viewLink(asset, view, label, settle),
  };
}

function coverage({ live, total, oldest_age_s }) {
  const isOld = live < total && oldest_age_s > AGE_SHOWN_S;
  return isOld ? `${liveCount(live, total)} · ${age(oldest_age_s)}` : liveCount(live, total);
}
