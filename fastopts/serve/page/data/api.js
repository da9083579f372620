/** Requests to the HTTP API. Paths are relative: the page may be under any prefix of a proxy. */

/** The server answered with an error; the message is its `detail`. */
export class ApiError extends Error {
  /**
   * @param {number} status HTTP status.
   * @param {string} [reason] Error class, such as "FeedDown".
   * @param {string} [detail]
   */
  constructor(status, reason, detail) {
    super(detail || reason || `server responded with status ${status}`);
    this.status = status;
    this.reason = reason;
  }
}

/**
 * GET a JSON resource.
 *
 * @param {string} path Relative to the page, such as "v1/feed".
 * @returns {Promise<Object>}
 * @throws {ApiError} For any status but 2xx; a TypeError if the server cannot be reached.
 */
export async function get(path) {
  const response = await fetch(path, { headers: { Accept: "application/json" } });
  if (response.ok) return response.json();
  // A proxy's error page is not JSON.
  const problem = await response.json().catch(() => ({}));
  throw new ApiError(response.status, problem.reason, problem.detail || problem.title);
}
