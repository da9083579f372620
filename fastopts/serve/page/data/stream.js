// The one event stream of this tab: opened anew for each view, and whenever it fails.

import { get } from "./api.js";
import { hear } from "./venue_clock.js";

const SILENCE_MS = 12000; // no word for so long: the connection is dead, whatever it says
const DELAYS_MS = [500, 1000, 2000, 4000, 8000];

export class Stream {
  // `listener` has message(m), opened() and refused(words).
  constructor(listener) {
    this.listener = listener;
    this.subscriptions = [];
    this.heardAt = performance.now();
    this.isOpen = false;
    this.failures = 0;
    this.source = null;
    this.timer = null;
    setInterval(() => this.#look(), 1000);
    addEventListener("pagehide", () => this.#close());
    addEventListener("pageshow", (event) => event.persisted && this.#open());
  }

  subscribe(subscriptions) {
    this.subscriptions = subscriptions;
    this.#open();
  }

  get silenceMs() {
    return performance.now() - this.heardAt;
  }

  #open() {
    this.#close();
    const query = this.subscriptions.map((one) => ["subscribe", JSON.stringify(one)]);
    const source = new EventSource(`v1/events?${new URLSearchParams(query)}`);
    this.source = source;
    this.openedAt = performance.now();
    source.onmessage = (event) => source === this.source && this.#receive(event.data);
    source.onerror = () => source === this.source && this.#failed();
  }

  #close() {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
  }

  #receive(text) {
    const message = JSON.parse(text);
    hear(message.as_of_ms);
    if (message.type === "hello") {
      this.isOpen = true;
      this.failures = 0;
      this.listener.opened(message);
      return;
    }
    if (message.type === "bye") {
      this.listener.refused(message.detail || message.reason);
      return;
    }
    this.heardAt = performance.now();
    this.listener.message(message);
  }

  // While it is connecting, EventSource tries again by itself; closed, it has given up.
  #failed() {
    this.isOpen = false;
    if (this.source.readyState !== EventSource.CLOSED) return;
    this.#again();
    get("v1/feed").catch((error) => error.status && this.listener.refused(error.message));
  }

  #again() {
    this.#close();
    const delay = DELAYS_MS[Math.min(this.failures, DELAYS_MS.length - 1)];
    this.failures += 1;
    this.timer = setTimeout(() => this.#open(), delay * (0.75 + Math.random() / 2));
  }

  #look() {
    const since = performance.now() - Math.max(this.heardAt, this.openedAt || 0);
    if (this.source && since > SILENCE_MS) {
      this.isOpen = false;
      this.#again();
    }
  }
}
