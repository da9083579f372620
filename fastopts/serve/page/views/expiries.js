/** The expiries of an asset, one row per series: the page's start. */

import { MESSAGE } from "../data/constants.js";
import { seriesDescription } from "../data/fields.js";
import { seriesKey } from "../data/series.js";
import { el, toggleClass } from "../lib/dom.js";
import { compact, level } from "../lib/format.js";
import { viewLink } from "../lib/router.js";
import { nextFrame } from "../lib/scheduling.js";
import { scaleOf, setWarmth } from "../widgets/heatmap.js";
import { expiryColumn, SERIES_COLUMNS } from "../widgets/series_columns.js";
import { SummaryBar } from "../widgets/summary_bar.js";
import { Table } from "../widgets/table.js";
import { View } from "./view.js";

/**
 * @param {import("../lib/router.js").Route} route
 * @returns {View}
 */
export function open(route) {
  return new ExpiriesView(route);
}

class ExpiriesView extends View {
  constructor({ asset }) {
    super(`${asset} expiries`, [{ id: "expiries", expiries: asset }]);
    this.asset = asset;
    this.message = null;
    this.scales = {};
    this.draw = () => this.#draw();
    this.summary = new SummaryBar([
      { id: "index", name: `${asset} index`, hint: "spot index, in quote coin" },
      { id: "expiries", name: "Series", hint: "listed series, by expiry and settle coin" },
      { id: "interest", name: "Open interest", hint: seriesDescription("open_interest") },
      { id: "turnover", name: "Turnover 24 h", hint: seriesDescription("turnover_24h") },
      { id: "volume", name: "Volume 24 h", hint: seriesDescription("volume_24h") },
    ]);
    this.table = new Table({
      caption: `Expiries of ${asset}; Enter or a click opens the chain`,
      columns: this.#columns(),
      key: seriesKey,
      opens: ({ label, settle }) => viewLink(asset, "chain", label, settle),
      isStale: (series) => series.live === 0,
    });
    this.table.node.classList.add("expiries");
    const scroller = el("div", { class: "scroll" }, this.table.node);
    this.node = el("section", {}, this.summary.node, this.notice.node, scroller);
  }

  receive(message) {
    if (message.type === MESSAGE.EXPIRIES) {
      this.message = message;
      nextFrame(this.draw);
    }
    return super.receive(message);
  }

  tick() {
    this.table.refreshColumn("time_left");
  }

  #draw() {
    const { expiries: series, index_price: index } = this.message;
    const values = (field) => series.map((each) => each[field]);
    this.scales = {
      atm_iv: scaleOf(values("atm_iv")),
      // A bar's length is proportional to the value: its scale starts at 0.
      open_interest: scaleOf([0, ...values("open_interest")]),
      turnover_24h: scaleOf([0, ...values("turnover_24h")]),
    };
    this.table.update(series);
    const figures = {
      index: level(index),
      expiries: String(series.length),
      interest: compact(sumKnown(values("open_interest"))),
      turnover: compact(sumKnown(values("turnover_24h"))),
      volume: compact(sumKnown(values("volume_24h"))),
    };
    this.summary.set(figures, !series.some(({ live }) => live > 0));
    this.notice.show(series.length ? "" : `No ${this.asset} options are listed.`);
  }

  #columns() {
    const painted = (column, className) => ({
      ...column,
      paint: (cell, series) => {
        toggleClass(cell, className, true);
        setWarmth(cell, series[column.id], this.scales[column.id]);
      },
    });
    return [
      expiryColumn(this.asset, "chain"),
      SERIES_COLUMNS.settle,
      SERIES_COLUMNS.dte,
      SERIES_COLUMNS.timeLeft,
      SERIES_COLUMNS.forward,
      SERIES_COLUMNS.basis,
      painted(SERIES_COLUMNS.atmIv, "warmth"),
      SERIES_COLUMNS.straddle,
      SERIES_COLUMNS.riskReversal,
      SERIES_COLUMNS.butterfly,
      painted(SERIES_COLUMNS.openInterest, "bar-cell"),
      painted(SERIES_COLUMNS.turnover, "bar-cell"),
      SERIES_COLUMNS.live,
    ];
  }
}

function sumKnown(values) {
  const known = values.filter((value) => value !== null);
  return known.length ? known.reduce((sum, value) => sum + value, 0) : null;
}
