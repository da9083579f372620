/** The option rows of one subscription. */

/**
 * One option as the stream sends it; the fields are those of constants.js's FIELDS. Prices are in
 * quote coin, volatilities fractions (0.53 is 53 %), times Unix ms; unknown values are null.
 *
 * @typedef {Object<string, *>} OptionRow
 */

/** Rows by symbol, kept current by "rows" messages. */
export class OptionRows {
  constructor() {
    /** @type {Map<string, OptionRow>} */
    this.bySymbol = new Map();
    this.isComplete = false; // whether a whole snapshot has arrived
    this.changed = new Set();
    this.unconfirmed = null;
  }

  /** @returns {OptionRow[]} */
  get all() {
    return [...this.bySymbol.values()];
  }

  /**
   * Prepare for the snapshot of a new connection. Rows stay visible meanwhile; those missing from
   * the snapshot are removed at its end.
   */
  beginSnapshot() {
    this.unconfirmed = new Set(this.bySymbol.keys());
  }

  /**
   * Apply a "rows" message. `full` messages carry whole rows, others only the changed fields.
   *
   * @param {{rows: OptionRow[], gone: string[], full: boolean, more: boolean}} message
   */
  apply(message) {
    for (const row of message.rows) {
      const known = this.bySymbol.get(row.symbol);
      // expiry_ms is in every whole row; a change to an unknown symbol has nothing to be added to.
      const isWhole = Boolean(row.expiry_ms);
      if (known && !(message.full && isWhole)) Object.assign(known, row);
      else if (isWhole) this.bySymbol.set(row.symbol, row);
      this.changed.add(row.symbol);
      this.unconfirmed?.delete(row.symbol);
    }
    for (const symbol of message.gone || []) this.#remove(symbol);
    if (message.full && !message.more) this.#endSnapshot();
  }

  /**
   * @returns {Set<string>} Symbols changed since the last call.
   */
  takeChanged() {
    const { changed } = this;
    this.changed = new Set();
    return changed;
  }

  #endSnapshot() {
    this.isComplete = true;
    for (const symbol of this.unconfirmed || []) this.#remove(symbol);
    this.unconfirmed = null;
  }

  #remove(symbol) {
    if (this.bySymbol.delete(symbol)) this.changed.add(symbol);
  }
}
