/** Table rows by key: a row keeps its element for as long as its key is shown. */

/**
 * Show the rows of `keys`, in their order. Elements of remaining rows are not moved or rewritten
 * unless their order changes, since one of them may have the focus.
 *
 * @param {HTMLTableSectionElement} body
 * @param {Map<*, {tr: HTMLTableRowElement}>} rows Rows shown, by key; updated.
 * @param {Array} keys
 * @param {function(*): {tr: HTMLTableRowElement}} makeRow Creates the row of a new key.
 * @returns {boolean} Whether rows were added.
 */
export function arrangeRows(body, rows, keys, makeRow) {
  const shownKeys = new Set(keys);
  for (const [key, row] of rows) {
    if (shownKeys.has(key)) continue;
    row.tr.remove();
    rows.delete(key);
  }
  let next = body.firstChild;
  let hasNewRows = false;
  for (const key of keys) {
    if (!rows.has(key)) {
      rows.set(key, makeRow(key));
      hasNewRows = true;
    }
    const { tr } = rows.get(key);
    if (tr === next) next = next.nextSibling;
    else body.insertBefore(tr, next);
  }
  return hasNewRows;
}
