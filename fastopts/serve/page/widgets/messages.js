/** Messages to the user: a notice above a view, and a toast that disappears by itself. */

import { el } from "../lib/dom.js";

const TOAST_MS = 2200;
let toastTimer = null;

/** A paragraph that is hidden while it has no text. */
export class Notice {
  /**
   * @param {string} className
   * @param {"alert"|"status"} role An alert interrupts a screen reader, a status waits.
   */
  constructor(className = "problem", role = "alert") {
    this.node = el("p", { class: className, role, hidden: true });
  }

  /**
   * @param {string} text Empty to hide the notice.
   */
  show(text) {
    this.node.textContent = text;
    this.node.hidden = !text;
  }
}

/**
 * Show a short confirmation, which screen readers announce too.
 *
 * @param {string} text
 */
export function showToast(text) {
  const toast = document.getElementById("toast");
  toast.textContent = text;
  toast.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => {
    toast.hidden = true;
  }, TOAST_MS);
}

/**
 * Copy a text to the clipboard and confirm it.
 *
 * @param {string} text
 */
export async function copyToClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    showToast(`Copied ${text}`);
  } catch {
    showToast(copyBySelection(text) ? `Copied ${text}` : `Could not copy ${text}`);
  }
}

// Browsers deny navigator.clipboard to pages loaded over plain HTTP from another host.
function copyBySelection(text) {
  const field = el("textarea", { "aria-label": "Text to copy", class: "visually-hidden" });
  field.value = text;
  const focused = document.activeElement;
  document.body.append(field);
  field.select();
  const isCopied = document.execCommand("copy");
  field.remove();
  focused?.focus();
  return isCopied;
}
