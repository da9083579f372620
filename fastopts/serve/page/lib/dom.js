// Builds elements. Text only ever goes in as text.

const SVG = "http://www.w3.org/2000/svg";

// el("td", {class: "number", onclick: f}, "text", child): null children are left out.
export function el(tag, props = {}, ...children) {
  return fill(document.createElement(tag), props, children);
}

export function svg(tag, props = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children);
}

function fill(made, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// Text that is written only when it differs: an untouched node costs no layout.
export class Words {
  constructor(parent, text = "") {
    this.text = text;
    this.node = document.createTextNode(text);
    parent.append(this.node);
  }

  set(text) {
    if (text === this.text) return false;
    this.text = text;
    this.node.data = text;
    return true;
  }
}

export function toggleClass(node, name, on) {
  if (node.classList.contains(name) !== on) node.classList.toggle(name, on);
}

export function setAttribute(node, name, value) {
  if (value === null) {
    if (node.hasAttribute(name)) node.removeAttribute(name);
  } else if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

let ids = 0;

// An id for a control and what labels it.
export function freshId() {
  ids += 1;
  return `id${ids}`;
}
