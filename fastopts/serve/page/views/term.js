/** The term structure: ATM IV, risk reversal and butterfly by days to expiry. */

import { MESSAGE } from "../data/constants.js";
import { expiryLabels, seriesKey } from "../data/series.js";
import { el } from "../lib/dom.js";
import { days, percent } from "../lib/format.js";
import { navigate, viewLink } from "../lib/router.js";
import { load, store } from "../lib/storage.js";
import { axis, Chart, legend, percentTick, SERIES_COLOURS, tooltip } from "../widgets/chart.js";
import { checkbox, segmented } from "../widgets/controls.js";
import { Notice } from "../widgets/messages.js";
import { expiryColumn, SERIES_COLUMNS } from "../widgets/series_columns.js";
import { CollapsibleTable } from "../widgets/table.js";
import { View } from "./view.js";

const SCALES = [
  ["log", "Log"],
  ["value", "Linear"],
];
const DAYS_MIN = 0.05; // a logarithmic axis has no 0: the last hour before expiry is drawn here
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
    this.scale = load("term.scale", "log");
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
    const scale = segmented("Days axis", SCALES, this.scale, (name) => {
      this.scale = name;
      store("term.scale", name);
      this.chart.draw(true);
    });
    const controls = el(
      "div",
      { class: "controls" },
      scale,
      this.#makeToggle("rr", "25Δ risk reversal"),
      this.#makeToggle("bf", "25Δ butterfly"),
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

  #chartOption(colours) {
    if (!this.series.length) return null;
    const coins = [...new Set(this.series.map(({ settle }) => settle))].sort().reverse();
    const hasSkew = this.isShown.rr || this.isShown.bf;
    const margins = { left: 58, right: 24 };
    const grids = hasSkew
      ? [
          { ...margins, top: 40, height: "48%" },
          { ...margins, top: "68%", bottom: 46 },
        ]
      : [{ ...margins, top: 40, bottom: 46 }];
    const lowest = grids.length - 1;
    const volatilityAxis = {
      type: "value",
      scale: true,
      axisLabel: { formatter: percentTick },
    };
    return {
      legend: legend(colours),
      grid: grids,
      tooltip: tooltip(colours, describe),
      xAxis: grids.map((_, index) =>
        this.#daysAxis(colours, index, index === lowest ? "days to expiry" : ""),
      ),
      yAxis: grids.map((_, index) => axis(colours, { ...volatilityAxis, gridIndex: index })),
      series: coins.flatMap((coin, index) => this.#lines(coin, index)),
    };
  }

  #daysAxis(colours, gridIndex, name) {
    const range = this.scale === "log" ? { min: "dataMin", max: "dataMax" } : { min: 0 };
    return axis(colours, {
      type: this.scale,
      gridIndex,
      name,
      nameGap: 28,
      ...range,
      axisLabel: { formatter: (value) => `${Number(value.toPrecision(3))}` },
    });
  }

  // The lines of one settle coin; those of a second coin are dashed.
  #lines(coin, index) {
    const series = this.series.filter(({ settle }) => settle === coin);
    const makeLine = (name, field, colour, grid) => ({
      name: `${name} ${coin}`,
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
        value: [Math.max(each.dte, DAYS_MIN), each[field], each.label],
        symbol: each.live ? "circle" : "emptyCircle",
      })),
    });
    const lines = [makeLine("ATM IV", "atm_iv", SERIES_COLOURS[index], ATM_GRID)];
    if (this.isShown.rr) {
      lines.push(makeLine("RR", "risk_reversal", SERIES_COLOURS[2 + index], SKEW_GRID));
    }
    if (this.isShown.bf) {
      lines.push(makeLine("BF", "butterfly", SERIES_COLOURS[4 + index], SKEW_GRID));
    }
    return lines;
  }
}

function describe(items) {
  const [daysToExpiry, , label] = items[0].value;
  return {
    title: `${label}, ${days(daysToExpiry)} d`,
    rows: items.map(({ seriesName, value, color }) => [seriesName, percent(value[1], 2), color]),
  };
}
