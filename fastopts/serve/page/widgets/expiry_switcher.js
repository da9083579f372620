/** The controls that choose a view's expiry and, where there are several, its settle coin. */

import { chooseSeries, expiryLabels, neighbourExpiry, settleCoins } from "../data/series.js";
import { el } from "../lib/dom.js";
import { navigate, viewLink } from "../lib/router.js";
import { dropdown, segmented, setOptions } from "./controls.js";

/** A drop-down list of expiries; choosing one opens the same view of that expiry. */
export class ExpirySwitcher {
  /**
   * @param {import("../lib/router.js").Route} route
   * @param {[string, string][]} extraOptions Options before the expiries: values and texts.
   */
  constructor(route, extraOptions = []) {
    this.route = route;
    this.extraOptions = extraOptions;
    this.series = [];
    /** @type {?import("../data/series.js").Series} */
    this.current = null;
    this.shownCoins = "";
    const options = [...extraOptions, [route.expiry, route.expiry]];
    this.expiries = dropdown("Expiry", options, route.expiry, (label) => this.#open(label));
    this.coins = el("span", { class: "control", hidden: true });
    this.node = el("span", { class: "control" }, this.expiries.node, this.coins);
  }

  /**
   * Offer the series of an "expiries" message.
   *
   * @param {{expiries: import("../data/series.js").Series[]}} message
   */
  update({ expiries }) {
    this.series = expiries;
    const { expiry, settle } = this.route;
    const options = [
      ...this.extraOptions,
      ...expiryLabels(expiries).map((label) => [label, label]),
    ];
    // An expired series is not listed, but the list still has to name what is shown.
    if (!options.some(([value]) => value === expiry)) options.push([expiry, expiry]);
    setOptions(this.expiries.field, options, expiry);
    this.current = chooseSeries(expiries, expiry, settle);
    this.#showCoins(settleCoins(expiries, expiry));
  }

  /**
   * Open the next or previous expiry, if there is one.
   *
   * @param {number} step 1 or -1.
   */
  step(step) {
    const label = neighbourExpiry(this.series, this.route.expiry, step);
    if (label) this.#open(label);
  }

  #open(label) {
    const { asset, view, settle } = this.route;
    navigate(viewLink(asset, view, label, settle));
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
