/** The colour theme (system, light or dark) and the style sheet's colours for canvas drawing. */

import { load, store } from "./storage.js";

const THEMES = ["system", "light", "dark"];

/**
 * @returns {"system"|"light"|"dark"} The chosen theme.
 */
export function currentTheme() {
  return load("theme", null) || "system";
}

/** Switch to the next theme and remember it. early_theme.js applies it when the page is loaded. */
export function switchTheme() {
  const next = THEMES[(THEMES.indexOf(currentTheme()) + 1) % THEMES.length];
  store("theme", next === "system" ? null : next);
  if (next === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
}

/**
 * Resolve a custom property of the style sheet to a colour that a canvas accepts.
 *
 * getPropertyValue() would return the text `light-dark(...)`; the computed colour of an element is
 * the value of the theme in use.
 *
 * @param {string} property Such as "--accent".
 * @returns {string}
 */
export function cssColour(property) {
  const probe = document.getElementById("probe");
  probe.style.color = `var(${property})`;
  return getComputedStyle(probe).color;
}
