/** Keyboard shortcuts: a digit for each view, j and k for rows. */

import { VIEWS } from "./router.js";

/** Keys and what they do, for the help dialog. */
export const SHORTCUTS = [
  [`1 … ${VIEWS.length}`, VIEWS.map(({ title }) => title).join(", ")],
  ["a / A", "Next / previous asset"],
  ["[ ]", "Previous / next expiry"],
  ["j k or ↓ ↑", "Next / previous row"],
  ["Enter", "Open the row; in a chain, the call"],
  ["Shift Enter", "In a chain, open the put"],
  ["y / Y", "Copy the symbol; in a chain, of the call / the put"],
  ["/", "Search for an option"],
  ["Esc", "Close the dialog or menu, or go back"],
  ["t", "Switch theme: system, light, dark"],
  ["?", "Show this help"],
];

/**
 * @typedef {Object} ShortcutActions Each returns whether it did something.
 * @property {function(number): boolean} openView Open the view at an index.
 * @property {function(number): boolean} stepAsset
 * @property {function(number): boolean} stepExpiry
 * @property {function(string): boolean} copySymbol
 * @property {function(): boolean} back
 * @property {function(): boolean} search
 * @property {function(): boolean} switchTheme
 * @property {function(): boolean} help
 */

/**
 * Call `actions` for keys pressed outside of text fields and dialogs.
 *
 * @param {ShortcutActions} actions
 */
export function listenForShortcuts(actions) {
  addEventListener("keydown", (event) => {
    // Combinations belong to the browser and the operating system.
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (isTextField(event.target)) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (document.querySelector("dialog[open]")) return; // a dialog handles its own keys
    if (handle(event, actions)) event.preventDefault();
  });
}

function handle({ key, target, shiftKey }, actions) {
  if (key >= "1" && key <= String(VIEWS.length)) return actions.openView(Number(key) - 1);
  switch (key) {
    case "j":
    case "ArrowDown":
      return focusRow(1);
    case "k":
    case "ArrowUp":
      return focusRow(-1);
    case "a":
      return actions.stepAsset(1);
    case "A":
      return actions.stepAsset(-1);
    case "[":
      return actions.stepExpiry(-1);
    case "]":
      return actions.stepExpiry(1);
    case "Enter":
      return openRow(shiftKey ? target.dataset.openOther : target.dataset.open);
    case "y":
      return copySymbol(actions, target.dataset.symbol);
    case "Y":
      return copySymbol(actions, target.dataset.otherSymbol);
    case "Escape":
      return actions.back();
    case "/":
      return actions.search();
    case "t":
      return actions.switchTheme();
    case "?":
      return actions.help();
    default:
      return false;
  }
}

function isTextField(target) {
  return target.matches("textarea, select, input:not([type=checkbox], [type=radio])");
}

function focusRow(step) {
  const rows = [...document.querySelectorAll("main tr[tabindex]")].filter((tr) => tr.offsetParent);
  if (!rows.length) return false;
  const current = rows.indexOf(document.activeElement?.closest("tr"));
  // The first key press selects the at-the-money row of a chain, and the first row elsewhere.
  const start = Math.max(
    rows.findIndex((tr) => tr.hasAttribute("data-first")),
    0,
  );
  const target = current < 0 ? start : current + step;
  const row = rows[Math.min(Math.max(target, 0), rows.length - 1)];
  row.focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
  return true;
}

function openRow(hash) {
  if (!hash) return false;
  location.hash = hash;
  return true;
}

function copySymbol(actions, symbol) {
  return symbol ? actions.copySymbol(symbol) : false;
}
