// Finds what can't be read in the viewport. Rectangles that are a pixel into each other only touch:
// fonts and rounding differ.
() => {
  const TOUCH = 1.5;
  const clips = (style) => [style.overflowX, style.overflowY].some((one) => one !== "visible");
  const isAbove = (node) =>
    ["sticky", "fixed", "absolute"].includes(getComputedStyle(node).position);
  const isOpaque = (node) =>
    !/^(transparent|rgba\(.*, 0\))$/.test(getComputedStyle(node).backgroundColor);

  const isShown = (node) =>
    node.checkVisibility({ opacityProperty: true, visibilityProperty: true }) &&
    !node.closest(".visually-hidden, option, datalist");

  // The part of `rect` that its ancestors let through.
  function visible(rect, node) {
    let { left, top, right, bottom } = rect;
    for (let one = node; one && one !== document.body; one = one.parentElement) {
      const style = getComputedStyle(one);
      if (style.display === "inline" || style.display === "contents" || !clips(style)) continue;
      const box = one.getBoundingClientRect();
      [left, top] = [Math.max(left, box.left), Math.max(top, box.top)];
      [right, bottom] = [Math.min(right, box.right), Math.min(bottom, box.bottom)];
    }
    [left, top] = [Math.max(left, 0), Math.max(top, 0)];
    [right, bottom] = [Math.min(right, innerWidth), Math.min(bottom, innerHeight)];
    return right - left > TOUCH && bottom - top > TOUCH ? { left, top, right, bottom } : null;
  }

  function coverOf(node) {
    for (let one = node; one; one = one.parentElement)
      if (isAbove(one) && isOpaque(one)) return one;
    return null;
  }

  // Whether `cover` lies over the rectangle: a heading over scrolled rows, an open menu.
  function covers(cover, other, { left, top, right, bottom }) {
    if (!cover || cover.contains(other)) return false;
    const box = cover.getBoundingClientRect();
    return (
      box.left <= left + TOUCH &&
      box.right >= right - TOUCH &&
      box.top <= top + TOUCH &&
      box.bottom >= bottom - TOUCH
    );
  }

  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode;
    const node = text.parentElement;
    if (!text.data.trim() || !isShown(node)) continue;
    const range = document.createRange();
    range.selectNodeContents(text);
    for (const rect of range.getClientRects()) {
      const seen = visible(rect, node);
      if (seen) texts.push({ words: text.data.trim(), node, rect, seen, cover: coverOf(node) });
    }
  }
  for (const node of document.querySelectorAll("input, select, button, .chart")) {
    const rect = node.getBoundingClientRect();
    const seen = isShown(node) ? visible(rect, node) : null;
    const words = `<${node.localName} ${node.getAttribute("aria-label") || node.name || node.className}>`;
    if (seen) texts.push({ words, node, rect, seen, cover: coverOf(node) });
  }

  const faults = new Set();
  texts.sort((one, other) => one.seen.top - other.seen.top);
  texts.forEach((one, place) => {
    for (const other of texts.slice(place + 1)) {
      if (other.seen.top >= one.seen.bottom - TOUCH) break;
      if (one.node.contains(other.node) || other.node.contains(one.node)) continue;
      const both = {
        left: Math.max(one.seen.left, other.seen.left),
        right: Math.min(one.seen.right, other.seen.right),
        top: Math.max(one.seen.top, other.seen.top),
        bottom: Math.min(one.seen.bottom, other.seen.bottom),
      };
      if (both.right - both.left <= TOUCH || both.bottom - both.top <= TOUCH) continue;
      if (covers(one.cover, other.node, both) || covers(other.cover, one.node, both)) continue;
      faults.add(`"${one.words}" is printed over "${other.words}"`);
    }
  });
  for (const { words, node, rect } of texts) {
    const cell = node.closest("td, th");
    if (cell && !cell.closest(".group")) {
      const box = cell.getBoundingClientRect();
      if (rect.left < box.left - TOUCH || rect.right > box.right + TOUCH)
        faults.add(`"${words}" is wider than its cell`);
    }
    const holder = node.closest("label, button, summary, a, dd, dt, p, h1, .label");
    if (
      holder &&
      clips(getComputedStyle(holder)) &&
      holder.scrollWidth > holder.clientWidth + TOUCH
    ) {
      faults.add(`"${words}" is cut off`);
    }
  }
  for (const field of [...document.querySelectorAll("select")].filter(isShown)) {
    const chosen = field.selectedOptions[0]?.cloneNode(true);
    const whole = field.cloneNode(false); // as wide as what is chosen and the arrow need
    whole.replaceChildren(...(chosen ? [chosen] : []));
    Object.assign(whole.style, {
      position: "absolute",
      visibility: "hidden",
      width: "max-content",
    });
    field.after(whole);
    if (whole.offsetWidth > field.offsetWidth + TOUCH)
      faults.add(`"${chosen?.textContent}" is cut off in its select`);
    whole.remove();
  }
  return [...faults];
};
