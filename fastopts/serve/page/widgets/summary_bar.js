// Name and value, side by side: the figures above a table.

import { Words, el, toggleClass } from "../lib/dom.js";

export class Strip {
  // Items: {id, name, hint}.
  constructor(items) {
    this.values = new Map();
    const parts = items.map(({ id, name, hint = null }) => {
      const value = el("dd", { "data-figure": id });
      this.values.set(id, new Words(value, "–"));
      return el("div", { title: hint }, el("dt", {}, name), value);
    });
    this.node = el("dl", { class: "strip" }, ...parts);
  }

  // Stale: nothing of what the figures are made of is live.
  set(values, isStale) {
    for (const [id, text] of Object.entries(values)) this.values.get(id).set(text);
    toggleClass(this.node, "stale", isStale);
  }
}
