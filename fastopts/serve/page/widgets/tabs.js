// A row of links of which one is where we are.

import { el, setAttribute } from "../lib/dom.js";

export class Tabs {
  constructor(node) {
    this.node = node;
    this.links = new Map();
  }

  show(items, current) {
    const names = items.map((item) => item.name).join();
    if (names !== this.names) this.#build(items);
    const isOther = names !== this.names || current !== this.current;
    this.names = names;
    this.current = current;
    for (const { name, href } of items) {
      const link = this.links.get(name);
      setAttribute(link, "href", href);
      setAttribute(link, "aria-current", name === current ? "page" : null);
    }
    // On a phone not all of them fit.
    if (isOther) this.links.get(current)?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  #build(items) {
    this.links.clear();
    for (const { name, title = name, hint = null } of items) {
      this.links.set(name, el("a", { "data-name": name, title: hint }, title));
    }
    this.node.replaceChildren(...this.links.values());
  }
}
