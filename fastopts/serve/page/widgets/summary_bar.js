/** Summary figures above a table or chart: names and values side by side. */

import { seriesDescription, seriesHeading, seriesUnit } from "../data/fields.js";
import { seriesText } from "../data/numbers.js";
import { venueMs } from "../data/venue_clock.js";
import { el, LiveText, toggleClass } from "../lib/dom.js";
import { ABSENT, countdown, fixed } from "../lib/format.js";

/**
 * @typedef {Object} Figure
 * @property {string} id
 * @property {string} name
 * @property {string} [hint] Tooltip.
 */

/** A definition list of figures. */
export class SummaryBar {
  /** @param {Figure[]} figures */
  constructor(figures) {
    this.texts = new Map();
    const items = figures.map(({ id, name, hint = null }) => {
      const value = el("dd", { "data-figure": id });
      this.texts.set(id, new LiveText(value, ABSENT));
      return el("div", { title: hint }, el("dt", {}, name), value);
    });
    this.node = el("dl", { class: "summary-bar" }, ...items);
  }

  /**
   * @param {Object<string, string>} values Texts by figure id.
   * @param {boolean} isStale Whether nothing that the figures are computed from is live.
   */
  set(values, isStale) {
    for (const [id, text] of Object.entries(values)) this.texts.get(id).set(text);
    toggleClass(this.node, "stale", isStale);
  }
}

function figure(id, field) {
  // None of these has a coin as its unit.
  const unit = seriesUnit(field, { asset: "" });
  const name = [seriesHeading(field), unit].filter(Boolean).join(" ");
  return { id, field, name, hint: seriesDescription(field) };
}

const SERIES_FIGURES = [
  figure("forward", "forward"),
  figure("index", "index_price"),
  figure("basis", "basis"),
  figure("atm", "atm_iv"),
  figure("straddle", "straddle"),
  figure("rr", "risk_reversal"),
  figure("bf", "butterfly"),
  { id: "time_left", name: "Expires in" },
  { id: "live", name: seriesHeading("live"), hint: "live options / listed options" },
];

/** The summary figures of one series. */
export class SeriesSummaryBar extends SummaryBar {
  constructor() {
    super(SERIES_FIGURES);
  }

  /** @param {?import("../data/series.js").Series} series */
  show(series) {
    if (!series) return;
    const figures = SERIES_FIGURES.filter(({ field }) => field);
    const values = {
      ...Object.fromEntries(figures.map(({ id, field }) => [id, seriesText(series, field)])),
      time_left: countdown(series.expiry_ms, venueMs()),
      live: liveCount(series.live, series.total),
    };
    this.set(values, series.live === 0);
  }
}

/**
 * @param {number} live
 * @param {number} total
 * @returns {string} Such as 120/124.
 */
export function liveCount(live, total) {
  return `${fixed(live, 0)}/${fixed(total, 0)}`;
}
