/** The user's choices, in this browser's local storage. */

const PREFIX = "fastopts.";

/**
 * Load a stored value.
 *
 * @param {string} name
 * @param {*} fallback Returned if nothing is stored, or storage is not available.
 * @returns {*}
 */
export function load(name, fallback) {
  try {
    const text = localStorage.getItem(PREFIX + name);
    return text === null ? fallback : JSON.parse(text);
  } catch {
    return fallback;
  }
}

/**
 * Store a value as JSON.
 *
 * @param {string} name
 * @param {*} value
 */
export function store(name, value) {
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // Storage is full or disabled: the choice lasts until the page is reloaded.
  }
}
