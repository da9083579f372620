/** Charts by Apache ECharts, in the page's colours. */

import { el, toggleClass } from "../lib/dom.js";
import { compact } from "../lib/format.js";
import { cssColour } from "../lib/theme.js";

// Three quarters of the page's weight: loaded when the first chart is opened.
const LIBRARY = "../vendor/echarts.common.min.js";

/** Colours of series that have none of their own, readable in both themes. */
export const SERIES_COLOURS = [
  "#4aa3f0",
  "#f0954a",
  "#45b08c",
  "#b48cf2",
  "#e06c9f",
  "#c2a83e",
  "#5fc3d6",
  "#9aa7b4",
];

const PALETTE_NAMES = "text dim line faint surface accent call put up down warn".split(" ");

let library = null;

function loadLibrary() {
  library ??= import(LIBRARY).then(() => globalThis.echarts);
  return library;
}

/**
 * The style sheet's colours in the current theme, by name.
 *
 * @typedef {Object<string, string>} Palette
 */

/** A chart that is redrawn on request and follows the theme and the size of its element. */
export class Chart {
  /**
   * @param {string} label What the chart shows, for screen readers.
   * @param {function(Palette): ?Object} makeOption Returns the ECharts option; null for no data.
   */
  constructor(label, makeOption) {
    this.makeOption = makeOption;
    this.node = el("div", { class: "chart", role: "img", "aria-label": label });
    this.echarts = null;
    this.isClosed = false;
    this.isRequested = false;
    this.observer = new ResizeObserver(() => this.echarts?.resize());
  }

  /**
   * Draw the chart with current data.
   *
   * @param {boolean} isReplaced Whether axes and legend are built from scratch, as needed when they
   *   change. Otherwise zoom and hidden series are kept.
   */
  async draw(isReplaced = false) {
    this.isRequested = true;
    if (this.echarts === null) {
      const echarts = await loadLibrary();
      // Both may have changed while the library was loading.
      if (this.isClosed) return;
      if (this.echarts === null) {
        this.echarts = echarts.init(this.node, null, { renderer: "canvas" });
        this.observer.observe(this.node);
      }
    }
    const option = this.makeOption(palette());
    if (option === null) return;
    const settings = { notMerge: isReplaced, replaceMerge: ["series"] };
    this.echarts.setOption({ ...commonOption(), ...option }, settings);
    toggleClass(this.node, "drawn", true);
  }

  /** Draw again in the colours of another theme. */
  themeChanged() {
    if (this.isRequested) this.draw(true);
  }

  /** Release the canvas. */
  close() {
    this.isClosed = true;
    this.observer.disconnect();
    this.echarts?.dispose();
  }
}

function palette() {
  return Object.fromEntries(PALETTE_NAMES.map((name) => [name, cssColour(`--${name}`)]));
}

function commonOption() {
  return {
    animation: false, // values change several times a second
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
    color: SERIES_COLOURS,
  };
}

/**
 * @param {Palette} colours
 * @param {Object} options ECharts axis options in addition to the colours.
 * @returns {Object} An ECharts axis.
 */
export function axis(colours, { axisLabel = {}, nameTextStyle = {}, ...options }) {
  return {
    nameTextStyle: { color: colours.dim, ...nameTextStyle },
    axisLine: { lineStyle: { color: colours.line } },
    axisTick: { lineStyle: { color: colours.line } },
    axisLabel: { color: colours.dim, hideOverlap: true, ...axisLabel },
    splitLine: { lineStyle: { color: colours.faint }, show: options.type !== "category" },
    nameLocation: "middle",
    ...options,
  };
}

/**
 * Label of a volatility axis: 47%, or 47.5% if the ticks are that close.
 *
 * @param {number} value A fraction.
 * @returns {string}
 */
export function percentTick(value) {
  return `${Number((value * 100).toFixed(2))}%`.replace("-", "−");
}

/**
 * Label of an axis of differences of volatilities in vol points: +2.5, 0 or −1.
 *
 * @param {number} value A fraction.
 * @returns {string}
 */
export function pointsTick(value) {
  const tick = Number((value * 100).toFixed(2));
  return `${tick > 0 ? "+" : ""}${tick}`.replace("-", "−");
}

/**
 * Label of an axis of sizes: 60 or 1.5k, without the zeros that align the numbers of a column.
 *
 * @param {number} value In base coin.
 * @returns {string}
 */
export function sizeTick(value) {
  return compact(value)
    .replace(/(\.\d*?)0+(?=\D?$)/, "$1")
    .replace(/\.(?=\D?$)/, "");
}

/**
 * A tooltip made of elements: as a string it would be parsed as HTML, inline styles included.
 *
 * @param {Palette} colours
 * @param {function(Object[]): {title: string, rows: Array<[string, string, ?string]>}} describe
 *   Given the ECharts items under the pointer; rows are name, value and colour.
 * @returns {Object} An ECharts tooltip.
 */
