// The series of an asset, out of its expiries message: what an expiry is switched with.

import { countdown, fixed, level, percent, points, price, signedPercent } from "../lib/format.js";
import { venueMs } from "./venue_clock.js";

export function labels(series) {
  const found = new Map(series.map((one) => [one.label, one.expiry_ms]));
  return [...found].sort((one, other) => one[1] - other[1]).map(([label]) => label);
}

export function settlesOf(series, label) {
  return series.filter((one) => one.label === label).map((one) => one.settle).sort();
}

// The coin asked for, else USDT, else what there is.
export function find(series, label, settle) {
  const there = series.filter((one) => one.label === label);
  const wanted = (coin) => there.find((one) => one.settle === coin);
  return wanted(settle) || wanted("USDT") || there[0] || null;
}

// The first that is not about to be delivered.
export function front(series) {
  const nearest = [...series].sort((one, other) => one.expiry_ms - other.expiry_ms);
  return nearest.find((one) => one.phase === "trading") || nearest[0] || null;
}

export function neighbour(series, label, by) {
  const all = labels(series);
  return all[all.indexOf(label) + by] || null;
}

export const FIGURES = [
  { id: "forward", name: "Forward", hint: "the forward of this expiry, quote coin" },
  { id: "index", name: "Index", hint: "spot" },
  { id: "basis", name: "Basis", hint: "forward over index, a year" },
  { id: "atm", name: "ATM IV", hint: "mark volatility at the forward" },
  { id: "straddle", name: "Straddle", hint: "call and put at the money, quote coin" },
  { id: "rr", name: "RR 25Δ", hint: "25 delta risk reversal, vol points" },
  { id: "bf", name: "BF 25Δ", hint: "25 delta butterfly, vol points" },
  { id: "left", name: "Delivery in" },
  { id: "live", name: "Live", hint: "options that are live, of those listed" },
];

export function figures(one) {
  return {
    forward: level(one.forward),
    index: level(one.index_price),
    basis: signedPercent(one.basis),
    atm: percent(one.atm_iv),
    straddle: price(one.straddle, one.forward),
    rr: points(one.risk_reversal),
    bf: points(one.butterfly),
    left: countdown(one.expiry_ms, venueMs()),
    live: `${fixed(one.live, 0)}/${fixed(one.total, 0)}`,
  };
}
