/** One option: all of its fields, live, with their units. */

import { get } from "../data/api.js";
import { MESSAGE } from "../data/constants.js";
import { description, heading, unitOf } from "../data/fields.js";
import { fieldText, formatted, stepsOfOption } from "../data/numbers.js";
import { CLEARED, isPermanent } from "../data/pending_subscriptions.js";
import { OptionRows } from "../data/rows.js";
import { nearestInstruments } from "../data/symbol_matching.js";
import { ageOf, daysTo, venueMs } from "../data/venue_clock.js";
import { el, LiveText, toggleClass } from "../lib/dom.js";
import { ABSENT, age, countdown, expiryLabel, reasonText, utc } from "../lib/format.js";
import { optionLink, parse, redirect, viewLink } from "../lib/router.js";
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
const number = (name, options = {}) => ({
  name,
  text: (row) => fieldText(row, name, stepsOfOption(row), true),
  ...options,
});
const asText = (value) => value || ABSENT;
const FLASHES = { flashes: true };
const TICKS = { ticks: true };

// One spread in three units: in quote coin, as a share of the mid, and in ticks.
function spreadUnit(row) {
  const share = fieldText(row, "rel_spread");
  const ticks = fieldText(row, "spread_ticks");
  return `${row.quote || "quote coin"} · ${share} of mid · ${ticks} ticks`;
}

/** @type {[string, PanelField[]][]} */
const GROUPS = [
  [
    "Quote",
    [
      number("bid_price", FLASHES),
      number("ask_price", FLASHES),
      number("mid", FLASHES),
      number("bid_size"),
      number("ask_size"),
      number("spread", { unit: spreadUnit }),
      number("mark_price", FLASHES),
      number("last_price"),
      number("intrinsic"),
      number("time_value"),
    ],
  ],
  [
    "Volatility",
    [
      number("mark_iv", FLASHES),
      number("bid_iv", FLASHES),
      number("ask_iv", FLASHES),
      number("spread_iv", { title: "Ask IV − bid IV", unit: () => "vol points" }),
      number("moneyness", { title: "Strike / forward", unit: () => "" }),
      number("log_moneyness", { title: "ln(strike / forward)" }),
      field("iv_capped", flag),
    ],
  ],
  [
    "Greeks",
    [number("delta"), number("gamma"), number("vega"), number("theta"), field("greeks_ok", flag)],
  ],
  [
    "Market",
    [
      number("forward", FLASHES),
      number("index_price"),
      number("open_interest"),
      number("volume_24h"),
      number("turnover_24h"),
      number("high_24h"),
      number("low_24h"),
      number("change_24h"),
      number("total_volume"),
      number("total_turnover"),
      number("predicted_delivery_price"),
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
      number("strike"),
      field("expiry_ms", utc),
      {
        name: "dte",
        text: ({ expiry_ms }) => formatted(daysTo(expiry_ms), "days"),
        unit: ({ expiry_ms }) => `days · ${countdown(expiry_ms, venueMs())}`,
        ...TICKS,
      },
      field("tick_size", asText, { title: "Tick size", unit: ({ quote }) => quote }),
      field("lot_size", asText, { title: "Lot size", unit: ({ asset }) => asset }),
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
    this.fault = null; // why there is no such option
    this.cells = [];
    this.draw = () => this.#draw();
    this.links = el("span", { class: "links" });
    this.neighbours = el("p", { class: "links" });
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
    this.node = el("section", {}, header, this.notice.node, this.neighbours, this.panel);
  }

  /** @returns {?OptionRow} */
  get row() {
    return this.rows.all[0] ?? null; // its symbol may be spelled otherwise in the address
  }

  connected() {
    this.rows.beginSnapshot();
  }

  receive(message) {
    if (message.type === MESSAGE.ERROR) return this.#receiveError(message);
    if (message.type === MESSAGE.ROWS) {
      this.rows.apply(message);
      if (message.rows.length) this.fault = null;
      if (this.row && this.row.symbol !== this.symbol) this.#correctAddress();
      nextFrame(this.draw);
    }
    return null;
  }

  #receiveError({ reason, detail }) {
    this.fault = detail;
    nextFrame(this.draw);
    if (!isPermanent(reason)) return null;
    this.#offerNeighbours();
    return CLEARED;
  }

  tick() {
    const { row } = this;
    if (!row) return;
    for (const { field: each, content, unit } of this.cells) {
      if (!each.ticks) continue;
      content.set(each.text(row));
      if (each.unit) unit.set(each.unit(row));
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
    this.panel.hidden = !row && this.fault !== null;
    this.neighbours.hidden = !this.panel.hidden;
    if (!row) {
      this.notice.show(this.fault ?? `No data for ${this.symbol} yet.`);
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

  // The page shows an option under the venue's name of it.
  #correctAddress() {
    // Not if the user has gone elsewhere and the event of that is still pending.
    if (parse(location.hash)?.symbol === this.symbol) redirect(optionLink(this.row.symbol));
  }

  async #offerNeighbours() {
    const { instruments } = await get("v1/instruments").catch(() => ({ instruments: [] }));
    const near = (text) => nearestInstruments(instruments, text, venueMs());
    // A symbol without a coin is one that is settled in USDC.
    const inUsdc = this.symbol.split("-").length === 4 ? near(`${this.symbol} USDC`) : [];
    const options = inUsdc.length ? inUsdc : near(this.symbol);
    const chains = new Map(
      options.map(({ asset, expiry_ms, settle }) => {
        const label = expiryLabel(expiry_ms);
        return [viewLink(asset, "chain", label, settle), `Chain ${label}`];
      }),
    );
    this.neighbours.replaceChildren(
      ...options.map(({ symbol }) => el("a", { href: optionLink(symbol) }, symbol)),
      ...[...chains].map(([href, text]) => el("a", { href }, text)),
      el("a", { href: options.length ? viewLink(options[0].asset, "expiries") : "#/" }, "Expiries"),
    );
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
