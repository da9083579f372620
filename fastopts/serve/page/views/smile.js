/** The smile of one series: mark IV, with the IVs of bid and ask around it. */

import { MESSAGE } from "../data/constants.js";
import { heading } from "../data/fields.js";
import { ageOf } from "../data/venue_clock.js";
import { el } from "../lib/dom.js";
import { age, fixed, level, number, percent } from "../lib/format.js";
import { optionLink, reopen } from "../lib/router.js";
import { throttled } from "../lib/scheduling.js";
import { load, store } from "../lib/storage.js";
import {
  axis,
  axisTitle,
  Chart,
  legend,
  percentTick,
  SERIES_COLOURS,
  strikeRange,
  TRIANGLE_DOWN,
  TRIANGLE_UP,
  tooltip,
  verticalLines,
} from "../widgets/chart.js";
import { checkbox, menu, segmented } from "../widgets/controls.js";
import { Notice } from "../widgets/messages.js";
import { SeriesSummaryBar } from "../widgets/summary_bar.js";
import { CollapsibleTable } from "../widgets/table.js";
import { ExpiryView, FrontRedirect } from "./view.js";

const REDRAW_MS = 400;
const OVERLAYS_MAX = 7; // as many as there are colours besides the series' own
const LEFT = 56; // left margin of the chart, in pixels
const SERIES = "smile"; // id of the subscription to the smile of the view's own series
// ECharts needs a series for the lower edge of a band; names with this prefix are not shown.
const HIDDEN = "·";
const X_AXES = [
  ["strike", heading("strike")],
  ["log_moneyness", heading("log_moneyness")],
  ["delta", heading("delta")],
];

/**
 * @param {import("../lib/router.js").Route} route
 * @returns {import("./view.js").View}
 */
export function open(route) {
  return route.expiry === null ? new FrontRedirect(route) : new SmileView(route);
}

class SmileView extends ExpiryView {
  constructor(route) {
    const { asset, expiry, settle } = route;
    const overlays = overlaysOf(route);
    super(route, {
      title: `${asset} ${expiry} smile`,
      bodies: {
        [SERIES]: smileOf(asset, expiry, settle),
        ...Object.fromEntries(overlays.map((label) => [overlayId(label), smileOf(asset, label)])),
      },
    });
    /** @type {Map<string, Object>} The newest "smile" message of each subscription. */
    this.smiles = new Map();
    this.overlays = overlays;
    this.offeredLabels = "";
    this.axis = load("smile.axis", "strike");
    this.hasBand = load("smile.band", true);
    this.redraw = throttled(REDRAW_MS, () => this.#draw());
    this.summary = new SeriesSummaryBar();
    this.staleNotice = new Notice("hint warn", "status");
    this.chart = new Chart(`Implied volatility by strike, ${this.title}`, (colours) =>
      this.#chartOption(colours),
    );
    this.table = new CollapsibleTable({
      caption: `Smile of ${asset} ${expiry}`,
      columns: COLUMNS,
      key: ({ symbol }) => symbol,
    });
    this.overlayBoxes = el(
      "fieldset",
      {},
      el("legend", {}, `Compare with ${expiry} (up to ${OVERLAYS_MAX})`),
    );
    const band = checkbox("Bid/ask band", this.hasBand, (isOn) => {
      this.hasBand = isOn;
      store("smile.band", isOn);
      this.chart.draw(true);
    });
    const xAxis = segmented("X axis", X_AXES, this.axis, (name) => {
      this.axis = name;
      store("smile.axis", name);
      this.chart.draw(true);
    });
    this.node = el(
      "section",
      {},
      el(
        "div",
        { class: "controls" },
        this.switcher.node,
        xAxis,
        band.node,
        menu("Compare expiries", this.overlayBoxes),
      ),
      this.summary.node,
      this.notice.node,
      this.chart.node,
      this.staleNotice.node,
      this.table.node,
    );
  }

  receive(message) {
    if (message.type === MESSAGE.SMILE) {
      this.smiles.set(message.id, message);
      this.redraw();
    }
    return super.receive(message);
  }

  seriesChanged() {
    this.summary.show(this.switcher.current);
    this.#offerOverlays();
  }

  close() {
    this.redraw.cancel();
    super.close();
  }

  #offerOverlays() {
    const listed = this.switcher.series.map(({ label }) => label);
    const labels = [...new Set(listed)].filter((label) => label !== this.route.expiry);
    const key = labels.join();
    // Replacing a box would take the focus from it.
    if (key === this.offeredLabels) return;
    this.offeredLabels = key;
    const boxes = labels.map((label) =>
      checkbox(label, this.overlays.includes(label), (isOn) => this.#setOverlay(label, isOn)),
    );
    this.overlayBoxes.replaceChildren(
      this.overlayBoxes.firstChild,
      ...boxes.map(({ node }) => node),
    );
  }

  #setOverlay(label, isOn) {
    const labels = this.overlays.filter((overlay) => overlay !== label);
    if (isOn) labels.push(label);
    const { asset } = this.route;
    const stored = load("smile.overlays", {});
    store("smile.overlays", { ...stored, [asset]: labels.slice(-OVERLAYS_MAX) });
    reopen(); // other subscriptions need another view
  }

