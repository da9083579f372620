// The columns of a chain, from the outside to the strike; a put's side is their mirror, but that
// a bid stands left of its ask on both.

import { age, compact, fixed, number, percent, points, price } from "../lib/format.js";
import { ageOf } from "../data/venue_clock.js";

const ofPrice = (name) => (row, forward) => price(row[name], forward);
const ofIv = (name) => (row) => percent(row[name]);

export const OUTER = [
  { id: "age", head: "Age", hint: "time since the venue's tick", text: (row) => age(ageOf(row.ts_ms)), fixed: true },
  { id: "open_interest", head: "OI", hint: "open interest, base coin", text: (row) => compact(row.open_interest) },
  { id: "volume_24h", head: "Vol", hint: "volume of 24 h, base coin", text: (row) => compact(row.volume_24h) },
  { id: "gamma", head: "Γ", hint: "gamma: per 1 quote unit", text: (row) => number(row.gamma) },
  { id: "vega", head: "Vega", hint: "per vol point, quote coin", text: (row) => fixed(row.vega, 2) },
  { id: "theta", head: "Θ", hint: "theta: a day, quote coin", text: (row) => fixed(row.theta, 2) },
  { id: "delta", head: "Δ", hint: "delta", text: (row) => fixed(row.delta, 2) },
  { id: "last_price", head: "Last", hint: "last price, quote coin", text: ofPrice("last_price") },
  { id: "mark_price", head: "Mark", hint: "mark price, quote coin", text: ofPrice("mark_price"), flashes: true },
  { id: "mark_iv", head: "Mark IV", hint: "mark volatility", text: ofIv("mark_iv"), flashes: true },
  { id: "spread_iv", head: "Sprd", hint: "ask IV − bid IV, vol points", text: (row) => points(row.spread_iv) },
];

export const QUOTE = [
  { id: "bid_size", head: "Size", hint: "bid size, base coin", text: (row) => compact(row.bid_size) },
  { id: "bid_iv", head: "Bid IV", hint: "volatility of the bid", text: ofIv("bid_iv") },
  { id: "bid_price", head: "Bid", hint: "bid price, quote coin", text: ofPrice("bid_price"), flashes: true, strong: true },
  { id: "ask_price", head: "Ask", hint: "ask price, quote coin", text: ofPrice("ask_price"), flashes: true, strong: true },
  { id: "ask_iv", head: "Ask IV", hint: "volatility of the ask", text: ofIv("ask_iv") },
  { id: "ask_size", head: "Size", hint: "ask size, base coin", text: (row) => compact(row.ask_size) },
];

export const ALL = [...OUTER, ...QUOTE];

const WIDE = [
  "age open_interest volume_24h delta mark_price mark_iv spread_iv",
  "bid_size bid_iv bid_price ask_price ask_iv ask_size",
].join(" ");
const NARROW = "age delta mark_iv bid_price ask_price";

export function defaults(isNarrow) {
  return (isNarrow ? NARROW : WIDE).split(" ");
}

// What a side shows, from left to right.
export function sides(chosen) {
  const has = (column) => column.fixed || chosen.includes(column.id);
  const outer = OUTER.filter(has);
  const quote = QUOTE.filter(has);
  return { call: [...outer, ...quote], put: [...quote, ...outer.toReversed()] };
}

// What a column is called where "Size" alone would not tell which.
export function longName(column) {
  const side = { bid_size: "Bid size", ask_size: "Ask size" }[column.id];
  return side || column.head;
}
