/**
 * Column widths that are fixed between measurements.
 *
 * With automatic widths each changed number makes the browser lay out the whole table: 30 ms for
 * 500 rows, many times a second. With fixed widths only the cell itself is drawn again.
 */

import { el } from "../lib/dom.js";

const REMEASURE_MS = 15_000;
const REMEASURE_GROWN_MS = 2000; // after new rows or longer texts

/** Measures and fixes the column widths of a table. */
export class FixedColumns {
  /** @param {HTMLTableElement} table */
  constructor(table) {
    this.table = table;
    this.group = el("colgroup");
    this.table.tHead.before(this.group);
    this.measuredAt = 0;
    this.lengths = []; // of the longest text of each column when it was measured
    this.hasGrown = false;
    this.invalidate();
    let lastWidth = 0;
    this.observed = null;
    this.observer = new ResizeObserver((entries) => {
      const { width } = entries.at(-1).contentRect;
      // Less than a pixel is rounding, and no width means that the table is not shown.
      if (lastWidth && width && Math.abs(width - lastWidth) >= 1) this.#release();
      lastWidth = width || lastWidth;
    });
  }

  /** Measure at the next opportunity: the columns or the available width have changed. */
  invalidate() {
    this.dueAt = -Infinity;
  }

  /**
   * Note that a cell's text was written: one longer than all others needs a wider column.
   *
   * @param {HTMLTableCellElement} cell
   * @param {string} text
   */
  noteText(cell, text) {
    if (text.length > this.lengths[cell.cellIndex]) this.hasGrown = true;
  }

  /**
   * Measure and fix the widths if that is due. To be called after rows were written.
   *
   * @param {boolean} hasNewRows
   */
  update(hasNewRows) {
    const now = performance.now();
    if (hasNewRows || this.hasGrown) {
      this.dueAt = Math.min(this.dueAt, this.measuredAt + REMEASURE_GROWN_MS);
    }
    if (now < this.dueAt || !this.table.isConnected) return;
    this.measuredAt = now;
    this.#observeContainer();
    this.#release();
    this.dueAt = now + REMEASURE_MS;
    const heads = [...this.table.tHead.rows[this.table.tHead.rows.length - 1].cells];
    const widths = heads.map((head) => head.getBoundingClientRect().width);
    if (!widths.some((width) => width > 0)) return; // the table is not shown
    // A column that the style sheet hides must have no <col>: that would apply to the next column.
    this.group.replaceChildren(...widths.filter((width) => width > 0).map(makeColumn));
    const rows = [...this.table.tBodies[0].rows];
    this.lengths = heads.map((_, index) =>
      Math.max(0, ...rows.map((row) => row.cells[index]?.textContent.length ?? 0)),
    );
    this.hasGrown = false;
    this.table.classList.add("fixed");
  }

  // Not the table: its fixed columns keep it as wide as before when the window becomes narrower.
  #observeContainer() {
    const { parentElement } = this.table;
    if (parentElement === this.observed) return;
    this.observer.disconnect();
    this.observer.observe(parentElement);
    this.observed = parentElement;
  }

  // Automatic widths until the next measurement: at another width other columns may be shown.
  #release() {
    this.invalidate();
    this.table.classList.remove("fixed");
    this.group.replaceChildren();
  }
}

function makeColumn(width) {
  const column = el("col");
  column.style.width = `${width}px`;
  return column;
}
