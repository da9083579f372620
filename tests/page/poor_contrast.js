// Finds texts whose contrast with their background is below 4.5, the AA level of WCAG 2.2, from the
// colours in use: those of every ancestor, blended where one is translucent.
() => {
  const CONTRAST_MIN = 4.5;
  const COLOUR = /(?:rgba?|oklab|oklch|lab|lch|color)\([^()]*\)/g;
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const rgbaByColour = new Map();

  // A canvas converts any CSS colour to red, green, blue and alpha, from 0 to 1.
  function rgba(colour) {
    if (!rgbaByColour.has(colour)) {
      context.clearRect(0, 0, 1, 1);
      context.fillStyle = colour;
      context.fillRect(0, 0, 1, 1);
      const bytes = context.getImageData(0, 0, 1, 1).data;
      rgbaByColour.set(
        colour,
        [...bytes].map((byte) => byte / 255),
      );
    }
    return rgbaByColour.get(colour);
  }

  function blend([red, green, blue, alpha], below) {
    return [red, green, blue].map((part, index) => part * alpha + below[index] * (1 - alpha));
  }

  // The colours that one element lies on: several if its background is a gradient of several.
  function backgrounds(node) {
    const chain = [];
    for (let each = node; each; each = each.parentElement) chain.unshift(getComputedStyle(each));
    let colours = [[1, 1, 1]];
    for (const { backgroundColor, backgroundImage, backgroundSize } of chain) {
      colours = colours.map((below) => blend(rgba(backgroundColor), below));
      // A gradient with a size is a bar below the text, not a background of it.
      if (!backgroundImage.includes("gradient(") || backgroundSize !== "auto") continue;
      const stops = backgroundImage.match(COLOUR) ?? [];
      colours = colours.flatMap((below) => stops.map((stop) => blend(rgba(stop), below)));
    }
    return colours;
  }

  function luminance(colour) {
    const [red, green, blue] = colour.map((part) =>
      part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4,
    );
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  }

  function opacityOf(node) {
    let opacity = 1;
    for (let each = node; each; each = each.parentElement) {
      opacity *= Number(getComputedStyle(each).opacity);
    }
    return opacity;
  }

  const faults = new Set();
  function check(text, node, colour) {
    const [red, green, blue, alpha] = rgba(colour);
    for (const background of backgrounds(node)) {
      const shown = blend([red, green, blue, alpha * opacityOf(node)], background);
      const [dark, light] = [luminance(shown), luminance(background)].sort((a, b) => a - b);
      const contrast = (light + 0.05) / (dark + 0.05);
      if (contrast < CONTRAST_MIN) {
        const where = node.closest("[class]")?.className ?? node.localName;
        faults.add(`"${text}" in "${where}": ${contrast.toFixed(2)}`);
      }
    }
  }

  const isShown = (node) =>
    node.checkVisibility({ opacityProperty: true, visibilityProperty: true }) &&
    !node.closest(".visually-hidden, option, datalist, :disabled");
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const { data, parentElement: node } = walker.currentNode;
    if (data.trim() && isShown(node)) check(data.trim(), node, getComputedStyle(node).color);
  }
  for (const field of document.querySelectorAll("input, select")) {
    if (!isShown(field)) continue;
    check(`<${field.localName}>`, field, getComputedStyle(field).color);
    const { placeholder } = field;
    if (placeholder) check(placeholder, field, getComputedStyle(field, "::placeholder").color);
  }
  return [...faults];
};
