/** The controls of a chain's filter: sides of the money and a range of strikes. */

import { RANGE, rangeOf, SIDES, STRIKES, strikeRange } from "../data/chain_filter.js";
import { el, setAttribute, uniqueId } from "../lib/dom.js";
import { dropdown, segmented } from "./controls.js";

/** @typedef {import("../data/chain_filter.js").ChainFilter} ChainFilter */

/** Sides of the money as buttons, strikes as a list; "From – to" opens two text fields. */
export class ChainFilterControls {
  /**
   * @param {ChainFilter} filter
   * @param {function(ChainFilter): void} onChange
   */
  constructor(filter, onChange) {
    this.filter = filter;
    this.onChange = onChange;
    const range = rangeOf(filter.strikes);
    const options = withCount(STRIKES, filter.strikes);
    const choice = range ? RANGE : filter.strikes;
    const strikes = dropdown("Strikes", options, choice, (value) => this.#chooseStrikes(value));
    this.from = makeEnd("Lowest strike", "from", range?.from, () => this.#enterRange());
    this.to = makeEnd("Highest strike", "to", range?.to, () => this.#enterRange());
    this.error = el("span", { id: uniqueId(), class: "field-error", role: "alert" });
    this.ends = el("span", { class: "control", hidden: !range }, this.from, this.to, this.error);
    this.node = el(
      "span",
      { class: "control chain-filter" },
      segmented("Show", SIDES, filter.side, (side) => this.#change({ side })),
      strikes.node,
      this.ends,
    );
  }

  #change(part) {
    this.filter = { ...this.filter, ...part };
    this.onChange(this.filter);
  }

  #chooseStrikes(value) {
    this.ends.hidden = value !== RANGE;
    if (value === RANGE) this.from.focus();
    else this.#change({ strikes: value });
  }

  #enterRange() {
    const strikes = strikeRange(this.from.value, this.to.value);
    for (const field of [this.from, this.to]) {
      const isInvalid = field.value.trim() !== "" && strikeRange(field.value, "") === null;
      setAttribute(field, "aria-invalid", isInvalid ? "true" : null);
      setAttribute(field, "aria-describedby", isInvalid ? this.error.id : null);
    }
    const invalid = [this.from, this.to].find((field) => field.ariaInvalid === "true");
    this.error.textContent = invalid
      ? `“${invalid.value.trim()}” is not a strike: write 80000, 80,000 or 80k`
      : "";
    if (strikes === null) return;
    const { from, to } = rangeOf(strikes);
    this.from.value = from;
    this.to.value = to;
    this.#change({ strikes });
  }
}

// A number of strikes that an address names is offered beside the usual ones.
function withCount(options, strikes) {
  const isOffered = rangeOf(strikes) || options.some(([value]) => value === strikes);
  return isOffered ? options : [...options, [strikes, `ATM ±${strikes}`]];
}

function makeEnd(label, placeholder, value = "", onchange) {
  const field = el("input", {
    type: "text",
    class: "strike-end",
    "aria-label": label,
    placeholder,
    inputmode: "decimal",
    onchange,
  });
  field.value = value;
  return field;
}
