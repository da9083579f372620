// Numbers and times as people read them. What is not known is a dash, never 0.

export const NONE = "–";

const FINE = 5; // significant digits
const UNITS = [[86400, "d"], [3600, "h"], [60, "m"], [1, "s"]];
const formats = new Map();

function grouped(value, least, most) {
  const key = least * 100 + most;
  let format = formats.get(key);
  if (!format) {
    const digits = { minimumFractionDigits: least, maximumFractionDigits: most };
    format = new Intl.NumberFormat("en-US", digits);
    formats.set(key, format);
  }
  const text = format.format(value);
  return text.startsWith("-") && /[1-9]/.test(text) ? `−${text.slice(1)}` : text.replace("-", "");
}

const isAbsent = (value) => value === null || value === undefined || Number.isNaN(value);

// To five significant digits, the whole part whole: 1,205 or 0.31415.
export function number(value) {
  if (isAbsent(value)) return NONE;
  const whole = String(Math.trunc(Math.abs(value))).length;
  return grouped(Number(value.toPrecision(Math.max(FINE, whole))), 0, 12);
}

// As fine as one quotes options on what costs `scale`; a small price finer.
export function price(value, scale) {
  if (isAbsent(value)) return NONE;
  if (!scale) return number(value);
  const wanted = FINE - 1 - Math.floor(Math.log10(scale));
  const decimals = Math.min(Math.max(wanted, 0), FINE + 1);
  if (Math.abs(value) < 100 * 10 ** -decimals) return number(Number(value.toPrecision(4)));
  return grouped(value, decimals, decimals);
}

// A forward or an index: to seven significant digits, all of them shown.
export function level(value) {
  if (isAbsent(value)) return NONE;
  const decimals = value ? 6 - Math.floor(Math.log10(Math.abs(value))) : 0;
  const shown = Math.min(Math.max(decimals, 0), 6);
  return grouped(value, shown, shown);
}

export function fixed(value, decimals) {
  return isAbsent(value) ? NONE : grouped(value, decimals, decimals);
}

export function percent(fraction, decimals = 1) {
  return isAbsent(fraction) ? NONE : `${grouped(fraction * 100, decimals, decimals)}%`;
}

// With its sign always: a skew of +0.4% or −1.2%.
export function signedPercent(fraction, decimals = 1) {
  const text = percent(fraction, decimals);
  return !isAbsent(fraction) && fraction > 0 ? `+${text}` : text;
}

// Vol points: 0.0123 is 1.2.
export function points(fraction) {
  return isAbsent(fraction) ? NONE : grouped(fraction * 100, 1, 1);
}

export function compact(value) {
  if (isAbsent(value)) return NONE;
  const [size, unit] = [[1e9, "B"], [1e6, "M"], [1e3, "k"]].find(
    ([least]) => Math.abs(value) >= least,
  ) || [1, ""];
  return `${Number((value / size).toPrecision(3))}${unit}`.replace("-", "−");
}

export function days(value) {
  return fixed(value, 2);
}

// An age, short enough for a column: 0.4s, 12s, 3m, 2h.
export function age(seconds) {
  if (isAbsent(seconds)) return NONE;
  const whole = Math.max(seconds, 0);
  if (whole < 9.95) return `${whole.toFixed(1)}s`;
  const [size, unit] = UNITS.find(([least]) => whole >= least);
  return `${Math.floor(whole / size)}${unit}`;
}

// What is left: 2d 03h, within a day to the second: 4h 05m 03s, 59m 08s; over at the end.
export function countdown(untilMs, nowMs) {
  const left = Math.floor((untilMs - nowMs) / 1000);
  if (!(left > 0)) return "over";
  const counts = [Math.floor(left / 86400), Math.floor(left / 3600) % 24, Math.floor(left / 60) % 60, left % 60];
  const first = counts.findIndex((count) => count > 0);
  const last = first === 0 ? 2 : counts.length;
  const text = (count, place) => `${place ? String(count).padStart(2, "0") : count}${UNITS[first + place][1]}`;
  return counts.slice(first, last).map(text).join(" ");
}

export function utc(ms) {
  return isAbsent(ms) ? NONE : `${new Date(ms).toISOString().slice(0, 19).replace("T", " ")}Z`;
}

const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];

// An expiry as the symbols spell it: 27MAR26.
export function expiryLabel(ms) {
  const day = new Date(ms);
  const year = String(day.getUTCFullYear() % 100).padStart(2, "0");
  const time = day.toISOString().slice(11, 19).replaceAll(":", "");
  const rest = time === "080000" ? "" : `T${time.replace(/00$/, "")}`;
  return `${day.getUTCDate()}${MONTHS[day.getUTCMonth()]}${year}${rest}`;
}

// NotYetLive as "not yet live".
export function reasonWords(reason) {
  return reason.replace(/(?<!^)(?=[A-Z])/g, " ").replaceAll("_", " ").toLowerCase();
}
