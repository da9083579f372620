/** The expiries of an asset, one row per series: the page's start. */

import { MESSAGE } from "../data/constants.js";
import { seriesDescription } from "../data/fields.js";
import { formatted, stepsOfSeries } from "../data/numbers.js";
import { ALL_COINS, seriesKey, sortSeries, totalsByCoin } from "../data/series.js";
import { el, toggleClass } from "../lib/dom.js";
import { compact } from "../lib/format.js";
import { rename, viewLink } from "../lib/router.js";
import { nextFrame } from "../lib/scheduling.js";
import { load, store } from "../lib/storage.js";
import { segmented } from "../widgets/controls.js";
import { scaleOf, setWarmth } from "../widgets/heatmap.js";
import { expiryColumn, SERIES_COLUMNS } from "../widgets/series_columns.js";
import { SummaryBar } from "../widgets/summary_bar.js";
import { Table } from "../widgets/table.js";
import { View } from "./view.js";

const DEFAULT_SORT = { by: "expiry", isDescending: false };
const TOTALS = {
  interest: { field: "open_interest", name: "Open interest" },
  turnover: { field: "turnover_24h", name: "Turnover 24 h" },
  volume: { field: "volume_24h", name: "Volume 24 h" },
};

/**
 * @param {import("../lib/router.js").Route} route
 * @returns {View}
 */
export function open(route) {
  return new ExpiriesView(route);
}

class ExpiriesView extends View {
  constructor({ asset, settle }) {
    super(`${asset} expiries`, [{ id: "expiries", expiries: asset }]);
    this.asset = asset;
    this.settle = settle ?? load("settle", ALL_COINS);
    this.sort = load("expiries.sort", DEFAULT_SORT);
    this.message = null;
    this.coinsOffered = "";
    this.scales = {};
    this.draw = () => this.#draw();
    this.summary = new SummaryBar([
      { id: "index", name: `${asset} index`, hint: "spot index, in quote coin" },
      { id: "expiries", name: "Series", hint: "listed series, by expiry and settle coin" },
      ...Object.entries(TOTALS).map(([id, { field, name }]) => {
        const unit = field === "turnover_24h" ? "" : ` ${asset}`;
        return { id, name: `${name}${unit}`, hint: `${seriesDescription(field)}, by settle coin` };
      }),
    ]);
    this.table = new Table({
      caption: `Expiries of ${asset}; Enter or a click opens the chain`,
      columns: this.#columns(),
      key: seriesKey,
      opens: ({ label, settle: coin }) => viewLink(asset, "chain", label, coin),
      isStale: (series) => series.live === 0,
      onSort: (by) => this.#sortBy(by),
      coins: { asset },
    });
    this.table.node.classList.add("expiries");
    this.table.markSorted(this.sort.by, this.sort.isDescending);
    this.coins = el("div", { class: "controls", hidden: true });
    const scroller = el("div", { class: "scroll" }, this.table.node);
    this.node = el("section", {}, this.coins, this.summary.node, this.notice.node, scroller);
  }

  receive(message) {
    if (message.type === MESSAGE.EXPIRIES) {
      this.message = message;
      nextFrame(this.draw);
    }
    return super.receive(message);
  }

  tick() {
    this.table.refreshColumn("dte");
  }

  // The series of the chosen coin; those of all coins where it has none.
  get #shown() {
    const { expiries } = this.message;
    const chosen = expiries.filter(({ settle }) => settle === this.settle);
    return chosen.length ? chosen : expiries;
  }

  #draw() {
    const series = this.#shown;
    const values = (field) => series.map((each) => each[field]);
    this.#offerCoins();
    this.scales = {
      atm_iv: scaleOf(values("atm_iv")),
      // A bar's length is proportional to the value: its scale starts at 0.
      open_interest: scaleOf([0, ...values("open_interest")]),
      turnover_24h: scaleOf([0, ...values("turnover_24h")]),
    };
    const coins = new Set(values("quote").filter(Boolean));
    this.table.setCoins({ asset: this.asset, quote: [...coins].sort().join("/") });
    const column = this.table.columns.find(({ sort }) => sort === this.sort.by);
    this.table.update(sortSeries(series, column?.value, this.sort.isDescending));
    this.#showSummary(series);
    this.notice.show(series.length ? "" : `No ${this.asset} options are listed.`);
  }

  #showSummary(series) {
    const steps = series.length ? stepsOfSeries(series[0]) : undefined;
    const totals = Object.entries(TOTALS).map(([id, { field }]) => [
      id,
      totalsByCoin(series, field, field === "turnover_24h" ? "quote" : "settle")
        // Amounts in different coins are not added, nor are the markets settled in them.
        .map(([coin, total], _, { length }) => {
          if (field === "turnover_24h") return `${compact(total)} ${coin}`;
          return length > 1 ? `${coin}: ${compact(total)}` : compact(total);
        })
        .join(" · "),
    ]);
    const figures = {
      index: formatted(this.message.index_price, "level", steps),
      expiries: String(series.length),
      ...Object.fromEntries(totals),
    };
    this.summary.set(figures, !series.some(({ live }) => live > 0));
  }

  #offerCoins() {
    const coins = [...new Set(this.message.expiries.map(({ settle }) => settle))].sort();
    const key = coins.join();
    this.coins.hidden = coins.length < 2;
    if (key === this.coinsOffered) return;
    this.coinsOffered = key;
    const options = [[ALL_COINS, "All"], ...coins.map((coin) => [coin, coin])];
    const chosen = coins.includes(this.settle) ? this.settle : ALL_COINS;
    this.coins.replaceChildren(
      segmented("Settle", options, chosen, (coin) => this.#chooseCoin(coin)),
    );
  }

  #chooseCoin(coin) {
    this.settle = coin;
    store("settle", coin);
    // The last expiry may not be listed in this coin.
    const { [this.asset]: _, ...others } = load("expiry", {});
    store("expiry", others);
    rename(viewLink(this.asset, "expiries", null, coin));
    nextFrame(this.draw);
  }

  // The first click on a heading sorts upwards, the next one downwards.
  #sortBy(by) {
    const isDescending = this.sort.by === by && !this.sort.isDescending;
    this.sort = { by, isDescending };
    store("expiries.sort", this.sort);
    this.table.markSorted(by, isDescending);
    nextFrame(this.draw);
  }

  #columns() {
    const painted = (column, className) => ({
      ...column,
      paint: (cell, series) => {
        toggleClass(cell, className, true);
        setWarmth(cell, series[column.id], this.scales[column.id]);
      },
    });
    return [
      expiryColumn(this.asset, "chain"),
      SERIES_COLUMNS.settle,
      SERIES_COLUMNS.dte,
      SERIES_COLUMNS.forward,
      SERIES_COLUMNS.basis,
      painted(SERIES_COLUMNS.atmIv, "warmth"),
      SERIES_COLUMNS.straddle,
      SERIES_COLUMNS.riskReversal,
      SERIES_COLUMNS.butterfly,
      painted(SERIES_COLUMNS.openInterest, "bar-cell"),
      painted(SERIES_COLUMNS.turnover, "bar-cell"),
      SERIES_COLUMNS.live,
    ];
  }
}
