/** Tables whose rows keep their elements and whose cells are written only when they change. */

import { el, LiveText, setAttribute, toggleClass } from "../lib/dom.js";
import { FixedColumns } from "./fixed_columns.js";
import { arrangeRows } from "./keyed_rows.js";

/**
 * @typedef {Object} Column
 * @property {string} id
 * @property {string} heading
 * @property {?string} [hint] Tooltip of the heading.
 * @property {function(import("../data/fields.js").Coins): string} [unit] What the heading adds.
 * @property {function(Object): string} text Text of a row's cell.
 * @property {boolean} [isText] Aligned to the left; numbers are aligned to the right.
 * @property {boolean} [isRowHeading]
 * @property {string} [sort] Name to sort by; without one the heading is not clickable.
 * @property {function(Object): *} [value] Value of a row to sort by, where the page itself sorts.
 * @property {function(Object): string} [link] Address that the text links to.
 * @property {function(function(): string): HTMLElement} [button] Creates a button after the text,
 *   given a function that returns the text.
 * @property {function(HTMLElement, Object): void} [paint] Colours the cell of a row.
 */

/**
 * @typedef {Object} TableOptions
 * @property {string} caption For screen readers.
 * @property {Column[]} columns
 * @property {function(Object): string} key Identifies a row.
 * @property {function(Object): string} [opens] Address that a click on a row opens.
 * @property {function(Object): string} [symbol] Symbol that "y" copies.
 * @property {function(Object): boolean} [isStale] Whether a row is greyed out.
 * @property {function(string): void} [onSort] Called with a column's `sort`.
 * @property {import("../data/fields.js").Coins} [coins] For the units of headings.
 */

/** A table of keyed rows. */
export class Table {
  /** @param {TableOptions} options */
  constructor({
    caption,
    columns,
    key,
    opens = null,
    symbol = null,
    isStale = () => false,
    onSort = null,
    coins = { asset: "base coin" },
  }) {
    this.columns = columns;
    this.units = new Map();
    this.key = key;
    this.opens = opens;
    this.symbol = symbol;
    this.isStale = isStale;
    this.rowsByKey = new Map();
    this.sortableHeads = new Map();
    this.body = el("tbody");
    const heads = columns.map((column) => this.#makeHead(column, onSort));
    this.node = el(
      "table",
      { class: "figures" },
      el("caption", { class: "visually-hidden" }, caption),
      el("thead", {}, el("tr", {}, ...heads)),
      this.body,
    );
    this.widths = new FixedColumns(this.node);
    this.setCoins(coins);
  }

  /**
   * Name the coins in the units of the headings.
   *
   * @param {import("../data/fields.js").Coins} coins
   */
  setCoins(coins) {
    for (const [column, unit] of this.units) {
      const text = column.unit(coins);
      if (unit.set(text && ` ${text}`)) this.widths.invalidate();
    }
  }

  /**
   * Show `records`, one row each, in their order.
   *
   * @param {Object[]} records
   */
  update(records) {
    const keys = records.map((record) => this.key(record));
    const hasNewRows = arrangeRows(this.body, this.rowsByKey, keys, (key) => this.#makeRow(key));
    for (const [index, record] of records.entries()) {
      this.#write(this.rowsByKey.get(keys[index]), record);
    }
    this.widths.update(hasNewRows);
  }

  /**
   * Write the cells of one column again, whose texts depend on the time.
   *
   * @param {string} id
   */
  refreshColumn(id) {
    const index = this.columns.findIndex((column) => column.id === id);
    for (const row of this.rowsByKey.values()) {
      const { td, content } = row.cells[index];
      const text = this.columns[index].text(row.record);
      if (content.set(text)) this.widths.noteText(td, text);
    }
  }

  /**
   * Mark the column that the rows are sorted by.
   *
   * @param {string} sort
   * @param {boolean} isDescending
   */
  markSorted(sort, isDescending) {
    const order = isDescending ? "descending" : "ascending";
    for (const [each, head] of this.sortableHeads) {
      setAttribute(head, "aria-sort", each === sort ? order : null);
    }
  }

  #makeHead(column, onSort) {
    const { id, heading, hint = null, unit, isText, sort } = column;
    const isSortable = onSort && sort;
    const content = isSortable
      ? el("button", { type: "button", class: "plain", onclick: () => onSort(sort) }, heading)
      : el("span", {}, heading);
    if (unit) this.units.set(column, new LiveText(content));
    const props = { scope: "col", title: hint, class: isText ? "text" : null, "data-column": id };
    const head = el("th", props, content);
    if (sort) this.sortableHeads.set(sort, head);
    return head;
  }

  #makeRow(key) {
    const tr = el("tr", { tabindex: "-1", "data-key": key });
    const cells = this.columns.map((column) => makeCell(column));
    tr.append(...cells.map(({ td }) => td));
    return { tr, cells, record: null };
  }

  #write(row, record) {
    row.record = record;
    if (this.opens) setAttribute(row.tr, "data-open", this.opens(record));
    if (this.symbol) setAttribute(row.tr, "data-symbol", this.symbol(record));
    toggleClass(row.tr, "stale", this.isStale(record));
    for (const [index, column] of this.columns.entries()) {
      const { td, content, link } = row.cells[index];
      const text = column.text(record);
      if (content.set(text)) this.widths.noteText(td, text);
      if (link) setAttribute(link, "href", column.link(record));
      column.paint?.(td, record);
    }
  }
}

function makeCell({ id, isText, isRowHeading, link, button }) {
  const td = el(isRowHeading ? "th" : "td", {
    scope: isRowHeading ? "row" : null,
    class: isText ? "text" : null,
    "data-column": id,
  });
  const anchor = link ? el("a", {}) : null;
  if (anchor) td.append(anchor);
  const content = new LiveText(anchor || td);
  if (button) td.append(button(() => content.text));
  return { td, content, link: anchor };
}

/** A table behind a disclosure: the values of a chart, for reading and for screen readers. */
export class CollapsibleTable {
  /** @param {TableOptions} options */
  constructor(options) {
    this.table = new Table(options);
    this.records = [];
    this.node = el(
      "details",
      { class: "chart-data", ontoggle: () => this.#updateIfOpen() },
      el("summary", {}, "Data table"),
      el("div", { class: "scroll" }, this.table.node),
    );
  }

  /**
   * Show `records`. Free of cost while the table is closed.
   *
   * @param {Object[]} records
   */
  update(records) {
    this.records = records;
    this.#updateIfOpen();
  }

  #updateIfOpen() {
    if (this.node.open) this.table.update(this.records);
  }
}
