// The venue's clock: what the newest message said, and how long ago that was here.

let asOfMs = null;
let heardAt = 0;

export function hear(ms) {
  if (typeof ms !== "number" || !Number.isFinite(ms)) return;
  asOfMs = ms;
  heardAt = performance.now();
}

// Null until a message told it.
export function venueMs() {
  return asOfMs === null ? null : asOfMs + (performance.now() - heardAt);
}

export function ageOf(tsMs) {
  const now = venueMs();
  return now === null || !tsMs ? null : Math.max(now - tsMs, 0) / 1000;
}

export function daysTo(expiryMs) {
  const now = venueMs();
  return now === null || !expiryMs ? null : Math.max(expiryMs - now, 0) / 86400000;
}
