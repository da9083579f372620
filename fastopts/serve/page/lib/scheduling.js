// Work for the next frame, each job once however often it was asked for.

const jobs = new Set();
let isAsked = false;

export function nextFrame(job) {
  jobs.add(job);
  if (isAsked) return;
  isAsked = true;
  requestAnimationFrame(run);
}

function run() {
  isAsked = false;
  const due = [...jobs];
  jobs.clear();
  for (const job of due) job();
}

// Runs `job` at most every `ms`, the last request included.
export function atMostEvery(ms, job) {
  let last = -Infinity;
  let timer = null;
  const go = () => {
    timer = null;
    last = performance.now();
    job();
  };
  const ask = () => {
    if (timer === null) timer = setTimeout(go, Math.max(last + ms - performance.now(), 0));
  };
  ask.cancel = () => clearTimeout(timer);
  return ask;
}
