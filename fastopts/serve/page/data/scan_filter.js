// What the scanner is asked, as its form has it, and the filters that were saved.

import { keep, read } from "../lib/storage.js";

const IV = "80% or 0.8";

// {name, label, hint, options, isIv}
export const FIELDS = [
  { name: "asset", label: "Asset", options: [] },
  { name: "type", label: "Type", options: [["", "any type"], ["C", "calls"], ["P", "puts"]] },
  { name: "settle", label: "Settle", options: [["", "any coin"], ["USDT", "USDT"], ["USDC", "USDC"]] },
  { name: "expiry", label: "Expiry", hint: "27MAR26, front" },
];

export const BOUNDS = [
  { id: "dte", label: "DTE", hint: "days" },
  { id: "strike", label: "Strike", hint: "quote coin" },
  { id: "moneyness", label: "Strike / forward", hint: "1.05" },
  { id: "delta", label: "Delta", hint: "−0.3" },
  { id: "iv", label: "Mark IV", hint: IV, isIv: true },
  { id: "bid_iv", label: "Bid IV", hint: IV, isIv: true },
  { id: "ask_iv", label: "Ask IV", hint: IV, isIv: true },
];

export const LIMITS = [
  { name: "min_volume", label: "Volume at least", hint: "base coin" },
  { name: "min_turnover", label: "Turnover at least", hint: "quote coin" },
  { name: "min_open_interest", label: "Open interest at least", hint: "base coin" },
  { name: "max_spread_iv", label: "Spread at most", hint: "2% or 0.02 IV", isIv: true },
  { name: "max_rel_spread", label: "Spread / mid at most", hint: "10% or 0.1", isIv: true },
  { name: "max_spread_ticks", label: "Ticks at most", hint: "ticks" },
];

export const SORTS = [
  ["mark_iv", "mark IV"],
  ["bid_iv", "bid IV"],
  ["ask_iv", "ask IV"],
  ["spread_iv", "spread, IV"],
  ["rel_spread", "spread / mid"],
  ["delta", "delta"],
  ["dte", "DTE"],
  ["strike", "strike"],
  ["moneyness", "strike / forward"],
  ["mark_price", "mark price"],
  ["bid_price", "bid"],
  ["ask_price", "ask"],
  ["open_interest", "open interest"],
  ["volume_24h", "volume"],
  ["turnover_24h", "turnover"],
];

export const DEFAULT = { sort: "-mark_iv", limit: "100" };
const TEXTS = new Set(["asset", "type", "settle", "expiry", "sort"]);

// The subscription that a filter, all of it texts, is; throws what is wrong with a number, and of
// which `field`.
export function subscription(filter) {
  const scan = {};
  for (const [name, text] of Object.entries(filter)) {
    if (text === "") continue;
    if (name === "gate") scan.gate = text !== "false";
    else scan[name] = TEXTS.has(name) ? text : numberOf(name, text);
  }
  return scan;
}

// 80% is 0.8; what 80 alone means is the server's to refuse.
function numberOf(name, text) {
  const plain = text.trim().replace("−", "-").replaceAll(",", "");
  const isPercent = plain.endsWith("%");
  const value = Number(isPercent ? plain.slice(0, -1) : plain);
  if (plain === "" || !Number.isFinite(value)) {
    throw Object.assign(new Error(`${name}: “${text}” is no number`), { field: name });
  }
  return isPercent ? Number((value / 100).toPrecision(12)) : value;
}

export function saved() {
  return read("filters", {});
}

export function save(name, filter) {
  keep("filters", { ...saved(), [name]: filter });
}

export function remove(name) {
  const left = Object.entries(saved()).filter(([one]) => one !== name);
  keep("filters", Object.fromEntries(left));
}
