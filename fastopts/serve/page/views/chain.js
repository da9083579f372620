/** The chain of one series: calls on the left, puts on the right. */

import { pairByStrike } from "../data/chain.js";
import { el } from "../lib/dom.js";
import { nextFrame } from "../lib/scheduling.js";
import { load, store } from "../lib/storage.js";
import { CHAIN_COLUMNS, defaultColumns } from "../widgets/chain_columns.js";
import { ChainTable } from "../widgets/chain_table.js";
import { checkbox, menu, segmented } from "../widgets/controls.js";
import { scaleOf } from "../widgets/heatmap.js";
import { SeriesSummaryBar } from "../widgets/summary_bar.js";
import { ExpiryView, FrontRedirect, seriesRows } from "./view.js";

const HEATMAPS = [
  ["", "Off"],
  ["mark_iv", "IV"],
  ["open_interest", "OI"],
];
const phone = matchMedia("(max-width: 700px)");

/**
 * @param {import("../lib/router.js").Route} route
 * @returns {import("./view.js").View}
 */
export function open(route) {
  return route.expiry === null ? new FrontRedirect(route) : new ChainView(route);
}

class ChainView extends ExpiryView {
  constructor(route) {
    const { asset, expiry, settle } = route;
    super(route, {
      title: `${asset} ${expiry} chain`,
      rows: { rows: seriesRows(asset, expiry, settle) },
    });
    this.pairs = [];
    this.heatmapField = load("heat", "mark_iv");
    // A phone has room for fewer columns: it has a choice of its own.
    this.columnsSetting = phone.matches ? "columns.narrow" : "columns";
    this.columns = load(this.columnsSetting, null) || defaultColumns(phone.matches);
    this.isCentred = false;
    this.draw = () => this.#draw(); // one function, so that nextFrame() runs it once a frame
    this.table = new ChainTable(`Option chain ${asset} ${expiry}: calls left, puts right`);
    this.table.setColumns(this.columns);
    this.summary = new SeriesSummaryBar();
    this.scroller = el(
      "div",
      { class: "scroll chain-scroll", tabindex: "0", role: "region", "aria-label": "Chain" },
      this.table.node,
    );
    const controls = el(
      "div",
      { class: "controls" },
      this.switcher.node,
      segmented("Heatmap", HEATMAPS, this.heatmapField, (field) => this.#setHeatmap(field)),
      this.#makeColumnChooser(),
    );
    this.node = el(
      "section",
      { class: "full-height" },
      controls,
      this.summary.node,
      this.notice.node,
      this.scroller,
    );
  }

  rowsChanged() {
    nextFrame(this.draw);
  }

  seriesChanged() {
    this.summary.show(this.switcher.current);
    nextFrame(this.draw); // the at-the-money strike may be another
  }

  tick() {
    this.table.refreshAges(this.pairs);
    this.summary.show(this.switcher.current);
  }

  #makeColumnChooser() {
    const boxes = CHAIN_COLUMNS.map(({ id, name, isFixed }) => {
      const isShown = isFixed || this.columns.includes(id);
      const box = checkbox(name, isShown, (isChecked) => this.#showColumn(id, isChecked));
      box.field.disabled = Boolean(isFixed);
      box.field.name = id;
      return box;
    });
    const reset = () => {
      store(this.columnsSetting, null);
      this.#setColumns(defaultColumns(phone.matches));
      for (const { field } of boxes) {
        field.checked = field.disabled || this.columns.includes(field.name);
      }
    };
    return menu(
      "Columns",
      el(
        "fieldset",
        {},
        el("legend", {}, "Columns of each side"),
        ...boxes.map(({ node }) => node),
      ),
      el("button", { type: "button", class: "button", onclick: reset }, "Reset to default"),
    );
  }

  #showColumn(id, isShown) {
    const others = this.columns.filter((column) => column !== id);
    const columns = isShown ? [...others, id] : others;
    store(this.columnsSetting, columns);
    this.#setColumns(columns);
  }

  #setColumns(columns) {
    this.columns = columns;
    this.table.setColumns(columns);
    nextFrame(this.draw);
  }

  #setHeatmap(field) {
    this.heatmapField = field;
    store("heat", field);
    nextFrame(this.draw);
  }

  #draw() {
    const rows = this.rows.all;
    this.pairs = pairByStrike(rows);
    const { forward = null, atm_strike: atm = null } = this.switcher.current ?? {};
    this.table.update(this.pairs, { forward, atm, changed: this.rows.takeChanged() });
    const scale = this.heatmapField ? scaleOf(rows.map((row) => row[this.heatmapField])) : null;
    this.table.setHeatmap(this.pairs, this.heatmapField, scale);
    if (!this.isCentred && rows.length) this.#centreAtm();
  }

  // Once, when the view is opened: afterwards the scroll position is the user's.
  #centreAtm() {
    const row = this.table.node.querySelector("tr.atm");
    if (!row) return;
    this.isCentred = true;
    const strike = row.querySelector(".strike");
    const middle = strike.offsetLeft + strike.offsetWidth / 2;
    this.scroller.scrollLeft = middle - this.scroller.clientWidth / 2;
    this.scroller.scrollTop = row.offsetTop - this.scroller.clientHeight / 2;
  }
}
