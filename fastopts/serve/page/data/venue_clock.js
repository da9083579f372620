/**
 * The venue's clock, estimated from the newest message and the time elapsed since it arrived.
 *
 * Ages and times to expiry are never computed with the browser's own clock, which may be wrong by
 * minutes.
 */

const DAY_MS = 86_400_000;

let asOfMs = null;
let observedAt = 0;

/**
 * Set the clock from a message's `as_of_ms`.
 *
 * @param {number} ms Unix time in ms; anything but a finite number is ignored.
 */
export function setVenueTime(ms) {
  if (typeof ms !== "number" || !Number.isFinite(ms)) return;
  asOfMs = ms;
  observedAt = performance.now();
}

/**
 * @returns {?number} Unix time in ms; null before the first message.
 */
export function venueMs() {
  return asOfMs === null ? null : asOfMs + (performance.now() - observedAt);
}

/**
 * @param {?number} tsMs The venue's time of an update, Unix time in ms.
 * @returns {?number} Its age in seconds.
 */
export function ageOf(tsMs) {
  const nowMs = venueMs();
  return nowMs === null || !tsMs ? null : Math.max(nowMs - tsMs, 0) / 1000;
}

/**
 * @param {?number} expiryMs Unix time in ms.
 * @returns {?number} Days to expiry, never negative.
 */
export function daysTo(expiryMs) {
  const nowMs = venueMs();
  return nowMs === null || !expiryMs ? null : Math.max(expiryMs - nowMs, 0) / DAY_MS;
}
