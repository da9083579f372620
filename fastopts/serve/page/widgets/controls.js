/** Labelled form controls, for the row above a view. */

import { el, uniqueId } from "../lib/dom.js";

/**
 * A drop-down list.
 *
 * @param {string} label
 * @param {[string, string][]} options Values and texts.
 * @param {string} value The selected one.
 * @param {function(string): void} onChange
 * @returns {{node: HTMLElement, field: HTMLSelectElement}}
 */
export function dropdown(label, options, value, onChange) {
  const id = uniqueId();
  const field = el("select", { id, onchange: () => onChange(field.value) });
  setOptions(field, options, value);
  return { node: el("span", { class: "control" }, el("label", { for: id }, label), field), field };
}

/**
 * Replace the options of a drop-down list.
 *
 * @param {HTMLSelectElement} field
 * @param {[string, string][]} options Values and texts.
 * @param {?string} value The selected one; null leaves the selection to the browser.
 */
export function setOptions(field, options, value) {
  const key = JSON.stringify(options);
  // Replacing the options closes a list that the user has open.
  if (field.dataset.options !== key) {
    field.dataset.options = key;
    field.replaceChildren(...options.map(([each, text]) => el("option", { value: each }, text)));
  }
  if (value !== null && document.activeElement !== field) field.value = value;
}

/**
 * A checkbox.
 *
 * @param {string} label
 * @param {boolean} isChecked
 * @param {function(boolean): void} onChange
 * @returns {{node: HTMLElement, field: HTMLInputElement}}
 */
export function checkbox(label, isChecked, onChange) {
  const field = el("input", { type: "checkbox", onchange: () => onChange(field.checked) });
  field.checked = isChecked;
  return { node: el("label", { class: "control check" }, field, label), field };
}

/**
 * A choice of one of a few, as buttons side by side.
 *
 * @param {string} label
 * @param {[string, string][]} options Values and texts.
 * @param {string} value The selected one.
 * @param {function(string): void} onChange
 * @returns {HTMLElement}
 */
export function segmented(label, options, value, onChange) {
  const buttons = options.map(([each, text]) =>
    el(
      "button",
      { type: "button", class: "segment", "aria-pressed": String(each === value) },
      text,
    ),
  );
  for (const [index, button] of buttons.entries()) {
    button.addEventListener("click", () => {
      for (const each of buttons) each.setAttribute("aria-pressed", String(each === button));
      onChange(options[index][0]);
    });
  }
  return el(
    "span",
    { class: "control", role: "group", "aria-label": label },
    el("span", { class: "label" }, label),
    el("span", { class: "segments" }, ...buttons),
  );
}

/**
 * A button that opens a panel below it. Escape and a click elsewhere close the panel.
 *
 * @param {string} label
 * @param {...Node} children Contents of the panel.
 * @returns {HTMLDetailsElement}
 */
export function menu(label, ...children) {
  const node = el("details", { class: "menu" }, el("summary", { class: "button" }, label));
  node.append(el("div", { class: "menu-panel" }, ...children));
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !node.open) return;
    node.open = false;
    node.querySelector("summary").focus();
    // Escape outside of a menu means "back".
    event.preventDefault();
    event.stopPropagation();
  });
  document.addEventListener("click", (event) => {
    if (!node.contains(event.target)) node.open = false;
  });
  return node;
}
