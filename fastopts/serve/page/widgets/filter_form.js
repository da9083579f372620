// The form of the scanner, and the line with the saved filters under it.

import { select, setOptions } from "./controls.js";
import { el, freshId } from "../lib/dom.js";
import { BOUNDS, FIELDS, LIMITS, SORTS, remove, save, saved } from "../data/scan_filter.js";
import { toast } from "./toast.js";

export class FilterForm {
  // `run(filter)` is called with what the form holds, as texts.
  constructor(filter, run) {
    this.run = run;
    this.fields = new Map();
    this.labels = new Map(); // what a user calls a field
    const chosen = FIELDS.map((field) => (field.options ? this.#select(field) : this.#text(field)));
    const ranges = BOUNDS.map((bound) => this.#range(bound));
    const limits = LIMITS.map((field) => this.#text(field));
    const submit = el("button", { type: "submit", class: "tool primary" }, "Scan");
    const clear = el("button", { type: "button", class: "tool", onclick: () => this.#clear() }, "Clear");
    const more = el("details", { class: "more" }, el("summary", {}, "More bounds"));
    more.append(el("div", { class: "form-grid" }, ...ranges.slice(5), ...limits));
    this.more = more;
    this.node = el(
      "form",
      { class: "filter", "aria-label": "Scanner", onsubmit: (event) => this.#submit(event) },
      el("div", { class: "form-grid" }, ...chosen, ...ranges.slice(0, 5)),
      more,
      el("div", { class: "controls" }, ...this.#order(), submit, clear, this.#savedLine()),
    );
    this.fill(filter);
    this.#showSaved(this.#nameOfWhatIsShown());
  }

  get filter() {
    const filled = [...this.fields].map(([name, field]) => [name, valueOf(field)]);
    return Object.fromEntries(filled.filter(([, value]) => value !== ""));
  }

  fill(filter) {
    for (const [name, field] of this.fields) {
      const value = filter[name] ?? "";
      if (field.type === "checkbox") field.checked = value !== "false";
      else {
        if (field.tagName === "SELECT" && ![...field.options].some((one) => one.value === value)) {
          field.append(el("option", { value }, value));
        }
        field.value = value;
      }
    }
    if ([...this.more.querySelectorAll("input")].some((field) => field.value)) this.more.open = true;
  }

  // Marks the fields that `names` name, and says what is wrong at the first of them; the names in
  // `detail` become the fields' labels. Returns whether there is such a field.
  refuse(names, detail) {
    this.node.querySelectorAll(".fault").forEach((fault) => fault.remove());
    for (const field of this.fields.values()) field.removeAttribute("aria-invalid");
    const marked = names.filter((name) => this.fields.get(name)?.closest(".field"));
    if (!marked.length) return false;
    const known = new RegExp(`\\b(${names.join("|")})\\b`, "g");
    const words = detail.replace(known, (name) => this.labels.get(name) || name);
    const id = freshId();
    for (const name of marked) {
      const field = this.fields.get(name);
      field.setAttribute("aria-invalid", "true");
      field.setAttribute("aria-describedby", id);
    }
    const first = this.fields.get(marked[0]);
    first.closest(".field").append(el("span", { id, class: "fault", role: "alert" }, words));
    if (this.more.contains(first)) this.more.open = true;
    return true;
  }

  setAssets(assets) {
    const field = this.fields.get("asset");
    const value = field.value;
    setOptions(field, [["", "all"], ...assets.map((asset) => [asset, asset])], value);
    field.value = value;
  }

  #select({ name, label, options }) {
    const { node, field } = select(label, options.length ? options : [["", "all"]], "", () => {});
    node.className = "field";
    this.#register(name, field, label);
    return node;
  }

  #text({ name, label, hint }) {
    const id = freshId();
    const field = el("input", { id, type: "text", placeholder: hint, autocomplete: "off", spellcheck: "false" });
    this.#register(name, field, label);
    return el("div", { class: "field" }, el("label", { for: id }, label), field);
  }

  #range({ id, label, hint }) {
    const edge = (side, words) => {
      const field = el("input", {
        type: "text",
        placeholder: words,
        title: hint,
        "aria-label": `${label} ${words} (${hint})`,
        autocomplete: "off",
      });
      this.#register(`${side}_${id}`, field, `${label} ${words}`);
      return field;
    };
    const ends = el("span", { class: "ends" }, edge("min", "from"), edge("max", "to"));
    return el("div", { class: "field", role: "group", "aria-label": label }, el("span", { class: "label" }, `${label} · ${hint}`), ends);
  }

  #order() {
    const sorts = SORTS.flatMap(([name, words]) => [[`-${name}`, `${words}, highest`], [name, `${words}, lowest`]]);
    const sort = select("Sort", sorts, "-mark_iv", () => {});
    this.#register("sort", sort.field);
    const limits = ["25", "50", "100", "250", "500"].map((each) => [each, each]);
    const limit = select("Rows", limits, "100", () => {});
    this.#register("limit", limit.field);
    const gate = el("input", { type: "checkbox" });
    this.#register("gate", gate);
    const hint = "leave out what has no bid, is crossed, at the IV cap or about to be delivered";
    return [sort.node, limit.node, el("label", { class: "control check", title: hint }, gate, "Tradable only")];
  }

  #register(name, field, label = name) {
    field.name = name;
    this.labels.set(name, label);
    this.fields.set(name, field);
  }

  #savedLine() {
    this.names = select("Saved", [["", "–"]], "", (name) => this.#load(name));
    const id = freshId();
    this.name = el("input", { id, type: "text", placeholder: "name", maxlength: "40", autocomplete: "off", class: "short" });
    this.name.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      this.#save();
    });
    return el(
      "span",
      { class: "control saved", role: "group", "aria-label": "Saved filters" },
      this.names.node,
      el("label", { class: "unseen", for: id }, "Name of the filter"),
      this.name,
      el("button", { type: "button", class: "tool", onclick: () => this.#save() }, "Save"),
      el("button", { type: "button", class: "tool", onclick: () => this.#delete() }, "Delete"),
    );
  }

  #showSaved(name) {
    const names = Object.keys(saved()).sort();
    setOptions(this.names.field, [["", names.length ? "choose…" : "none yet"], ...names.map((one) => [one, one])], name);
    this.names.field.value = name;
    this.name.value = name;
  }

  #nameOfWhatIsShown() {
    const shown = JSON.stringify(this.filter);
    const found = Object.entries(saved()).find(([, filter]) => JSON.stringify(filter) === shown);
    return found ? found[0] : "";
  }

  #load(name) {
    const filter = saved()[name];
    if (!filter) return;
    this.fill(filter);
    this.run(this.filter);
  }

  #save() {
    const name = this.name.value.trim();
    if (!name) {
      toast("Give the filter a name first");
      this.name.focus();
      return;
    }
    save(name, this.filter);
    this.#showSaved(name);
    toast(`Saved “${name}”`);
  }

  #delete() {
    const name = this.names.field.value;
    if (!name) {
      toast("Choose a saved filter first");
      return;
    }
    remove(name);
    this.#showSaved("");
    toast(`Deleted “${name}”`);
  }

  #clear() {
    this.fill({ asset: this.fields.get("asset").value, sort: "-mark_iv", limit: "100" });
    this.run(this.filter);
  }

  #submit(event) {
    event.preventDefault();
    this.run(this.filter);
  }
}

function valueOf(field) {
  if (field.type === "checkbox") return field.checked ? "" : "false";
  return field.value.trim();
}
