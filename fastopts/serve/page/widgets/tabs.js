/** A row of links, one of them the current page. */

import { el, LiveText, setAttribute } from "../lib/dom.js";

/**
 * @typedef {Object} Tab
 * @property {string} name
 * @property {string} href
 * @property {string} [title] Text, if it is not the name.
 * @property {string} [hint] Tooltip.
 * @property {string} [detail] Text after the title, less prominent; it may change with the time.
 */

/** Tabs in an element of the document. */
export class Tabs {
  /** @param {HTMLElement} node */
  constructor(node) {
    this.node = node;
    this.links = new Map();
    this.details = new Map();
    this.names = null;
    this.current = null;
  }

  /**
   * @param {Tab[]} tabs
   * @param {?string} current Name of the current tab.
   */
  show(tabs, current) {
    const names = tabs.map(({ name }) => name).join();
    const isChanged = names !== this.names || current !== this.current;
    if (names !== this.names) this.#build(tabs);
    this.names = names;
    this.current = current;
    for (const { name, href, detail } of tabs) {
      const link = this.links.get(name);
      if (detail !== undefined) this.details.get(name).set(detail);
      setAttribute(link, "href", href);
      setAttribute(link, "aria-current", name === current ? "page" : null);
    }
    // On a phone not all tabs fit.
    if (isChanged) {
      this.links.get(current)?.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
  }

  #build(tabs) {
    this.links.clear();
    for (const { name, title = name, hint = null, detail } of tabs) {
      const link = el("a", { "data-name": name, title: hint }, title);
      if (detail !== undefined) {
        const node = el("span", { class: "detail" });
        this.details.set(name, new LiveText(node));
        link.append(" ", node);
      }
      this.links.set(name, link);
    }
    this.node.replaceChildren(...this.links.values());
  }
}
