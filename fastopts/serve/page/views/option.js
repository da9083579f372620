/** One option: all of its fields, live, with their units. */

import { MESSAGE } from "../data/constants.js";
import { description, heading, unitOf } from "../data/fields.js";
import { OptionRows } from "../data/rows.js";
import { ageOf, daysTo, venueMs } from "../data/venue_clock.js";
import { el, LiveText, toggleClass } from "../lib/dom.js";
import {
  ABSENT,
  age,
  compact,
  countdown,
  days,
  expiryLabel,
  fixed,
  level,
  number,
  percent,
  points,
  price,
  reasonText,
  utc,
} from "../lib/format.js";
import { optionLink, viewLink } from "../lib/router.js";
import { nextFrame } from "../lib/scheduling.js";
import { flash } from "../widgets/flash.js";
import { copyToClipboard } from "../widgets/messages.js";
import { View } from "./view.js";

/** @typedef {import("../data/rows.js").OptionRow} OptionRow */

/**
 * @typedef {Object} PanelField
 * @property {string} name Name of the field.
 * @property {function(OptionRow): string} text
 * @property {string} [title] If it is not the field's heading.
 * @property {function(OptionRow): string} [unit] If it is not the field's unit.
 * @property {boolean} [flashes] Highlighted when its value changes.
 * @property {boolean} [ticks] Depends on the time.
 */

function flag(value) {
  if (value === null || value === undefined) return ABSENT;
  return value ? "yes" : "no";
}

const field = (name, text, options = {}) => ({
  name,
  text: (row) => text(row[name], row),
  ...options,
});
const asPrice = (value, row) => price(value, row.forward);
const asText = (value) => value || ABSENT;
const FLASHES = { flashes: true };
const TICKS = { ticks: true };
const iv = (name, options) => field(name, (value) => percent(value, 2), options);

/** @type {[string, PanelField[]][]} */
const GROUPS = [
  [
    "Quote",
    [
      field("bid_price", asPrice, FLASHES),
      field("ask_price", asPrice, FLASHES),
      field("mid", asPrice, FLASHES),
      field("bid_size", number),
      field("ask_size", number),
      field("spread", asPrice),
      field("rel_spread", (value) => percent(value)),
      field("spread_ticks", number),
      field("mark_price", asPrice, FLASHES),
      field("last_price", asPrice),
      field("intrinsic", asPrice),
      field("time_value", asPrice),
    ],
  ],
  [
    "Volatility",
    [
      iv("mark_iv", FLASHES),
      iv("bid_iv", FLASHES),
      iv("ask_iv", FLASHES),
      field("spread_iv", points, { unit: () => "vol points" }),
      field("moneyness", (value) => fixed(value, 4), { title: "Strike / forward", unit: () => "" }),
      field("log_moneyness", (value) => fixed(value, 4), { title: "ln(strike / forward)" }),
      field("iv_capped", flag),
    ],
  ],
  [
    "Greeks",
    [
      field("delta", (value) => fixed(value, 4)),
      field("gamma", number),
      field("vega", (value) => fixed(value, 2)),
      field("theta", (value) => fixed(value, 2)),
      field("greeks_ok", flag),
    ],
  ],
  [
    "Market",
    [
      field("forward", level, FLASHES),
      field("index_price", level),
      field("open_interest", number),
      field("volume_24h", number),
      field("turnover_24h", compact),
      field("high_24h", asPrice),
      field("low_24h", asPrice),
      field("change_24h", (value) => percent(value)),
      field("total_volume", compact),
      field("total_turnover", compact),
      field("predicted_delivery_price", level),
    ],
  ],
  [
    "Update",
    [
      field("live", (value, row) => (value ? "yes" : `no: ${reasonOf(row)}`)),
      { name: "age", title: heading("age_s"), text: ({ ts_ms }) => age(ageOf(ts_ms)), ...TICKS },
      field("ts_ms", utc),
      field("rt_ms", utc),
      field("seq", (value) => (value === null ? ABSENT : String(value))),
      field("source", asText),
      field("phase", asText),
      field("suspect", flag),
      field("time_suspect", flag),
    ],
  ],
  [
    "Contract",
    [
      field("type", (value) => (value === "C" ? "call" : "put")),
      field("strike", number),
      field("expiry_ms", utc),
      {
        name: "time_left",
        title: "Expires in",
        text: ({ expiry_ms }) => countdown(expiry_ms, venueMs()),
        ...TICKS,
      },
      {
        name: "dte",
        text: ({ expiry_ms }) => days(daysTo(expiry_ms)),
        unit: () => "days",
        ...TICKS,
      },
      field("quote", asText),
      field("settle", asText),
      field("venue", asText),
    ],
  ],
];

