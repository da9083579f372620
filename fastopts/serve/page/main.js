// The page: one view at a time, between the header and the status line.

import { get } from "./data/api.js";
import { el } from "./lib/dom.js";
import { Freshness } from "./widgets/freshness_banner.js";
import { HELP, listen } from "./lib/keyboard.js";
import { keep, read } from "./lib/storage.js";
import { VIEWS, go, goInstead, link, optionLink, parse } from "./lib/router.js";
import { StatusBar, trouble } from "./widgets/status_bar.js";
import { Stream } from "./data/stream.js";
import { Tabs } from "./widgets/tabs.js";
import { SymbolSearch } from "./widgets/symbol_search.js";
import { nextTheme, themeName } from "./lib/theme.js";
import { REFUSED, Waiting } from "./data/pending.js";

const byId = (id) => document.getElementById(id);
const LOADERS = {
  expiries: () => import("./views/expiries.js"),
  chain: () => import("./views/chain.js"),
  smile: () => import("./views/smile.js"),
  term: () => import("./views/term.js"),
  grid: () => import("./views/surface.js"),
  interest: () => import("./views/open_interest.js"),
  scan: () => import("./views/scanner.js"),
  symbol: () => import("./views/option.js"),
};

const status = new StatusBar(byId("status"), byId("simulated"), byId("venue"));
const freshness = new Freshness(byId("banner"), byId("spoken"));
const assetTabs = new Tabs(byId("assets"));
const viewTabs = new Tabs(byId("views"));
const search = new SymbolSearch(byId("search"));
const stream = new Stream({ message, opened, refused });
const waiting = new Waiting(byId("view"), () => stream.subscribe(view.subscriptions));

let assets = [];
let route = null;
let view = null;
let turn = 0; // of routes: a view that loads slowly must not replace a later one
const trail = []; // where "back" stays within the page

function opened(hello) {
  status.hello(hello);
  status.setLink("connected");
  waiting.begin(view.subscriptions);
  view.opened?.();
}

function refused(words) {
  freshness.serverSays(words);
}

function message(one) {
  if (one.type === "feed") {
    status.feed(one);
    freshness.feedSays(trouble(one));
    showAssets(one.assets);
  } else if (one.id !== undefined) {
    waiting.heard(one);
    if (view.receive(one) === REFUSED) waiting.answered(one.id);
  }
  look();
}

function look() {
  freshness.look(stream.silenceMs);
  const isLost = freshness.state === "lost";
  status.setLink(isLost ? "reconnecting" : stream.isOpen ? "connected" : "connecting");
  if (isLost) status.unknown();
}

function showAssets(found) {
  if (found.join() !== assets.join()) assets = found;
  const [name, expiry] = route?.view in LOADERS ? [route.view, null] : ["expiries", null];
  const shown = ["scan", "symbol"].includes(name) ? "expiries" : name;
  const current = route?.view === "scan" ? null : route?.asset;
  assetTabs.show(
    assets.map((asset) => ({ name: asset, href: link(asset, shown, expiry) })),
    current,
  );
}

function showViews() {
  const { asset, expiry = null, settle = null } = place();
  const items = VIEWS.map(({ name, title }, index) => {
    const keepsExpiry = ["chain", "smile", "interest"].includes(name);
    const href = name === "scan" ? "#/scan" : link(asset, name, ...(keepsExpiry ? [expiry, settle] : []));
    return { name, title, href, hint: `key ${index + 1}` };
  });
  viewTabs.show(items, route.view);
}

// The asset and, where one was looked at, the expiry that the next view is opened with.
function place() {
  const asset = route.asset || read("asset", assets[0] || "BTC");
  const last = read("expiry", {})[asset] || {};
  return { asset, expiry: last.expiry, settle: last.settle };
}

function remember() {
  if (!route.asset || route.view === "symbol") return;
  keep("asset", route.asset);
  if (route.expiry && route.expiry !== "all") {
    keep("expiry", { ...read("expiry", {}), [route.asset]: { expiry: route.expiry, settle: route.settle } });
  }
}

async function navigate() {
  const found = parse(location.hash);
  if (found === null) {
    goInstead(link(await firstAsset(), "expiries"));
    return;
  }
  follow(location.hash);
  turn += 1;
  const mine = turn;
  const { open } = await LOADERS[found.view]();
  if (mine !== turn) return;
  view?.close?.();
  route = found;
  remember();
  view = open(route);
  document.title = `${view.title} · fastopts`;
  byId("view").replaceChildren(view.node);
  byId("view").dataset.view = route.view;
  view.shown?.();
  showViews();
  showAssets(assets);
  waiting.begin(view.subscriptions);
  stream.subscribe(view.subscriptions);
}

function follow(hash) {
  if (trail.at(-2) === hash) trail.pop();
  else if (trail.at(-1) !== hash) trail.push(hash);
}

async function firstAsset() {
  const kept = read("asset", null);
  if (kept) return kept;
  const feed = await get("v1/feed").catch(() => ({ assets: [] }));
  return feed.assets.includes("BTC") ? "BTC" : feed.assets[0] || "BTC";
}

function step(items, current, by) {
  if (!items.length) return null;
  const at = items.indexOf(current);
  return items[(Math.max(at, 0) + by + items.length) % items.length];
}

function closeHelp() {
  byId("help").close();
}

listen({
  view(index) {
    byId("views").querySelectorAll("a")[index].click();
    return true;
  },
  asset(by) {
    const next = step(assets, route.asset, by);
    if (next) byId("assets").querySelector(`a[data-name="${CSS.escape(next)}"]`)?.click();
    return true;
  },
  expiry: (by) => view?.step?.(by) ?? false,
  back() {
    if (trail.length > 1) history.back();
    else if (route.view !== "expiries") go(link(place().asset, "expiries"));
    return true;
  },
  search: () => search.focus(),
  theme: changeTheme,
  help() {
    byId("help").showModal();
    return true;
  },
});

function changeTheme() {
  nextTheme();
  showTheme();
  view?.themed?.();
  return true;
}

function showTheme() {
  const name = themeName();
  byId("theme").textContent = { system: "◐", light: "☀", dark: "☾" }[name];
  byId("theme").setAttribute("aria-label", `Theme: ${name}`);
  byId("theme").title = `Theme: ${name} (t)`;
}

function showHelp() {
  const lines = HELP.map(([keys, does]) =>
    el("tr", {}, el("th", { scope: "row", class: "text" }, keys), el("td", { class: "text" }, does)),
  );
  byId("help-keys").replaceChildren(...lines);
  byId("help").addEventListener("click", (event) => event.target === byId("help") && closeHelp());
}

// A click anywhere in a row opens it, unless it was meant for something in the row.
function openRows(event) {
  if (event.target.closest("a, button, input, select, label, summary")) return;
  if (String(getSelection())) return;
  const row = event.target.closest("tr[data-open]");
  const isOther = event.target.closest("[data-side=put]") !== null;
  if (row) go(isOther ? row.dataset.openOther : row.dataset.open);
}

byId("theme").addEventListener("click", changeTheme);
byId("ask").addEventListener("click", () => byId("help").showModal());
byId("skip").addEventListener("click", (event) => {
  event.preventDefault();
  byId("view").focus();
});
byId("view").addEventListener("click", openRows);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  view?.themed?.();
});
addEventListener("hashchange", navigate);
setInterval(() => {
  look();
  status.tick(freshness.state === "lost");
  view?.tick?.();
}, 500);
search.goes((symbol) => go(optionLink(symbol)));
showTheme();
showHelp();
navigate();
