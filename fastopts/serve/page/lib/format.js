/**
 * Numbers and times for display. An absent value is an en dash, never 0: a trader must not mistake
 * "unknown" for "zero". Negative numbers have a typographic minus sign.
 */

/** Shown in place of an absent value. */
export const ABSENT = "–";

/** Month names as in symbols: 27MAR26. */
export const MONTHS = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split(" ");

const SIGNIFICANT_DIGITS = 5;
const TIME_UNITS = [
  [86400, "d"],
  [3600, "h"],
  [60, "m"],
  [1, "s"],
];
const SI_UNITS = [
  [1e9, "B"],
  [1e6, "M"],
  [1e3, "k"],
];
// As many decimals as a value has: the values are rounded before.
const formatter = new Intl.NumberFormat("en-US", { maximumFractionDigits: 20 });

// -0.0004 with two decimals is "0.00", not "−0.00".
function signed(value, text) {
  return value < 0 && /[1-9]/.test(text) ? `−${text}` : text;
}

const grouped = (value) => signed(value, formatter.format(Math.abs(value)));

// Rounded to `decimals`, halves to the even digit: as in a terminal, where Python rounds so.
function roundedText(value, decimals) {
  const text = value.toFixed(decimals);
  // Only a multiple of 2 ** -(decimals + 1) can be exactly between two texts. 49.85 is not: as a
  // binary fraction it is a little more.
  const isDyadic = Number.isInteger(value * 2 ** (decimals + 1));
  const longer = isDyadic ? value.toFixed(decimals + 1) : "";
  // toFixed() rounds halves up.
  const isOddTie = longer.endsWith("5") && /[13579]$/.test(text);
  return isOddTie ? longer.slice(0, decimals ? -1 : -2) : text;
}

// Rounded to `digits` significant digits, halves to the even digit.
function significant(value, digits) {
  const rounded = Number(value.toPrecision(digits));
  if (!rounded) return rounded;
  const place = Math.floor(Math.log10(Math.abs(rounded))) - digits + 1;
  if (place <= 0) return Math.sign(value) * Number(roundedText(Math.abs(value), -place));
  const step = 10 ** place;
  const isOddTie = (Math.abs(value) % step) * 2 === step && (rounded / step) % 2 !== 0;
  return isOddTie ? rounded - Math.sign(value) * step : rounded;
}

/**
 * @param {?number} value
 * @returns {boolean} Whether a number is unknown.
 */
export const isAbsent = (value) => value === null || value === undefined || Number.isNaN(value);

/**
 * A number to five significant digits, its integer part in full: 1,205.4 or 0.31416.
 *
 * @param {?number} value
 * @returns {string}
 */
export function number(value) {
  if (isAbsent(value)) return ABSENT;
  const integerDigits = String(Math.trunc(Math.abs(value))).length;
  const digits = Math.max(SIGNIFICANT_DIGITS, integerDigits);
  return grouped(significant(value, digits));
}

/**
 * A number with all of its digits: 1,205.4.
 *
 * @param {?number} value
 * @returns {string}
 */
export function exact(value) {
  // Twelve digits: all that the venue sends, and less than the noise of binary fractions.
  return isAbsent(value) ? ABSENT : grouped(Number(value.toPrecision(12)));
}

/**
 * An option price, with the decimals that options on an underlying at `scale` are quoted in.
 *
 * @param {?number} value Price in quote coin.
 * @param {?number} scale Forward or index price in quote coin; without it five significant digits.
 * @returns {string}
 */
export function price(value, scale) {
  if (isAbsent(value)) return ABSENT;
  if (!scale) return number(value);
  const magnitude = Math.floor(Math.log10(scale));
  const decimals = Math.min(
    Math.max(SIGNIFICANT_DIGITS - 1 - magnitude, 0),
    SIGNIFICANT_DIGITS + 1,
  );
  // Prices of far out-of-the-money options would be rounded to one or two digits.
  if (Math.abs(value) < 100 * 10 ** -decimals) return number(Number(value.toPrecision(4)));
  return fixed(value, decimals);
}

/**
 * A forward or index price, to seven significant digits.
 *
 * @param {?number} value
 * @returns {string}
 */
export function level(value) {
  if (isAbsent(value)) return ABSENT;
  const needed = value ? 6 - Math.floor(Math.log10(Math.abs(value))) : 0;
  const decimals = Math.min(Math.max(needed, 0), 6);
  return fixed(value, decimals);
}

/**
 * A number with exactly `decimals` decimals.
 *
 * @param {?number} value
 * @param {number} decimals
 * @returns {string}
 */
export function fixed(value, decimals) {
  if (isAbsent(value)) return ABSENT;
  const [whole, ...fraction] = roundedText(Math.abs(value), decimals).split(".");
  return signed(value, [whole.replace(/\B(?=(\d{3})+$)/g, ","), ...fraction].join("."));
}

/**
 * A fraction as a percentage: 0.5315 is 53.2%.
 *
 * @param {?number} fraction
 * @param {number} decimals
 * @returns {string}
 */