  // The smile of the series itself, or of an overlay.
  #smile(label = null) {
    const id = label === null ? SERIES : overlayId(label);
    return this.smiles.get(id) ?? { forward: null, points: [] };
  }

  #draw() {
    const { points } = this.#smile();
    this.table.update(points);
    const staleCount = points.filter(({ live }) => !live).length;
    const text = `${staleCount} of ${points.length} points are stale (hollow markers).`;
    this.staleNotice.show(staleCount ? text : "");
    this.chart.draw();
  }

  #chartOption(colours) {
    const { points, forward, quote } = this.#smile();
    if (!points.length) return null;
    const x = (point) => xOf(point, this.axis);
    const shown = points.filter((point) => x(point) !== null);
    const { expiry } = this.route;
    const forwardLine = verticalLines(
      [
        {
          x: this.axis === "strike" ? forward : ATM_X[this.axis],
          label: `F ${level(forward)}`,
          colour: colours.warn,
        },
      ],
      colours,
    );
    const main = makeLine(expiry, shown, x, colours.accent);
    const overlays = this.overlays.map((label, index) => {
      const others = this.#smile(label).points.filter((point) => x(point) !== null);
      const colour = SERIES_COLOURS[(index + 1) % SERIES_COLOURS.length];
      return makeLine(label, others, x, colour, { lineStyle: { width: 1.2 }, symbolSize: 4 });
    });
    const range = this.axis === "delta" ? {} : rangeOf(shown.map(x), this.chart);
    return {
      legend: { ...legend(colours), data: [expiry, "bid", "ask", ...this.overlays] },
      grid: { left: LEFT, right: 24, top: 58, bottom: 46 },
      tooltip: tooltip(colours, (items) => this.#describe(items, x)),
      xAxis: axis(colours, { ...X_AXIS_OPTIONS[this.axis](quote), ...range }),
      yAxis: axis(colours, {
        type: "value",
        scale: true,
        ...axisTitle("implied volatility", LEFT),
        axisLabel: { formatter: percentTick },
      }),
      series: [
        ...(this.hasBand ? makeBand(shown, x, colours) : []),
        main,
        ...overlays,
        forwardLine,
      ],
    };
  }

  #describe(items, x) {
    const position = items[0].value[0];
    const point = this.#smile().points.find((each) => x(each) === position);
    const rows = items
      .filter(({ seriesName }) => !seriesName.startsWith(HIDDEN))
      .map(({ seriesName, value, color }) => [seriesName, percent(value[1], 2), color]);
    if (!point) return { title: positionText(position, this.axis), rows };
    if (!point.live) rows.push(["stale, age", age(ageOf(point.ts_ms)), null]);
    const side = point.type === "C" ? "call" : "put";
    return { title: `${number(point.strike)} ${side}`, rows };
  }
}

const smileOf = (asset, expiry, settle = null) => ({
  smile: asset,
  expiry,
  ...(settle && { settle }),
});

const overlayId = (label) => `+${label}`;

// Labels in the order in which they were chosen. An overlay is of the default settle coin.
function overlaysOf({ asset, expiry }) {
  const labels = load("smile.overlays", {})[asset] || [];
  return labels.filter((label) => label !== expiry);
}

