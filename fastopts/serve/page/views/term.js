// Term structure: volatility at the money, and the skew, by days to expiry.

import { Chart, SERIES, axis, legend, percentTick, tooltip } from "../widgets/chart.js";
import { checkbox, choice } from "../widgets/controls.js";
import { DataTable } from "../widgets/data_table.js";
import { el } from "../lib/dom.js";
import { days, percent, points } from "../lib/format.js";
import { keep, read } from "../lib/storage.js";
import { Notice } from "../widgets/notice.js";
import { link } from "../lib/router.js";
import { labels } from "../data/series.js";

const SCALES = [["log", "Log"], ["value", "Linear"]];
const DAYS_LEAST = 0.05; // where a logarithmic axis begins

export function open(route) {
  return new TermView(route);
}

class TermView {
  constructor(route) {
    this.route = route;
    this.title = `${route.asset} term structure`;
    this.subscriptions = [{ id: "expiries", expiries: route.asset }];
    this.series = [];
    this.scale = read("term.scale", "log");
    this.shows = { rr: read("term.rr", true), bf: read("term.bf", true) };
    this.#build();
  }

  receive(message) {
    if (message.type === "error") this.words.say(message.detail);
    if (message.type !== "expiries") return;
    this.series = message.expiries;
    const live = this.series.filter((one) => one.live > 0);
    const old = this.series.length - live.length;
    this.words.say(old ? `${old} of ${this.series.length} series are not live: drawn hollow.` : "");
    this.table.update(this.series);
    this.chart.draw();
  }

  themed() {
    this.chart.themed();
  }

  close() {
    this.chart.close();
  }

  #build() {
    this.chart = new Chart(`Volatility at the money by days to expiry, ${this.route.asset}`, (colours) => this.#option(colours));
    this.table = new DataTable(`Term structure of ${this.route.asset}`, COLUMNS, (one) => `${one.label}-${one.settle}`);
    this.words = new Notice("hint warn", "status");
    const show = (name, words) =>
      checkbox(words, this.shows[name], (on) => {
        this.shows[name] = on;
        keep(`term.${name}`, on);
        this.chart.draw(true);
      }).node;
    const scale = choice("Days", SCALES, this.scale, (name) => {
      this.scale = name;
      keep("term.scale", name);
      this.chart.draw(true);
    });
    const controls = el("div", { class: "controls" }, scale, show("rr", "Risk reversal 25Δ"), show("bf", "Butterfly 25Δ"));
    this.node = el("section", {}, controls, this.chart.node, this.words.node, this.table.node);
  }

  #option(colours) {
    if (!this.series.length) return null;
    const coins = [...new Set(this.series.map((one) => one.settle))].sort().reverse();
    const hasSkew = this.shows.rr || this.shows.bf;
    const lines = coins.flatMap((coin, index) => this.#lines(coin, index, hasSkew));
    const percents = { type: "value", scale: true, axisLabel: { formatter: percentTick } };
    const grids = hasSkew
      ? [{ left: 58, right: 24, top: 40, height: "48%" }, { left: 58, right: 24, top: "68%", bottom: 46 }]
      : [{ left: 58, right: 24, top: 40, bottom: 46 }];
    const daysAxis = (grid, name) =>
      axis(colours, {
        type: this.scale,
        gridIndex: grid,
        name,
        nameGap: 28,
        ...(this.scale === "log" ? { min: "dataMin", max: "dataMax" } : { min: 0 }),
        axisLabel: { formatter: (value) => `${Number(value.toPrecision(3))}` },
      });
    return {
      legend: legend(colours),
      grid: grids,
      tooltip: tooltip(colours, (found) => this.#tip(found)),
      xAxis: grids.map((_, grid) => daysAxis(grid, grid === grids.length - 1 ? "days to expiry" : "")),
      yAxis: grids.map((_, grid) => axis(colours, { ...percents, gridIndex: grid })),
      series: lines,
    };
  }

  #lines(coin, index, hasSkew) {
    const here = this.series.filter((one) => one.settle === coin);
    const grid = hasSkew ? 1 : 0;
    const line = (name, field, tint, at, dash) => ({
      name: `${name} ${coin}`,
      type: "line",
      xAxisIndex: at,
      yAxisIndex: at,
      symbolSize: 6,
      itemStyle: { color: tint },
      lineStyle: { color: tint, width: at ? 1.5 : 2, type: dash },
      data: here.map((one) => ({
        value: [Math.max(one.dte, DAYS_LEAST), one[field], one.label],
        symbol: one.live ? "circle" : "emptyCircle",
      })),
    });
    const dash = index ? "dashed" : "solid";
    return [
      line("ATM IV", "atm_iv", SERIES[index], 0, dash),
      ...(this.shows.rr ? [line("RR", "risk_reversal", SERIES[2 + index], grid, dash)] : []),
      ...(this.shows.bf ? [line("BF", "butterfly", SERIES[4 + index], grid, dash)] : []),
    ];
  }

  #tip(found) {
    const [x, , label] = found[0].value;
    return { title: `${label}, ${days(x)} d`, rows: found.map((one) => [one.seriesName, percent(one.value[1], 2), one.color]) };
  }

  // The chain of the first expiry: where "next expiry" leads from here.
  step() {
    const [first] = labels(this.series);
    if (first) location.hash = link(this.route.asset, "chain", first);
    return true;
  }
}

const COLUMNS = [
  { id: "label", head: "Expiry", isHead: true, isText: true, text: (one) => one.label, link: (one) => link(one.asset, "smile", one.label, one.settle) },
  { id: "settle", head: "Settle", isText: true, text: (one) => one.settle },
  { id: "dte", head: "DTE", text: (one) => days(one.dte) },
  { id: "atm_iv", head: "ATM IV", text: (one) => percent(one.atm_iv) },
  { id: "rr", head: "RR 25Δ", hint: "vol points", text: (one) => points(one.risk_reversal) },
  { id: "bf", head: "BF 25Δ", hint: "vol points", text: (one) => points(one.butterfly) },
];
