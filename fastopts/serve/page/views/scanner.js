// Finds options by bounds; what it finds stays current while one looks at it.

import { ageOf, daysTo } from "../data/venue_clock.js";
import { el } from "../lib/dom.js";
import { DEFAULT, subscription } from "../data/scan_filter.js";
import { FilterForm } from "../widgets/filter_form.js";
import { age, compact, days, fixed, number, percent, points, price, reasonWords } from "../lib/format.js";
import { get } from "../data/api.js";
import { nextFrame } from "../lib/scheduling.js";
import { range, warm } from "../widgets/heatmap.js";
import { read } from "../lib/storage.js";
import { Notice } from "../widgets/notice.js";
import { go, goInstead, optionLink, scanLink } from "../lib/router.js";
import { Table } from "../widgets/table.js";
import { copy } from "../widgets/toast.js";
import { REFUSED } from "../data/pending.js";

export function open(route) {
  return new ScannerView(filterOf(route.search));
}

// The address holds the filter; without one, the asset one looked at last.
function filterOf(search) {
  const given = Object.fromEntries(search);
  if (Object.keys(given).length) return { ...DEFAULT, ...given };
  return { ...DEFAULT, asset: read("asset", "") };
}

class ScannerView {
  constructor(filter) {
    this.title = "Scanner";
    this.found = null;
    this.heat = null;
    this.form = new FilterForm(filter, (wanted) => this.#run(wanted));
    this.problem = new Notice();
    this.summary = el("p", { class: "summary" }, "Scanning…");
    this.sort = filter.sort || "";
    this.table = new Table({
      caption: "What the scanner found; Enter or a click opens an option",
      columns: columns(() => this.heat),
      key: (row) => row.symbol,
      opens: (row) => optionLink(row.symbol),
      symbol: (row) => row.symbol,
      isStale: (row) => !row.live,
      onSort: (name) => this.#sortBy(name),
    });
    this.table.sortedBy(this.sort.replace("-", ""), this.sort.startsWith("-"));
    const scroller = el("div", { class: "scroll scan-scroll", tabindex: "0", role: "region", "aria-label": "Results" }, this.table.node);
    this.node = el("section", { class: "tall" }, this.form.node, this.problem.node, this.summary, scroller);
    this.draw = () => this.#draw();
    this.subscriptions = this.#subscriptions(filter);
    this.#assets();
  }

  receive(message) {
    if (message.type === "error") return this.#refuse(message);
    if (message.type !== "scan") return null;
    this.found = message;
    nextFrame(this.draw);
    return null;
  }

  tick() {
    this.table.refresh("age");
  }

  async #assets() {
    const feed = await get("v1/feed").catch(() => null);
    if (feed) this.form.setAssets(feed.assets);
  }

  #subscriptions(filter) {
    try {
      return [{ id: "scan", scan: subscription(filter) }];
    } catch (error) {
      this.#refuse({ reason: "BadInput", detail: error.message, arguments: [error.field] });
      return [];
    }
  }

  #run(filter) {
    const to = scanLink(filter);
    if (to === location.hash) goInstead(to);
    else go(to);
  }

  #sortBy(name) {
    const next = this.sort === `-${name}` ? name : `-${name}`;
    this.form.fill({ ...this.form.filter, sort: next });
    this.#run(this.form.filter);
  }

  // A bound that is refused is shown at its field; there are no results then, which could be old.
  #refuse({ reason, detail, arguments: names = [] }) {
    this.problem.say(this.form.refuse(names, detail) ? "" : detail);
    this.summary.textContent = "Nothing was scanned.";
    if (reason !== "BadInput") return null;
    this.found = null;
    this.table.update([]);
    return REFUSED;
  }

  #draw() {
    if (this.found === null) return;
    const { options, considered, excluded } = this.found;
    this.heat = range(options.map((row) => row.mark_iv));
    this.table.update(options);
    const left = Object.entries(excluded).filter(([, count]) => count > 0);
    const reasons = left.map(([reason, count]) => `${fixed(count, 0)} ${reasonWords(reason)}`).join(", ");
    const words = `${fixed(options.length, 0)} shown of ${fixed(considered, 0)} considered`;
    this.summary.textContent = reasons ? `${words}; left out: ${reasons}` : words;
  }
}

const ofPrice = (name) => (row) => price(row[name], row.underlying_price);

function columns(heat) {
  return [
    {
      id: "symbol",
      head: "Option",
      isHead: true,
      isText: true,
      text: (row) => row.symbol,
      link: (row) => optionLink(row.symbol),
      action: copyButton,
    },
    { id: "dte", head: "DTE", sort: "dte", text: (row) => days(daysTo(row.expiry_ms)) },
    { id: "moneyness", head: "K/F", hint: "strike over forward", sort: "moneyness", text: (row) => fixed(row.moneyness, 3) },
    { id: "delta", head: "Delta", sort: "delta", text: (row) => fixed(row.delta, 2) },
    { id: "bid_price", head: "Bid", sort: "bid_price", text: ofPrice("bid_price") },
    { id: "bid_size", head: "Size", hint: "bid size, base coin", text: (row) => compact(row.bid_size) },
    { id: "ask_price", head: "Ask", sort: "ask_price", text: ofPrice("ask_price") },
    { id: "ask_size", head: "Size", hint: "ask size, base coin", text: (row) => compact(row.ask_size) },
    { id: "mark_price", head: "Mark", sort: "mark_price", text: ofPrice("mark_price") },
    { id: "bid_iv", head: "Bid IV", sort: "bid_iv", text: (row) => percent(row.bid_iv) },
    {
      id: "mark_iv",
      head: "Mark IV",
      sort: "mark_iv",
      text: (row) => percent(row.mark_iv),
      paint: (cell, row) => {
        cell.classList.add("warmth");
        warm(cell, row.mark_iv, heat() || {});
      },
    },
    { id: "ask_iv", head: "Ask IV", sort: "ask_iv", text: (row) => percent(row.ask_iv) },
    { id: "spread_iv", head: "Sprd", hint: "ask IV − bid IV, vol points", sort: "spread_iv", text: (row) => points(row.spread_iv) },
    { id: "open_interest", head: "OI", hint: "base coin", sort: "open_interest", text: (row) => compact(row.open_interest) },
    { id: "volume_24h", head: "Vol", hint: "24 h, base coin", sort: "volume_24h", text: (row) => number(row.volume_24h) },
    { id: "turnover_24h", head: "Turnover", hint: "24 h, notional", sort: "turnover_24h", text: (row) => compact(row.turnover_24h) },
    { id: "age", head: "Age", text: (row) => age(ageOf(row.ts_ms)) },
  ];
}

function copyButton(symbol) {
  const props = { type: "button", class: "copy", "aria-label": "Copy the symbol", title: "Copy the symbol" };
  return el("button", { ...props, onclick: () => copy(symbol()) });
}
