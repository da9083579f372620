/**
 * The dashboard: one view at a time, between the header and the status bar.
 *
 * lib/      browser helpers without knowledge of options: DOM, formats, storage, router, keyboard
 * data/     the server's data: stream, API, rows, series, filters, fields
 * widgets/  parts of the user interface: tables, charts, controls, messages, status bar
 * views/    one module per view, on the base classes of views/view.js
 *
 * Imports go from views to widgets to data to lib, never back. No build step: browsers load these
 * files as they are.
 */

import { get } from "./data/api.js";
import { MESSAGE } from "./data/constants.js";
import { CLEARED, PendingSubscriptions } from "./data/pending_subscriptions.js";
import { ALL_COINS } from "./data/series.js";
import { EventStream } from "./data/stream.js";
import { el } from "./lib/dom.js";
import { listenForShortcuts, SHORTCUTS } from "./lib/keyboard.js";
import { navigate, optionLink, parse, redirect, VIEWS, viewLink } from "./lib/router.js";
import { load, store } from "./lib/storage.js";
import { currentTheme, switchTheme } from "./lib/theme.js";
import { FreshnessBanner } from "./widgets/freshness_banner.js";
import { copyToClipboard } from "./widgets/messages.js";
import { StatusBar } from "./widgets/status_bar.js";
import { SymbolSearch } from "./widgets/symbol_search.js";
import { Tabs } from "./widgets/tabs.js";

// Loaded when a view is first opened: the page starts with the code of one.
const LOADERS = {
  expiries: () => import("./views/expiries.js"),
  chain: () => import("./views/chain.js"),
  smile: () => import("./views/smile.js"),
  term: () => import("./views/term.js"),
  surface: () => import("./views/surface.js"),
  "open-interest": () => import("./views/open_interest.js"),
  scan: () => import("./views/scanner.js"),
  option: () => import("./views/option.js"),
  "not-found": () => import("./views/not_found.js"),
};
const EXPIRY_VIEWS = new Set(["chain", "smile", "open-interest"]);
const DEFAULT_ASSET = "BTC";
const TICK_MS = 500;
const THEME_ICONS = { system: "◐", light: "☀", dark: "☾" };

const byId = (id) => document.getElementById(id);

/** The page: routes, the stream, header and status bar. */
class Dashboard {
  constructor() {
    this.assets = [];
    /** @type {?import("./lib/router.js").Route} */
    this.route = null;
    /** @type {?import("./views/view.js").View} */
    this.view = null;
    this.navigationCount = 0;
    this.trail = []; // addresses visited within the page
    this.main = byId("view");
    this.status = new StatusBar(byId("status"), byId("simulated"), byId("venue"));
    this.freshness = new FreshnessBanner(byId("banner"), byId("announcer"));
    this.assetTabs = new Tabs(byId("assets"));
    this.viewTabs = new Tabs(byId("views"));
    this.search = new SymbolSearch(byId("search"), (symbol) => navigate(optionLink(symbol)));
    this.pending = new PendingSubscriptions(this.main, () =>
      this.stream.subscribe(this.view.subscriptions),
    );
    this.stream = new EventStream({
      onOpen: (hello) => this.#onOpen(hello),
      onMessage: (message) => this.#onMessage(message),
      onRefused: (detail) => this.freshness.setRefusal(detail),
    });
  }

  /** Open the view of the current address and start listening. */
  start() {
    this.#showTheme();
    this.#fillHelp();
    this.#listen();
    addEventListener("hashchange", () => this.#openRoute());
    setInterval(() => this.#tick(), TICK_MS);
    this.#openRoute();
  }

  #onOpen(hello) {
    this.status.setVenue(hello);
    this.status.setLink("connected");
    this.pending.expect(this.view.subscriptions);
    this.view.connected();
  }

  #onMessage(message) {
    if (message.type === MESSAGE.FEED) {
      this.status.setFeed(message);
      this.freshness.setFeed(message);
      this.#showAssets(message.assets);
    } else if (message.id !== undefined) {
      this.pending.receive(message);
      if (this.view.receive(message) === CLEARED) this.pending.clear(message.id);
    }
    this.#updateFreshness();
  }

