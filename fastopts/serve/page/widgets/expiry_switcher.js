// What views of one expiry share: the switcher, the coin, the figures, and the way to the front.

import { choice, select, setOptions } from "./controls.js";
import { el } from "../lib/dom.js";
import { go, goInstead, link } from "../lib/router.js";
import { figures, find, front, labels, neighbour, settlesOf } from "../data/series.js";

// The view while no expiry is chosen: it leads to the first that is not settling.
export function toFront(route) {
  const words = el("p", { class: "hint", role: "status" }, "Looking for the front expiry…");
  return {
    title: `${route.asset} ${route.view}`,
    node: words,
    subscriptions: [{ id: "expiries", expiries: route.asset }],
    receive(message) {
      if (message.type === "error") words.textContent = message.detail;
      if (message.type !== "expiries") return;
      const first = front(message.expiries);
      if (first) goInstead(link(route.asset, route.view, first.label, first.settle));
      else words.textContent = `No series of ${route.asset} is listed.`;
    },
  };
}

export class Switcher {
  // `more` are further choices of the expiry: [value, words].
  constructor(route, more = []) {
    this.route = route;
    this.more = more;
    this.series = [];
    this.one = null;
    this.expiries = select("Expiry", [...more, [route.expiry, route.expiry]], route.expiry, (label) =>
      go(this.#to(label)),
    );
    this.coins = el("span", { class: "control", hidden: true });
    this.node = el("span", { class: "control" }, this.expiries.node, this.coins);
  }

  // Takes an expiries message.
  take({ expiries }) {
    this.series = expiries;
    const { expiry, settle } = this.route;
    const options = labels(expiries).map((label) => [label, label]);
    const isThere = options.some(([label]) => label === expiry) || this.more.some(([value]) => value === expiry);
    setOptions(this.expiries.field, [...this.more, ...options, ...(isThere ? [] : [[expiry, expiry]])], expiry);
    this.one = find(expiries, expiry, settle);
    this.#showCoins(settlesOf(expiries, expiry));
  }

  showFigures(strip) {
    if (this.one) strip.set(figures(this.one), this.one.live === 0);
  }

  step(by) {
    const next = neighbour(this.series, this.route.expiry, by);
    if (next) go(this.#to(next));
    return true;
  }

  #to(label) {
    return link(this.route.asset, this.route.view, label, this.route.settle);
  }

  #showCoins(coins) {
    this.coins.hidden = coins.length < 2;
    if (coins.length < 2 || coins.join() === this.shown) return;
    this.shown = coins.join();
    const options = coins.map((coin) => [coin, coin]);
    const { asset, view, expiry } = this.route;
    this.coins.replaceChildren(
      choice("Settle", options, this.one.settle, (coin) => go(link(asset, view, expiry, coin))),
    );
  }
}
