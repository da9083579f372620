// All that is known of one option, live, with its units.

import { ageOf, daysTo, venueMs } from "../data/venue_clock.js";
import { Words, el, toggleClass } from "../lib/dom.js";
import { age, compact, countdown, days, expiryLabel, fixed, level, number, percent, points, price, reasonWords, utc } from "../lib/format.js";
import { flash } from "../widgets/flash.js";
import { nextFrame } from "../lib/scheduling.js";
import { Notice } from "../widgets/notice.js";
import { link, optionLink } from "../lib/router.js";
import { Rows } from "../data/rows.js";
import { copy } from "../widgets/toast.js";

// Units: of a row, since they are its coins.
const QUOTE = (row) => row.quote || "quote coin";
const BASE = (row) => row.asset;
const notional = (row) => `${QUOTE(row)}, notional`;
const yes = (value) => (value === null || value === undefined ? "–" : value ? "yes" : "no");
const ofPrice = (name) => (row) => price(row[name], row.underlying_price);

// [field, name, unit, text]
const GROUPS = [
  ["Quote", [
    ["bid_price", "Bid", QUOTE, ofPrice("bid_price")],
    ["ask_price", "Ask", QUOTE, ofPrice("ask_price")],
    ["mid", "Mid", QUOTE, ofPrice("mid")],
    ["bid_size", "Bid size", BASE, (row) => number(row.bid_size)],
    ["ask_size", "Ask size", BASE, (row) => number(row.ask_size)],
    ["spread", "Spread", QUOTE, ofPrice("spread")],
    ["rel_spread", "Spread over mid", "", (row) => percent(row.rel_spread)],
    ["spread_ticks", "Spread", "ticks", (row) => number(row.spread_ticks)],
    ["mark_price", "Mark", QUOTE, ofPrice("mark_price")],
    ["last_price", "Last", (row) => `${QUOTE(row)}, at any time`, ofPrice("last_price")],
    ["intrinsic", "Intrinsic", QUOTE, ofPrice("intrinsic")],
    ["time_value", "Time value", QUOTE, ofPrice("time_value")],
  ]],
  ["Volatility", [
    ["mark_iv", "Mark IV", "a year", (row) => percent(row.mark_iv, 2)],
    ["bid_iv", "Bid IV", "a year", (row) => percent(row.bid_iv, 2)],
    ["ask_iv", "Ask IV", "a year", (row) => percent(row.ask_iv, 2)],
    ["spread_iv", "Spread", "vol points", (row) => points(row.spread_iv)],
    ["moneyness", "Strike / forward", "", (row) => fixed(row.moneyness, 4)],
    ["log_moneyness", "ln(strike / forward)", "", (row) => fixed(row.log_moneyness, 4)],
    ["iv_capped", "At the venue's cap of 500%", "", (row) => yes(row.iv_capped)],
  ]],
  ["Greeks", [
    ["delta", "Delta", BASE, (row) => fixed(row.delta, 4)],
    ["gamma", "Gamma", (row) => `per ${QUOTE(row)}`, (row) => number(row.gamma)],
    ["vega", "Vega", (row) => `${QUOTE(row)} a vol point`, (row) => fixed(row.vega, 2)],
    ["theta", "Theta", (row) => `${QUOTE(row)} a day`, (row) => fixed(row.theta, 2)],
    ["greeks_ok", "Complete and trading", "", (row) => yes(row.greeks_ok)],
  ]],
  ["Market", [
    ["underlying_price", "Forward", QUOTE, (row) => level(row.underlying_price)],
    ["index_price", "Index", QUOTE, (row) => level(row.index_price)],
    ["open_interest", "Open interest", BASE, (row) => number(row.open_interest)],
    ["volume_24h", "Volume 24 h", BASE, (row) => number(row.volume_24h)],
    ["turnover_24h", "Turnover 24 h", notional, (row) => compact(row.turnover_24h)],
    ["high_24h", "High 24 h", QUOTE, ofPrice("high_24h")],
    ["low_24h", "Low 24 h", QUOTE, ofPrice("low_24h")],
    ["change_24h", "Change 24 h", "", (row) => percent(row.change_24h)],
    ["total_volume", "Total volume", BASE, (row) => compact(row.total_volume)],
    ["total_turnover", "Total turnover", notional, (row) => compact(row.total_turnover)],
    ["predicted_delivery_price", "Predicted delivery", QUOTE, (row) => level(row.predicted_delivery_price)],
  ]],
  ["Tick", [
    ["live", "Live", "", (row) => (row.live ? "yes" : `no: ${reasonWords(row.reason || "unknown")}`)],
    ["age", "Age", "", (row) => age(ageOf(row.ts_ms))],
    ["ts_ms", "Venue's time", "UTC", (row) => utc(row.ts_ms)],
    ["rt_ms", "Received", "UTC", (row) => utc(row.rt_ms)],
    ["seq", "Sequence", "", (row) => (row.seq === null ? "–" : String(row.seq))],
    ["source", "Source", "", (row) => row.source || "–"],
    ["phase", "Phase", "", (row) => row.phase || "–"],
    ["suspect", "Suspect", "", (row) => yes(row.suspect)],
    ["time_suspect", "Time suspect", "", (row) => yes(row.time_suspect)],
  ]],
  ["Terms", [
    ["type", "Type", "", (row) => (row.type === "C" ? "call" : "put")],
    ["strike", "Strike", QUOTE, (row) => number(row.strike)],
    ["expiry_ms", "Delivery", "UTC", (row) => utc(row.expiry_ms)],
    ["left", "Delivery in", "", (row) => countdown(row.expiry_ms, venueMs())],
    ["dte", "DTE", "days", (row) => days(daysTo(row.expiry_ms))],
    ["quote", "Quote coin", "", (row) => row.quote || "–"],
    ["settle", "Settle coin", "", (row) => row.settle || "–"],
    ["venue", "Venue", "", (row) => row.venue || "–"],
  ]],
];
const FLASHES = new Set(["bid_price", "ask_price", "mid", "mark_price", "mark_iv", "bid_iv", "ask_iv", "underlying_price"]);
const OF_TIME = new Set(["age", "left", "dte"]);

