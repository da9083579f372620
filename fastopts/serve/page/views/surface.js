/** The volatility surface: mark IV by expiry and delta, as a heatmap table. */

import { MESSAGE } from "../data/constants.js";
import { seriesKey } from "../data/series.js";
import { el, toggleClass } from "../lib/dom.js";
import { percent } from "../lib/format.js";
import { viewLink } from "../lib/router.js";
import { nextFrame } from "../lib/scheduling.js";
import { load, store } from "../lib/storage.js";
import { segmented } from "../widgets/controls.js";
import { scaleOf, setWarmth } from "../widgets/heatmap.js";
import { expiryColumn, SERIES_COLUMNS } from "../widgets/series_columns.js";
import { Table } from "../widgets/table.js";
import { View } from "./view.js";

const SURFACE = "surface";
const ROW = "row";
const SCALES = [
  [SURFACE, "Whole surface"],
  [ROW, "Per expiry"],
];
const ATM = "atm";

/**
 * @param {import("../lib/router.js").Route} route
 * @returns {View}
 */
export function open(route) {
  return new SurfaceView(route);
}

class SurfaceView extends View {
  constructor({ asset }) {
    super(`${asset} surface`, [{ id: "surface", surface: asset, settle: null }]);
    this.asset = asset;
    this.message = null;
    this.table = null; // its columns are the deltas of the first message
    this.shownDeltas = "";
    this.surfaceScale = null;
    this.scaleBy = load("surface.scale", SURFACE);
    this.draw = () => this.#draw();
    const scale = segmented("Colour scale", SCALES, this.scaleBy, (name) => {
      this.scaleBy = name;
      store("surface.scale", name);
      nextFrame(this.draw);
    });
    this.legend = el("span", { class: "scale" });
    this.tableHolder = el("div", { class: "scroll" });
    this.node = el(
      "section",
      {},
      el("div", { class: "controls" }, scale, this.legend),
      this.notice.node,
      this.tableHolder,
      el(
        "p",
        { class: "hint" },
        "Mark IV interpolated by the venue's deltas; – where the listed options do not reach.",
      ),
    );
  }

  receive(message) {
    if (message.type === MESSAGE.SURFACE) {
      this.message = message;
      nextFrame(this.draw);
    }
    return super.receive(message);
  }

  #draw() {
    if (this.message === null) return;
    const { deltas, expiries: series } = this.message;
    if (this.shownDeltas !== deltas.join()) this.#makeTable(deltas);
    this.surfaceScale = scaleOf(series.flatMap(({ ivs }) => ivs));
    this.table.update(series);
    if (this.surfaceScale) this.#showLegend(this.surfaceScale);
  }

  #showLegend({ min, max }) {
    const isAbsolute = this.scaleBy === SURFACE;
    this.legend.replaceChildren(
      isAbsolute ? percent(min) : "low",
      el("span", { class: "ramp", "aria-hidden": "true" }),
      isAbsolute ? percent(max) : "high",
    );
  }

  #makeTable(deltas) {
    this.shownDeltas = deltas.join();
    const { asset } = this;
    this.table = new Table({
      caption: `Mark IV of ${asset} by expiry and delta`,
      key: seriesKey,
      opens: ({ label, settle }) => viewLink(asset, "smile", label, settle),
      isStale: ({ live }) => live === 0,
      columns: [
        expiryColumn(asset, "smile"),
        SERIES_COLUMNS.settle,
        SERIES_COLUMNS.dte,
        SERIES_COLUMNS.forward,
        ...deltas.map((delta, index) => this.#deltaColumn(delta, index)),
        SERIES_COLUMNS.live,
      ],
    });
    this.table.node.classList.add("surface");
    this.tableHolder.replaceChildren(this.table.node);
  }

  #deltaColumn(delta, index) {
    return {
      id: `d${index}`,
      heading: deltaHeading(delta),
      hint: deltaDescription(delta),
      text: ({ ivs }) => percent(ivs[index]),
      paint: (cell, { ivs }) => {
        toggleClass(cell, "warmth", ivs[index] !== null);
        toggleClass(cell, "atm-column", delta === ATM);
        setWarmth(cell, ivs[index], this.scaleBy === SURFACE ? this.surfaceScale : scaleOf(ivs));
      },
    };
  }
}

// 25P, ATM, 25C.
function deltaHeading(delta) {
  if (delta === ATM) return "ATM";
  return `${Math.round(Math.abs(delta) * 100)}${delta < 0 ? "P" : "C"}`;
}

function deltaDescription(delta) {
  if (delta === ATM) return "at the forward";
  return `${delta < 0 ? "put" : "call"} with a delta of ${delta}`.replace("-", "−");
}
