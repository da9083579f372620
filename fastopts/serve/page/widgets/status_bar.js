// The status line: whose data, how fast, how much of it is live, and over which connections.

import { Words, el, setAttribute } from "../lib/dom.js";
import { age, fixed, reasonWords, utc } from "../lib/format.js";
import { venueMs } from "../data/venue_clock.js";

export class StatusBar {
  constructor(node, badge, venue) {
    this.badge = badge;
    this.venue = venue;
    this.link = light("link");
    this.lights = el("span", { class: "lights", role: "group", "aria-label": "venue connections" });
    this.none = el("b", { class: "warn", hidden: true }, "none");
    this.byConn = new Map();
    this.rate = item(node, "messages", "messages a second from the venue");
    this.coverage = item(node, "live", "options that are live, of those that are listed");
    this.age = item(node, "age p99", "99 of 100 live options are younger");
    this.redis = item(node, "Redis", "a round trip to the store");
    this.clock = item(node, "venue time", "the venue's clock, UTC");
    node.prepend(el("span", { class: "item" }, this.link.node, " server ", (this.state = el("b"))));
    node.append(el("span", { class: "item" }, "connections ", this.lights, this.none));
    this.setLink("connecting");
  }

  setLink(state) {
    if (this.state.textContent === state) return;
    this.state.textContent = state;
    shine(this.link, state === "connected" ? "live" : "muted", `link to the server: ${state}`);
  }

  hello({ venue, simulated }) {
    this.venue.textContent = venue;
    this.badge.hidden = !simulated;
  }

  feed(feed) {
    this.hello(feed);
    this.rate.set(feed.messages_s === null ? "–" : `${fixed(feed.messages_s, 0)}/s`);
    this.coverage.set(`${fixed(feed.live, 0)}/${fixed(feed.total, 0)}`);
    this.coverage.parent.classList.toggle("warn", feed.live < feed.total);
    this.age.set(age(feed.age_s_p99));
    this.redis.set(feed.redis_ms === null ? "–" : `${fixed(feed.redis_ms, 1)} ms`);
    this.#conns(feed.conns, new Set(feed.muted), feed.alive);
  }

  // Nothing of the feed is known any more.
  unknown() {
    for (const words of [this.rate, this.coverage, this.age, this.redis]) words.set("–");
    for (const [conn, one] of this.byConn) shine(one, "waiting", `connection ${conn}: unknown`);
  }

  tick(isLost) {
    const now = venueMs();
    this.clock.set(isLost || now === null ? "–" : utc(now).slice(11));
  }

  #conns(conns, muted, isAlive) {
    for (const [conn, one] of this.byConn) {
      if (conn in conns) continue;
      one.node.remove();
      this.byConn.delete(conn);
    }
    for (const [conn, silence] of Object.entries(conns)) {
      if (!this.byConn.has(conn)) {
        this.byConn.set(conn, light(conn));
        this.lights.append(this.byConn.get(conn).node);
      }
      const isMuted = muted.has(Number(conn)) || muted.has(conn) || !isAlive;
      const state = isMuted ? "muted" : silence === null ? "waiting" : "live";
      const heard = silence === null ? "no data yet" : `data ${age(silence)} ago`;
      shine(this.byConn.get(conn), state, `connection ${conn}: ${state}, ${heard}`);
    }
    this.none.hidden = this.byConn.size > 0;
  }
}

// Why nothing is live, in words; null while something can be.
export function trouble(feed) {
  if (feed.alive) return feed.total > 0 && feed.live === 0 ? "nothing of the venue is live" : null;
  const reason = feed.reason ? reasonWords(feed.reason) : "the feed is down";
  return feed.detail ? `${reason}: ${feed.detail}` : reason;
}

function item(node, name, hint) {
  const value = el("b");
  node.append(el("span", { class: "item", title: hint }, `${name} `, value));
  const words = new Words(value, "–");
  words.parent = value;
  return words;
}

// A dot when live, a cross when muted, a ring while waiting: not the colour alone.
function light(name) {
  return { node: el("span", { class: "light", role: "img" }), name };
}

const SHAPES = { live: "●", muted: "✕", waiting: "○" };

function shine(one, state, label) {
  setAttribute(one.node, "data-state", state);
  if (one.node.textContent !== SHAPES[state]) one.node.textContent = SHAPES[state];
  setAttribute(one.node, "aria-label", label);
  setAttribute(one.node, "title", label);
}
