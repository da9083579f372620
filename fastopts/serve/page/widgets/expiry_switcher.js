/** The controls that choose a view's expiry and, where there are several, its settle coin. */

import { chooseSeries, expiryLabels, neighbourExpiry, settleCoins } from "../data/series.js";
import { venueMs } from "../data/venue_clock.js";
import { el } from "../lib/dom.js";
import { timeLeft } from "../lib/format.js";
import { navigate, viewLink } from "../lib/router.js";
import { segmented } from "./controls.js";
import { Tabs } from "./tabs.js";

/** A tab for each expiry, with the time until it; each opens the same view of that expiry. */
export class ExpirySwitcher {
  /**
   * @param {import("../lib/router.js").Route} route
   * @param {[string, string][]} extraTabs Tabs before the expiries: values and titles.
   */
  constructor(route, extraTabs = []) {
    this.route = route;
    this.extraTabs = extraTabs;
    this.series = [];
    /** @type {?import("../data/series.js").Series} */
    this.current = null;
    this.shownCoins = "";
    this.tabs = new Tabs(el("nav", { class: "tabs expiry-tabs", "aria-label": "Expiry" }));
    this.coins = el("span", { class: "control", hidden: true });
    this.node = el("div", { class: "expiry-switcher" }, this.tabs.node, this.coins);
    this.#showTabs();
  }

  /**
   * Offer the series of an "expiries" message.
   *
   * @param {{expiries: import("../data/series.js").Series[]}} message
   */
  update({ expiries }) {
    this.series = expiries;
    const { expiry, settle } = this.route;
    this.current = chooseSeries(expiries, expiry, settle);
    this.#showTabs();
    this.#showCoins(settleCoins(expiries, expiry));
  }

  /**
   * Open the next or previous expiry, if there is one.
   *
   * @param {number} step 1 or -1.
   */
  step(step) {
    const label = neighbourExpiry(this.series, this.route.expiry, step);
    if (label) navigate(this.#link(label));
  }

  #link(label) {
    const { asset, view, settle } = this.route;
    return viewLink(asset, view, label, settle);
  }

  #showTabs() {
    const { expiry } = this.route;
    const expiryByLabel = new Map(this.series.map(({ label, expiry_ms }) => [label, expiry_ms]));
    const labels = expiryLabels(this.series);
    const isExtra = this.extraTabs.some(([value]) => value === expiry);
    // An expired series is not listed, but the tabs still have to name what is shown.
    if (!isExtra && !labels.includes(expiry)) labels.unshift(expiry);
    const tabs = [
      ...this.extraTabs,
      ...labels.map((label) => [label, label, timeLeft(expiryByLabel.get(label), venueMs())]),
    ].map(([name, title, detail = ""]) => ({ name, title, detail, href: this.#link(name) }));
    this.tabs.show(tabs, expiry);
  }

  #showCoins(coins) {
    const key = coins.join();
    this.coins.hidden = coins.length < 2;
    if (coins.length < 2 || key === this.shownCoins) return;
    this.shownCoins = key;
    const { asset, view, expiry } = this.route;
    const options = coins.map((coin) => [coin, coin]);
    this.coins.replaceChildren(
      segmented("Settle", options, this.current.settle, (coin) =>
        navigate(viewLink(asset, view, expiry, coin)),
      ),
    );
  }
}
