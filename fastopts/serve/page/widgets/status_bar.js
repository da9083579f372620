/** The status bar: link to the server, message rate, coverage, latency and venue connections. */

import { venueMs } from "../data/venue_clock.js";
import { el, LiveText, setAttribute, toggleClass } from "../lib/dom.js";
import { ABSENT, age, fixed, utc } from "../lib/format.js";
import { liveCount } from "./summary_bar.js";

// Shapes as well as colours: not all users can distinguish red from green.
const SHAPES = { live: "●", muted: "✕", waiting: "○" };

/** Fills the page's footer, and the venue's name and the SIMULATED badge in its header. */
export class StatusBar {
  /**
   * @param {HTMLElement} node
   * @param {HTMLElement} simulatedBadge
   * @param {HTMLElement} venueName
   */
  constructor(node, simulatedBadge, venueName) {
    this.simulatedBadge = simulatedBadge;
    this.venueName = venueName;
    this.linkLight = makeLight();
    this.linkState = el("b");
    node.append(el("span", { class: "item" }, this.linkLight, " server ", this.linkState));
    this.rate = makeItem(node, "messages", "ticker messages per second from the venue");
    this.coverage = makeItem(node, "live", "live options / listed options");
    this.age = makeItem(node, "age p99", "99th percentile of the live options' age");
    this.redis = makeItem(node, "Redis", "round-trip time to Redis");
    this.clock = makeItem(node, "venue time", "the venue's clock, UTC");
    this.lights = el("span", { class: "lights", role: "group", "aria-label": "Venue connections" });
    this.lightByConnection = new Map();
    this.noConnections = el("b", { class: "warn", hidden: true }, "none");
    node.append(el("span", { class: "item" }, "connections ", this.lights, this.noConnections));
    this.setLink("connecting");
  }

  /** @param {"connecting"|"connected"|"reconnecting"} state Of the stream from the server. */
  setLink(state) {
    if (this.linkState.textContent === state) return;
    this.linkState.textContent = state;
    setLight(this.linkLight, state === "connected" ? "live" : "muted", `server: ${state}`);
  }

  /** @param {{venue: string, simulated: boolean}} message */
  setVenue({ venue, simulated }) {
    this.venueName.textContent = venue;
    this.simulatedBadge.hidden = !simulated;
  }

  /** @param {Object} feed A "feed" message. */
  setFeed(feed) {
    this.setVenue(feed);
    this.rate.set(feed.messages_s === null ? ABSENT : `${fixed(feed.messages_s, 0)}/s`);
    this.coverage.set(liveCount(feed.live, feed.total));
    toggleClass(this.coverage.parent, "warn", feed.live < feed.total);
    this.age.set(age(feed.age_s_p99));
    this.redis.set(feed.redis_ms === null ? ABSENT : `${fixed(feed.redis_ms, 1)} ms`);
    this.#setConnections(feed);
  }

  /** Show all figures of the feed as unknown: no message has arrived for a while. */
  clear() {
    for (const item of [this.rate, this.coverage, this.age, this.redis]) item.set(ABSENT);
    for (const [connection, light] of this.lightByConnection) {
      setLight(light, "waiting", `connection ${connection}: unknown`);
    }
  }

  /** @param {boolean} isLost Whether the server has stopped sending. */
  refreshClock(isLost) {
    const nowMs = venueMs();
    this.clock.set(isLost || nowMs === null ? ABSENT : utc(nowMs).slice(11));
  }

  #setConnections({ conns: silenceByConnection, muted, alive }) {
    for (const [connection, light] of this.lightByConnection) {
      if (connection in silenceByConnection) continue;
      light.remove();
      this.lightByConnection.delete(connection);
    }
    // The keys of a JSON object are texts, the muted connections numbers.
    const mutedConnections = new Set(muted.map(String));
    for (const [connection, silence] of Object.entries(silenceByConnection)) {
      if (!this.lightByConnection.has(connection)) {
        this.lightByConnection.set(connection, makeLight());
        this.lights.append(this.lightByConnection.get(connection));
      }
      const isMuted = mutedConnections.has(connection) || !alive;
      const state = isMuted ? "muted" : silence === null ? "waiting" : "live";
      const lastData = silence === null ? "no data yet" : `last data ${age(silence)} ago`;
      const label = `connection ${connection}: ${state}, ${lastData}`;
      setLight(this.lightByConnection.get(connection), state, label);
    }
    this.noConnections.hidden = this.lightByConnection.size > 0;
  }
}

function makeItem(node, name, hint) {
  const value = el("b");
  node.append(el("span", { class: "item", title: hint, "data-item": name }, `${name} `, value));
  return new LiveText(value, ABSENT);
}

function makeLight() {
  return el("span", { class: "light", role: "img" });
}

function setLight(light, state, label) {
  setAttribute(light, "data-state", state);
  if (light.textContent !== SHAPES[state]) light.textContent = SHAPES[state];
  setAttribute(light, "aria-label", label);
  setAttribute(light, "title", label);
}
