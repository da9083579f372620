/** The term structure: ATM IV, risk reversal and butterfly by days to expiry. */

import { MESSAGE, USUAL_SETTLE } from "../data/constants.js";
import { formatted } from "../data/numbers.js";
import { expiryLabels, seriesKey } from "../data/series.js";
import { el } from "../lib/dom.js";
import { days, percent } from "../lib/format.js";
import { navigate, viewLink } from "../lib/router.js";
import { load, store } from "../lib/storage.js";
import {
  axis,
  axisTitle,
  Chart,
  legend,
  percentTick,
  pointsTick,
  SERIES_COLOURS,
  tooltip,
} from "../widgets/chart.js";
import { checkbox, segmented } from "../widgets/controls.js";
import { Notice } from "../widgets/messages.js";
import { expiryColumn, SERIES_COLUMNS } from "../widgets/series_columns.js";
import { CollapsibleTable } from "../widgets/table.js";
import { View } from "./view.js";

const SCALES = [
  ["value", "Linear"],
  ["log", "Log"],
];
const BOTH = "both"; // settle coins
// Margins of the chart and room for the label of an expiry, in pixels.
const LEFT = 52;
const RIGHT = 30;
const LABEL_WIDTH = 66;
const DAYS_MIN = 0.05; // a logarithmic axis has no 0: the last hour before expiry is drawn here
const RR_NAME = "25Δ risk reversal";
const BF_NAME = "25Δ butterfly";
const ATM_GRID = 0;
const SKEW_GRID = 1;

/**
 * @param {import("../lib/router.js").Route} route
 * @returns {View}
 */
export function open(route) {
  return new TermView(route);
}

class TermView extends View {
  constructor({ asset }) {
    super(`${asset} term structure`, [{ id: "expiries", expiries: asset }]);
    this.asset = asset;
    /** @type {import("../data/series.js").Series[]} */
    this.series = [];
    this.scale = load("term.scale", "value");
    this.settle = load("term.settle", USUAL_SETTLE);
    this.shownCoins = "";
    this.isShown = { rr: load("term.rr", true), bf: load("term.bf", true) };
    this.staleNotice = new Notice("hint warn", "status");
    this.chart = new Chart(`ATM implied volatility by days to expiry, ${asset}`, (colours) =>
      this.#chartOption(colours),
    );
    this.table = new CollapsibleTable({
      caption: `Term structure of ${asset}`,
      columns: [
        expiryColumn(asset, "smile"),
        SERIES_COLUMNS.settle,
        SERIES_COLUMNS.dte,
        SERIES_COLUMNS.atmIv,
        SERIES_COLUMNS.riskReversal,
        SERIES_COLUMNS.butterfly,
      ],
      key: seriesKey,
    });
    this.coins = el("span", { class: "control" });
    const scale = segmented("Time axis", SCALES, this.scale, (name) => {
      this.scale = name;
      store("term.scale", name);
      this.chart.draw(true);
    });
    const controls = el(
      "div",
      { class: "controls" },
      scale,
      this.coins,
      this.#makeToggle("rr", RR_NAME),
      this.#makeToggle("bf", BF_NAME),
    );
    this.node = el(
      "section",
      {},
      controls,
      this.notice.node,
      this.chart.node,
      this.staleNotice.node,
      this.table.node,
    );
  }

  receive(message) {
    if (message.type === MESSAGE.EXPIRIES) {
      this.series = message.expiries;
      const staleCount = this.series.filter(({ live }) => live === 0).length;
      const text = `${staleCount} of ${this.series.length} series are stale (hollow markers).`;
      this.staleNotice.show(staleCount ? text : "");
      this.table.update(this.series);
      this.#offerCoins();
      this.chart.draw();
    }
    return super.receive(message);
  }

  // "Next expiry" leads from all expiries to the chain of the first.
  stepExpiry() {
    const [first] = expiryLabels(this.series);
    if (first) navigate(viewLink(this.asset, "chain", first));
    return true;
  }

  themeChanged() {
    this.chart.themeChanged();
  }

  close() {
    this.chart.close();
  }

