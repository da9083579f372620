/** Heatmap colours of table cells. The number stays in the cell: colour is never the only sign. */

/**
 * @typedef {Object} Scale
 * @property {number} min
 * @property {number} max
 */

/**
 * @param {Array<?number>} values
 * @returns {?Scale} Null if no value is known.
 */
export function scaleOf(values) {
  const known = values.filter((value) => value !== null && value !== undefined);
  return known.length ? { min: Math.min(...known), max: Math.max(...known) } : null;
}

/**
 * Set how warm a cell is; the style sheet turns that into a colour or a bar.
 *
 * @param {HTMLElement} cell
 * @param {?number} value
 * @param {?Scale} scale
 */
export function setWarmth(cell, value, scale) {
  const isKnown = value !== null && value !== undefined && scale && scale.max > scale.min;
  const share = isKnown
    ? `${Math.round(((value - scale.min) / (scale.max - scale.min)) * 100)}%`
    : "";
  if (cell.dataset.warmth === share) return;
  cell.dataset.warmth = share;
  cell.style.setProperty("--warmth", share || "0%");
}
