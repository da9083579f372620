// A cell that changed lights up and fades: green up, red down. Not where motion is unwelcome.

const stillness = matchMedia("(prefers-reduced-motion: reduce)");
const FADE_MS = 700;
const FRAME_MOST = 60; // more at once is a blaze that tells nothing, and costs frames
let lit = 0;
let frame = 0;
let colours = null;

export function flash(cell, isUp) {
  if (stillness.matches || document.hidden || !hasRoom()) return;
  colours ??= read();
  const backgroundColor = isUp ? colours.up : colours.down;
  cell.animate([{ backgroundColor }, { backgroundColor: "transparent" }], FADE_MS);
}

export function forgetColours() {
  colours = null;
}

function hasRoom() {
  const now = document.timeline.currentTime;
  if (now !== frame) {
    frame = now;
    lit = 0;
  }
  lit += 1;
  return lit <= FRAME_MOST;
}

function read() {
  return { up: colour("--flash-up"), down: colour("--flash-down") };
}

// A custom property as a colour: of light-dark() the one in use.
export function colour(name) {
  const probe = document.getElementById("probe");
  probe.style.color = `var(${name})`;
  return getComputedStyle(probe).color;
}
