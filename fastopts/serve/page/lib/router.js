/**
 * Addresses of views, in the fragment: #/BTC/chain/27MAR26/USDT, #/option/SYMBOL, #/scan?FILTER.
 *
 * The fragment is never sent to the server, so the page works under any path prefix of a proxy.
 */

/**
 * @typedef {Object} Route
 * @property {string} view Name of the view.
 * @property {?string} [asset]
 * @property {?string} [expiry] Label such as 27MAR26; null for the front or for all.
 * @property {?string} [settle] Settle coin, of the path or of `?settle=`; null for the default.
 * @property {string} [symbol] Of the option view.
 * @property {string[]} [parts] Of an address that names no view.
 * @property {URLSearchParams} search
 */

/** The views with a tab, in the order of the digit keys. */
export const VIEWS = [
  { name: "expiries", title: "Expiries" },
  { name: "chain", title: "Chain" },
  { name: "smile", title: "Smile" },
  { name: "term", title: "Term structure" },
  { name: "surface", title: "Surface" },
  { name: "open-interest", title: "Open interest" },
  { name: "scan", title: "Scanner" },
];

const ASSET_VIEWS = new Set(VIEWS.map(({ name }) => name).filter((name) => name !== "scan"));
// Views under their former names: links that were saved or sent stay valid.
const ALIASES = { grid: "surface", interest: "open-interest" };
const VIEW_NAMES = new Set([
  ...VIEWS.flatMap(({ name, title }) => [name, title.toLowerCase()]),
  ...Object.keys(ALIASES),
  "option",
]);

/**
 * @param {string} hash The address's fragment.
 * @returns {?Route} Null for the page's start; the view "not-found" for an invalid address.
 */
export function parse(hash) {
  const [path, query = ""] = hash.replace(/^#/, "").split("?");
  const parts = path.split("/").filter(Boolean).map(decode);
  const search = new URLSearchParams(query);
  if (!parts.length) return null;
  if (parts[0] === "scan" && parts.length === 1) return { view: "scan", search };
  if (parts[0] === "option" && parts.length === 2) {
    return { view: "option", symbol: parts[1], asset: parts[1].split("-")[0], search };
  }
  const [asset, name = "expiries", expiry = null, settle = null] = parts;
  const view = ALIASES[name] || name;
  // Without its asset, as in #/chain, the name of a view would be taken for an asset.
  const isValid =
    ASSET_VIEWS.has(view) && !VIEW_NAMES.has(asset.toLowerCase()) && parts.length <= 4;
  if (!isValid) return { view: "not-found", parts, search };
  return { view, asset, expiry, settle: settle ?? search.get("settle"), search };
}

function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // a "%" typed by hand
  }
}

/**
 * @param {string[]} parts Of an address that names no view.
 * @returns {{name: string, title: string}[]} The views that one of the parts resembles.
 */
export function similarViews(parts) {
  const isSimilar = (part, name) => part.startsWith(name) || name.startsWith(part);
  const words = parts.map((part) => part.toLowerCase()).filter((part) => part.length > 2);
  return VIEWS.filter(({ name, title }) => {
    const aliases = Object.keys(ALIASES).filter((alias) => ALIASES[alias] === name);
    const names = [name, title.toLowerCase(), ...aliases];
    return words.some((word) => names.some((each) => isSimilar(word, each)));
  });
}

/**
 * @param {string} asset
 * @param {string} view
 * @param {?string} expiry
 * @param {?string} settle
 * @param {Object<string, string>} search Further choices within the view.
 * @returns {string} The fragment of a view of an asset.
 */
export function viewLink(asset, view, expiry = null, settle = null, search = {}) {
  // Without an expiry, the path has no place for the coin.
  const path = expiry === null ? [asset, view] : [asset, view, expiry, settle];
  const parts = path.filter((part) => part !== null).map(encodeURIComponent);
  const isInQuery = expiry === null && settle !== null;
  const query = new URLSearchParams(isInQuery ? { settle, ...search } : search).toString();
  return `#/${parts.join("/")}${query && `?${query}`}`;
}

/**
 * @param {string} symbol
 * @returns {string} The fragment of an option's view.
 */
export function optionLink(symbol) {
  return `#/option/${encodeURIComponent(symbol)}`;
}

/**
 * @param {Object<string, string>} filter
 * @returns {string} The fragment of the scanner with a filter.
 */
export function scanLink(filter) {
  const query = new URLSearchParams(filter).toString();
  return query ? `#/scan?${query}` : "#/scan";
}

/**
 * Open an address.
 *
 * @param {string} hash
 */
export function navigate(hash) {
  location.hash = hash;
}

/**
 * Open an address in place of the current one, so that "back" does not stop there.
 *
 * @param {string} hash
 */
export function redirect(hash) {
  history.replaceState(null, "", hash);
  reopen();
}

/**
 * Change the address to one of the same view, which already shows it.
 *
 * @param {string} hash
 */
export function rename(hash) {
  history.replaceState(null, "", hash);
}

/** Open the current address again, such as with other choices. */
export function reopen() {
  dispatchEvent(new HashChangeEvent("hashchange"));
}
