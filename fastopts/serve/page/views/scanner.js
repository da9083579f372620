/** The scanner: options within bounds, kept current while the view is open. */

import { get } from "../data/api.js";
import { MESSAGE } from "../data/constants.js";
import { description, heading } from "../data/fields.js";
import { CLEARED } from "../data/pending_subscriptions.js";
import { BASIC_FILTER, DEFAULT_FILTER, scanOf } from "../data/scan_filter.js";
import { ageOf, daysTo } from "../data/venue_clock.js";
import { el, toggleClass } from "../lib/dom.js";
import {
  age,
  compact,
  days,
  fixed,
  number,
  percent,
  points,
  price,
  reasonText,
} from "../lib/format.js";
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
    const { options, considered, excluded } = this.result;
    this.scale = scaleOf(options.map(({ mark_iv }) => mark_iv));
    this.table.update(options);
    const reasons = Object.entries(excluded)
      .filter(([, count]) => count > 0)
      .map(([reason, count]) => `${fixed(count, 0)} ${reasonText(reason)}`);
    const counts = `${fixed(options.length, 0)} shown of ${fixed(considered, 0)} considered`;
    this.summary.textContent = reasons.length
      ? `${counts}; excluded: ${reasons.join(", ")}`
      : counts;
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
    const priceColumn = (id) => sortable(id, (row) => price(row[id], row.forward));
    const sizeColumn = (id) => ({
      id,
      heading: "Size",
      hint: description(id),
      text: (row) => compact(row[id]),
    });
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
      sortable("dte", ({ expiry_ms }) => days(daysTo(expiry_ms))),
      sortable("moneyness", ({ moneyness }) => fixed(moneyness, 3)),
      sortable("delta", ({ delta }) => fixed(delta, 2)),
      priceColumn("bid_price"),
      sizeColumn("bid_size"),
      priceColumn("ask_price"),
      sizeColumn("ask_size"),
      priceColumn("mark_price"),
      sortable("bid_iv", ({ bid_iv }) => percent(bid_iv)),
      sortable("mark_iv", ({ mark_iv }) => percent(mark_iv), {
        paint: (cell, { mark_iv }) => {
          toggleClass(cell, "warmth", true);
          setWarmth(cell, mark_iv, this.scale);
        },
      }),
      sortable("ask_iv", ({ ask_iv }) => percent(ask_iv)),
      sortable("spread_iv", (row) => points(row.spread_iv), {
        heading: "Sprd",
        hint: "ask IV − bid IV, in vol points",
      }),
      sortable("open_interest", (row) => compact(row.open_interest), { heading: "OI" }),
      sortable("volume_24h", (row) => number(row.volume_24h), { heading: "Vol" }),
      sortable("turnover_24h", (row) => compact(row.turnover_24h), { heading: "Turnover" }),
      { id: "age", heading: heading("age_s"), text: ({ ts_ms }) => age(ageOf(ts_ms)) },
    ];
  }
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
