/** The chain: calls on the left, strikes in the middle, puts on the right. */

import { formatted, stepsKey } from "../data/numbers.js";
import { el, LiveText, setAttribute, toggleClass } from "../lib/dom.js";
import { reasonText } from "../lib/format.js";
import { optionLink } from "../lib/router.js";
import { columnsBySide } from "./chain_columns.js";
import { FixedColumns } from "./fixed_columns.js";
import { flash } from "./flash.js";
import { setWarmth } from "./heatmap.js";
import { arrangeRows } from "./keyed_rows.js";
import { copyToClipboard } from "./messages.js";

/** @typedef {import("../data/chain.js").StrikePair} StrikePair */

const SIDES = ["call", "put"];
const LETTER = { call: "C", put: "P" };
// Names in the dataset: Enter opens the call and Shift+Enter the put, y and Y copy their symbols.
const SYMBOL_DATA = { call: "symbol", put: "otherSymbol" };
const OPEN_DATA = { call: "open", put: "openOther" };

const isKnown = (value) => value !== null && value !== undefined;

/** A table with one row per strike, of which only changed cells are written. */
export class ChainTable {
  /**
   * @param {string} caption For screen readers.
   * @param {import("../data/fields.js").Coins} coins For the units of headings.
   */
  constructor(caption, coins) {
    this.coins = coins;
    this.steps = null;
    this.stepsKey = null;
    this.head = el("thead");
    this.body = el("tbody");
    this.node = el(
      "table",
      { class: "figures chain" },
      el("caption", { class: "visually-hidden" }, caption),
      this.head,
      this.body,
    );
    this.rowsByStrike = new Map();
    this.widths = new FixedColumns(this.node);
  }

  /**
   * Name the coins in the units of the headings.
   *
   * @param {import("../data/fields.js").Coins} coins
   */
  setCoins(coins) {
    if (coins.quote === this.coins.quote) return;
    this.coins = coins;
    this.setColumns(this.chosen);
  }

  /**
   * Choose the columns. All rows are removed, to be created again with the next update.
   *
   * @param {string[]} chosen Column ids.
   */
  setColumns(chosen) {
    this.chosen = chosen;
    this.columns = columnsBySide(chosen);
    this.rowsByStrike.clear();
    this.widths.invalidate();
    this.body.replaceChildren();
    const { call, put } = this.columns;
    this.head.replaceChildren(
      el(
        "tr",
        {},
        makeGroupHead("Calls", call.length, "call"),
        el("td", { class: "strike" }),
        makeGroupHead("Puts", put.length, "put"),
      ),
      el(
        "tr",
        {},
        ...call.map((column) => makeHead(column, "call", this.coins)),
        makeSymbolHead("Call"),
        el("th", { scope: "col", class: "strike" }, "Strike"),
        makeSymbolHead("Put"),
        ...put.map((column) => makeHead(column, "put", this.coins)),
      ),
    );
  }

  /**
   * Show a chain.
   *
   * @param {StrikePair[]} pairs By ascending strike.
   * @param {Object} options
   * @param {?number} options.forward
   * @param {?number} options.atm The at-the-money strike.
   * @param {import("../data/numbers.js").Steps} options.steps Those of the series.
   * @param {?Set<string>} options.changed Symbols changed since the last call; null for all.
   */
  update(pairs, { forward, atm, steps, changed = null }) {
    const hasNewSteps = stepsKey(steps) !== this.stepsKey;
    this.stepsKey = stepsKey(steps);
    this.steps = steps;
    const strikes = pairs.map(({ strike }) => strike);
    const hasNewRows = arrangeRows(this.body, this.rowsByStrike, strikes, (strike) =>
      this.#makeRow(strike),
    );
    for (const pair of pairs) {
      const row = this.rowsByStrike.get(pair.strike);
      markMoneyness(row, pair.strike, forward, atm);
      const isWhole = changed === null || hasNewSteps || row.isNew;
      if (isWhole) row.strikeText.set(formatted(pair.strike, "strike", steps));
      for (const side of SIDES) {
        const option = pair[side];
        const isOther = row[side].symbol !== (option?.symbol ?? null);
        if (isWhole || isOther || (option && changed.has(option.symbol))) {
          this.#writeSide(row, side, option);
        }
      }
      row.isNew = false;
    }
    this.widths.update(hasNewRows);
  }

  /** @param {StrikePair[]} pairs */
  refreshAges(pairs) {
    for (const pair of pairs) {
      const row = this.rowsByStrike.get(pair.strike);
      for (const side of SIDES) {
        const cell = row?.[side].cells.find(({ column }) => column.id === "age");
        if (cell && pair[side]) cell.content.set(cell.column.text(pair[side], this.steps));
      }
    }
  }

