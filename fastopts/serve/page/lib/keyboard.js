// The keyboard: every view by a digit, every row by j and k.

import { copy } from "../widgets/toast.js";

export const HELP = [
  ["1 … 7", "Expiries, chain, smile, term, surface, interest, scanner"],
  ["a / A", "Next / previous asset"],
  ["j k or ↓ ↑", "Next / previous row"],
  ["Enter", "Open the row; in a chain its call"],
  ["Shift Enter", "In a chain: open the put"],
  ["y / Y", "Copy the symbol of the row; in a chain the call's / the put's"],
  ["[ ]", "Previous / next expiry"],
  ["Esc", "Close what is open, or go back"],
  ["/", "Find an option by its symbol"],
  ["t", "Theme: system, light, dark"],
  ["?", "This help"],
];

// `actions` has view(n), asset(step), expiry(step), back(), search(), theme(), help().
export function listen(actions) {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (isTyping(event.target)) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (document.querySelector("dialog[open]")) return; // it has keys of its own
    if (handle(event, actions)) event.preventDefault();
  });
}

function handle(event, actions) {
  const { key, target } = event;
  if (/^[1-7]$/.test(key)) return actions.view(Number(key) - 1);
  switch (key) {
    case "j":
    case "ArrowDown":
      return move(1);
    case "k":
    case "ArrowUp":
      return move(-1);
    case "a":
      return actions.asset(1);
    case "A":
      return actions.asset(-1);
    case "[":
      return actions.expiry(-1);
    case "]":
      return actions.expiry(1);
    case "Enter":
      return open(target, event.shiftKey);
    case "y":
      return copyOf(target.dataset.symbol);
    case "Y":
      return copyOf(target.dataset.otherSymbol);
    case "Escape":
      return actions.back();
    case "/":
      return actions.search();
    case "t":
      return actions.theme();
    case "?":
      return actions.help();
    default:
      return false;
  }
}

function isTyping(target) {
  return target.matches("textarea, select, input:not([type=checkbox], [type=radio])");
}

function rowsNow() {
  return [...document.querySelectorAll("main tr[tabindex]")].filter((tr) => tr.offsetParent);
}

function move(step) {
  const rows = rowsNow();
  if (!rows.length) return false;
  const from = rows.indexOf(document.activeElement?.closest("tr"));
  const first = rows.findIndex((tr) => tr.hasAttribute("data-first"));
  const to = from < 0 ? Math.max(first, 0) : from + step;
  const row = rows[Math.min(Math.max(to, 0), rows.length - 1)];
  row.focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
  return true;
}

function open(target, isOther) {
  const to = isOther ? target.dataset.openOther : target.dataset.open;
  if (!to) return false;
  location.hash = to;
  return true;
}

function copyOf(symbol) {
  if (!symbol) return false;
  copy(symbol);
  return true;
}
