// The expiries of an asset, one row each: where one starts.

import { venueMs } from "../data/venue_clock.js";
import { el, toggleClass } from "../lib/dom.js";
import { age, compact, countdown, days, fixed, level, percent, points, price, signedPercent } from "../lib/format.js";
import { nextFrame } from "../lib/scheduling.js";
import { Notice } from "../widgets/notice.js";
import { link } from "../lib/router.js";
import { Strip } from "../widgets/summary_bar.js";
import { Table } from "../widgets/table.js";
import { range, warm } from "../widgets/heatmap.js";

const HIDES_AGE = 1; // an age is of interest where it is old

export function open(route) {
  let body = null;
  let heat = {};
  const problem = new Notice();
  const strip = new Strip([
    { id: "index", name: `${route.asset} index` },
    { id: "expiries", name: "Series" },
    { id: "interest", name: "Open interest", hint: "base coin" },
    { id: "turnover", name: "Turnover 24 h", hint: "notional, quote coin" },
    { id: "volume", name: "Volume 24 h", hint: "base coin" },
  ]);
  const table = new Table({
    caption: `Expiries of ${route.asset}; Enter or a click opens the chain`,
    columns: columns(() => heat),
    key: (one) => `${one.label}-${one.settle}`,
    opens: (one) => link(route.asset, "chain", one.label, one.settle),
    isStale: (one) => one.live === 0,
  });

  table.node.classList.add("expiries");

  function draw() {
    if (body === null) return;
    const series = body.expiries;
    heat = {
      iv: range(series.map((one) => one.atm_iv)),
      interest: range([0, ...series.map((one) => one.open_interest)]),
      turnover: range([0, ...series.map((one) => one.turnover_24h)]),
    };
    table.update(series);
    const isStale = !series.some((one) => one.live > 0);
    strip.set(totals(body, series), isStale);
    problem.say(series.length ? "" : `No series of ${route.asset} is listed.`);
  }

  return {
    title: `${route.asset} expiries`,
    node: el("section", {}, strip.node, problem.node, el("div", { class: "scroll" }, table.node)),
    subscriptions: [{ id: "expiries", expiries: route.asset }],
    receive(message) {
      if (message.type === "error") {
        problem.say(message.detail);
      }
      if (message.type !== "expiries") return;
      body = message;
      nextFrame(draw);
    },
    tick: () => table.refresh("left"),
  };
}

function totals(body, series) {
  return {
    index: level(body.index_price),
    expiries: String(series.length),
    interest: compact(total(series, "open_interest")),
    turnover: compact(total(series, "turnover_24h")),
    volume: compact(total(series, "volume_24h")),
  };
}

function total(series, name) {
  const known = series.map((one) => one[name]).filter((value) => value !== null);
  return known.length ? known.reduce((sum, value) => sum + value, 0) : null;
}

function columns(heat) {
  return [
    { id: "label", head: "Expiry", isHead: true, isText: true, text: (one) => one.label, link: chainOf },
    { id: "settle", head: "Settle", isText: true, text: (one) => one.settle },
    { id: "dte", head: "DTE", hint: "days to expiry", text: (one) => days(one.dte) },
    { id: "left", head: "Delivery in", text: (one) => countdown(one.expiry_ms, venueMs()) },
    { id: "forward", head: "Forward", hint: "quote coin", text: (one) => level(one.forward) },
    { id: "basis", head: "Basis", hint: "forward over index, a year", text: (one) => signedPercent(one.basis) },
    {
      id: "atm_iv",
      head: "ATM IV",
      hint: "mark volatility at the forward",
      text: (one) => percent(one.atm_iv),
      paint: (cell, one) => warmCell(cell, one.atm_iv, heat().iv),
    },
    { id: "straddle", head: "Straddle", hint: "at the money, quote coin", text: (one) => price(one.straddle, one.forward) },
    { id: "rr", head: "RR 25Δ", hint: "25 delta risk reversal, vol points", text: (one) => points(one.risk_reversal) },
    { id: "bf", head: "BF 25Δ", hint: "25 delta butterfly, vol points", text: (one) => points(one.butterfly) },
    {
      id: "open_interest",
      head: "Open interest",
      hint: "base coin",
      text: (one) => compact(one.open_interest),
      paint: (cell, one) => barCell(cell, one.open_interest, heat().interest),
    },
    {
      id: "turnover_24h",
      head: "Turnover 24 h",
      hint: "notional, quote coin",
      text: (one) => compact(one.turnover_24h),
      paint: (cell, one) => barCell(cell, one.turnover_24h, heat().turnover),
    },
    {
      id: "live",
      head: "Live",
      hint: "options that are live, of those listed; the age of the oldest where some are not",
      text: (one) => liveText(one),
      paint: (cell, one) => toggleClass(cell, "warn", one.live < one.total),
    },
  ];
}

function liveText(one) {
  const share = `${fixed(one.live, 0)}/${fixed(one.total, 0)}`;
  const isOld = one.live < one.total && one.oldest_age_s > HIDES_AGE;
  return isOld ? `${share} · ${age(one.oldest_age_s)}` : share;
}

function chainOf(one) {
  return link(one.asset, "chain", one.label, one.settle);
}

function warmCell(cell, value, bounds) {
  toggleClass(cell, "warmth", true);
  warm(cell, value, bounds || {});
}

function barCell(cell, value, bounds) {
  toggleClass(cell, "bar-cell", true);
  warm(cell, value, bounds || {});
}
