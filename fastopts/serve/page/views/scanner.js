/** The scanner: options within bounds, kept current while the view is open. */

import { get } from "../data/api.js";
import { MESSAGE } from "../data/constants.js";
import { briefHeading, columnUnit, description, heading } from "../data/fields.js";
import { fieldText, formatted } from "../data/numbers.js";
import { CLEARED } from "../data/pending_subscriptions.js";
import { BASIC_FILTER, DEFAULT_FILTER, scanOf } from "../data/scan_filter.js";
import { ageOf, daysTo } from "../data/venue_clock.js";
import { el, toggleClass } from "../lib/dom.js";
import { age, fixed, reasonText } from "../lib/format.js";
import { navigate, optionLink, redirect, scanLink } from "../lib/router.js";
import { nextFrame } from "../lib/scheduling.js";
import { load } from "../lib/storage.js";
import { FilterForm } from "../widgets/filter_form.js";
import { scaleOf, setWarmth } from "../widgets/heatmap.js";
import { copyToClipboard } from "../widgets/messages.js";
import { Table } from "../widgets/table.js";
import { View } from "./view.js";

/** @typedef {import("../data/rows.js").OptionRow} OptionRow */
/** @typedef {import("../data/scan_filter.js").ScanFilter} ScanFilter */

/**
 * @param {import("../lib/router.js").Route} route
 * @returns {View}
 */
export function open(route) {
  return new ScannerView(filterOf(route.search));
}

// The address holds the filter; without one, it is the asset that was viewed last.
function filterOf(search) {
  const filter = Object.fromEntries(search);
  const isEmpty = Object.keys(filter).length === 0;
  return isEmpty ? { ...DEFAULT_FILTER, asset: load("asset", "") } : { ...BASIC_FILTER, ...filter };
}

class ScannerView extends View {
  /** @param {ScanFilter} filter */
  constructor(filter) {
    super("Scanner", []);
    this.result = null;
    this.scale = null;
    this.sort = filter.sort || "";
    this.draw = () => this.#draw();
    this.form = new FilterForm(filter, (changed) => this.#run(changed));
    this.summary = el("p", { class: "summary" }, "Scanning…");
    this.table = new Table({
      caption: "Scanner results; Enter or a click opens the option",
      columns: this.#columns(),
      key: ({ symbol }) => symbol,
      opens: ({ symbol }) => optionLink(symbol),
      symbol: ({ symbol }) => symbol,
      isStale: ({ live }) => !live,
      onSort: (name) => this.#sortBy(name),
    });
    this.table.markSorted(this.sort.replace("-", ""), this.sort.startsWith("-"));
    const scroller = el(
      "div",
      { class: "scroll scan-scroll", tabindex: "0", role: "region", "aria-label": "Results" },
      this.table.node,
    );
    this.node = el(
      "section",
      { class: "full-height" },
      this.form.node,
      this.notice.node,
      this.summary,
      scroller,
    );
    this.subscriptions = [{ id: "scan", scan: scanOf(filter) }];
    this.#loadAssets();
  }

  receive(message) {
    if (message.type === MESSAGE.ERROR) return this.#showError(message);
    if (message.type === MESSAGE.SCAN) {
      this.result = message;
      nextFrame(this.draw);
    }
    return null;
  }

  tick() {
    this.table.refreshColumn("age");
  }

  async #loadAssets() {
    const feed = await get("v1/feed").catch(() => null);
    if (feed) this.form.setAssets(feed.assets);
  }

  // The address changes, which opens the view again with the new filter.
  #run(filter) {
    const hash = scanLink(filter);
    if (hash === location.hash) redirect(hash);
    else navigate(hash);
  }

  #sortBy(name) {
    const sort = this.sort === `-${name}` ? name : `-${name}`;
    this.form.fill({ ...this.form.filter, sort });
    this.#run(this.form.filter);
  }

  // An invalid bound is shown at its field. There are no results then that could be out of date.
  #showError({ reason, detail, arguments: names = [] }) {
    this.notice.show(this.form.showError(names, detail) ? "" : detail);
    this.summary.textContent = "No results.";
    if (reason !== "BadInput") return null;
    this.result = null;
    this.table.update([]);
    return CLEARED;
  }

  #draw() {
    if (this.result === null) return;
    const { options, matching, considered, excluded, out_of_bounds: outOfBounds } = this.result;
    this.scale = scaleOf(options.map(({ mark_iv }) => mark_iv));
    this.table.setCoins({
      asset: common(options, "asset") ?? "base",
      quote: common(options, "quote") ?? "quote",
    });
    this.table.update(options);
    const reasons = Object.entries(excluded)
      .filter(([, count]) => count > 0)
      .map(([reason, count]) => `${fixed(count, 0)} ${reasonText(reason)}`);
    // Each option that was considered is in one of these numbers, as in the other programs.
    const counts = [
      `${fixed(options.length, 0)} shown`,
      `${fixed(matching, 0)} match of ${fixed(considered, 0)} considered`,
      `${fixed(outOfBounds, 0)} out of bounds`,
      `excluded: ${reasons.join(", ") || "none"}`,
    ];
    this.summary.textContent = counts.join("; ");
  }

  #columns() {
    const sortable = (id, text, options = {}) => ({
      id,
      heading: heading(id),
      hint: description(id),
      sort: id,
      text,
      ...options,
    });
    // Rows are of several series: each is written on its own grid of prices and sizes.
    const figure = (id, options = {}) =>
      sortable(id, (row) => fieldText(row, id), {
        unit: (coins) => columnUnit(id, coins),
        ...options,
      });
    const brief = (id) => figure(id, { heading: briefHeading(id) });
    const sizeColumn = (id) => figure(id, { heading: "Size", sort: undefined });
    return [
      {
        id: "symbol",
        heading: heading("symbol"),
        isRowHeading: true,
        isText: true,
        text: ({ symbol }) => symbol,
        link: ({ symbol }) => optionLink(symbol),
        button: makeCopyButton,
      },
      sortable("dte", ({ expiry_ms }) => formatted(daysTo(expiry_ms), "days")),
      figure("moneyness"),
      figure("delta"),
      figure("bid_price"),
      sizeColumn("bid_size"),
      figure("ask_price"),
      sizeColumn("ask_size"),
      figure("mark_price"),
      figure("bid_iv"),
      figure("mark_iv", {
        paint: (cell, { mark_iv }) => {
          toggleClass(cell, "warmth", true);
          setWarmth(cell, mark_iv, this.scale);
        },
      }),
      figure("ask_iv"),
      figure("spread_iv", {
        heading: briefHeading("spread_iv"),
        hint: "ask IV − bid IV, in vol points",
      }),
      brief("open_interest"),
      brief("volume_24h"),
      brief("turnover_24h"),
      { id: "age", heading: heading("age_s"), text: ({ ts_ms }) => age(ageOf(ts_ms)) },
    ];
  }
}

// The value that a field has in all options; null if they differ.
function common(options, name) {
  const values = new Set(options.map((option) => option[name]));
  return values.size === 1 ? [...values][0] : null;
}

/**
 * @param {function(): string} symbolOf Returns the symbol of the row.
 * @returns {HTMLElement}
 */
function makeCopyButton(symbolOf) {
  return el("button", {
    type: "button",
    class: "copy",
    "aria-label": "Copy the symbol",
    title: "Copy the symbol",
    onclick: () => copyToClipboard(symbolOf()),
  });
}
