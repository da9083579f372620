// Finds unreadable texts in the viewport: texts that overlap, and texts that are cut off. Rectangles
// that overlap by about a pixel only touch: fonts and rounding differ between machines.
() => {
  const TOLERANCE_PX = 1.5;
  const POSITIONED = ["sticky", "fixed", "absolute"];
  const clips = ({ overflowX, overflowY }) => overflowX !== "visible" || overflowY !== "visible";
  const isPositioned = (node) => POSITIONED.includes(getComputedStyle(node).position);
  const isOpaque = (node) =>
    !/^(transparent|rgba\(.*, 0\))$/.test(getComputedStyle(node).backgroundColor);
  const isShown = (node) =>
    node.checkVisibility({ opacityProperty: true, visibilityProperty: true }) &&
    !node.closest(".visually-hidden, option, datalist");

  // The part of `rect` that is not clipped by the node's ancestors or the viewport.
  function visiblePart(rect, node) {
    let { left, top, right, bottom } = rect;
    for (let each = node; each && each !== document.body; each = each.parentElement) {
      const style = getComputedStyle(each);
      if (style.display === "inline" || style.display === "contents" || !clips(style)) continue;
      const box = each.getBoundingClientRect();
      [left, top] = [Math.max(left, box.left), Math.max(top, box.top)];
      [right, bottom] = [Math.min(right, box.right), Math.min(bottom, box.bottom)];
    }
    [left, top] = [Math.max(left, 0), Math.max(top, 0)];
    [right, bottom] = [Math.min(right, innerWidth), Math.min(bottom, innerHeight)];
    const isVisible = right - left > TOLERANCE_PX && bottom - top > TOLERANCE_PX;
    return isVisible ? { left, top, right, bottom } : null;
  }

  // The nearest element around a node that hides the content below it.
  function coverOf(node) {
    for (let each = node; each; each = each.parentElement) {
      if (isPositioned(each) && isOpaque(each)) return each;
    }
    return null;
  }

  // Whether `cover` hides a rectangle of `node`: a heading over scrolled rows, or an open menu.
  function covers(cover, node, { left, top, right, bottom }) {
    if (!cover || cover.contains(node)) return false;
    const box = cover.getBoundingClientRect();
    return (
      box.left <= left + TOLERANCE_PX &&
      box.right >= right - TOLERANCE_PX &&
      box.top <= top + TOLERANCE_PX &&
      box.bottom >= bottom - TOLERANCE_PX
    );
  }

  const items = [];
  function addItem(text, node, rect) {
    const visible = visiblePart(rect, node);
    if (visible) items.push({ text, node, rect, visible, cover: coverOf(node) });
  }
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const { data, parentElement: node } = walker.currentNode;
    if (!data.trim() || !isShown(node)) continue;
    const range = document.createRange();
    range.selectNodeContents(walker.currentNode);
    for (const rect of range.getClientRects()) addItem(data.trim(), node, rect);
  }
  for (const node of document.querySelectorAll("input, select, button, .chart")) {
    const name = node.getAttribute("aria-label") || node.name || node.className;
    if (isShown(node)) addItem(`<${node.localName} ${name}>`, node, node.getBoundingClientRect());
  }

  const faults = new Set();
  items.sort((left, right) => left.visible.top - right.visible.top);
  for (const [index, upper] of items.entries()) {
    for (const lower of items.slice(index + 1)) {
      if (lower.visible.top >= upper.visible.bottom - TOLERANCE_PX) break;
      if (upper.node.contains(lower.node) || lower.node.contains(upper.node)) continue;
      const overlap = {
        left: Math.max(upper.visible.left, lower.visible.left),
        right: Math.min(upper.visible.right, lower.visible.right),
        top: Math.max(upper.visible.top, lower.visible.top),
        bottom: Math.min(upper.visible.bottom, lower.visible.bottom),
      };
      if (overlap.right - overlap.left <= TOLERANCE_PX) continue;
      if (overlap.bottom - overlap.top <= TOLERANCE_PX) continue;
      if (covers(upper.cover, lower.node, overlap)) continue;
      if (covers(lower.cover, upper.node, overlap)) continue;
      faults.add(`"${upper.text}" overlaps "${lower.text}"`);
    }
  }
  for (const { text, node, rect } of items) {
    const cell = node.closest("td, th");
    if (cell && !cell.closest(".group")) {
      const box = cell.getBoundingClientRect();
      if (rect.left < box.left - TOLERANCE_PX || rect.right > box.right + TOLERANCE_PX) {
        faults.add(`"${text}" is wider than its cell`);
      }
    }
    // A card cannot be scrolled.
    const card = node.closest(".card");
    if (card && rect.right > card.getBoundingClientRect().right + TOLERANCE_PX) {
      faults.add(`"${text}" is cut off by its card`);
    }
    const holder = node.closest("label, button, summary, a, dd, dt, p, h1, .label");
    if (holder && clips(getComputedStyle(holder))) {
      if (holder.scrollWidth > holder.clientWidth + TOLERANCE_PX) {
        faults.add(`"${text}" is cut off`);
      }
    }
  }
  for (const field of [...document.querySelectorAll("select")].filter(isShown)) {
    const selected = field.selectedOptions[0]?.cloneNode(true);
    // A copy as wide as the selected option and the arrow need.
    const unclipped = field.cloneNode(false);
    unclipped.replaceChildren(...(selected ? [selected] : []));
    Object.assign(unclipped.style, {
      position: "absolute",
      visibility: "hidden",
      width: "max-content",
    });
    field.after(unclipped);
    if (unclipped.offsetWidth > field.offsetWidth + TOLERANCE_PX) {
      faults.add(`"${selected?.textContent}" is cut off in its select`);
    }
    unclipped.remove();
  }
  return [...faults];
};
