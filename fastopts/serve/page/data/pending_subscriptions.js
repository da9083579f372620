/**
 * Which subscriptions of the view have no current data: not yet answered on this connection, or
 * answered with an error. Until all are answered the view is greyed out, since it may show values
 * of an earlier connection.
 */

import { MESSAGE, PERMANENT_REASONS } from "./constants.js";

/** Returned by a view's receive() if it cleared what it showed of a refused subscription. */
export const CLEARED = "cleared";

const RETRY_MS = 5000;
const PERMANENT = new Set(PERMANENT_REASONS);

/**
 * @param {string} reason Of an "error" message.
 * @returns {boolean} Whether a new subscription would be refused as well.
 */
export const isPermanent = (reason) => PERMANENT.has(reason);

/** Tracks answers per subscription id and greys out the view while any is missing. */
export class PendingSubscriptions {
  /**
   * @param {HTMLElement} node Element that gets the class "waiting".
   * @param {function(): void} resubscribe Called some seconds after an error that may be temporary.
   */
  constructor(node, resubscribe) {
    this.node = node;
    this.resubscribe = resubscribe;
    this.pending = new Set();
    this.refused = new Set();
    this.timer = null;
  }

  /**
   * Expect an answer to each of `subscriptions`.
   *
   * @param {{id: string}[]} subscriptions
   */
  expect(subscriptions) {
    clearTimeout(this.timer);
    this.pending = new Set(subscriptions.map(({ id }) => id));
    this.refused.clear();
    this.#show();
  }

  /**
   * Take note of a message with an id.
   *
   * @param {{type: string, id: string, reason: (string|undefined)}} message
   */
  receive({ type, id, reason }) {
    if (type === MESSAGE.ERROR) {
      this.pending.add(id);
      this.refused.add(id);
      clearTimeout(this.timer);
      if (!isPermanent(reason)) this.timer = setTimeout(this.resubscribe, RETRY_MS);
    } else if (type !== MESSAGE.SUBSCRIBED && this.pending.delete(id) && this.refused.delete(id)) {
      clearTimeout(this.timer);
      for (const notice of this.node.querySelectorAll(".problem")) notice.hidden = true;
    }
    this.#show();
  }

  /**
   * The view shows nothing of subscription `id` any more, so nothing of it is out of date.
   *
   * @param {string} id
   */
  clear(id) {
    clearTimeout(this.timer);
    this.pending.delete(id);
    this.#show();
  }

  #show() {
    const isWaiting = this.pending.size > 0;
    if (isWaiting !== this.node.classList.contains("waiting")) {
      this.node.classList.toggle("waiting", isWaiting);
    }
  }
}
