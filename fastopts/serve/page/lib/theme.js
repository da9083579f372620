// Which theme: the system's, or one that was chosen.

import { keep, read } from "./storage.js";

const ORDER = ["system", "light", "dark"];

export function themeName() {
  return read("theme", null) || "system";
}

export function nextTheme() {
  const next = ORDER[(ORDER.indexOf(themeName()) + 1) % ORDER.length];
  keep("theme", next === "system" ? null : next);
  if (next === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
}
