// The warmth of a cell between the least and the most of its table. The number stays in it.

export function range(values) {
  const known = values.filter((value) => value !== null && value !== undefined);
  return known.length ? { least: Math.min(...known), most: Math.max(...known) } : null;
}

export function warm(cell, value, { least, most } = {}) {
  const isKnown = value !== null && value !== undefined && most > least;
  const share = isKnown ? Math.round(((value - least) / (most - least)) * 100) : null;
  const text = share === null ? "" : `${share}%`;
  if (cell.dataset.warmth === text) return;
  cell.dataset.warmth = text;
  cell.style.setProperty("--warmth", text || "0%");
}
