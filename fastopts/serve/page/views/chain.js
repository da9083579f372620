/** The chain of one series: calls on the left, puts on the right. */

import { pairByStrike } from "../data/chain.js";
import { chainFilter, filterPairs } from "../data/chain_filter.js";
import { commonSteps } from "../data/numbers.js";
import { el } from "../lib/dom.js";
import { rename, viewLink } from "../lib/router.js";
import { nextFrame } from "../lib/scheduling.js";
import { load, store } from "../lib/storage.js";
import { CHAIN_COLUMNS, defaultColumns, OPTIONAL } from "../widgets/chain_columns.js";
import { ChainFilterControls } from "../widgets/chain_filter_controls.js";
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
    this.filter = this.#initialFilter();
    this.heatmapField = load("heat", "mark_iv");
    // A phone has room for fewer columns: it has a choice of its own.
    this.columnsSetting = phone.matches ? "columns.narrow" : "columns";
    this.columns = load(this.columnsSetting, null) || defaultColumns(innerWidth);
    this.isCentred = false;
    this.isFitted = false;
    this.draw = () => this.#draw(); // one function, so that nextFrame() runs it once a frame
    this.table = new ChainTable(`Option chain ${asset} ${expiry}: calls left, puts right`, {
      asset,
      quote: "", // known with the first rows
    });
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
      new ChainFilterControls(this.filter, (filter) => this.#setFilter(filter)).node,
      segmented("Heatmap", HEATMAPS, this.heatmapField, (field) => this.#setHeatmap(field)),
      this.#makeColumnChooser(),
    );
    this.node = el(
      "section",
      { class: "full-height" },
      this.switcher.node,
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
    this.columnBoxes = CHAIN_COLUMNS.map(({ id, name, isFixed }) => {
      const isShown = isFixed || this.columns.includes(id);
      const box = checkbox(name, isShown, (isChecked) => this.#showColumn(id, isChecked));
      box.field.disabled = Boolean(isFixed);
      box.field.name = id;
      return box;
    });
    const reset = () => {
      store(this.columnsSetting, null);
      this.isFitted = false;
      this.#setColumns(defaultColumns(innerWidth));
    };
    return menu(
      "Columns",
      el(
        "fieldset",
        {},
        el("legend", {}, "Columns of each side"),
        ...this.columnBoxes.map(({ node }) => node),
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
    for (const { field } of this.columnBoxes) {
      field.checked = field.disabled || columns.includes(field.name);
    }
    nextFrame(this.draw);
  }

  // Once: how wide the columns are depends on the prices. A column that does not fit is left out of
  // the default ones, since a number that is cut at the edge reads as another number.
  #fitDefaultColumns(update) {
    this.isFitted = true;
    if (load(this.columnsSetting, null) || phone.matches) return;
    for (const ids of OPTIONAL) {
      if (this.scroller.scrollWidth <= this.scroller.clientWidth) return;
      this.#setColumns(this.columns.filter((id) => !ids.includes(id)));
      update();
    }
  }

  // Of the address, else the last one; a range of strikes is an asset's own.
  #initialFilter() {
    const { asset, search } = this.route;
    const stored = load("chain.filter", {});
    return chainFilter({
      side: search.get("side") ?? stored.side,
      strikes: search.get("strikes") ?? load("chain.strikes", {})[asset] ?? stored.strikes,
    });
  }

  #setFilter(filter) {
    const { asset, view, expiry, settle } = this.route;
    this.filter = filter;
    const isRange = filter.strikes.includes("-");
    const ranges = { ...load("chain.strikes", {}), [asset]: isRange ? filter.strikes : null };
    store("chain.strikes", ranges);
    if (!isRange) store("chain.filter", filter);
    rename(viewLink(asset, view, expiry, settle, filter));
    this.isCentred = false;
    nextFrame(this.draw);
  }

  #setHeatmap(field) {
    this.heatmapField = field;
    store("heat", field);
    nextFrame(this.draw);
  }

  #draw() {
    const rows = this.rows.all;
    const { forward = null, atm_strike: atm = null } = this.switcher.current ?? {};
    const steps = commonSteps(rows);
    if (rows.length) this.table.setCoins({ asset: this.route.asset, quote: rows[0].quote });
    this.pairs = filterPairs(pairByStrike(rows), this.filter, { forward, atm });
    const changed = this.rows.takeChanged();
    const update = () => this.table.update(this.pairs, { forward, atm, steps, changed });
    update();
    if (!this.isFitted && rows.length) this.#fitDefaultColumns(update);
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
