// Calls, strike, puts. A row is built once; afterwards only the cells that changed are written.

import { Words, el, setAttribute, toggleClass } from "../lib/dom.js";
import { FixedColumns } from "./fixed_columns.js";
import { flash } from "./flash.js";
import { number } from "../lib/format.js";
import { arrange } from "./keyed_rows.js";
import { optionLink } from "../lib/router.js";
import { copy } from "./toast.js";
import { warm } from "./heatmap.js";
import { sides } from "./chain_columns.js";

export class ChainTable {
  constructor(caption) {
    this.head = el("thead");
    this.body = el("tbody");
    this.node = el(
      "table",
      { class: "figures chain" },
      el("caption", { class: "unseen" }, caption),
      this.head,
      this.body,
    );
    this.lines = new Map();
    this.widths = new FixedColumns(this.node);
  }

  // Forgets all rows: what they consist of changes.
  setColumns(chosen) {
    this.columns = sides(chosen);
    this.lines.clear();
    this.widths.loosen();
    this.body.replaceChildren();
    const { call, put } = this.columns;
    const group = (words, count, side) =>
      el("th", { scope: "colgroup", colspan: String(count + 1), class: "group", "data-side": side }, el("span", {}, words));
    this.head.replaceChildren(
      el("tr", {}, group("Calls", call.length, "call"), el("td", { class: "strike" }), group("Puts", put.length, "put")),
      el(
        "tr",
        {},
        ...call.map((column) => headOf(column, "call")),
        el("th", { scope: "col", class: "symbol" }, el("span", { class: "unseen" }, "Call")),
        el("th", { scope: "col", class: "strike" }, "Strike"),
        el("th", { scope: "col", class: "symbol" }, el("span", { class: "unseen" }, "Put")),
        ...put.map((column) => headOf(column, "put")),
      ),
    );
  }

  // `pairs` ascending by strike, `changed` null for all of them.
  update(pairs, { forward, atm, changed = null }) {
    const strikes = pairs.map((pair) => pair.strike);
    const hasNew = arrange(this.body, this.lines, strikes, (strike) => this.#line(strike));
    for (const pair of pairs) {
      const line = this.lines.get(pair.strike);
      this.#mark(line, pair, forward, atm);
      for (const side of ["call", "put"]) {
        const row = pair[side];
        if (changed === null || line.isNew || (row && changed.has(row.symbol))) {
          this.#write(line, side, row, forward);
        }
      }
      line.isNew = false;
    }
    this.widths.settle(hasNew);
  }

  refreshAges(pairs) {
    for (const pair of pairs) {
      const line = this.lines.get(pair.strike);
      for (const side of ["call", "put"]) {
        const cell = line?.[side].cells.find((one) => one.column.id === "age");
        if (cell && pair[side]) cell.words.set(cell.column.text(pair[side]));
      }
    }
  }

  // Colours the cells of column `id` by its values; of none with null.
  heat(pairs, id, bounds) {
    for (const pair of pairs) {
      const line = this.lines.get(pair.strike);
      for (const side of ["call", "put"]) {
        for (const { td, column } of line?.[side].cells || []) {
          const isOn = column.id === id;
          toggleClass(td, "warmth", isOn);
          if (isOn) warm(td, pair[side]?.[id] ?? null, bounds || {});
        }
      }
    }
  }

  #line(at) {
    const strike = el("th", { scope: "row", class: "strike" });
    const line = {
      tr: el("tr", { tabindex: "-1", "data-strike": String(at) }),
      strike,
      call: makeSide("call", this.columns.call),
      put: makeSide("put", this.columns.put),
      isNew: true,
    };
    line.mark = el("span", { class: "atm-mark", "aria-hidden": "true" });
    strike.append(line.mark, number(at));
    line.tr.append(
      ...line.call.cells.map((cell) => cell.td),
      line.call.symbol,
      strike,
      line.put.symbol,
      ...line.put.cells.map((cell) => cell.td),
    );
    return line;
  }

  #mark(line, pair, forward, atm) {
    const isAtm = pair.strike === atm;
    toggleClass(line.tr, "atm", isAtm);
    setAttribute(line.tr, "data-first", isAtm ? "" : null);
    setAttribute(line.strike, "title", isAtm ? "at the money" : null);
    if (line.isAtm !== isAtm) line.mark.textContent = isAtm ? "▸" : "";
    line.isAtm = isAtm;
    const isBelow = Boolean(forward) && pair.strike < forward;
    toggleClass(line.tr, "calls-in", isBelow);
    toggleClass(line.tr, "puts-in", Boolean(forward) && pair.strike > forward);
  }

  #write(line, side, row, forward) {
    const one = line[side];
    const name = side === "call" ? "symbol" : "otherSymbol";
    const opens = side === "call" ? "open" : "openOther";
    if (row && line.tr.dataset[name] !== row.symbol) {
      line.tr.dataset[name] = row.symbol;
      line.tr.dataset[opens] = optionLink(row.symbol);
      nameSymbol(one, row.symbol);
    }
    const isStale = row !== null && !row.live;
    for (const cell of one.cells) {
      toggleClass(cell.td, "stale", isStale);
      const value = row === null ? null : row[cell.column.id];
      const text = row === null ? "" : cell.column.text(row, forward);
      const before = cell.value;
      cell.value = value;
      if (!cell.words.set(text)) continue;
      this.widths.wrote(cell.td, text);
      if (cell.column.flashes && isKnown(before) && isKnown(value)) flash(cell.td, value > before);
    }
    setAttribute(one.symbol, "title", isStale ? `not live: ${row.reason || "no reason given"}` : null);
  }
}

const isKnown = (value) => value !== null && value !== undefined;

function headOf(column, side) {
  return el("th", { scope: "col", title: column.hint, "data-column": column.id, "data-side": side }, column.head);
}

function makeSide(side, columns) {
  const cells = columns.map((column) => {
    const td = el("td", {
      "data-column": column.id,
      "data-side": side,
      class: column.strong ? "strong" : null,
    });
    return { td, column, words: new Words(td), value: null };
  });
  return { cells, symbol: el("td", { class: "symbol", "data-side": side }) };
}

// A link to the option's panel, and a button that copies its symbol.
function nameSymbol(one, symbol) {
  const kind = one.symbol.dataset.side === "call" ? "C" : "P";
  const copies = { type: "button", class: "copy", "aria-label": `Copy ${symbol}`, title: `Copy ${symbol}` };
  one.symbol.replaceChildren(
    el("a", { href: optionLink(symbol), title: symbol, "aria-label": symbol }, kind),
    el("button", { ...copies, onclick: () => copy(symbol) }),
  );
}