  /**
   * Colour the cells of one column by value.
   *
   * @param {StrikePair[]} pairs
   * @param {?string} id Column id; null or empty for no colours.
   * @param {?import("./heatmap.js").Scale} scale
   */
  setHeatmap(pairs, id, scale) {
    for (const pair of pairs) {
      const row = this.rowsByStrike.get(pair.strike);
      for (const side of SIDES) {
        for (const { td, column } of row?.[side].cells || []) {
          const isHeated = column.id === id;
          toggleClass(td, "warmth", isHeated);
          if (isHeated) setWarmth(td, pair[side]?.[id] ?? null, scale);
        }
      }
    }
  }

  #makeRow(strike) {
    const marker = el("span", { class: "atm-marker", "aria-hidden": "true" });
    const head = el("th", { scope: "row", class: "strike" }, marker);
    const strikeText = new LiveText(head);
    const call = makeSide("call", this.columns.call);
    const put = makeSide("put", this.columns.put);
    const tr = el(
      "tr",
      { tabindex: "-1", "data-strike": String(strike) },
      ...call.cells.map(({ td }) => td),
      call.symbolCell,
      head,
      put.symbolCell,
      ...put.cells.map(({ td }) => td),
    );
    return { tr, head, marker, strikeText, call, put, isNew: true, isAtm: false };
  }

  #writeSide(row, side, option) {
    const { cells, symbolCell } = row[side];
    const symbol = option?.symbol ?? null;
    if (row[side].symbol !== symbol) {
      row[side].symbol = symbol;
      setData(row.tr, SYMBOL_DATA[side], symbol);
      setData(row.tr, OPEN_DATA[side], symbol && optionLink(symbol));
      symbolCell.replaceChildren(...(symbol ? symbolControls(side, symbol) : []));
    }
    const isStale = option !== null && !option.live;
    for (const cell of cells) {
      const { td, column, content } = cell;
      toggleClass(td, "stale", isStale);
      const previous = cell.value;
      cell.value = option === null ? null : option[column.id];
      const text = option === null ? "" : column.text(option, this.steps);
      if (!content.set(text)) continue;
      this.widths.noteText(td, text);
      if (column.flashes && isKnown(previous) && isKnown(cell.value)) {
        flash(td, cell.value > previous);
      }
    }
    const reason = isStale ? `stale: ${reasonText(option.reason || "unknown")}` : null;
    setAttribute(symbolCell, "title", reason);
  }
}

function markMoneyness(row, strike, forward, atm) {
  const isAtm = strike === atm;
  toggleClass(row.tr, "atm", isAtm);
  setAttribute(row.tr, "data-first", isAtm ? "" : null); // where the keyboard starts
  setAttribute(row.head, "title", isAtm ? "at the money" : null);
  if (row.isAtm !== isAtm) row.marker.textContent = isAtm ? "▸" : "";
  row.isAtm = isAtm;
  toggleClass(row.tr, "calls-itm", Boolean(forward) && strike < forward);
  toggleClass(row.tr, "puts-itm", Boolean(forward) && strike > forward);
}

function makeGroupHead(text, columnCount, side) {
  const colspan = String(columnCount + 1); // and the symbol
  return el(
    "th",
    { scope: "colgroup", colspan, class: "group", "data-side": side },
    el("span", {}, text),
  );
}

function makeSymbolHead(text) {
  return el(
    "th",
    { scope: "col", class: "symbol" },
    el("span", { class: "visually-hidden" }, text),
  );
}

function makeHead({ id, heading, hint, unit }, side, coins) {
  const text = [heading, unit(coins)].filter(Boolean).join(" ");
  return el("th", { scope: "col", title: hint, "data-column": id, "data-side": side }, text);
}

function setData(node, name, value) {
  if (value === null) delete node.dataset[name];
  else node.dataset[name] = value;
}

function makeSide(side, columns) {
  const cells = columns.map((column) => {
    const td = el("td", {
      "data-column": column.id,
      "data-side": side,
      class: column.isStrong ? "strong" : null,
    });
    return { td, column, content: new LiveText(td), value: null };
  });
  return { cells, symbolCell: el("td", { class: "symbol", "data-side": side }), symbol: null };
}

// A link to the option, and a button that copies its symbol.
function symbolControls(side, symbol) {
  const label = `Copy ${symbol}`;
  return [
    el("a", { href: optionLink(symbol), title: symbol, "aria-label": symbol }, LETTER[side]),
    el("button", {
      type: "button",
      class: "copy",
      "aria-label": label,
      title: label,
      onclick: () => copyToClipboard(symbol),
    }),
  ];
}
