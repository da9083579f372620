// A table of keyed rows: a row stays the same element while its key is there, and of its cells
// only those are written that changed.

import { Words, el, setAttribute, toggleClass } from "../lib/dom.js";
import { FixedColumns } from "./fixed_columns.js";
import { arrange } from "./keyed_rows.js";

// Columns: {id, head, hint, text(row), isText, isHead, paint(cell, row), link(row), action(row)}.
export class Table {
  constructor({ caption, columns, key, opens = null, symbol = null, isStale = () => false, onSort = null }) {
    this.columns = columns;
    this.key = key;
    this.opens = opens;
    this.symbol = symbol;
    this.isStale = isStale;
    this.lines = new Map();
    this.heads = new Map();
    this.body = el("tbody");
    const heads = columns.map((column) => this.#head(column, onSort));
    this.node = el(
      "table",
      { class: "figures" },
      el("caption", { class: "unseen" }, caption),
      el("thead", {}, el("tr", {}, ...heads)),
      this.body,
    );
    this.widths = new FixedColumns(this.node);
  }

  update(rows) {
    const keys = rows.map((row) => this.key(row));
    const hasNew = arrange(this.body, this.lines, keys, (key) => this.#line(key));
    for (const [place, row] of rows.entries()) this.#write(this.lines.get(keys[place]), row);
    this.widths.settle(hasNew);
  }

  // Writes the cells of one column again: what depends on the time.
  refresh(id) {
    const place = this.columns.findIndex((column) => column.id === id);
    for (const line of this.lines.values()) {
      const { td, words } = line.cells[place];
      const text = this.columns[place].text(line.row);
      if (words.set(text)) this.widths.wrote(td, text);
    }
  }

  sortedBy(id, isDescending) {
    for (const [name, head] of this.heads) {
      const order = isDescending ? "descending" : "ascending";
      setAttribute(head, "aria-sort", name === id ? order : null);
    }
  }

  #head(column, onSort) {
    const { id, head, hint = null, isText, sort } = column;
    const content = onSort && sort ? sorter(head, () => onSort(sort)) : head;
    const kind = isText ? "text" : null;
    const cell = el("th", { scope: "col", title: hint, class: kind, "data-column": id }, content);
    if (sort) this.heads.set(sort, cell);
    return cell;
  }

  #line(key) {
    const tr = el("tr", { tabindex: "-1", "data-key": key });
    const cells = this.columns.map((column) => makeCell(column));
    tr.append(...cells.map((cell) => cell.td));
    return { tr, cells, row: null };
  }

  #write(line, row) {
    line.row = row;
    if (this.opens) setAttribute(line.tr, "data-open", this.opens(row));
    if (this.symbol) setAttribute(line.tr, "data-symbol", this.symbol(row));
    toggleClass(line.tr, "stale", this.isStale(row));
    this.columns.forEach((column, place) => {
      const cell = line.cells[place];
      const text = column.text(row);
      if (cell.words.set(text)) this.widths.wrote(cell.td, text);
      if (cell.link) setAttribute(cell.link, "href", column.link(row));
      column.paint?.(cell.td, row);
    });
  }
}

function sorter(head, onclick) {
  return el("button", { type: "button", class: "plain", onclick }, head);
}

function makeCell({ id, isText, isHead, link, action }) {
  const td = el(isHead ? "th" : "td", {
    scope: isHead ? "row" : null,
    class: isText ? "text" : null,
    "data-column": id,
  });
  const anchor = link ? el("a", {}) : null;
  if (anchor) td.append(anchor);
  const words = new Words(anchor || td);
  if (action) td.append(action(() => words.text));
  return { td, words, link: anchor };
}
