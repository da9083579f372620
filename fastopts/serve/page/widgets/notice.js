// Words above a view that are there while there is something to say.

import { el } from "../lib/dom.js";

export class Notice {
  constructor(kind = "problem", role = "alert") {
    this.node = el("p", { class: kind, role, hidden: true });
  }

  say(words) {
    this.node.textContent = words;
    this.node.hidden = !words;
  }
}
