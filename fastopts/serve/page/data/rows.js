// The options of one subscription, as its messages leave them.

export class Rows {
  constructor() {
    this.bySymbol = new Map();
    this.changed = new Set();
    this.left = null; // what was held before a new connection and it has not named yet
    this.isComplete = false; // a whole snapshot is there
  }

  // A new connection names again what there is.
  restart() {
    this.left = new Set(this.bySymbol.keys());
  }

  apply(message) {
    for (const row of message.rows) {
      const known = this.bySymbol.get(row.symbol);
      if (known && !(message.full && row.expiry_ms)) Object.assign(known, row);
      else if (row.expiry_ms) this.bySymbol.set(row.symbol, row);
      this.changed.add(row.symbol);
      this.left?.delete(row.symbol);
    }
    for (const symbol of message.gone || []) this.#drop(symbol);
    if (message.full && !message.more) this.#complete();
  }

  // The symbols that changed since it was last asked.
  takeChanged() {
    const changed = this.changed;
    this.changed = new Set();
    return changed;
  }

  #complete() {
    this.isComplete = true;
    for (const symbol of this.left || []) this.#drop(symbol);
    this.left = null;
  }

  #drop(symbol) {
    if (this.bySymbol.delete(symbol)) this.changed.add(symbol);
  }
}

// The forward of a series: of the newest tick that has one, a suspect time last.
export function forwardOf(rows) {
  let newest = null;
  for (const row of rows) {
    if (row.underlying_price && (newest === null || isNewer(row, newest))) newest = row;
  }
  return newest === null ? null : newest.underlying_price;
}

function isNewer(row, than) {
  if (Boolean(row.time_suspect) !== Boolean(than.time_suspect)) return !row.time_suspect;
  return row.ts_ms > than.ts_ms;
}

// By strike, ascending: {strike, call, put}.
export function byStrike(rows) {
  const strikes = new Map();
  for (const row of rows) {
    let pair = strikes.get(row.strike);
    if (!pair) strikes.set(row.strike, (pair = { strike: row.strike, call: null, put: null }));
    pair[row.type === "C" ? "call" : "put"] = row;
  }
  return [...strikes.values()].sort((one, other) => one.strike - other.strike);
}

// The strike nearest the forward, the lower on a tie.
export function atmStrike(strikes, forward) {
  let best = null;
  const far = (strike) => Number(Math.abs(strike - forward).toFixed(9));
  for (const strike of strikes) {
    if (best === null || far(strike) < far(best)) best = strike;
  }
  return forward ? best : null;
}

// The smile: of each strike the option out of the money, or the other where that has no IV.
export function smileOf(rows, forward) {
  if (!forward) return [];
  const points = byStrike(rows).map(({ strike, call, put }) => {
    const sides = strike < forward ? [put, call] : [call, put];
    return sides.find((row) => row && row.mark_iv) || null;
  });
  return points.filter(Boolean).map((row) => ({
    symbol: row.symbol,
    strike: row.strike,
    type: row.type,
    log_moneyness: Math.log(row.strike / forward),
    delta: row.delta,
    mark_iv: row.mark_iv,
    bid_iv: row.bid_iv,
    ask_iv: row.ask_iv,
    live: row.live,
    ts_ms: row.ts_ms,
  }));
}
