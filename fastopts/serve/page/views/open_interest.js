/** Open interest and volume by strike, calls beside puts, of one expiry or of all. */

import { totalByStrike, totalOf } from "../data/chain.js";
import { MESSAGE } from "../data/constants.js";
import { heading, seriesDescription, seriesHeading, unitOf } from "../data/fields.js";
import { el } from "../lib/dom.js";
import { compact, fixed, level, number } from "../lib/format.js";
import { navigate, viewLink } from "../lib/router.js";
import { throttled } from "../lib/scheduling.js";
import { load, store } from "../lib/storage.js";
import {
  axis,
  axisTitle,
  Chart,
  legend,
  sizeTick,
  strikeRange,
  tooltip,
  verticalLines,
} from "../widgets/chart.js";
import { segmented } from "../widgets/controls.js";
import { liveCount, SummaryBar } from "../widgets/summary_bar.js";
import { CollapsibleTable } from "../widgets/table.js";
import { ExpiryView, seriesRows } from "./view.js";

/** @typedef {import("../data/chain.js").StrikeTotal} StrikeTotal */

const REDRAW_MS = 500;
const ALL_EXPIRIES = "all";
const INTEREST = "open_interest";
const FIGURES = "figures"; // id of the subscription to the figures of one settle coin
const LEFT = 62; // left margin of the chart, in pixels
// Strikes are listed far beyond those that are traded, and on a true scale these would be narrow.
const NEAR = [0.5, 1.5]; // of the index price or forward
const STRIKES = [
  ["near", "Within ±50%"],
  ["all", "All"],
];
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
      rows: {
        rows: isAll ? seriesRows(asset, undefined, settle) : seriesRows(asset, expiry, settle),
      },
      bodies: isAll && settle ? { [FIGURES]: { expiries: asset, settle } } : {},
      extraExpiries: [[ALL_EXPIRIES, "All expiries"]],
    });
    this.isAll = isAll;
    this.figures = {}; // of the series, or of all series of the asset
    this.field = load("open-interest.field", INTEREST);
    this.strikes = load("open-interest.strikes", "near");
    this.shownCoins = "";
    this.coins = el("span", { class: "control" });
    this.remark = el("p", { class: "hint" });
    /** @type {StrikeTotal[]} */
    this.totals = [];
    this.redraw = throttled(REDRAW_MS, () => this.#draw());
    this.summary = new SummaryBar([
      { id: "calls", name: "Calls" },
      { id: "puts", name: "Puts" },
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
      coins: { asset },
      key: ({ strike }) => String(strike),
    });
    const field = segmented("Show", FIELDS, this.field, (name) => {
      this.field = name;
      store("open-interest.field", name);
      this.#draw();
    });
    const strikes = segmented("Strikes", STRIKES, this.strikes, (name) => {
      this.strikes = name;
      store("open-interest.strikes", name);
      this.#draw();
    });
    this.node = el(
      "section",
      {},
      el("div", { class: "controls" }, this.switcher.node, this.coins, field, strikes),
      this.summary.node,
      this.notice.node,
      this.chart.node,
      this.remark,
      this.table.node,
    );
  }

  rowsChanged() {
    this.redraw();
  }

  receive(message) {
    if (message.id === FIGURES && message.type === MESSAGE.EXPIRIES) {
      this.figures = message;
      if (this.rows.isComplete) this.redraw();
      return null;
    }
    return super.receive(message);
  }

  seriesChanged(message) {
    if (!this.isAll) this.figures = this.switcher.current ?? {};
    else if (!this.route.settle) this.figures = message;
    if (this.isAll) this.#offerCoins([...new Set(message.expiries.map(({ settle }) => settle))]);
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
      calls: this.#sizeText("call"),
      puts: this.#sizeText("put"),
      put_call_ratio: fixed(this.figures[`put_call_${this.field}`], 2),
      // Max pain is of options that expire together: null for all expiries.
      max_pain: number(this.figures.max_pain),
      live: liveCount(live, rows.length),
    };
    this.summary.set(values, live === 0);
    this.table.update(this.totals);
    this.chart.draw();
    this.remark.textContent = this.#remarks(rows).join(" ");
  }

  #sizeText(side) {
    return `${compact(totalOf(this.totals, side))} ${this.route.asset}`;
  }

  #offerCoins(coins) {
    const key = coins.sort().reverse().join();
    if (coins.length < 2 || key === this.shownCoins) return;
    this.shownCoins = key;
    const { asset, view, settle } = this.route;
    const options = [["", "All, summed"], ...coins.map((coin) => [coin, coin])];
    this.coins.replaceChildren(
      segmented("Settle", options, settle ?? "", (coin) =>
        navigate(viewLink(asset, view, ALL_EXPIRIES, coin || null)),
      ),
    );
  }

  // What a reader of the chart would otherwise not know.
  #remarks(rows) {
    const coins = [...new Set(rows.map(({ settle }) => settle))].sort().reverse();
    const hiddenCount = this.totals.length - this.#drawn().length;
    return [
      coins.length > 1 ? `Sums of the options settled in ${coins.join(" and in ")}.` : "",
      hiddenCount
        ? `${hiddenCount} strikes more than 50% from the ${this.#spotName()} are not drawn.`
        : "",
    ].filter(Boolean);
  }

  // Several expiries have no common forward.
  get #spot() {
    return (this.isAll ? this.figures.index_price : this.figures.forward) ?? null;
  }

  #spotName() {
    return this.isAll ? "index" : "forward";
  }

  // The totals that the chart shows.
  #drawn() {
    const spot = this.#spot;
    if (this.strikes === "all" || spot === null) return this.totals;
    const [low, high] = NEAR.map((factor) => factor * spot);
    return this.totals.filter(({ strike }) => strike >= low && strike <= high);
  }

  #chartOption(colours) {
    const totals = this.#drawn();
    if (!totals.length) return null;
    const { max_pain: maxPain = null } = this.figures;
    const lines = [
      { x: this.#spot, label: `${this.#spotName()} ${level(this.#spot)}`, colour: colours.warn },
      { x: maxPain, label: `max pain ${number(maxPain)}`, colour: colours.accent },
    ];
    const makeBars = (name, side) => ({
      name,
      type: "bar",
      itemStyle: { color: colours[side] },
      barGap: "8%",
      barCategoryGap: "24%",
      barMinWidth: 1.5,
      barMaxWidth: 20,
      data: totals.map((total) => [total.strike, total[side] ?? 0]),
    });
    return {
      legend: { ...legend(colours), data: ["Calls", "Puts"] },
      grid: { left: LEFT, right: 24, top: 58, bottom: 50 },
      tooltip: tooltip(colours, (items) => describe(items, this.route.asset)),
      xAxis: axis(colours, {
        type: "value",
        name: `strike (${this.#unitOf("strike")})`,
        nameGap: 30,
        ...strikeRange(...barRange(totals), this.chart),
        axisLabel: { formatter: number },
        splitLine: { show: false },
      }),
      yAxis: axis(colours, {
        type: "value",
        ...axisTitle(`${heading(this.field)} (${this.#unitOf(this.field)})`, LEFT),
        axisLabel: { formatter: sizeTick },
      }),
      series: [makeBars("Calls", "call"), makeBars("Puts", "put"), verticalLines(lines, colours)],
    };
  }

  // Coins in place of "base coin" and "quote coin", if they are the same for all rows.
  #unitOf(field) {
    const quotes = new Set(this.rows.all.map(({ quote }) => quote));
    const quote = quotes.size === 1 ? [...quotes][0] : null;
    return unitOf(field, { asset: this.route.asset, quote });
  }
}

// Half a bar must have room at either end.
function barRange(totals) {
  const strikes = totals.map(({ strike }) => strike);
  const gaps = strikes.slice(1).map((strike, index) => strike - strikes[index]);
  const gap = gaps.length ? Math.min(...gaps) : strikes[0] / 10;
  return [strikes[0] - gap / 2, strikes.at(-1) + gap / 2];
}

function describe(items, unit) {
  return {
    title: number(items[0].value[0]),
    rows: items.map(({ seriesName, value, color }) => [
      seriesName,
      `${compact(value[1])} ${unit}`,
      color,
    ]),
  };
}

const COLUMNS = [
  {
    id: "strike",
    heading: heading("strike"),
    isRowHeading: true,
    text: ({ strike }) => number(strike),
  },
  { id: "call", heading: "Calls", unit: ({ asset }) => asset, text: ({ call }) => compact(call) },
  { id: "put", heading: "Puts", unit: ({ asset }) => asset, text: ({ put }) => compact(put) },
];
