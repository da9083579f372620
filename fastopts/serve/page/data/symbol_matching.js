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

// 1DEC26, 01DEC26, 1DEC2026, 261201 and 2026-12-01.
function matchesExpiry(instrument, word) {
  const isoDate = new Date(instrument.expiry_ms).toISOString().slice(0, 10);
  if (word === isoDate || word === isoDate.replaceAll("-", "").slice(2)) return true;
  const label = LABEL.exec(word);
  if (!label) return false;
  const [, day, monthName, year] = label;
  const month = String(MONTHS.indexOf(monthName) + 1).padStart(2, "0");
  return isoDate === `20${year.slice(-2)}-${month}-${day.padStart(2, "0")}`;
}

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
