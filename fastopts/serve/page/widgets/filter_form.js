/** The scanner's form, with the list of saved filters. */

import {
  CHOICES,
  DEFAULT_FILTER,
  deleteFilter,
  LIMITS,
  RANGES,
  SORTS,
  savedFilters,
  saveFilter,
} from "../data/scan_filter.js";
import { el, uniqueId } from "../lib/dom.js";
import { dropdown, setOptions } from "./controls.js";
import { showToast } from "./messages.js";

/** @typedef {import("../data/scan_filter.js").ScanFilter} ScanFilter */

const RANGES_SHOWN = 5; // the others are behind "More filters"
const ROW_LIMITS = ["25", "50", "100", "250", "500"];
const NAME_LENGTH_MAX = "40";
// Checkboxes by parameter. An address without the parameter has the API's default.
const SWITCHES = {
  otm: {
    label: "Out of the money only",
    title: "calls at or above the forward, puts below it",
    isOnByDefault: false,
  },
  gate: {
    label: "Tradable only",
    title: "quoted on both sides; not crossed, at the IV cap or in settlement",
    isOnByDefault: true,
  },
};

// Parameters that bound an implied volatility.
const VOLATILITY = /^(min|max)_(bid_|ask_)?iv$/;

/** A form that edits a filter. */
export class FilterForm {
  /**
   * @param {ScanFilter} filter
   * @param {function(ScanFilter): void} onSubmit Called with the filter to run.
   */
  constructor(filter, onSubmit) {
    this.onSubmit = onSubmit;
    this.fields = new Map();
    this.labels = new Map(); // by parameter, as the user sees them
    const choices = CHOICES.map((choice) =>
      choice.options ? this.#makeDropdown(choice) : this.#makeTextField(choice),
    );
    const ranges = RANGES.map((range) => this.#makeRange(range));
    const limits = LIMITS.map((limit) => this.#makeTextField(limit));
    this.more = el(
      "details",
      { class: "more" },
      el("summary", {}, "More filters"),
      el("div", { class: "form-grid" }, ...ranges.slice(RANGES_SHOWN), ...limits),
    );
    this.node = el(
      "form",
      {
        class: "filter",
        "aria-label": "Scanner",
        onsubmit: (event) => {
          event.preventDefault();
          this.#submit();
        },
      },
      el("div", { class: "form-grid" }, ...choices, ...ranges.slice(0, RANGES_SHOWN)),
      this.more,
      el(
        "div",
        { class: "controls" },
        ...this.#makeOrderControls(),
        el("button", { type: "submit", class: "button primary" }, "Scan"),
        el("button", { type: "button", class: "button", onclick: () => this.#reset() }, "Clear"),
        this.#makeSavedFilters(),
      ),
    );
    this.fill(filter);
    this.#listSavedFilters(this.#nameOfFilter());
  }

  /** @returns {ScanFilter} What the form holds, without empty fields. */
  get filter() {
    const entries = [...this.fields].map(([name, field]) => [name, fieldValue(name, field)]);
    return Object.fromEntries(entries.filter(([, value]) => value !== ""));
  }

  /** @param {ScanFilter} filter */
  fill(filter) {
    for (const [name, field] of this.fields) {
      const value = filter[name] ?? "";
      if (field.type === "checkbox") {
        field.checked = value === "" ? SWITCHES[name].isOnByDefault : value !== "false";
        continue;
      }
      // An address may name an asset that is not known yet, or any number of rows.
      const isList = field.tagName === "SELECT";
      if (isList && ![...field.options].some((option) => option.value === value)) {
        field.append(el("option", { value }, value));
      }
      field.value = value;
    }
    const hasHiddenBound = [...this.more.querySelectorAll("input")].some(({ value }) => value);
    if (hasHiddenBound) this.more.open = true;
  }

  /**
   * Mark the fields that an error is about, and show the error at the first of them.
   *
   * @param {string[]} names Parameters.
   * @param {string} detail The server's text, in which parameters become the fields' labels.
   * @returns {boolean} Whether the form has any of the fields.
   */
  showError(names, detail) {
    for (const error of this.node.querySelectorAll(".field-error")) error.remove();
    for (const field of this.fields.values()) {
      field.removeAttribute("aria-invalid");
      field.removeAttribute("aria-describedby");
    }
    const marked = names.filter((name) => this.fields.get(name)?.closest(".field"));
    if (!marked.length) return false;
    const parameters = new RegExp(`\\b(${names.join("|")})\\b`, "g");
    const plain = detail.replace(parameters, (name) => this.labels.get(name) || name);
    const isFraction = marked.some((name) => VOLATILITY.test(name));
    // The server's examples of numbers are strikes; percentages are known to the page only.
    const text = isFraction
      ? plain.replace(/is not a number: .*/, "is not a number: write 0.8 or 80%")
      : plain;
    const id = uniqueId();
    for (const name of marked) {
      const field = this.fields.get(name);
      field.setAttribute("aria-invalid", "true");
      field.setAttribute("aria-describedby", id);
    }
    const first = this.fields.get(marked[0]);
    first.closest(".field").append(el("span", { id, class: "field-error", role: "alert" }, text));
    if (this.more.contains(first)) this.more.open = true;
    return true;
  }

  /** @param {string[]} assets Assets to choose from. */
  setAssets(assets) {
    const field = this.fields.get("asset");
    const chosen = field.value;
    setOptions(field, [["", "All"], ...assets.map((asset) => [asset, asset])], chosen);
    field.value = chosen;
  }

  #makeDropdown({ name, label, options }) {
    const { node, field } = dropdown(label, options, "", () => {});
    node.className = "field";
    this.#register(name, field, label);
    return node;
  }

  #makeTextField({ name, label, hint, description = null }) {
    const id = uniqueId();
    const field = makeTextInput({ id, placeholder: hint, title: description });
    this.#register(name, field, label);
    return el("div", { class: "field" }, el("label", { for: id }, label), field);
  }

  #makeRange({ id, label, hint, description }) {
    const makeBound = (parameter, text) => {
      const name = `${label} ${text}`;
      const field = makeTextInput({
        placeholder: text,
        title: description,
        "aria-label": `${name} (${hint})`,
      });
      this.#register(parameter, field, name);
      return field;
    };
    const bounds = [makeBound(`min_${id}`, "from"), makeBound(`max_${id}`, "to")];
    return el(
      "div",
      { class: "field", role: "group", "aria-label": label },
      el("span", { class: "label" }, `${label} · ${hint}`),
      el("span", { class: "range" }, ...bounds),
    );
  }

  #makeOrderControls() {
    const orders = SORTS.flatMap(([name, title]) => [
      [`-${name}`, `${title}, descending`],
      [name, `${title}, ascending`],
    ]);
    const sort = dropdown("Sort", orders, DEFAULT_FILTER.sort, () => {});
    this.#register("sort", sort.field);
    const limits = ROW_LIMITS.map((limit) => [limit, limit]);
    const limit = dropdown("Rows", limits, DEFAULT_FILTER.limit, () => {});
    this.#register("limit", limit.field);
    const switches = Object.entries(SWITCHES).map(([name, { label, title }]) => {
      const field = el("input", { type: "checkbox" });
      this.#register(name, field, label);
      return el("label", { class: "control check", title }, field, label);
    });
    return [sort.node, limit.node, ...switches];
  }

