// The colours of the style sheet, for what is not styled by it.

// A custom property as a colour: of light-dark() the one in use.
export function colour(name) {
  const probe = document.getElementById("probe");
  probe.style.color = `var(${name})`;
  return getComputedStyle(probe).color;
}
