/** Table columns of series, shared by the views that list expiries. */

import { seriesDescription, seriesHeading } from "../data/fields.js";
import { venueMs } from "../data/venue_clock.js";
import { toggleClass } from "../lib/dom.js";
import {
  age,
  compact,
  countdown,
  days,
  level,
  percent,
  points,
  price,
  signedPercent,
} from "../lib/format.js";
import { viewLink } from "../lib/router.js";
import { liveCount } from "./summary_bar.js";

/** @typedef {import("../data/series.js").Series} Series */
/** @typedef {import("./table.js").Column} Column */

const AGE_SHOWN_S = 1; // the age of a younger series is of no interest

function column(field, text, { id = field, ...options } = {}) {
  return { id, heading: seriesHeading(field), hint: seriesDescription(field), text, ...options };
}

/** @type {Object<string, Column>} */
export const SERIES_COLUMNS = {
  settle: { id: "settle", heading: "Settle", isText: true, text: ({ settle }) => settle },
  dte: column("dte", ({ dte }) => days(dte)),
  timeLeft: {
    id: "time_left",
    heading: "Expires in",
    text: ({ expiry_ms }) => countdown(expiry_ms, venueMs()),
  },
  forward: column("forward", ({ forward }) => level(forward)),
  basis: column("basis", ({ basis }) => signedPercent(basis)),
  atmIv: column("atm_iv", ({ atm_iv }) => percent(atm_iv)),
  straddle: column("straddle", ({ straddle, forward }) => price(straddle, forward)),
  riskReversal: column("risk_reversal", (series) => points(series.risk_reversal), { id: "rr" }),
  butterfly: column("butterfly", ({ butterfly }) => points(butterfly), { id: "bf" }),
  openInterest: column("open_interest", ({ open_interest }) => compact(open_interest)),
  turnover: column("turnover_24h", ({ turnover_24h }) => compact(turnover_24h)),
  live: column("live", coverage, {
    hint: "live options / listed options; with the age of the oldest one if some are stale",
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
    link: ({ label, settle }) => viewLink(asset, view, label, settle),
  };
}

function coverage({ live, total, oldest_age_s }) {
  const isOld = live < total && oldest_age_s > AGE_SHOWN_S;
  return isOld ? `${liveCount(live, total)} · ${age(oldest_age_s)}` : liveCount(live, total);
}
