// A word of confirmation that goes by itself, seen and spoken.

const SHOWN_MS = 2200;
let timer = null;

export function toast(words) {
  const place = document.getElementById("toast");
  place.textContent = words;
  place.hidden = false;
  clearTimeout(timer);
  timer = setTimeout(() => {
    place.hidden = true;
  }, SHOWN_MS);
}

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast(`Copied ${text}`);
  } catch {
    toast(copyOldWay(text) ? `Copied ${text}` : `Copy it by hand: ${text}`);
  }
}

// The clipboard is closed to pages that came over plain http from another host.
function copyOldWay(text) {
  const field = document.createElement("textarea");
  field.value = text;
  field.setAttribute("aria-label", "what is copied");
  field.className = "unseen";
  const focused = document.activeElement;
  document.body.append(field);
  field.select();
  const isDone = document.execCommand("copy");
  field.remove();
  focused?.focus();
  return isDone;
}