export function open(route) {
  return new SymbolView(route.symbol);
}

class SymbolView {
  constructor(symbol) {
    this.symbol = symbol;
    this.title = symbol;
    this.rows = new Rows();
    this.subscriptions = [{ id: "rows", symbols: [symbol] }];
    this.fields = [];
    this.draw = () => this.#draw();
    this.words = new Notice();
    this.links = el("span", { class: "control" });
    this.panel = el("div", { class: "panel" }, ...GROUPS.map(([name, fields]) => this.#group(name, fields)));
    const copies = { type: "button", class: "tool", onclick: () => copy(symbol) };
    const head = el(
      "div",
      { class: "controls" },
      el("h1", {}, symbol),
      el("button", copies, "Copy symbol"),
      this.links,
    );
    this.node = el("section", {}, head, this.words.node, this.panel);
  }

  opened() {
    this.rows.restart();
  }

  receive(message) {
    if (message.type === "rows") {
      this.rows.apply(message);
      nextFrame(this.draw);
    } else if (message.type === "error") {
      this.words.say(message.detail);
    }
  }

  tick() {
    const row = this.rows.bySymbol.get(this.symbol);
    if (!row) return;
    for (const one of this.fields) if (OF_TIME.has(one.field)) one.words.set(one.text(row));
  }

  #group(name, fields) {
    const lines = fields.map(([field, title, unit, text]) => {
      const cell = el("td", { "data-field": field });
      const beside = el("td", { class: "unit text" });
      const units = new Words(beside, typeof unit === "string" ? unit : "");
      this.fields.push({ field, text, cell, unit, units, words: new Words(cell, "–"), value: null });
      return el("tr", {}, el("th", { scope: "row", class: "text" }, title), cell, beside);
    });
    const head = el(
      "tr",
      { class: "unseen" },
      ...["Figure", "Value", "Unit"].map((words) => el("th", { scope: "col" }, words)),
    );
    return el("div", { class: "card" }, el("table", { class: "figures" }, el("caption", {}, name), el("thead", {}, head), el("tbody", {}, ...lines)));
  }

  #draw() {
    const row = this.rows.bySymbol.get(this.symbol);
    toggleClass(this.panel, "empty", !row);
    if (!row) {
      this.words.say(`There is no tick of ${this.symbol}.`);
      for (const one of this.fields) one.words.set("–");
      return;
    }
    const why = `Not live: ${reasonWords(row.reason || "unknown")}. What is shown is ${age(ageOf(row.ts_ms))} old.`;
    this.words.say(row.live ? "" : why);
    toggleClass(this.panel, "stale", !row.live);
    for (const one of this.fields) this.#write(one, row);
    this.#link(row);
  }

  #write(one, row) {
    const before = one.value;
    one.value = row[one.field] ?? null;
    if (typeof one.unit === "function") one.units.set(one.unit(row));
    const isChanged = one.words.set(one.text(row));
    if (isChanged && FLASHES.has(one.field) && before !== null && one.value !== null) {
      flash(one.cell, one.value > before);
    }
  }

  // To its chain, and to the other type of its strike.
  #link(row) {
    if (this.links.childElementCount) return;
    const other = this.symbol.replace(/-([CP])(?=-|$)/, (_, type) => (type === "C" ? "-P" : "-C"));
    const label = expiryLabel(row.expiry_ms);
    this.links.append(
      el("a", { href: link(row.asset, "chain", label, row.settle) }, `Chain ${label}`),
      el("a", { href: optionLink(other) }, row.type === "C" ? "The put" : "The call"),
      el("a", { href: link(row.asset, "smile", label, row.settle) }, "Smile"),
    );
  }
}