export function tooltip(colours, describe) {
  return {
    trigger: "axis",
    confine: true,
    backgroundColor: colours.surface,
    borderColor: colours.line,
    textStyle: { color: colours.text, fontSize: 12 },
    axisPointer: { type: "line", lineStyle: { color: colours.dim }, label: { show: false } },
    formatter: (items) => {
      const { title, rows } = describe(Array.isArray(items) ? items : [items]);
      return el("div", { class: "tip" }, el("b", {}, title), ...rows.map(makeTooltipRow));
    },
  };
}

function makeTooltipRow([name, value, colour]) {
  const dot = el("span", { class: "dot" });
  if (colour) dot.style.backgroundColor = colour;
  return el(
    "div",
    { class: "tip-line" },
    colour ? dot : null,
    el("span", {}, name),
    el("b", {}, value),
  );
}

/**
 * @param {Palette} colours
 * @returns {Object} An ECharts legend.
 */
export function legend(colours) {
  return {
    type: "scroll",
    top: 0,
    left: 8,
    // Without a line height, a legend that scrolls cuts off the top of its texts.
    textStyle: { color: colours.text, lineHeight: 18 },
    inactiveColor: colours.dim,
    pageTextStyle: { color: colours.dim },
    pageIconColor: colours.text,
    itemWidth: 16,
    itemHeight: 8,
  };
}

/**
 * Symbols of bids and asks: ECharts' own triangle is stretched in a legend, and rotated on the chart
 * alone.
 */
export const TRIANGLE_UP = "path://M0,9 L10,9 L5,0 Z";
export const TRIANGLE_DOWN = "path://M0,0 L10,0 L5,9 Z";

/**
 * The title of a vertical axis, above it: beside it there is no room on a phone.
 *
 * @param {string} name With the unit.
 * @param {number} margin Width of the chart's margin, in pixels.
 * @returns {Object} Part of an ECharts axis.
 */
export function axisTitle(name, margin) {
  return {
    name,
    nameLocation: "end",
    nameGap: 12,
    nameTextStyle: { align: "left", padding: [0, 0, 0, 8 - margin] },
  };
}

const TICK_STEPS = [1, 2, 2.5, 5, 10];

/**
 * A range of an axis whose ends are ticks, so that no label stands out of the row of the others.
 *
 * @param {number} min
 * @param {number} max
 * @param {number} intervals Greatest number of intervals between ticks.
 * @returns {{min: number, max: number, interval: number}} Part of an ECharts axis.
 */
function roundRange(min, max, intervals) {
  const least = (max - min) / intervals || Math.abs(min) / 10 || 1;
  const power = 10 ** Math.floor(Math.log10(least));
  const step = TICK_STEPS.find((each) => each * power >= least) * power;
  // 0.1 * 3 must be 0.3, not 0.30000000000000004.
  const multiple = (count) => Number((count * step).toPrecision(12));
  return {
    min: multiple(Math.floor(min / step)),
    max: multiple(Math.ceil(max / step)),
    interval: step,
  };
}

const STRIKE_WIDTH = 80; // of the label of a strike with its surroundings, in pixels

/**
 * The range of an axis of strikes, or of another measure with labels of that width.
 *
 * @param {number} min
 * @param {number} max
 * @param {Chart} chart
 * @returns {{min: number, max: number, interval: number}} Part of an ECharts axis.
 */
export function strikeRange(min, max, chart) {
  return roundRange(min, max, Math.max(Math.floor(chart.node.clientWidth / STRIKE_WIDTH), 2));
}

/**
 * Vertical lines with labels, such as at the forward and at max pain. The labels are at different
 * heights, since the lines may be close to each other.
 *
 * @param {{x: ?number, label: string, colour: string}[]} lines Lines without a position are left out.
 * @param {Palette} colours
 * @returns {Object} An ECharts series without data. On a series of bars, lines would be shifted as its
 *   bars are.
 */
export function verticalLines(lines, colours) {
  const positions = ["insideEndTop", "insideMiddleTop", "insideStartTop"];
  const markLine = {
    silent: true,
    symbol: "none",
    animation: false,
    data: lines
      .map(({ x, label, colour }, index) => ({
        xAxis: x,
        label: {
          formatter: label,
          color: colours.text,
          // Bars may be behind the text.
          backgroundColor: colours.surface,
          padding: [1, 3],
          position: positions[index % positions.length],
          fontSize: 11,
        },
        lineStyle: { color: colour, type: index ? "solid" : "dashed", width: index ? 1.5 : 1 },
      }))
      .filter(({ xAxis }) => xAxis !== null && xAxis !== undefined),
  };
  return { name: "lines", type: "line", data: [], markLine };
}