  #makeToggle(name, label) {
    const { node } = checkbox(label, this.isShown[name], (isOn) => {
      this.isShown[name] = isOn;
      store(`term.${name}`, isOn);
      this.chart.draw(true);
    });
    return node;
  }

  // Settle coins, the usual one first.
  get #listedCoins() {
    return [...new Set(this.series.map(({ settle }) => settle))].sort().reverse();
  }

  // Lines of two coins lie on each other: at first the chart has those of the usual one.
  get #drawnCoins() {
    const coins = this.#listedCoins;
    return coins.includes(this.settle) ? [this.settle] : coins;
  }

  #offerCoins() {
    const coins = this.#listedCoins;
    if (coins.length < 2 || coins.join() === this.shownCoins) return;
    this.shownCoins = coins.join();
    const options = [...coins.map((coin) => [coin, coin]), [BOTH, "Both"]];
    const chosen = coins.includes(this.settle) ? this.settle : BOTH;
    this.coins.replaceChildren(
      segmented("Settle", options, chosen, (coin) => {
        this.settle = coin;
        store("term.settle", coin);
        this.chart.draw(true);
      }),
    );
  }

  #chartOption(colours) {
    if (!this.series.length) return null;
    const coins = this.#drawnCoins;
    const series = this.series.filter(({ settle }) => coins.includes(settle));
    const hasSkew = this.isShown.rr || this.isShown.bf;
    const margins = { left: LEFT, right: RIGHT };
    const grids = hasSkew
      ? [
          { ...margins, top: 58, bottom: "42%" },
          { ...margins, top: "69%", bottom: 60 },
        ]
      : [{ ...margins, top: 58, bottom: 60 }];
    const titles = ["ATM IV", "25Δ skew (vol points)"];
    const ticks = [percentTick, pointsTick];
    return {
      legend: legend(colours),
      grid: grids,
      tooltip: tooltip(colours, describe),
      xAxis: grids.map((_, index) =>
        this.#timeAxis(colours, series, { gridIndex: index, isLowest: index === grids.length - 1 }),
      ),
      yAxis: grids.map((_, index) =>
        axis(colours, {
          type: "value",
          scale: true,
          gridIndex: index,
          splitNumber: index === ATM_GRID ? 5 : 3,
          ...axisTitle(titles[index], LEFT),
          axisLabel: { formatter: ticks[index] },
        }),
      ),
      series: coins.flatMap((coin, index) => this.#lines(coin, index, coins.length > 1)),
    };
  }

  // The time to expiry on its true scale, with a label at each expiry that has room for one.
  #timeAxis(colours, series, { gridIndex, isLowest }) {
    const expiries = [...new Set(series.map(position))].sort((left, right) => left - right);
    return axis(colours, {
      type: this.scale,
      gridIndex,
      name: isLowest ? "expiry, days left" : "",
      nameGap: 42,
      min: this.scale === "log" ? "dataMin" : 0,
      max: "dataMax",
      axisLine: { onZero: false, lineStyle: { color: colours.line } },
      splitLine: { show: false },
      axisTick: { customValues: expiries, lineStyle: { color: colours.line } },
      axisLabel: {
        show: isLowest,
        customValues: this.#labelled(expiries),
        lineHeight: 15,
        // An axis that is already drawn may have positions of a moment ago.
        formatter: (value) => {
          const { label, dte } = nearest(series, value);
          return `${label}\n${shortDays(dte)}`;
        },
      },
    });
  }

  // Those of `expiries` whose labels have room, the nearest one first: ECharts would leave out others
  // from one drawing to the next.
  #labelled(expiries) {
    const scaled = this.scale === "log" ? expiries.map(Math.log) : expiries;
    const origin = this.scale === "log" ? scaled[0] : 0;
    const width = this.chart.node.clientWidth - LEFT - RIGHT;
    const pixels = scaled.map((each) => ((each - origin) / (scaled.at(-1) - origin || 1)) * width);
    let end = Number.NEGATIVE_INFINITY;
    return expiries.filter((_, index) => {
      const hasRoom = pixels[index] >= end;
      if (hasRoom) end = pixels[index] + LABEL_WIDTH;
      return hasRoom;
    });
  }

  // The lines of one settle coin; those of a second coin are dashed.
  #lines(coin, index, isNamed) {
    const series = this.series.filter(({ settle }) => settle === coin);
    const makeLine = (name, field, colour, { grid, text }) => ({
      name: isNamed ? `${name} (${coin})` : name,
      type: "line",
      xAxisIndex: grid,
      yAxisIndex: grid,
      symbolSize: 6,
      itemStyle: { color: colour },
      lineStyle: {
        color: colour,
        width: grid === ATM_GRID ? 2 : 1.5,
        type: index ? "dashed" : "solid",
      },
      data: series.map((each) => ({
        value: [position(each), each[field], each.label, text(each[field])],
        symbol: each.live ? "circle" : "emptyCircle",
      })),
    });
    const skew = { grid: SKEW_GRID, text: (value) => `${formatted(value, "signed_points")} vol` };
    const atm = { grid: ATM_GRID, text: (value) => percent(value, 2) };
    const lines = [makeLine("ATM IV", "atm_iv", SERIES_COLOURS[index], atm)];
    if (this.isShown.rr) {
      lines.push(makeLine(RR_NAME, "risk_reversal", SERIES_COLOURS[2 + index], skew));
    }
    if (this.isShown.bf) {
      lines.push(makeLine(BF_NAME, "butterfly", SERIES_COLOURS[4 + index], skew));
    }
    return lines;
  }
}

const position = ({ dte }) => Math.max(dte, DAYS_MIN);

function nearest(series, daysToExpiry) {
  const distance = (each) => Math.abs(position(each) - daysToExpiry);
  return series.reduce((best, each) => (distance(each) < distance(best) ? each : best));
}

const shortDays = (value) => `${value < 10 ? value.toFixed(1) : Math.round(value)}d`;

function describe(items) {
  const [daysToExpiry, , label] = items[0].value;
  return {
    title: `${label}, ${days(daysToExpiry)} d`,
    rows: items.map(({ seriesName, value, color }) => [seriesName, value[3], color]),
  };
}
