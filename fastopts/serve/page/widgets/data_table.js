// The figures of a chart as a table, for who reads rather than looks.

import { el } from "../lib/dom.js";
import { Table } from "./table.js";

export class DataTable {
  constructor(caption, columns, key) {
    this.table = new Table({ caption, columns, key });
    this.rows = [];
    this.node = el(
      "details",
      { class: "data", ontoggle: () => this.#fill() },
      el("summary", {}, "Figures"),
      el("div", { class: "scroll" }, this.table.node),
    );
  }

  // Costs nothing while it is closed.
  update(rows) {
    this.rows = rows;
    this.#fill();
  }

  #fill() {
    if (this.node.open) this.table.update(this.rows);
  }
}
