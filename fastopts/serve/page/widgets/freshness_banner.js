/** The banner that says why the page's data is not current; the whole page is greyed out then. */

import { reasonText } from "../lib/format.js";

// The feed's state arrives every second; two missed messages may be a slow network.
const SILENCE_MAX_MS = 3000;
// Until the first message the page is "starting", not "live".
const FIRST_MESSAGE_MS = 1000;

/** The page's state: starting, fresh, down (no live data) or lost (no data from the server). */
export class FreshnessBanner {
  /**
   * @param {HTMLElement} banner
   * @param {HTMLElement} liveRegion Element whose text screen readers announce.
   */
  constructor(banner, liveRegion) {
    this.banner = banner;
    this.liveRegion = liveRegion;
    this.state = "starting";
    this.feedProblem = null;
    this.refusal = null;
  }

  /** @returns {boolean} Whether the server has stopped sending. */
  get isLost() {
    return this.state === "lost";
  }

  /** @param {Object} feed A "feed" message. */
  setFeed(feed) {
    this.feedProblem = problemOf(feed);
    this.refusal = null;
  }

  /** @param {string} detail Why the server ended or refused the stream. */
  setRefusal(detail) {
    this.refusal = detail;
  }

  /** @param {number} silenceMs Time since the last message. */
  update(silenceMs) {
    if (silenceMs > SILENCE_MAX_MS) this.#showLost(silenceMs);
    else if (this.feedProblem) {
      this.#show("down", `Stale data: ${this.feedProblem}`, "Market data is stale");
    } else if (this.state !== "starting" || silenceMs < FIRST_MESSAGE_MS) {
      this.#show("fresh", "", "Market data is live");
    }
  }

  #showLost(silenceMs) {
    const reason = this.refusal ? `: ${this.refusal}` : "";
    const text = `No data for ${Math.floor(silenceMs / 1000)} s${reason}`;
    this.#show("lost", text, "No data from the server");
  }

  #show(state, text, announcement) {
    if (this.banner.textContent !== text) this.banner.textContent = text;
    if (state === this.state) return;
    const wasStarting = this.state === "starting";
    this.state = state;
    document.documentElement.dataset.state = state;
    this.banner.hidden = state === "fresh";
    // That a page which was just opened is live is no news.
    if (!(wasStarting && state === "fresh")) this.liveRegion.textContent = announcement;
  }
}

// Why no option is live; null if some can be.
function problemOf({ alive, total, live, reason, detail }) {
  if (alive) return total > 0 && live === 0 ? "no option is live" : null;
  const cause = reason ? reasonText(reason) : "the feed is down";
  return detail ? `${cause}: ${detail}` : cause;
}
