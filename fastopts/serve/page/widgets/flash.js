/**
 * Highlights a changed cell for a moment: green for up, red for down.
 *
 * A class switches the colour on and off, for all cells at the same time. A CSS transition would
 * repaint each cell in every frame. Users who prefer reduced motion see no highlights.
 */

const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");
const FLASH_MS = 450;
const CHECK_INTERVAL_MS = 150;
// More would cover the table and no longer show what moved.
const CELLS_MAX = 80;

const endByCell = new Map();
let timer = null;

/**
 * Highlight a cell.
 *
 * @param {HTMLElement} cell
 * @param {boolean} isUp
 */
export function flash(cell, isUp) {
  if (reducedMotion.matches || document.hidden || endByCell.size >= CELLS_MAX) return;
  cell.classList.remove("went-up", "went-down");
  cell.classList.add(isUp ? "went-up" : "went-down");
  endByCell.set(cell, performance.now() + FLASH_MS);
  timer ??= setInterval(clearExpired, CHECK_INTERVAL_MS);
}

function clearExpired() {
  const now = performance.now();
  for (const [cell, end] of endByCell) {
    if (end > now) continue;
    cell.classList.remove("went-up", "went-down");
    endByCell.delete(cell);
  }
  if (endByCell.size) return;
  clearInterval(timer);
  timer = null;
}
