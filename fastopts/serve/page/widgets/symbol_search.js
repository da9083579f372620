/** The search for an option by parts of its symbol. */

import { get } from "../data/api.js";
import { matchingInstruments, nearestInstruments } from "../data/symbol_matching.js";
import { venueMs } from "../data/venue_clock.js";
import { el } from "../lib/dom.js";
import { optionLink } from "../lib/router.js";

const SUGGESTIONS_MAX = 30;

/** A search form with suggestions. The list of instruments is loaded when it is first focused. */
export class SymbolSearch {
  /**
   * @param {HTMLFormElement} form
   * @param {function(string): void} openOption Called with the symbol that was found.
   */
  constructor(form, openOption) {
    this.openOption = openOption;
    this.field = form.querySelector("input");
    this.suggestions = form.querySelector("datalist");
    this.notice = form.querySelector("[role=status]");
    this.instruments = null;
    this.loading = null;
    this.field.addEventListener("focus", () => this.#load());
    this.field.addEventListener("input", () => {
      this.#suggest();
      this.#hideNotice();
    });
    form.addEventListener("focusout", ({ relatedTarget }) => {
      if (!form.contains(relatedTarget)) this.#hideNotice();
    });
    form.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || this.notice.hidden) return;
      event.preventDefault();
      this.#hideNotice();
      this.field.focus();
    });
    // Else the field would lose the focus, and the notice with its links disappear, before a click.
    this.notice.addEventListener("mousedown", (event) => event.preventDefault());
    this.notice.addEventListener("click", ({ target }) => target.closest("a") && this.#clear());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
  }

  /** Put the cursor into the search field. */
  focus() {
    this.field.focus();
    this.field.select();
  }

  async #submit() {
    const text = this.field.value.trim().toUpperCase();
    if (!text) return;
    if (this.instruments === null) await this.loading;
    const symbol = this.#find(text);
    if (!symbol) {
      this.#showNearest(text);
      return;
    }
    this.#clear();
    this.openOption(symbol);
  }

  #clear() {
    this.field.value = "";
    this.field.blur();
    this.#hideNotice();
  }

  // Stays until the text changes or the focus leaves the form: it has links to follow.
  #showNearest(text) {
    const nearest = nearestInstruments(this.instruments, text, venueMs());
    this.notice.replaceChildren(
      `No option matches ${text}${nearest.length ? "; the nearest:" : ""}`,
      ...nearest.map(({ symbol }) => el("a", { href: optionLink(symbol) }, symbol)),
    );
    this.notice.hidden = false;
  }

  #hideNotice() {
    this.notice.hidden = true;
  }

  async #load() {
    this.loading = get("v1/instruments").catch(() => null);
    const body = await this.loading;
    if (body) this.instruments = body.instruments;
    this.#suggest();
  }

  // The option with exactly this symbol, else the best match.
  #find(text) {
    // Without a list the option's view reports whether the symbol exists.
    if (this.instruments === null) return text;
    if (this.instruments.some(({ symbol }) => symbol === text)) return text;
    return matchingInstruments(this.instruments, text, venueMs())[0]?.symbol || null;
  }

  #suggest() {
    const matches = matchingInstruments(this.instruments || [], this.field.value, venueMs(), true);
    this.suggestions.replaceChildren(
      ...matches.slice(0, SUGGESTIONS_MAX).map(({ symbol }) => el("option", { value: symbol })),
    );
  }
}
