// Column widths that stay between two looks: while they depend on every cell, each number that
// changes has the browser lay out the whole table, 30 ms for 500 rows.

import { el } from "../lib/dom.js";

const LOOK_MS = 15000;
const NEW_ROWS_MS = 2000;

export class FixedColumns {
  constructor(table) {
    this.table = table;
    this.group = el("colgroup");
    this.table.tHead.before(this.group);
    this.at = 0;
    this.lengths = []; // of the longest text of each column, when it was last measured
    this.hasGrown = false;
    this.loosen();
    let width = 0; // the last it was shown with
    new ResizeObserver(([{ contentRect: now }]) => {
      if (width && now.width && Math.abs(now.width - width) >= 1) this.#release(); // not for a rounding
      width = now.width || width;
    }).observe(table);
  }

  // The next look is due: what the columns consist of, or how much room they have, is another.
  loosen() {
    this.due = -Infinity;
  }

  // To be called for each text that was written: one longer than all others needs a wider column.
  wrote(cell, text) {
    if (text.length > this.lengths[cell.cellIndex]) this.hasGrown = true;
  }

  // To be called when rows were written.
  settle(hasNew) {
    const now = performance.now();
    if (hasNew || this.hasGrown) this.due = Math.min(this.due, this.at + NEW_ROWS_MS);
    if (now < this.due || !this.table.isConnected) return;
    this.at = now;
    this.#release();
    this.due = now + LOOK_MS;
    const heads = [...[...this.table.tHead.rows].at(-1).cells];
    const widths = heads.map((head) => head.getBoundingClientRect().width);
    if (!widths.some((width) => width > 0)) return; // it is not shown
    // A column that the style sheet hides has no cells, and must have no <col>: it would be the
    // next column's.
    this.group.replaceChildren(...widths.filter((width) => width > 0).map(columnOf));
    const rows = [...this.table.tBodies[0].rows];
    this.lengths = heads.map((_, place) => Math.max(0, ...rows.map((row) => row.cells[place]?.textContent.length ?? 0)));
    this.hasGrown = false;
    this.table.classList.add("fixed");
  }

  // As wide as their cells, until the next look: at another width other columns may be shown.
  #release() {
    this.loosen();
    this.table.classList.remove("fixed");
    this.group.replaceChildren();
  }
}

function columnOf(width) {
  const column = el("col");
  column.style.width = `${width}px`;
  return column;
}
