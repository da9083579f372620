/**
 * Which listed options a search text matches. Words match whole parts of a symbol, never
 * substrings: "1dec26" does not match 11DEC26, and "c" means call.
 */

import { MONTHS } from "../lib/format.js";
import { USUAL_SETTLE } from "./constants.js";

/**
 * @typedef {Object} Instrument An entry of /v1/instruments.
 * @property {string} symbol
 * @property {string} asset
 * @property {string} settle
 * @property {number} expiry_ms Unix time in ms.
 * @property {number} strike
 * @property {string} strike_text
 * @property {"C"|"P"} type
 */

const TYPES = { C: "C", CALL: "C", CALLS: "C", P: "P", PUT: "P", PUTS: "P" };
const ISO_DATE = /^\d{4}-\d{2}-\d{2}$/;
const LABEL = /^0?(\d{1,2})([A-Z]{3})(\d{2}|20\d{2})$/;
const SHORT_DATE = /^(\d{2})(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])$/;
const NUMBER = /^\d+(,\d{3})*(\.\d+)?K?$/;

/**
 * The instruments that all words of a text match: nearest expiry first, USDT before other coins,
 * then by strike, calls before puts; expired ones last.
 *
 * @param {Instrument[]} instruments
 * @param {string} text
 * @param {number} nowMs Unix time in ms.
 * @param {boolean} isTyping Whether the last word may be the beginning of a part.
 * @returns {Instrument[]}
 */
export function matchingInstruments(instruments, text, nowMs, isTyping = false) {
  const words = splitWords(text);
  if (!words.length) return [];
  const last = words.length - 1;
  const matches = (instrument) =>
    words.every(
      (word, index) =>
        matchesPart(instrument, word) ||
        (isTyping && index === last && matchesBeginning(instrument, word)),
    );
  return instruments.filter(matches).sort((left, right) => compareInstruments(left, right, nowMs));
}

/**
 * The listed options nearest to one that is not: those at the strikes below and above, on its
 * expiry or else on the expiries before and after.
 *
 * @param {Instrument[]} instruments
 * @param {string} text Names a strike or an expiry; nothing is near a text with neither.
 * @param {number} nowMs Unix time in ms.
 * @returns {Instrument[]} At most four, nearest expiry first.
 */
export function nearestInstruments(instruments, text, nowMs) {
  const words = splitWords(text);
  const expiry = words.find((word) => parseDay(word) !== null);
  const strike = words.find((word) => word !== expiry && parseStrike(word) !== null);
  if (expiry === undefined && strike === undefined) return [];
  const others = words.filter((word) => word !== expiry && word !== strike);
  const candidates = instruments
    .filter(({ expiry_ms }) => expiry_ms > nowMs)
    .filter((instrument) => others.every((word) => matchesPart(instrument, word)))
    .sort((left, right) => compareInstruments(left, right, nowMs));
  const times = [...new Set(candidates.map(({ expiry_ms }) => expiry_ms))];
  const nearestTimes =
    expiry === undefined ? times.slice(0, 1) : around(times, deliveryMs(expiry), (ms) => ms);
  return nearestTimes.flatMap((ms) =>
    nearestStrikes(
      candidates.filter(({ expiry_ms }) => expiry_ms === ms),
      strike === undefined ? null : parseStrike(strike),
    ),
  );
}

// Of the options of one expiry, with the type and the coins of the one that is nearest.
function nearestStrikes(options, strike) {
  if (strike === null) return options.slice(0, 1);
  const distance = (option) => Math.abs(option.strike - strike);
  const nearest = options.reduce((left, right) =>
    distance(right) < distance(left) ? right : left,
  );
  const isAlike = (option) =>
    ["asset", "settle", "type"].every((name) => option[name] === nearest[name]);
  return around(options.filter(isAlike), strike, (option) => option.strike);
}

// The item whose value equals the target, else the last one below and the first one above.
function around(items, target, toNumber) {
  const below = items.filter((item) => toNumber(item) <= target).slice(-1);
  if (below.length && toNumber(below[0]) === target) return below;
  return [...below, ...items.filter((item) => toNumber(item) > target).slice(0, 1)];
}

// Words in upper case; a symbol typed as one word is split into its parts.
function splitWords(text) {
  const words = text.trim().toUpperCase().split(/\s+/).filter(Boolean);
  return words.flatMap((word) => (ISO_DATE.test(word) ? [word] : word.split("-").filter(Boolean)));
}

function matchesPart(instrument, word) {
  const { asset, settle, type } = instrument;
  return (
    [asset, settle, asset + settle].includes(word) ||
    TYPES[word] === type ||
    instrument.strike === parseStrike(word) ||
    matchesExpiry(instrument, word)
  );
}

function matchesBeginning({ asset, settle, symbol, strike_text: strike }, word) {
  return [asset, settle, symbol.split("-")[1], strike].some((part) => part.startsWith(word));
}

/**
 * @param {string} text Such as 90000, 90,000 or 90k.
 * @returns {?number} The strike; null if it is none.
 */
export function parseStrike(text) {
  const word = text.toUpperCase();
  if (!NUMBER.test(word)) return null;
  const value = Number(word.replaceAll(",", "").replace("K", ""));
  return word.endsWith("K") ? value * 1000 : value;
}

function matchesExpiry(instrument, word) {
  return parseDay(word) === new Date(instrument.expiry_ms).toISOString().slice(0, 10);
}

// The ISO date of 1DEC26, 01DEC26, 1DEC2026, 261201 or 2026-12-01; null for anything else.
function parseDay(word) {
  if (ISO_DATE.test(word)) return word;
  const [, shortYear, ...monthAndDay] = SHORT_DATE.exec(word) ?? [];
  if (shortYear) return [`20${shortYear}`, ...monthAndDay].join("-");
  const [, day, monthName, year] = LABEL.exec(word) ?? [];
  if (!MONTHS.includes(monthName)) return null;
  const month = String(MONTHS.indexOf(monthName) + 1).padStart(2, "0");
  return `20${year.slice(-2)}-${month}-${day.padStart(2, "0")}`;
}

// Unix time in ms: options are delivered at 08:00 UTC.
const deliveryMs = (word) => Date.parse(`${parseDay(word)}T08:00Z`);

function compareInstruments(left, right, nowMs) {
  const isExpired = ({ expiry_ms }) => Number(expiry_ms <= nowMs);
  const isOtherCoin = ({ settle }) => Number(settle !== USUAL_SETTLE);
  return (
    isExpired(left) - isExpired(right) ||
    left.expiry_ms - right.expiry_ms ||
    isOtherCoin(left) - isOtherCoin(right) ||
    left.asset.localeCompare(right.asset) ||
    left.strike - right.strike ||
    left.type.localeCompare(right.type)
  );
}
