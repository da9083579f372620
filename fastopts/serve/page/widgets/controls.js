// Labelled controls for the line above a view.

import { el, freshId } from "../lib/dom.js";

export function select(label, options, value, onchange) {
  const id = freshId();
  const field = el("select", { id, onchange: () => onchange(field.value) });
  setOptions(field, options, value);
  return { node: el("span", { class: "control" }, el("label", { for: id }, label), field), field };
}

// Options: [value, words]. Kept as they are when they are the same.
export function setOptions(field, options, value) {
  const key = JSON.stringify(options);
  if (field.dataset.options !== key) {
    field.dataset.options = key;
    field.replaceChildren(...options.map(([each, words]) => el("option", { value: each }, words)));
  }
  if (value !== null && document.activeElement !== field) field.value = value;
}

export function checkbox(label, isChecked, onchange) {
  const field = el("input", { type: "checkbox", onchange: () => onchange(field.checked) });
  field.checked = isChecked;
  return { node: el("label", { class: "control check" }, field, label), field };
}

// One of a few, as buttons side by side.
export function choice(label, options, value, onchange) {
  const buttons = options.map(([each, words]) =>
    el("button", { type: "button", class: "segment", "aria-pressed": String(each === value) }, words),
  );
  buttons.forEach((button, index) => {
    button.addEventListener("click", () => {
      for (const one of buttons) one.setAttribute("aria-pressed", String(one === button));
      onchange(options[index][0]);
    });
  });
  return el(
    "span",
    { class: "control", role: "group", "aria-label": label },
    el("span", { class: "label" }, label),
    el("span", { class: "segments" }, ...buttons),
  );
}

export function menu(summary, ...children) {
  const node = el("details", { class: "menu" }, el("summary", { class: "tool" }, summary));
  node.append(el("div", { class: "sheet" }, ...children));
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !node.open) return;
    node.open = false;
    node.querySelector("summary").focus();
    event.preventDefault();
    event.stopPropagation();
  });
  document.addEventListener("click", (event) => {
    if (!node.contains(event.target)) node.open = false;
  });
  return node;
}
