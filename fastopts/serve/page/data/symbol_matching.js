// Which listed options the words of a search name. A word matches a whole part of a symbol, never
// a piece of one: "1dec26" is not in 11DEC26, and "c" is a call.

const MONTHS = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split(" ");
const TYPES = { C: "C", CALL: "C", CALLS: "C", P: "P", PUT: "P", PUTS: "P" };
const ISO_DATE = /^\d{4}-\d{2}-\d{2}$/;
const LABEL = /^0?(\d{1,2})([A-Z]{3})(\d{2}|20\d{2})$/;
const NUMBER = /^\d+(,\d{3})*(\.\d+)?K?$/;

// The words of `typed`, in capitals; a symbol typed as one word is its parts.
export function wordsOf(typed) {
  const words = typed.trim().toUpperCase().split(/\s+/).filter(Boolean);
  return words.flatMap((word) => (ISO_DATE.test(word) ? [word] : word.split("-").filter(Boolean)));
}

// The instruments that all words of `typed` match: the nearest expiry first, USDT before other
// coins, then by strike, calls before puts; delivered ones last. `isTyping`: the last word may be
// the beginning of a part.
export function matching(instruments, typed, nowMs, isTyping = false) {
  const words = wordsOf(typed);
  if (!words.length) return [];
  const fits = (one) =>
    words.every((word, place) => isPart(one, word) || (isTyping && place === words.length - 1 && isBeginning(one, word)));
  return instruments.filter(fits).sort((one, other) => order(one, other, nowMs));
}

function isPart(instrument, word) {
  const { asset, settle } = instrument;
  return (
    word === asset || word === settle || word === asset + settle || TYPES[word] === instrument.type ||
    isStrike(instrument, word) || isExpiry(instrument, word)
  );
}

function isBeginning({ asset, settle, symbol, strike_text: strike }, word) {
  return [asset, settle, symbol.split("-")[1], strike].some((part) => part.startsWith(word));
}

function isStrike(instrument, word) {
  if (!NUMBER.test(word)) return false;
  const number = Number(word.replaceAll(",", "").replace("K", ""));
  return instrument.strike === (word.endsWith("K") ? number * 1000 : number);
}

// As symbols spell it, with a zero before the day, with all of the year, YYMMDD, or ISO.
function isExpiry(instrument, word) {
  const iso = new Date(instrument.expiry_ms).toISOString().slice(0, 10);
  if (word === iso || word === iso.replaceAll("-", "").slice(2)) return true;
  const parts = LABEL.exec(word);
  if (!parts) return false;
  const month = String(MONTHS.indexOf(parts[2]) + 1).padStart(2, "0");
  return iso === `20${parts[3].slice(-2)}-${month}-${parts[1].padStart(2, "0")}`;
}

function order(one, other, nowMs) {
  const isOver = ({ expiry_ms }) => Number(expiry_ms <= nowMs);
  const isOtherCoin = ({ settle }) => Number(settle !== "USDT");
  return (
    isOver(one) - isOver(other) || one.expiry_ms - other.expiry_ms ||
    isOtherCoin(one) - isOtherCoin(other) || one.asset.localeCompare(other.asset) ||
    one.strike - other.strike || one.type.localeCompare(other.type)
  );
}
