// ECharts, fetched when the first chart is opened, and dressed in the page's colours.

import { colour } from "../lib/colours.js";
import { el, toggleClass } from "../lib/dom.js";

const SOURCE = "../vendor/echarts.common.min.js";
export const SERIES = ["#4aa3f0", "#f0954a", "#45b08c", "#b48cf2", "#e06c9f", "#c2a83e", "#5fc3d6", "#9aa7b4"];

let library = null;

function load() {
  library ??= import(SOURCE).then(() => globalThis.echarts);
  return library;
}

// A chart in `node`. `option` is a function: it is asked again when the theme changes.
export class Chart {
  constructor(label, option) {
    this.option = option;
    this.node = el("div", { class: "chart", role: "img", "aria-label": label });
    this.echarts = null;
    this.isClosed = false;
    this.isAsked = false;
    this.observer = new ResizeObserver(() => this.echarts?.resize());
  }

  async draw(isAnew = false) {
    this.isAsked = true;
    if (this.echarts === null) {
      const echarts = await load();
      if (this.isClosed) return;
      if (this.echarts === null) {
        this.echarts = echarts.init(this.node, null, { renderer: "canvas" });
        this.observer.observe(this.node);
      }
    }
    const option = this.option(palette());
    if (option === null) return;
    this.echarts.setOption({ ...base(), ...option }, { notMerge: isAnew, replaceMerge: ["series"] });
    toggleClass(this.node, "drawn", true);
  }

  themed() {
    if (this.isAsked) this.draw(true);
  }

  close() {
    this.isClosed = true;
    this.observer.disconnect();
    this.echarts?.dispose();
  }
}

export function palette() {
  const names = ["text", "dim", "line", "faint", "surface", "accent", "call", "put", "up", "down", "warn"];
  return Object.fromEntries(names.map((name) => [name, colour(`--${name}`)]));
}

function base() {
  return {
    animation: false,
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
    color: SERIES,
  };
}

export function axis(colours, more) {
  return {
    nameTextStyle: { color: colours.dim },
    axisLine: { lineStyle: { color: colours.line } },
    axisTick: { lineStyle: { color: colours.line } },
    axisLabel: { color: colours.dim, hideOverlap: true, ...more.axisLabel },
    splitLine: { lineStyle: { color: colours.faint }, show: more.type !== "category" },
    nameLocation: "middle",
    ...without(more, "axisLabel"),
  };
}

// 47%, or 47.5% where a step is that small.
export function percentTick(value) {
  return `${Number((value * 100).toFixed(2))}%`.replace("-", "−");
}

function without(object, name) {
  return Object.fromEntries(Object.entries(object).filter(([key]) => key !== name));
}

// The tooltip as elements: ECharts' own text would be markup with styles in it.
export function tooltip(colours, rowsOf, trigger = "axis") {
  return {
    trigger,
    confine: true,
    backgroundColor: colours.surface,
    borderColor: colours.line,
    textStyle: { color: colours.text, fontSize: 12 },
    axisPointer: { type: "line", lineStyle: { color: colours.dim }, label: { show: false } },
    formatter: (found) => {
      const { title, rows } = rowsOf(Array.isArray(found) ? found : [found]);
      const lines = rows.map(([name, value, tint]) => tipLine(name, value, tint));
      return el("div", { class: "tip" }, el("b", {}, title), ...lines);
    },
  };
}

function tipLine(name, value, tint) {
  const dot = el("span", { class: "dot" });
  if (tint) dot.style.backgroundColor = tint;
  return el("div", { class: "tip-line" }, tint ? dot : null, el("span", {}, name), el("b", {}, value));
}

export function legend(colours) {
  return {
    type: "scroll",
    top: 0,
    left: 8,
    textStyle: { color: colours.text },
    inactiveColor: colours.dim,
    pageTextStyle: { color: colours.dim },
    pageIconColor: colours.text,
    itemWidth: 16,
    itemHeight: 8,
  };
}

// A line across the chart at `x`, with words at its end.
export function markAt(x, words, colours) {
  return {
    silent: true,
    symbol: "none",
    animation: false,
    label: { formatter: words, color: colours.text, position: "insideEndTop", fontSize: 11 },
    lineStyle: { color: colours.warn, type: "dashed", width: 1 },
    data: x === null ? [] : [{ xAxis: x }],
  };
}
