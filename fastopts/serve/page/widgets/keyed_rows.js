// The rows of a table's body, by key.

// Has `body` show the lines of `keys` in their order: new ones come from `make`, those of no key go.
// Returns whether there were new ones. What stays is not touched: it may have the focus.
export function arrange(body, lines, keys, make) {
  const wanted = new Set(keys);
  for (const [key, line] of lines) {
    if (wanted.has(key)) continue;
    line.tr.remove();
    lines.delete(key);
  }
  let next = body.firstChild;
  let hasNew = false;
  for (const key of keys) {
    if (!lines.has(key)) {
      lines.set(key, make(key));
      hasNew = true;
    }
    const { tr } = lines.get(key);
    if (tr === next) next = next.nextSibling;
    else body.insertBefore(tr, next);
  }
  return hasNew;
}