const reasonOf = ({ reason }) => reasonText(reason || "unknown");

/**
 * @param {import("../lib/router.js").Route} route
 * @returns {View}
 */
export function open(route) {
  return new OptionView(route.symbol);
}

class OptionView extends View {
  constructor(symbol) {
    super(symbol, [{ id: "rows", symbols: [symbol] }]);
    this.symbol = symbol;
    this.rows = new OptionRows();
    this.cells = [];
    this.draw = () => this.#draw();
    this.links = el("span", { class: "links" });
    const cards = GROUPS.map(([name, fields]) => this.#makeCard(name, fields));
    this.panel = el("div", { class: "panel" }, ...cards);
    const copy = () => copyToClipboard(symbol);
    const header = el(
      "div",
      { class: "controls" },
      el("h1", {}, symbol),
      el("button", { type: "button", class: "button", onclick: copy }, "Copy symbol"),
      this.links,
    );
    this.node = el("section", {}, header, this.notice.node, this.panel);
  }

  /** @returns {?OptionRow} */
  get row() {
    return this.rows.bySymbol.get(this.symbol) ?? null;
  }

  connected() {
    this.rows.beginSnapshot();
  }

  receive(message) {
    if (message.type === MESSAGE.ROWS) {
      this.rows.apply(message);
      nextFrame(this.draw);
    }
    return super.receive(message);
  }

  tick() {
    const { row } = this;
    if (!row) return;
    for (const { field: each, content } of this.cells) {
      if (each.ticks) content.set(each.text(row));
    }
  }

  #makeCard(title, fields) {
    const headings = ["Field", "Value", "Unit"].map((text) => el("th", { scope: "col" }, text));
    return el(
      "div",
      { class: "card" },
      el(
        "table",
        { class: "figures" },
        el("caption", {}, title),
        el("thead", {}, el("tr", { class: "visually-hidden" }, ...headings)),
        el("tbody", {}, ...fields.map((each) => this.#makeRow(each))),
      ),
    );
  }

  #makeRow(each) {
    const { name, title = heading(name) } = each;
    const td = el("td", { "data-field": name });
    const unitCell = el("td", { class: "unit text" });
    this.cells.push({
      field: each,
      td,
      content: new LiveText(td, ABSENT),
      unit: new LiveText(unitCell),
      value: null,
    });
    const props = { scope: "row", class: "text", title: description(name) };
    return el("tr", {}, el("th", props, title), td, unitCell);
  }

  #draw() {
    const { row } = this;
    toggleClass(this.panel, "empty", !row);
    if (!row) {
      this.notice.show(`No data for ${this.symbol} yet.`);
      for (const { content } of this.cells) content.set(ABSENT);
      return;
    }
    const ageText = age(ageOf(row.ts_ms));
    this.notice.show(row.live ? "" : `Stale (${reasonOf(row)}): the values are ${ageText} old.`);
    toggleClass(this.panel, "stale", !row.live);
    for (const cell of this.cells) this.#write(cell, row);
    this.#makeLinks(row);
  }

  #write(cell, row) {
    const { name, text, flashes, unit = () => unitOf(name, row) } = cell.field;
    const previous = cell.value;
    cell.value = row[name] ?? null;
    cell.unit.set(unit(row));
    const isChanged = cell.content.set(text(row));
    if (isChanged && flashes && previous !== null && cell.value !== null) {
      flash(cell.td, cell.value > previous);
    }
  }

  // Links to the series' views and to the other option at this strike.
  #makeLinks({ asset, expiry_ms, settle, type }) {
    if (this.links.childElementCount) return;
    const label = expiryLabel(expiry_ms);
    const otherSymbol = this.symbol.replace(/-([CP])(?=-|$)/, type === "C" ? "-P" : "-C");
    this.links.append(
      el("a", { href: viewLink(asset, "chain", label, settle) }, `Chain ${label}`),
      el("a", { href: viewLink(asset, "smile", label, settle) }, `Smile ${label}`),
      el(
        "a",
        { href: optionLink(otherSymbol) },
        type === "C" ? "Put at this strike" : "Call at this strike",
      ),
    );
  }
}
