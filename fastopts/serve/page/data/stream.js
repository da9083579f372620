/** The event stream of this tab: one connection, reopened for each view and after a failure. */

import { get } from "./api.js";
import { MESSAGE } from "./constants.js";
import { setVenueTime } from "./venue_clock.js";

// The server sends the feed's state every second. After this long without a message the connection
// is dead, even if the browser still reports it as open.
const SILENCE_MAX_MS = 12_000;
const CHECK_INTERVAL_MS = 1000;
const BACKOFF_MS = [500, 1000, 2000, 4000, 8000];

/**
 * @typedef {Object} StreamHandler
 * @property {function(Object): void} onOpen Called with the hello message of a new connection.
 * @property {function(Object): void} onMessage Called with each later message.
 * @property {function(string): void} onRefused Called with the reason why the server ended or
 *   refused the stream.
 */

/** A reconnecting EventSource. */
export class EventStream {
  /** @param {StreamHandler} handler */
  constructor(handler) {
    this.handler = handler;
    this.subscriptions = [];
    this.receivedAt = performance.now();
    this.openedAt = 0;
    this.isOpen = false;
    this.failureCount = 0;
    this.source = null;
    this.timer = null;
    setInterval(() => this.#checkSilence(), CHECK_INTERVAL_MS);
    // A page in the back/forward cache must not hold a connection: the server limits their number.
    addEventListener("pagehide", () => this.#close());
    addEventListener("pageshow", (event) => event.persisted && this.#open());
  }

  /**
   * Replace all subscriptions. Server-sent events go one way, so this opens a new connection.
   *
   * @param {Object[]} subscriptions As in the API's documentation, each with an `id`.
   */
  subscribe(subscriptions) {
    this.subscriptions = subscriptions;
    this.#open();
  }

  /** @returns {number} Milliseconds since the last message. */
  get silenceMs() {
    return performance.now() - this.receivedAt;
  }

  #open() {
    this.#close();
    const query = this.subscriptions.map((subscription) => [
      "subscribe",
      JSON.stringify(subscription),
    ]);
    const source = new EventSource(`v1/events?${new URLSearchParams(query)}`);
    this.source = source;
    this.openedAt = performance.now();
    // Events of a replaced connection may still be queued.
    source.onmessage = (event) => source === this.source && this.#receive(event.data);
    source.onerror = () => source === this.source && this.#onError();
  }

  #close() {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
  }

  #receive(text) {
    const message = JSON.parse(text);
    setVenueTime(message.as_of_ms);
    if (message.type === MESSAGE.HELLO) {
      this.isOpen = true;
      this.failureCount = 0;
      this.handler.onOpen(message);
      return;
    }
    if (message.type === MESSAGE.BYE) {
      this.handler.onRefused(message.detail || message.reason);
      return;
    }
    this.receivedAt = performance.now();
    this.handler.onMessage(message);
  }

  #onError() {
    this.isOpen = false;
    // While its state is CONNECTING, EventSource retries by itself; once CLOSED, it has given up.
    if (this.source.readyState !== EventSource.CLOSED) return;
    this.#reopenLater();
    // EventSource hides the response; an ordinary request learns why the server refuses.
    get("v1/feed").catch((error) => error.status && this.handler.onRefused(error.message));
  }

  #reopenLater() {
    this.#close();
    const delayMs = BACKOFF_MS[Math.min(this.failureCount, BACKOFF_MS.length - 1)];
    this.failureCount += 1;
    // Jitter: the tabs of a desk must not all reconnect at once after a restart.
    this.timer = setTimeout(() => this.#open(), delayMs * (0.75 + Math.random() / 2));
  }

  #checkSilence() {
    const silenceMs = performance.now() - Math.max(this.receivedAt, this.openedAt);
    if (this.source && silenceMs > SILENCE_MAX_MS) {
      this.isOpen = false;
      this.#reopenLater();
    }
  }
}
