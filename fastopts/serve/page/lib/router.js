// Where the page is, as its address says it: #/BTC/chain/27MAR26/USDT.

export const VIEWS = [
  { name: "expiries", title: "Expiries" },
  { name: "chain", title: "Chain" },
  { name: "smile", title: "Smile" },
  { name: "term", title: "Term" },
  { name: "grid", title: "Surface" },
  { name: "interest", title: "Interest" },
  { name: "scan", title: "Scanner" },
];

const OF_ASSET = new Set(["expiries", "chain", "smile", "term", "grid", "interest"]);

// What `hash` asks for; null when it asks for nothing that there is.
export function parse(hash) {
  const [path, query = ""] = hash.replace(/^#/, "").split("?");
  const parts = path.split("/").filter(Boolean).map(decodeURIComponent);
  const search = new URLSearchParams(query);
  if (parts[0] === "scan" && parts.length === 1) return { view: "scan", search };
  if (parts[0] === "option" && parts.length === 2) {
    return { view: "symbol", symbol: parts[1], asset: parts[1].split("-")[0], search };
  }
  const [asset, view = "expiries", expiry = null, settle = null] = parts;
  if (!asset || !OF_ASSET.has(view) || parts.length > 4) return null;
  return { view, asset, expiry, settle, search };
}

export function link(asset, view, expiry = null, settle = null) {
  const parts = [asset, view, expiry, settle].filter((part) => part !== null);
  return `#/${parts.map(encodeURIComponent).join("/")}`;
}

export function optionLink(symbol) {
  return `#/option/${encodeURIComponent(symbol)}`;
}

export function scanLink(filter) {
  const text = new URLSearchParams(filter).toString();
  return text ? `#/scan?${text}` : "#/scan";
}

export function go(hash) {
  location.hash = hash;
}

// Without a step that "back" would stop at.
export function goInstead(hash) {
  history.replaceState(null, "", hash);
  dispatchEvent(new HashChangeEvent("hashchange"));
}
