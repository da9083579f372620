// One series: calls left, puts right.

import { el } from "../lib/dom.js";
import { checkbox, choice, menu } from "../widgets/controls.js";
import { ALL, defaults, longName } from "../widgets/chain_columns.js";
import { ChainTable } from "../widgets/chain_table.js";
import { nextFrame } from "../lib/scheduling.js";
import { range } from "../widgets/heatmap.js";
import { keep, read } from "../lib/storage.js";
import { Notice } from "../widgets/notice.js";
import { Rows, atmStrike, byStrike, forwardOf } from "../data/rows.js";
import { FIGURES } from "../data/series.js";
import { Strip } from "../widgets/summary_bar.js";
import { Switcher, toFront } from "../widgets/expiry_switcher.js";

const HEATS = [["", "Off"], ["mark_iv", "IV"], ["open_interest", "OI"]];
const narrow = matchMedia("(max-width: 700px)");

export function open(route) {
  return route.expiry === null ? toFront(route) : new ChainView(route);
}

class ChainView {
  constructor(route) {
    this.route = route;
    this.rows = new Rows();
    this.pairs = [];
    this.heatBy = read("heat", "mark_iv");
    this.isCentred = false;
    this.chosen = read(this.#columnsName(), null) || defaults(narrow.matches);
    this.title = `${route.asset} ${route.expiry} chain`;
    this.subscriptions = [
      { id: "rows", asset: route.asset, expiry: route.expiry, ...(route.settle ? { settle: route.settle } : {}) },
      { id: "expiries", expiries: route.asset },
    ];
    this.draw = () => this.#draw();
    this.#build();
  }

  opened() {
    this.rows.restart();
  }

  receive(message) {
    if (message.type === "rows") {
      this.rows.apply(message);
      if (this.rows.isComplete) nextFrame(this.draw);
    } else if (message.type === "expiries") this.#switchable(message);
    else if (message.type === "error") this.#refuse(message.detail);
  }

  tick() {
    this.table.refreshAges(this.pairs);
    this.switcher.showFigures(this.strip);
  }

  step(by) {
    return this.switcher.step(by);
  }

  #columnsName() {
    return narrow.matches ? "columns.narrow" : "columns";
  }

  #build() {
    const { asset, expiry } = this.route;
    this.table = new ChainTable(`Chain of ${asset} ${expiry}: calls left, puts right`);
    this.table.setColumns(this.chosen);
    this.strip = new Strip(FIGURES);
    this.problem = new Notice();
    this.switcher = new Switcher(this.route);
    this.scroller = el("div", { class: "scroll chain-scroll", tabindex: "0", role: "region", "aria-label": "Chain" }, this.table.node);
    const controls = el(
      "div",
      { class: "controls" },
      this.switcher.node,
      choice("Heat", HEATS, this.heatBy, (by) => this.#setHeat(by)),
      this.#columnChooser(),
    );
    this.node = el("section", { class: "tall" }, controls, this.strip.node, this.problem.node, this.scroller);
  }

  #columnChooser() {
    const boxes = ALL.map((column) => {
      const isOn = column.fixed || this.chosen.includes(column.id);
      const { node, field } = checkbox(longName(column), isOn, (on) => this.#choose(column.id, on));
      field.disabled = Boolean(column.fixed);
      field.name = column.id;
      return node;
    });
    const again = el("button", { type: "button", class: "tool", onclick: () => this.#reset(boxes) }, "As at first");
    return menu("Columns", el("fieldset", {}, el("legend", {}, "Columns of each side"), ...boxes), again);
  }

  #choose(id, isOn) {
    this.chosen = isOn ? [...this.chosen, id] : this.chosen.filter((one) => one !== id);
    keep(this.#columnsName(), this.chosen);
    this.#rebuild();
  }

  #reset(boxes) {
    this.chosen = defaults(narrow.matches);
    keep(this.#columnsName(), null);
    for (const box of boxes) {
      const field = box.querySelector("input");
      field.checked = field.disabled || this.chosen.includes(field.name);
    }
    this.#rebuild();
  }

  #rebuild() {
    this.table.setColumns(this.chosen);
    nextFrame(this.draw);
  }

  #setHeat(by) {
    this.heatBy = by;
    keep("heat", by);
    nextFrame(this.draw);
  }

  #switchable(message) {
    this.switcher.take(message);
    this.switcher.showFigures(this.strip);
  }

  #refuse(words) {
    this.problem.say(words);
  }

  #draw() {
    const rows = [...this.rows.bySymbol.values()];
    this.pairs = byStrike(rows);
    const forward = forwardOf(rows);
    const atm = atmStrike(this.pairs.map((pair) => pair.strike), forward);
    const changed = this.rows.takeChanged();
    this.table.update(this.pairs, { forward, atm, changed });
    const values = rows.map((row) => row[this.heatBy]);
    this.table.heat(this.pairs, this.heatBy, this.heatBy ? range(values) : null);
    if (!this.isCentred && rows.length) this.#centre();
  }

  // The money in the middle, both ways.
  #centre() {
    const row = this.table.node.querySelector("tr.atm");
    if (!row) return;
    this.isCentred = true;
    const strike = row.querySelector(".strike");
    const middle = strike.offsetLeft + strike.offsetWidth / 2;
    this.scroller.scrollLeft = middle - this.scroller.clientWidth / 2;
    this.scroller.scrollTop = row.offsetTop - this.scroller.clientHeight / 2;
  }
}
