// Finds an option by its symbol: the list of them is fetched when one starts to look.

import { get } from "../data/api.js";
import { venueMs } from "../data/venue_clock.js";
import { el } from "../lib/dom.js";
import { matching } from "../data/symbol_matching.js";
import { toast } from "./toast.js";

const SHOWN = 30;

export class SymbolSearch {
  constructor(form) {
    this.form = form;
    this.field = form.querySelector("input");
    this.list = form.querySelector("datalist");
    this.instruments = null;
    this.loading = null;
    this.field.addEventListener("focus", () => this.#load());
    this.field.addEventListener("input", () => this.#suggest());
  }

  focus() {
    this.field.focus();
    this.field.select();
    return true;
  }

  goes(open) {
    this.form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const typed = this.field.value.trim().toUpperCase();
      if (this.instruments === null) await this.loading;
      const symbol = this.#find(typed);
      if (!symbol) {
        toast(`No option matches ${typed || "nothing"}`);
        return;
      }
      this.field.value = "";
      this.field.blur();
      open(symbol);
    });
  }

  async #load() {
    this.loading = get("v1/instruments").catch(() => null);
    const body = await this.loading;
    if (body) this.instruments = body.instruments;
    this.#suggest();
  }

  // The symbol that was typed whole, else the first that all of the words match.
  #find(typed) {
    if (this.instruments === null) return typed || null;
    if (this.instruments.some((one) => one.symbol === typed)) return typed;
    return matching(this.instruments, typed, venueMs())[0]?.symbol || null;
  }

  #suggest() {
    const shown = matching(this.instruments || [], this.field.value, venueMs(), true).slice(0, SHOWN);
    this.list.replaceChildren(...shown.map(({ symbol }) => el("option", { value: symbol })));
  }
}
