// The smile of an expiry: mark volatility, with the market's bid and ask around it.

import { Chart, SERIES, axis, legend, markAt, percentTick, tooltip } from "../widgets/chart.js";
import { checkbox, choice, menu } from "../widgets/controls.js";
import { DataTable } from "../widgets/data_table.js";
import { el } from "../lib/dom.js";
import { age, fixed, level, number, percent } from "../lib/format.js";
import { ageOf } from "../data/venue_clock.js";
import { atMostEvery } from "../lib/scheduling.js";
import { keep, read } from "../lib/storage.js";
import { Notice } from "../widgets/notice.js";
import { optionLink } from "../lib/router.js";
import { Rows, forwardOf, smileOf } from "../data/rows.js";
import { FIGURES } from "../data/series.js";
import { Strip } from "../widgets/summary_bar.js";
import { Switcher, toFront } from "../widgets/expiry_switcher.js";

const REDRAW_MS = 400;
const OVERLAYS_MOST = 7;
const BESIDE = 0.12; // of the width, free on each side
const AXES = [["strike", "Strike"], ["log_moneyness", "ln(K/F)"], ["delta", "Delta"]];

export function open(route) {
  return route.expiry === null ? toFront(route) : new SmileView(route);
}

class SmileView {
  constructor(route) {
    this.route = route;
    this.title = `${route.asset} ${route.expiry} smile`;
    this.axis = read("smile.axis", "strike");
    this.hasBand = read("smile.band", true);
    this.overlays = overlaysOf(route);
    this.rows = new Map([["rows", new Rows()], ...this.overlays.map(([label]) => [`+${label}`, new Rows()])]);
    this.subscriptions = [
      { id: "rows", ...series(route.asset, route.expiry, route.settle) },
      { id: "expiries", expiries: route.asset },
      ...this.overlays.map(([label, settle]) => ({ id: `+${label}`, ...series(route.asset, label, settle) })),
    ];
    this.redraw = atMostEvery(REDRAW_MS, () => this.#draw());
    this.#build();
  }

  opened() {
    for (const rows of this.rows.values()) rows.restart();
  }

  receive(message) {
    if (message.type === "rows") {
      this.rows.get(message.id)?.apply(message);
      this.redraw();
    } else if (message.type === "expiries") {
      this.switcher.take(message);
      this.switcher.showFigures(this.strip);
      this.#offerOverlays();
    } else if (message.type === "error") {
      this.problem.say(message.detail);
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
    this.switcher = new Switcher(this.route);
    this.strip = new Strip(FIGURES);
    this.problem = new Notice();
    this.chart = new Chart(`Implied volatility by strike, ${this.title}`, (colours) => this.#option(colours));
    this.table = new DataTable(`Smile of ${this.route.asset} ${this.route.expiry}`, COLUMNS, (point) => point.symbol);
    this.boxes = el("fieldset", {}, el("legend", {}, `Beside ${this.route.expiry}, at most ${OVERLAYS_MOST}`));
    const band = checkbox("Bid/ask band", this.hasBand, (on) => {
      this.hasBand = on;
      keep("smile.band", on);
      this.chart.draw(true);
    });
    const by = choice("By", AXES, this.axis, (name) => {
      this.axis = name;
      keep("smile.axis", name);
      this.chart.draw(true);
    });
    const controls = el("div", { class: "controls" }, this.switcher.node, by, band.node, menu("Other expiries", this.boxes));
    this.stale = el("p", { class: "hint warn", hidden: true });
    this.node = el("section", {}, controls, this.strip.node, this.problem.node, this.chart.node, this.stale, this.table.node);
  }

  #offerOverlays() {
    const others = this.switcher.series.filter((one) => one.label !== this.route.expiry);
    const byLabel = new Map(others.map((one) => [one.label, one]));
    const key = [...byLabel.keys()].join();
    if (key === this.offered) return;
    this.offered = key;
    const chosen = new Set(this.overlays.map(([label]) => label));
    const boxes = [...byLabel.keys()].map((label) =>
      checkbox(label, chosen.has(label), (on) => this.#overlay(label, on)).node,
    );
    this.boxes.replaceChildren(this.boxes.firstChild, ...boxes);
  }

  #overlay(label, isOn) {
    const labels = this.overlays.map(([one]) => one).filter((one) => one !== label);
    if (isOn) labels.push(label);
    keepOverlays(this.route, labels.slice(-OVERLAYS_MOST));
    dispatchEvent(new HashChangeEvent("hashchange"));
  }

  #points(id) {
    const rows = [...this.rows.get(id).bySymbol.values()];
    const forward = forwardOf(rows);
    return { forward, points: smileOf(rows, forward) };
  }

  #draw() {
    const { points } = this.#points("rows");
    this.table.update(points);
    const old = points.filter((point) => !point.live).length;
    this.stale.hidden = old === 0;
    this.stale.textContent = `${old} of ${points.length} points are not live: drawn hollow.`;
    this.chart.draw();
  }

  #option(colours) {
    const { points, forward } = this.#points("rows");
    if (!points.length) return null;
    const x = (point) => place(point, this.axis);
    const shown = points.filter((point) => x(point) !== null);
    const main = [
      ...(this.hasBand ? band(shown, x, colours) : []),
      line(this.route.expiry, shown, x, colours.accent, { markLine: markAt(middle(this.axis, forward), `F ${level(forward)}`, colours) }),
    ];
    const others = this.overlays.map(([label], index) => {
      const found = this.#points(`+${label}`).points.filter((point) => x(point) !== null);
      return line(label, found, x, SERIES[(index + 1) % SERIES.length], { lineStyle: { width: 1.2 }, symbolSize: 4 });
    });
    return {
      legend: { ...legend(colours), data: [this.route.expiry, "bid", "ask", ...this.overlays.map(([label]) => label)] },
      grid: { left: 56, right: 24, top: 34, bottom: 46 },
      tooltip: tooltip(colours, (found) => this.#tip(found, x)),
      xAxis: axis(colours, { ...xAxis(this.axis), ...(this.axis === "delta" ? {} : around(shown.map(x))) }),
      yAxis: axis(colours, { type: "value", scale: true, axisLabel: { formatter: percentTick } }),
      series: [...main, ...others],
    };
  }