  #tick() {
    this.#updateFreshness();
    this.status.refreshClock(this.freshness.isLost);
    this.view?.tick();
  }

  #updateFreshness() {
    this.freshness.update(this.stream.silenceMs);
    const { isLost } = this.freshness;
    const openState = this.stream.isOpen ? "connected" : "connecting";
    this.status.setLink(isLost ? "reconnecting" : openState);
    if (isLost) this.status.clear();
  }

  async #openRoute() {
    const { hash } = location;
    const route = parse(hash);
    if (route === null) {
      const asset = await this.#firstAsset();
      // The user may have opened a view in the meantime.
      if (location.hash === hash) redirect(viewLink(asset, "expiries"));
      return;
    }
    this.#recordVisit(location.hash);
    this.navigationCount += 1;
    const navigation = this.navigationCount;
    const { open } = await LOADERS[route.view]();
    // A view whose code loads slowly must not replace one that was opened later.
    if (navigation !== this.navigationCount) return;
    this.view?.close();
    this.route = route;
    this.#rememberChoice();
    this.view = open(route);
    document.title = `${this.view.title} · fastopts`;
    this.main.replaceChildren(this.view.node);
    this.main.dataset.view = route.view;
    this.#showViews();
    this.#showAssets(this.assets);
    this.pending.expect(this.view.subscriptions);
    this.stream.subscribe(this.view.subscriptions);
  }

  #recordVisit(hash) {
    if (this.trail.at(-2) === hash) this.trail.pop();
    else if (this.trail.at(-1) !== hash) this.trail.push(hash);
  }

  async #firstAsset() {
    const lastAsset = load("asset", null);
    if (lastAsset) return lastAsset;
    const { assets } = await get("v1/feed").catch(() => ({ assets: [] }));
    return assets.includes(DEFAULT_ASSET) ? DEFAULT_ASSET : assets[0] || DEFAULT_ASSET;
  }

  #rememberChoice() {
    const { asset, view, expiry, settle } = this.route;
    if (!asset || view === "option") return;
    store("asset", asset);
    if (expiry && expiry !== "all") {
      store("expiry", { ...load("expiry", {}), [asset]: { expiry, settle } });
    }
  }

  // The asset and the expiry that other views are opened with.
  #lastChoice() {
    const asset = this.route.asset || load("asset", this.assets[0] || DEFAULT_ASSET);
    // Of the asset's last series, else the coin that the list of expiries is limited to.
    const coin = load("settle", ALL_COINS);
    const { expiry = null, settle = coin === ALL_COINS ? null : coin } =
      load("expiry", {})[asset] || {};
    return { asset, expiry, settle };
  }

  #showAssets(assets) {
    this.assets = assets;
    const view = this.route?.view ?? "expiries";
    const target = ["scan", "option", "not-found"].includes(view) ? "expiries" : view;
    const current = view === "scan" ? null : this.route?.asset;
    const tabs = assets.map((asset) => ({ name: asset, href: viewLink(asset, target) }));
    this.assetTabs.show(tabs, current);
  }

  #showViews() {
    const { asset, expiry, settle } = this.#lastChoice();
    const linkOf = (name) => {
      if (name === "scan") return "#/scan";
      return EXPIRY_VIEWS.has(name) ? viewLink(asset, name, expiry, settle) : viewLink(asset, name);
    };
    const tabs = VIEWS.map(({ name, title }, index) => ({
      name,
      title,
      href: linkOf(name),
      hint: `key ${index + 1}`,
    }));
    this.viewTabs.show(tabs, this.route.view);
  }

  #listen() {
    listenForShortcuts({
      openView: (index) => {
        byId("views").querySelectorAll("a")[index].click();
        return true;
      },
      stepAsset: (step) => this.#stepAsset(step),
      stepExpiry: (step) => this.view?.stepExpiry(step) ?? false,
      copySymbol: (symbol) => {
        copyToClipboard(symbol);
        return true;
      },
      back: () => this.#goBack(),
      search: () => {
        this.search.focus();
        return true;
      },
      switchTheme: () => this.#switchTheme(),
      help: () => this.#openHelp(),
    });
    byId("theme").addEventListener("click", () => this.#switchTheme());
    byId("help-button").addEventListener("click", () => this.#openHelp());
    byId("skip").addEventListener("click", (event) => {
      event.preventDefault(); // its fragment is no address of the page
      this.main.focus();
    });
    this.main.addEventListener("click", openClickedRow);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () =>
      this.view?.themeChanged(),
    );
  }

  #stepAsset(step) {
    if (!this.assets.length) return true;
    const count = this.assets.length;
    const current = Math.max(this.assets.indexOf(this.route.asset), 0);
    const next = this.assets[(current + step + count) % count];
    byId("assets")
      .querySelector(`a[data-name="${CSS.escape(next)}"]`)
      ?.click();
    return true;
  }

  #goBack() {
    // history.back() may leave the page: only after an address within it.
    if (this.trail.length > 1) history.back();
    else if (this.route.view !== "expiries") {
      navigate(viewLink(this.#lastChoice().asset, "expiries"));
    }
    return true;
  }

  #switchTheme() {
    switchTheme();
    this.#showTheme();
    this.view?.themeChanged();
    return true;
  }

  #showTheme() {
    const theme = currentTheme();
    const button = byId("theme");
    button.textContent = THEME_ICONS[theme];
    button.setAttribute("aria-label", `Theme: ${theme}`);
    button.title = `Theme: ${theme} (t)`;
  }

  #openHelp() {
    byId("help").showModal();
    return true;
  }

  #fillHelp() {
    const rows = SHORTCUTS.map(([keys, action]) =>
      el(
        "tr",
        {},
        el("th", { scope: "row", class: "text" }, keys),
        el("td", { class: "text" }, action),
      ),
    );
    byId("help-keys").replaceChildren(...rows);
    // A click on the backdrop has the dialog itself as its target.
    byId("help").addEventListener("click", (event) => {
      if (event.target === byId("help")) byId("help").close();
    });
  }
}

// A click anywhere in a row opens it, unless it was on a control or selected text.
function openClickedRow(event) {
  if (event.target.closest("a, button, input, select, label, summary")) return;
  if (String(getSelection())) return;
  const row = event.target.closest("tr[data-open], tr[data-open-other]");
  if (!row) return;
  const isPut = event.target.closest("[data-side=put]") !== null;
  const hash = isPut ? row.dataset.openOther : row.dataset.open;
  if (hash) navigate(hash);
}

new Dashboard().start();
