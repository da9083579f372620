// Open interest and volume by strike, calls beside puts, of one expiry or of all.

import { Chart, axis, legend, markAt, tooltip } from "../widgets/chart.js";
import { choice } from "../widgets/controls.js";
import { DataTable } from "../widgets/data_table.js";
import { el } from "../lib/dom.js";
import { compact, fixed, level, number } from "../lib/format.js";
import { atMostEvery } from "../lib/scheduling.js";
import { keep, read } from "../lib/storage.js";
import { Notice } from "../widgets/notice.js";
import { Rows, forwardOf } from "../data/rows.js";
import { Strip } from "../widgets/summary_bar.js";
import { Switcher } from "../widgets/expiry_switcher.js";

const REDRAW_MS = 500;
const ALL = "all";
const WHAT = [["open_interest", "Open interest"], ["volume_24h", "Volume 24 h"]];

export function open(route) {
  return new InterestView({ ...route, expiry: route.expiry ?? ALL });
}

class InterestView {
  constructor(route) {
    this.route = route;
    this.isAll = route.expiry === ALL;
    this.title = `${route.asset} ${this.isAll ? "" : `${route.expiry} `}open interest`;
    this.what = read("interest.what", "open_interest");
    this.rows = new Rows();
    const scope = this.isAll ? {} : { expiry: route.expiry, ...(route.settle ? { settle: route.settle } : {}) };
    this.subscriptions = [
      { id: "rows", asset: route.asset, ...scope },
      { id: "expiries", expiries: route.asset },
    ];
    this.redraw = atMostEvery(REDRAW_MS, () => this.#draw());
    this.#build();
  }

  opened() {
    this.rows.restart();
  }

  receive(message) {
    if (message.type === "rows") {
      this.rows.apply(message);
      if (this.rows.isComplete) this.redraw();
    } else if (message.type === "expiries") {
      this.index = message.index_price;
      this.switcher.take(message);
    } else if (message.type === "error") {
      this.words.say(message.detail);
    }
  }

  step(by) {
    return this.switcher.step(by);
  }

  themed() {
    this.chart.themed();
  }

  close() {
    this.redraw.cancel();
    this.chart.close();
  }

  #build() {
    this.switcher = new Switcher(this.route, [[ALL, "all expiries"]]);
    this.words = new Notice();
    this.strip = new Strip([
      { id: "calls", name: "Calls", hint: "base coin" },
      { id: "puts", name: "Puts", hint: "base coin" },
      { id: "ratio", name: "Put/call" },
      { id: "pain", name: "Max pain", hint: "the strike at which all options of this expiry together pay least" },
      { id: "live", name: "Live", hint: "options that are live, of those listed" },
    ]);
    this.chart = new Chart(`Calls and puts by strike, ${this.title}`, (colours) => this.#option(colours));
    this.table = new DataTable(`By strike: ${this.title}`, COLUMNS, (one) => String(one.strike));
    const what = choice("Show", WHAT, this.what, (name) => {
      this.what = name;
      keep("interest.what", name);
      this.#draw();
    });
    const controls = el("div", { class: "controls" }, this.switcher.node, what);
    this.node = el("section", {}, controls, this.strip.node, this.words.node, this.chart.node, this.table.node);
  }

  #draw() {
    this.rows.takeChanged();
    const rows = [...this.rows.bySymbol.values()];
    this.strikes = sums(rows, this.what);
    const calls = total(this.strikes, "call");
    const puts = total(this.strikes, "put");
    const interest = this.what === "open_interest" ? this.strikes : sums(rows, "open_interest");
    const shown = {
      calls: compact(calls),
      puts: compact(puts),
      ratio: calls ? fixed(puts / calls, 2) : "–",
      pain: this.isAll ? "–" : number(maxPain(interest)),
      live: `${fixed(rows.filter((row) => row.live).length, 0)}/${fixed(rows.length, 0)}`,
    };
    this.strip.set(shown, !rows.some((row) => row.live));
    this.table.update(this.strikes);
    this.chart.draw();
  }

  #option(colours) {
    if (!this.strikes?.length) return null;
    const rows = [...this.rows.bySymbol.values()];
    const at = this.isAll ? this.index : forwardOf(rows);
    const bar = (name, side, tint) => ({
      name,
      type: "bar",
      itemStyle: { color: tint },
      barGap: "8%",
      barCategoryGap: "28%",
      data: this.strikes.map((one) => one[side] ?? 0),
    });
    const mark = markAt(nearest(this.strikes, at), `${this.isAll ? "index" : "F"} ${level(at)}`, colours);
    return {
      legend: legend(colours),
      grid: { left: 62, right: 24, top: 40, bottom: 50 },
      tooltip: tooltip(colours, (found) => tip(found)),
      xAxis: axis(colours, { type: "category", name: "strike", nameGap: 30, data: this.strikes.map((one) => number(one.strike)) }),
      yAxis: axis(colours, { type: "value", axisLabel: { formatter: compact } }),
      series: [{ ...bar("Calls", "call", colours.call), markLine: mark }, bar("Puts", "put", colours.put)],
    };
  }
}

function tip(found) {
  return { title: found[0].name, rows: found.map((one) => [one.seriesName, compact(one.value), one.color]) };
}

// Of each strike what its calls and its puts have together; null where nothing is known.
export function sums(rows, name) {
  const strikes = new Map();
  for (const row of rows) {
    let one = strikes.get(row.strike);
    if (!one) strikes.set(row.strike, (one = { strike: row.strike, call: null, put: null }));
    if (row[name] === null) continue;
    const side = row.type === "C" ? "call" : "put";
    one[side] = (one[side] ?? 0) + row[name];
  }
  return [...strikes.values()].sort((one, other) => one.strike - other.strike);
}

function total(strikes, side) {
  return strikes.reduce((sum, one) => sum + (one[side] ?? 0), 0);
}

export function maxPain(strikes) {
  let best = null;
  for (const { strike } of strikes) {
    const paid = strikes.reduce((sum, one) => {
      const call = Math.max(strike - one.strike, 0) * (one.call ?? 0);
      const put = Math.max(one.strike - strike, 0) * (one.put ?? 0);
      return sum + call + put;
    }, 0);
    if (best === null || paid < best.paid) best = { strike, paid };
  }
  return best && total(strikes, "call") + total(strikes, "put") > 0 ? best.strike : null;
}

function nearest(strikes, at) {
  if (!at) return null;
  const far = (one) => Math.abs(one.strike - at);
  const best = strikes.reduce((one, other) => (far(other) < far(one) ? other : one));
  return number(best.strike);
}

const COLUMNS = [
  { id: "strike", head: "Strike", isHead: true, text: (one) => number(one.strike) },
  { id: "call", head: "Calls", text: (one) => compact(one.call) },
  { id: "put", head: "Puts", text: (one) => compact(one.put) },
];
