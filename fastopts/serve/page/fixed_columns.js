// Column widths that stay between two looks: while they depend on every cell, each number that
// changes has the browser lay out the whole table, 30 ms for 500 rows.

import { el } from "./dom.js";

const LOOK_MS = 15000;
const NEW_ROWS_MS = 2000;

export class FixedColumns {
  constructor(table) {
    this.table = table;
    this.group = el("colgroup");
    this.table.tHead.before(this.group);
    this.at = 0;
    this.loosen();
    let width = null;
    new ResizeObserver(([entry]) => {
      if (entry.contentRect.width !== width) this.loosen();
      width = entry.contentRect.width;
    }).observe(table);
  }

  // The next look is due: what the columns consist of, or how much room they have, is another.
  loosen() {
    this.due = -Infinity;
  }

  // To be called when rows were written.
  settle(hasNew) {
    const now = performance.now();
    if (hasNew) this.due = Math.min(this.due, this.at + NEW_ROWS_MS);
    if (now < this.due || !this.table.isConnected) return;
    this.at = now;
    this.due = now + LOOK_MS;
    this.table.classList.remove("fixed");
    this.group.replaceChildren();
    const heads = [...this.table.tHead.rows].at(-1).cells;
    const widths = [...heads].map((head) => head.getBoundingClientRect().width);
    if (!widths.some((width) => width > 0)) return; // it is not shown
    this.group.replaceChildren(...widths.map(columnOf));
    this.table.classList.add("fixed");
  }
}

function columnOf(width) {
  const column = el("col");
  column.style.width = `${width}px`;
  return column;
}