export function percent(fraction, decimals = 1) {
  return isAbsent(fraction) ? ABSENT : `${fixed(fraction * 100, decimals)}%`;
}

/**
 * A fraction as a percentage that always has a sign: +0.4% or −1.2%.
 *
 * @param {?number} fraction
 * @param {number} decimals
 * @returns {string}
 */
export function signedPercent(fraction, decimals = 1) {
  const text = percent(fraction, decimals);
  return !isAbsent(fraction) && fraction > 0 ? `+${text}` : text;
}

/**
 * A difference of volatilities in vol points: 0.0123 is 1.2.
 *
 * @param {?number} fraction
 * @returns {string}
 */
export function points(fraction) {
  return isAbsent(fraction) ? ABSENT : fixed(fraction * 100, 1);
}

/**
 * A large number to three significant digits: 1.23M, 21.0M.
 *
 * @param {?number} value
 * @returns {string}
 */
export function compact(value) {
  if (isAbsent(value)) return ABSENT;
  // Rounded first: 999,700 is 1.00M, not 1,000k.
  const rounded = significant(value, 3);
  if (!rounded) return "0";
  const [size, unit] = SI_UNITS.find(([least]) => Math.abs(rounded) >= least) || [1, ""];
  return `${(rounded / size).toPrecision(3)}${unit}`.replace("-", "−");
}

/**
 * A number of days, with two decimals.
 *
 * @param {?number} value
 * @returns {string}
 */
export function days(value) {
  return fixed(value, 2);
}

/**
 * An age in one unit, short enough for a table column: 0.4s, 12s, 3m, 2h.
 *
 * @param {?number} seconds
 * @returns {string}
 */
export function age(seconds) {
  if (isAbsent(seconds)) return ABSENT;
  const elapsed = Math.max(seconds, 0);
  if (elapsed < 9.95) return `${elapsed.toFixed(1)}s`;
  const [size, unit] = TIME_UNITS.find(([least]) => elapsed >= least);
  return `${Math.floor(elapsed / size)}${unit}`;
}

/**
 * Time remaining: 2d 03h, within a day to the second (4h 05m 03s), "expired" at the end.
 *
 * @param {?number} untilMs Unix time in ms.
 * @param {?number} nowMs Unix time in ms.
 * @returns {string}
 */
export function countdown(untilMs, nowMs) {
  if (isAbsent(untilMs) || isAbsent(nowMs)) return ABSENT;
  const seconds = Math.floor((untilMs - nowMs) / 1000);
  if (seconds <= 0) return "expired";
  const counts = [
    Math.floor(seconds / 86400),
    Math.floor(seconds / 3600) % 24,
    Math.floor(seconds / 60) % 60,
    seconds % 60,
  ];
  const first = counts.findIndex((count) => count > 0);
  const end = first === 0 ? 2 : counts.length;
  return counts
    .slice(first, end)
    .map((count, index) => {
      const digits = index ? String(count).padStart(2, "0") : count;
      return `${digits}${TIME_UNITS[first + index][1]}`;
    })
    .join(" ");
}

/**
 * Time remaining in its largest unit, for a tab: 206d, 11h, 4m.
 *
 * @param {?number} untilMs Unix time in ms.
 * @param {?number} nowMs Unix time in ms.
 * @returns {string} Empty if it is unknown or over.
 */
export function timeLeft(untilMs, nowMs) {
  if (isAbsent(untilMs) || isAbsent(nowMs)) return "";
  const seconds = (untilMs - nowMs) / 1000;
  const [size, unit] = TIME_UNITS.find(([least]) => seconds >= least) ?? [1, ""];
  return unit && `${Math.floor(seconds / size)}${unit}`;
}

/**
 * A time as ISO date and time in UTC: 2026-11-29 08:30:53Z.
 *
 * @param {?number} ms Unix time in ms.
 * @returns {string}
 */
export function utc(ms) {
  return isAbsent(ms) ? ABSENT : `${new Date(ms).toISOString().slice(0, 19).replace("T", " ")}Z`;
}

/**
 * An expiry as in symbols: 27MAR26; with its time if that is not 08:00 UTC.
 *
 * @param {number} ms Unix time in ms.
 * @returns {string}
 */
export function expiryLabel(ms) {
  const expiry = new Date(ms);
  const year = String(expiry.getUTCFullYear() % 100).padStart(2, "0");
  const time = expiry.toISOString().slice(11, 19).replaceAll(":", "");
  const suffix = time === "080000" ? "" : `T${time.replace(/00$/, "")}`;
  return `${expiry.getUTCDate()}${MONTHS[expiry.getUTCMonth()]}${year}${suffix}`;
}

/**
 * An error class or exclusion reason in plain words: NotYetLive is "not yet live".
 *
 * @param {string} reason
 * @returns {string}
 */
export function reasonText(reason) {
  return reason
    .replace(/(?<!^)(?=[A-Z])/g, " ")
    .replaceAll("_", " ")
    .toLowerCase()
    .replace(/\biv\b/, "IV");
}
