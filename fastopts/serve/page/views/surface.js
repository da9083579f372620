// Volatility by expiry and delta, as a table whose cells are warm where it is high.

import { choice } from "../widgets/controls.js";
import { el } from "../lib/dom.js";
import { days, level, percent } from "../lib/format.js";
import { nextFrame } from "../lib/scheduling.js";
import { range, warm } from "../widgets/heatmap.js";
import { keep, read } from "../lib/storage.js";
import { Notice } from "../widgets/notice.js";
import { link } from "../lib/router.js";
import { Table } from "../widgets/table.js";

const SCALES = [["table", "Whole table"], ["row", "Each expiry"]];

export function open(route) {
  return new GridView(route);
}

class GridView {
  constructor(route) {
    this.route = route;
    this.title = `${route.asset} surface`;
    this.subscriptions = [{ id: "surface", surface: route.asset, settle: null }];
    this.body = null;
    this.table = null;
    this.by = read("grid.scale", "table");
    this.draw = () => this.#draw();
    this.place = el("div", { class: "scroll" });
    this.words = new Notice();
    const scale = choice("Colours over", SCALES, this.by, (by) => {
      this.by = by;
      keep("grid.scale", by);
      nextFrame(this.draw);
    });
    this.scale = el("span", { class: "scale" });
    const controls = el("div", { class: "controls" }, scale, this.scale);
    const about = el("p", { class: "hint" }, "Mark volatility at the venue's deltas; – where no two options are around one.");
    this.node = el("section", {}, controls, this.words.node, this.place, about);
  }

  receive(message) {
    if (message.type === "error") {
      this.words.say(message.detail);
    }
    if (message.type !== "surface") return;
    this.body = message;
    nextFrame(this.draw);
  }

  #draw() {
    if (this.body === null) return;
    const { deltas, expiries } = this.body;
    if (this.table === null || this.shown !== deltas.join()) this.#build(deltas);
    this.whole = range(expiries.flatMap((one) => one.ivs));
    this.table.update(expiries);
    if (this.whole) this.#showScale(this.whole);
  }

  #showScale({ least, most }) {
    const isWhole = this.by === "table";
    this.scale.replaceChildren(
      isWhole ? percent(least) : "low",
      el("span", { class: "ramp", "aria-hidden": "true" }),
      isWhole ? percent(most) : "high",
    );
  }

  #build(deltas) {
    this.shown = deltas.join();
    const { asset } = this.route;
    this.table = new Table({
      caption: `Mark volatility of ${asset} by expiry and delta`,
      key: (one) => `${one.label}-${one.settle}`,
      opens: (one) => link(asset, "smile", one.label, one.settle),
      isStale: (one) => one.live === 0,
      columns: [
        { id: "label", head: "Expiry", isHead: true, isText: true, text: (one) => one.label, link: (one) => link(asset, "smile", one.label, one.settle) },
        { id: "settle", head: "Settle", isText: true, text: (one) => one.settle },
        { id: "dte", head: "DTE", text: (one) => days(one.dte) },
        { id: "forward", head: "Forward", text: (one) => level(one.forward) },
        ...deltas.map((delta, index) => ({
          id: `d${index}`,
          head: deltaName(delta),
          hint: deltaHint(delta),
          text: (one) => percent(one.ivs[index]),
          paint: (cell, one) => this.#paint(cell, one, index, delta),
        })),
        { id: "live", head: "Live", text: (one) => `${one.live}/${one.total}` },
      ],
    });
    this.table.node.classList.add("grid");
    this.place.replaceChildren(this.table.node);
  }

  #paint(cell, one, index, delta) {
    const value = one.ivs[index];
    cell.classList.toggle("warmth", value !== null);
    cell.classList.toggle("middle", delta === "atm");
    warm(cell, value, (this.by === "table" ? this.whole : range(one.ivs)) || {});
  }
}

function deltaName(delta) {
  if (delta === "atm") return "ATM";
  return `${Math.round(Math.abs(delta) * 100)}${delta < 0 ? "P" : "C"}`;
}

function deltaHint(delta) {
  if (delta === "atm") return "at the forward";
  return `${delta < 0 ? "put" : "call"} of delta ${delta}`;
}