// Deltas from the far out-of-the-money put (0) over the money (50) to the far call (100), so that
// puts and calls share one axis.
function xOf(point, axisName) {
  if (axisName !== "delta") return point[axisName];
  if (point.delta === null) return null;
  return point.delta < 0 ? -point.delta * 100 : (1 - point.delta) * 100;
}

const ATM_X = { log_moneyness: 0, delta: 50 };

const X_AXIS_OPTIONS = {
  strike: (quote) => ({
    type: "value",
    scale: true,
    name: `strike (${quote})`,
    nameGap: 28,
    axisLabel: { formatter: number },
  }),
  log_moneyness: () => ({
    type: "value",
    scale: true,
    name: "ln(strike / forward)",
    nameGap: 28,
  }),
  delta: () => ({
    type: "value",
    min: 0,
    max: 100,
    interval: 10,
    name: "delta: puts left, calls right",
    nameGap: 28,
    axisLabel: { formatter: deltaText },
  }),
};

// The axis follows the series itself: the far wings of an overlay would compress it.
function rangeOf(positions, chart) {
  return strikeRange(Math.min(...positions), Math.max(...positions), chart);
}

function deltaText(value) {
  if (value === 50) return "ATM";
  return value < 50 ? `${value}P` : `${100 - value}C`;
}

function positionText(value, axisName) {
  if (axisName === "delta") return deltaText(Math.round(value));
  return axisName === "strike" ? number(value) : fixed(value, 4);
}

function makeLine(name, points, x, colour, options = {}) {
  return {
    name,
    type: "line",
    symbol: "circle",
    symbolSize: 5,
    itemStyle: { color: colour },
    ...options,
    lineStyle: { color: colour, width: 2, ...options.lineStyle },
    data: points.map((point) => ({
      value: [x(point), point.mark_iv],
      symbol: point.live ? "circle" : "emptyCircle",
    })),
  };
}

// Bid and ask as triangles, and an area between them where there are both.
function makeBand(points, x, colours) {
  const makeTriangles = (name, field, colour, symbol) => ({
    name,
    type: "scatter",
    symbol,
    symbolSize: 6,
    itemStyle: { color: colour, opacity: 0.9 },
    data: points.filter((point) => point[field] !== null).map((point) => [x(point), point[field]]),
  });
  const quoted = points.filter(({ bid_iv, ask_iv }) => bid_iv !== null && ask_iv !== null);
  // ECharts fills from 0, or from the series below in a stack: an invisible area up to the bid,
  // and on it the visible one up to the ask.
  const makeArea = (name, height, areaStyle) => ({
    name: HIDDEN + name,
    type: "line",
    stack: "band",
    silent: true,
    symbol: "none",
    lineStyle: { opacity: 0 },
    areaStyle,
    data: quoted.map((point) => [x(point), height(point)]),
  });
  return [
    makeArea("bid", ({ bid_iv }) => bid_iv, { opacity: 0 }),
    makeArea("width", ({ bid_iv, ask_iv }) => ask_iv - bid_iv, {
      color: colours.accent,
      opacity: 0.14,
    }),
    makeTriangles("bid", "bid_iv", colours.up, TRIANGLE_UP),
    makeTriangles("ask", "ask_iv", colours.down, TRIANGLE_DOWN),
  ];
}

const column = (id, text, options = {}) => ({ id, heading: heading(id), text, ...options });

const COLUMNS = [
  column("strike", ({ strike }) => number(strike), { isRowHeading: true }),
  column("symbol", ({ symbol }) => symbol, {
    isText: true,
    link: ({ symbol }) => optionLink(symbol),
  }),
  column("log_moneyness", ({ log_moneyness }) => fixed(log_moneyness, 4)),
  column("delta", ({ delta }) => fixed(delta, 2)),
  column("bid_iv", ({ bid_iv }) => percent(bid_iv)),
  column("mark_iv", ({ mark_iv }) => percent(mark_iv)),
  column("ask_iv", ({ ask_iv }) => percent(ask_iv)),
  { id: "age", heading: "Age", text: ({ ts_ms }) => age(ageOf(ts_ms)) },
];
