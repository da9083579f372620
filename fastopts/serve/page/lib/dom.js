/**
 * DOM helpers.
 *
 * Text is only ever inserted as text nodes, never parsed as markup: symbols, venue names and error
 * details come from the network, and the page's content security policy allows no inline code.
 */

/**
 * Create an element: `el("td", { class: "strong", onclick: handler }, "text", child)`.
 *
 * @param {string} tag
 * @param {Object<string, *>} props Attributes; `on...` functions become event listeners. Null,
 *   undefined and false are left out, true becomes an empty attribute.
 * @param {...(Node|string|null|undefined)} children Null and undefined are left out.
 * @returns {HTMLElement}
 */
export function el(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** A text node that remembers its text and is written only when the text differs. */
export class LiveText {
  /**
   * @param {Element} parent Element to which the text node is appended.
   * @param {string} text
   */
  constructor(parent, text = "") {
    this.parent = parent;
    this.text = text;
    this.node = document.createTextNode(text);
    parent.append(this.node);
  }

  /**
   * Show `text`.
   *
   * @param {string} text
   * @returns {boolean} Whether it differs from the text before.
   */
  set(text) {
    // Comparing strings is far cheaper than a write to the document, which invalidates the layout
    // even if the new text equals the old one.
    if (text === this.text) return false;
    this.text = text;
    this.node.data = text;
    return true;
  }
}

/**
 * Add or remove a class, without touching the element if it already is as requested.
 *
 * @param {Element} element
 * @param {string} name
 * @param {boolean} isOn
 */
export function toggleClass(element, name, isOn) {
  if (element.classList.contains(name) !== isOn) element.classList.toggle(name, isOn);
}

/**
 * Set an attribute, or remove it for null, only if it changes.
 *
 * @param {Element} element
 * @param {string} name
 * @param {?string} value
 */
export function setAttribute(element, name, value) {
  if (value === null) {
    if (element.hasAttribute(name)) element.removeAttribute(name);
  } else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

let lastId = 0;

/**
 * @returns {string} An id not used before, to connect a label or description with its control.
 */
export function uniqueId() {
  lastId += 1;
  return `id${lastId}`;
}
