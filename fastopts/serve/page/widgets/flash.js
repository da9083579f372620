// A cell that changed is lit for a moment: green up, red down. Not where motion is unwelcome.
//
// It is lit and put out by a class, all cells together: one that fades is painted at every frame.

const stillness = matchMedia("(prefers-reduced-motion: reduce)");
const LIT_MS = 450;
const OUT_MS = 150; // how often lights are put out
const MOST = 80; // more is a blaze that tells nothing

const until = new Map();
let timer = null;

export function flash(cell, isUp) {
  if (stillness.matches || document.hidden || until.size >= MOST) return;
  cell.classList.remove("went-up", "went-down");
  cell.classList.add(isUp ? "went-up" : "went-down");
  until.set(cell, performance.now() + LIT_MS);
  timer ??= setInterval(putOut, OUT_MS);
}

function putOut() {
  const now = performance.now();
  for (const [cell, end] of until) {
    if (end > now) continue;
    cell.classList.remove("went-up", "went-down");
    until.delete(cell);
  }
  if (until.size) return;
  clearInterval(timer);
  timer = null;
}
