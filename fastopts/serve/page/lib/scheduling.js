/** Coalesced work: many updates, one redraw. */

const frameJobs = new Set();
let isFrameRequested = false;

/**
 * Run `job` in the next animation frame. The same function requested several times runs once.
 *
 * @param {function(): void} job
 */
export function nextFrame(job) {
  frameJobs.add(job);
  if (isFrameRequested) return;
  isFrameRequested = true;
  requestAnimationFrame(runFrameJobs);
}

function runFrameJobs() {
  isFrameRequested = false;
  const due = [...frameJobs];
  frameJobs.clear();
  for (const job of due) job();
}

/**
 * Limit `job` to one run per interval. The last request is never dropped: it runs at the end of the
 * interval.
 *
 * @param {number} intervalMs
 * @param {function(): void} job
 * @returns {{(): void, cancel: function(): void}} Requests a run; `cancel` drops a pending one.
 */
export function throttled(intervalMs, job) {
  let lastRunMs = -Infinity;
  let timer = null;
  const run = () => {
    timer = null;
    lastRunMs = performance.now();
    job();
  };
  const request = () => {
    const waitMs = Math.max(lastRunMs + intervalMs - performance.now(), 0);
    timer ??= setTimeout(run, waitMs);
  };
  request.cancel = () => clearTimeout(timer);
  return request;
}
