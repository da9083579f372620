/** Open interest and volume by strike, calls beside puts, of one expiry or of all. */

import { totalByStrike, totalOf } from "../data/chain.js";
import { heading, seriesDescription, seriesHeading } from "../data/fields.js";
import { el } from "../lib/dom.js";
import { compact, fixed, level, number } from "../lib/format.js";
import { throttled } from "../lib/scheduling.js";
import { load, store } from "../lib/storage.js";
import { axis, Chart, legend, tooltip, verticalLine } from "../widgets/chart.js";
import { segmented } from "../widgets/controls.js";
import { liveCount, SummaryBar } from "../widgets/summary_bar.js";
import { CollapsibleTable } from "../widgets/table.js";
import { ExpiryView, seriesRows } from "./view.js";

/** @typedef {import("../data/chain.js").StrikeTotal} StrikeTotal */

const REDRAW_MS = 500;
const ALL_EXPIRIES = "all";
const INTEREST = "open_interest";
const FIELDS = [
  [INTEREST, heading(INTEREST)],
  ["volume_24h", heading("volume_24h")],
];

/**
 * @param {import("../lib/router.js").Route} route
 * @returns {import("./view.js").View}
 */
export function open(route) {
  return new OpenInterestView({ ...route, expiry: route.expiry ?? ALL_EXPIRIES });
}

class OpenInterestView extends ExpiryView {
  constructor(route) {
    const { asset, expiry, settle } = route;
    const isAll = expiry === ALL_EXPIRIES;
    super(route, {
      title: isAll ? `${asset} open interest` : `${asset} ${expiry} open interest`,
      rows: { rows: isAll ? { asset } : seriesRows(asset, expiry, settle) },
      extraExpiries: [[ALL_EXPIRIES, "All expiries"]],
    });
    this.isAll = isAll;
    this.figures = {}; // of the series, or of all series of the asset
    this.field = load("open-interest.field", INTEREST);
    /** @type {StrikeTotal[]} */
    this.totals = [];
    this.redraw = throttled(REDRAW_MS, () => this.#draw());
    this.summary = new SummaryBar([
      { id: "calls", name: "Calls", hint: "in base coin" },
      { id: "puts", name: "Puts", hint: "in base coin" },
      {
        id: "put_call_ratio",
        name: seriesHeading("put_call_open_interest"),
        hint: "total of the puts over that of the calls",
      },
      { id: "max_pain", name: seriesHeading("max_pain"), hint: seriesDescription("max_pain") },
      { id: "live", name: seriesHeading("live"), hint: "live options / listed options" },
    ]);
    this.chart = new Chart(`Calls and puts by strike, ${this.title}`, (colours) =>
      this.#chartOption(colours),
    );
    this.table = new CollapsibleTable({
      caption: `Calls and puts by strike, ${this.title}`,
      columns: COLUMNS,
      key: ({ strike }) => String(strike),
    });
    const field = segmented("Show", FIELDS, this.field, (name) => {
      this.field = name;
      store("open-interest.field", name);
      this.#draw();
    });
    this.node = el(
      "section",
      {},
      el("div", { class: "controls" }, this.switcher.node, field),
      this.summary.node,
      this.notice.node,
      this.chart.node,
      this.table.node,
    );
  }

  rowsChanged() {
    this.redraw();
  }

  seriesChanged(message) {
    this.figures = (this.isAll ? message : this.switcher.current) ?? {};
    // Without rows the totals would be 0, not unknown.
    if (this.rows.isComplete) this.redraw();
  }

  close() {
    this.redraw.cancel();
    super.close();
  }

  #draw() {
    this.rows.takeChanged();
    const rows = this.rows.all;
    this.totals = totalByStrike(rows, this.field);
    const live = rows.filter((row) => row.live).length;
    const values = {
      calls: compact(totalOf(this.totals, "call")),
      puts: compact(totalOf(this.totals, "put")),
      put_call_ratio: fixed(this.figures[`put_call_${this.field}`], 2),
      // Max pain is of options that expire together: null for all expiries.
      max_pain: number(this.figures.max_pain),
      live: liveCount(live, rows.length),
    };
    this.summary.set(values, live === 0);
    this.table.update(this.totals);
    this.chart.draw();
  }

  #chartOption(colours) {
    if (!this.totals.length) return null;
    // Several expiries have no common forward.
    const spot = this.isAll ? this.figures.index_price : this.figures.forward;
    const label = `${this.isAll ? "index" : "F"} ${level(spot)}`;
    const makeBars = (name, side, options = {}) => ({
      name,
      type: "bar",
      itemStyle: { color: colours[side] },
      barGap: "8%",
      barCategoryGap: "28%",
      data: this.totals.map((total) => total[side] ?? 0),
      ...options,
    });
    const spotLine = verticalLine(nearestStrike(this.totals, spot), label, colours);
    return {
      legend: legend(colours),
      grid: { left: 62, right: 24, top: 40, bottom: 50 },
      tooltip: tooltip(colours, describe),
      xAxis: axis(colours, {
        type: "category",
        name: "strike",
        nameGap: 30,
        data: this.totals.map(({ strike }) => number(strike)),
      }),
      yAxis: axis(colours, { type: "value", axisLabel: { formatter: compact } }),
      series: [makeBars("Calls", "call", { markLine: spotLine }), makeBars("Puts", "put")],
    };
  }
}

function describe(items) {
  return {
    title: items[0].name,
    rows: items.map(({ seriesName, value, color }) => [seriesName, compact(value), color]),
  };
}

// A category axis has positions at its categories only.
function nearestStrike(totals, spot) {
  if (!spot) return null;
  const distance = ({ strike }) => Math.abs(strike - spot);
  const nearest = totals.reduce((best, each) => (distance(each) < distance(best) ? each : best));
  return number(nearest.strike);
}

const COLUMNS = [
  {
    id: "strike",
    heading: heading("strike"),
    isRowHeading: true,
    text: ({ strike }) => number(strike),
  },
  { id: "call", heading: "Calls", text: ({ call }) => compact(call) },
  { id: "put", heading: "Puts", text: ({ put }) => compact(put) },
];