  #register(name, field, label = name) {
    field.name = name;
    this.labels.set(name, label);
    this.fields.set(name, field);
  }

  #makeSavedFilters() {
    this.savedNames = dropdown("Saved", [["", "–"]], "", (name) => this.#load(name));
    const id = uniqueId();
    const length = { maxlength: NAME_LENGTH_MAX, class: "short" };
    this.nameField = makeTextInput({ id, placeholder: "name", ...length });
    this.nameField.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault(); // it would submit the form
      this.#save();
    });
    return el(
      "span",
      { class: "control saved", role: "group", "aria-label": "Saved filters" },
      this.savedNames.node,
      el("label", { class: "visually-hidden", for: id }, "Name of the filter"),
      this.nameField,
      el("button", { type: "button", class: "button", onclick: () => this.#save() }, "Save"),
      el("button", { type: "button", class: "button", onclick: () => this.#delete() }, "Delete"),
    );
  }

  #listSavedFilters(selected) {
    const names = Object.keys(savedFilters()).sort();
    const placeholder = ["", names.length ? "Choose…" : "None"];
    const options = [placeholder, ...names.map((name) => [name, name])];
    setOptions(this.savedNames.field, options, selected);
    this.savedNames.field.value = selected;
    this.nameField.value = selected;
  }

  // Name under which the shown filter is saved, if it is.
  #nameOfFilter() {
    const shown = JSON.stringify(this.filter);
    const saved = Object.entries(savedFilters());
    return saved.find(([, filter]) => JSON.stringify(filter) === shown)?.[0] ?? "";
  }

  #load(name) {
    const filter = savedFilters()[name];
    if (!filter) return;
    this.fill(filter);
    this.#submit();
  }

  #save() {
    const name = this.nameField.value.trim();
    if (!name) {
      showToast("Enter a name for the filter first");
      this.nameField.focus();
      return;
    }
    saveFilter(name, this.filter);
    this.#listSavedFilters(name);
    showToast(`Saved “${name}”`);
  }

  #delete() {
    const name = this.savedNames.field.value;
    if (!name) {
      showToast("Choose a saved filter first");
      return;
    }
    deleteFilter(name);
    this.#listSavedFilters("");
    showToast(`Deleted “${name}”`);
  }

  #reset() {
    this.fill({ ...DEFAULT_FILTER, asset: this.fields.get("asset").value });
    this.#submit();
  }

  #submit() {
    this.onSubmit(this.filter);
  }
}

function makeTextInput(props) {
  return el("input", { type: "text", autocomplete: "off", spellcheck: "false", ...props });
}

// A checkbox in its default state is left out of the address.
function fieldValue(name, field) {
  if (field.type === "checkbox") {
    return field.checked === SWITCHES[name].isOnByDefault ? "" : String(field.checked);
  }
  return field.value.trim();
}