  #tip(found, x) {
    const at = found[0].value[0];
    const point = this.#points("rows").points.find((one) => x(one) === at);
    const rows = found
      .filter((one) => !one.seriesName.startsWith("·"))
      .map((one) => [one.seriesName, percent(one.value[1], 2), one.color]);
    const title = point ? `${number(point.strike)} ${point.type === "C" ? "call" : "put"}` : shownAt(at, this.axis);
    const age_s = point && !point.live ? [["not live, age", age(ageOf(point.ts_ms)), null]] : [];
    return { title, rows: [...rows, ...age_s] };
  }
}

function series(asset, expiry, settle) {
  return settle ? { asset, expiry, settle } : { asset, expiry };
}

// Kept in the order they were chosen in; the coin of the view, where there are two.
function overlaysOf(route) {
  const labels = read("smile.overlays", {})[route.asset] || [];
  return labels.filter((label) => label !== route.expiry).map((label) => [label, null]);
}

function keepOverlays(route, labels) {
  keep("smile.overlays", { ...read("smile.overlays", {}), [route.asset]: labels });
}

// By delta: from the far put (0) over the money (50) to the far call (100).
function place(point, by) {
  if (by !== "delta") return point[by];
  if (point.delta === null) return null;
  return point.delta < 0 ? -point.delta * 100 : (1 - point.delta) * 100;
}

function middle(by, forward) {
  return { strike: forward, log_moneyness: 0, delta: 50 }[by];
}

function xAxis(by) {
  const type = "value";
  if (by === "strike") return { type, scale: true, name: "strike", nameGap: 28, axisLabel: { formatter: number } };
  if (by === "log_moneyness") return { type, scale: true, name: "ln(strike / forward)", nameGap: 28 };
  return { type, min: 0, max: 100, interval: 10, name: "delta: puts left, calls right", nameGap: 28, axisLabel: { formatter: deltaName } };
}

// The far wings of an overlaid expiry would press this one's smile flat.
function around(places) {
  const [least, most] = [Math.min(...places), Math.max(...places)];
  const room = (most - least) * BESIDE;
  return { min: nice(least - room, room, Math.floor), max: nice(most + room, room, Math.ceil) };
}

function nice(value, room, round) {
  const step = 10 ** Math.floor(Math.log10(room || 1));
  return Number((round(value / step) * step).toPrecision(6));
}

function deltaName(value) {
  if (value === 50) return "ATM";
  return value < 50 ? `${value}P` : `${100 - value}C`;
}

function shownAt(value, by) {
  if (by === "delta") return deltaName(Math.round(value));
  return by === "strike" ? number(value) : fixed(value, 4);
}

function line(name, points, x, tint, more = {}) {
  return {
    name,
    type: "line",
    symbol: "circle",
    symbolSize: 5,
    itemStyle: { color: tint },
    ...more,
    lineStyle: { color: tint, width: 2, ...more.lineStyle },
    data: points.map((point) => ({
      value: [x(point), point.mark_iv],
      symbol: point.live ? "circle" : "emptyCircle",
    })),
  };
}

// Bid and ask as triangles, and a bar from one to the other where both are there.
function band(points, x, colours) {
  const side = (name, field, tint, rotation) => ({
    name,
    type: "scatter",
    symbol: "triangle",
    symbolRotate: rotation,
    symbolSize: 6,
    itemStyle: { color: tint, opacity: 0.9 },
    data: points.filter((point) => point[field] !== null).map((point) => [x(point), point[field]]),
  });
  const both = points.filter((point) => point.bid_iv !== null && point.ask_iv !== null);
  const area = (name, value, areaStyle) => ({
    name,
    type: "line",
    stack: "band",
    silent: true,
    symbol: "none",
    lineStyle: { opacity: 0 },
    areaStyle,
    data: both.map((point) => [x(point), value(point)]),
  });
  return [
    area("·bid", (point) => point.bid_iv, { opacity: 0 }),
    area("·width", (point) => point.ask_iv - point.bid_iv, { color: colours.accent, opacity: 0.14 }),
    side("bid", "bid_iv", colours.up, 0),
    side("ask", "ask_iv", colours.down, 180),
  ];
}

const COLUMNS = [
  { id: "strike", head: "Strike", isHead: true, text: (point) => number(point.strike) },
  { id: "symbol", head: "Option", isText: true, text: (point) => point.symbol, link: (point) => optionLink(point.symbol) },
  { id: "log_moneyness", head: "ln(K/F)", text: (point) => fixed(point.log_moneyness, 4) },
  { id: "delta", head: "Delta", text: (point) => fixed(point.delta, 2) },
  { id: "bid_iv", head: "Bid IV", text: (point) => percent(point.bid_iv) },
  { id: "mark_iv", head: "Mark IV", text: (point) => percent(point.mark_iv) },
  { id: "ask_iv", head: "Ask IV", text: (point) => percent(point.ask_iv) },
  { id: "age", head: "Age", text: (point) => age(ageOf(point.ts_ms)) },
];
