// Finds an option by its symbol: the list of them is fetched when one starts to look.

import { get } from "./api.js";
import { el } from "./dom.js";
import { toast } from "./toast.js";

const SHOWN = 30;

export class SymbolSearch {
  constructor(form) {
    this.form = form;
    this.field = form.querySelector("input");
    this.list = form.querySelector("datalist");
    this.symbols = null;
    this.field.addEventListener("focus", () => this.#load());
    this.field.addEventListener("input", () => this.#suggest());
  }

  focus() {
    this.field.focus();
    this.field.select();
    return true;
  }

  goes(open) {
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      const found = this.#find();
      if (!found) {
        toast(`No option matches ${this.field.value.trim() || "nothing"}`);
        return;
      }
      this.field.value = "";
      this.field.blur();
      open(found);
    });
  }

  async #load() {
    const body = await get("/v1/instruments").catch(() => null);
    if (body) this.symbols = body.instruments.map((one) => one.symbol).sort();
    this.#suggest();
  }

  #matches() {
    const words = this.field.value.trim().toUpperCase().split(/\s+/).filter(Boolean);
    if (!words.length || !this.symbols) return [];
    return this.symbols.filter((symbol) => words.every((word) => symbol.includes(word)));
  }

  // The one that was typed, else the first that has all of the words.
  #find() {
    const typed = this.field.value.trim().toUpperCase();
    if (this.symbols === null) return typed || null;
    return this.symbols.includes(typed) ? typed : this.#matches()[0] || null;
  }

  #suggest() {
    const shown = this.#matches().slice(0, SHOWN);
    this.list.replaceChildren(...shown.map((symbol) => el("option", { value: symbol })));
  }
}
