/** Base classes of the views. */

import { MESSAGE } from "../data/constants.js";
import { OptionRows } from "../data/rows.js";
import { frontSeries } from "../data/series.js";
import { el } from "../lib/dom.js";
import { parse, redirect, viewLink } from "../lib/router.js";
import { ExpirySwitcher } from "../widgets/expiry_switcher.js";
import { Notice } from "../widgets/messages.js";

/** @typedef {import("../lib/router.js").Route} Route */

/**
 * A view: an element, the stream subscriptions it needs, and reactions to events of the page.
 *
 * Each view's module exports `open(route)`, which returns the view of an address. The page calls
 * close() on the view before it opens another.
 */
export class View {
  /**
   * @param {string} title
   * @param {Object[]} subscriptions Each with an `id` that is unique within the view.
   */
  constructor(title, subscriptions) {
    this.title = title;
    this.subscriptions = subscriptions;
    /** @type {HTMLElement} Set by the subclass. */
    this.node = null;
    this.notice = new Notice();
  }

  /** A connection was opened: snapshots of all subscriptions follow. */
  connected() {}

  /**
   * Handle a message for one of the subscriptions.
   *
   * @param {Object} message
   * @returns {?string} CLEARED if it is an error and nothing of the subscription is shown any more.
   */
  receive(message) {
    if (message.type === MESSAGE.ERROR) this.notice.show(message.detail);
    return null;
  }

  /** Refresh ages and countdowns; called twice a second. */
  tick() {}

  /**
   * Open the next or previous expiry.
   *
   * @param {number} _step 1 or -1.
   * @returns {boolean} Whether the view has expiries.
   */
  stepExpiry(_step) {
    return false;
  }

  /** Redraw what the style sheet does not colour. */
  themeChanged() {}

  /** Release timers and charts. */
  close() {}
}

/**
 * A view of one expiry of an asset: a list of expiries, option rows or other subscriptions, perhaps
 * a chart.
 */
export class ExpiryView extends View {
  /**
   * @param {Route} route
   * @param {Object} options
   * @param {string} options.title
   * @param {Object<string, Object>} [options.rows] Subscriptions to option rows by id.
   * @param {Object<string, Object>} [options.bodies] Other subscriptions by id.
   * @param {[string, string][]} [options.extraExpiries] Further options of the expiry list.
   */
  constructor(route, { title, rows = {}, bodies = {}, extraExpiries = [] }) {
    super(title, [
      ...Object.entries({ ...rows, ...bodies }).map(([id, subscription]) => ({
        id,
        ...subscription,
      })),
      { id: "expiries", expiries: route.asset },
    ]);
    this.route = route;
    this.rowsById = new Map(Object.keys(rows).map((id) => [id, new OptionRows()]));
    this.switcher = new ExpirySwitcher(route, extraExpiries);
    /** @type {?import("../widgets/chart.js").Chart} */
    this.chart = null;
  }

  /** @returns {OptionRows} The rows of the subscription "rows". */
  get rows() {
    return this.rowsById.get("rows");
  }

  connected() {
    for (const rows of this.rowsById.values()) rows.beginSnapshot();
  }

  receive(message) {
    if (message.type === MESSAGE.ROWS) {
      const rows = this.rowsById.get(message.id);
      rows.apply(message);
      // Half a snapshot would be drawn as if the rest were not listed.
      if (rows.isComplete) this.rowsChanged();
    } else if (message.type === MESSAGE.EXPIRIES) {
      this.switcher.update(message);
      this.seriesChanged(message);
    }
    return super.receive(message);
  }

  /** Rows of a complete snapshot have changed: schedule a redraw. */
  rowsChanged() {}

  /**
   * The figures of the asset's series have changed.
   *
   * @param {Object} _message An "expiries" message.
   */
  seriesChanged(_message) {}

  stepExpiry(step) {
    this.switcher.step(step);
    return true;
  }

  themeChanged() {
    this.chart?.themeChanged();
  }

  close() {
    this.chart?.close();
  }
}

/**
 * The subscription to the option rows of one series.
 *
 * @param {string} asset
 * @param {string} expiry Label.
 * @param {?string} settle Null for the default coin.
 * @returns {Object}
 */
export function seriesRows(asset, expiry, settle = null) {
  return settle ? { asset, expiry, settle } : { asset, expiry };
}

/** A view whose address names no expiry: redirects to the front expiry once that is known. */
export class FrontRedirect extends View {
  /** @param {Route} route */
  constructor({ asset, view, settle, search }) {
    super(`${asset} ${view}`, [{ id: "expiries", expiries: asset }]);
    this.asset = asset;
    this.view = view;
    this.settle = settle;
    const { settle: _, ...choices } = Object.fromEntries(search);
    this.choices = choices; // within the view, such as the sides of a chain
    this.text = el("p", { class: "hint", role: "status" }, "Loading the front expiry…");
    this.node = this.text;
  }

  receive(message) {
    if (message.type === MESSAGE.ERROR) this.text.textContent = message.detail;
    if (message.type !== MESSAGE.EXPIRIES) return null;
    const series = frontSeries(message, this.settle);
    if (series) {
      if (this.#isCurrent()) {
        const { label, settle } = series;
        redirect(viewLink(this.asset, this.view, label, settle, this.choices));
      }
    } else {
      this.text.textContent = `No ${this.asset} options are listed.`;
    }
    return null;
  }

  // False when the user has gone elsewhere and the event of that is still pending: a redirect
  // would take them back.
  #isCurrent() {
    const route = parse(location.hash);
    return route?.view === this.view && route.asset === this.asset && !route.expiry;
  }
}
