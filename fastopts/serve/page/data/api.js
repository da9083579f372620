// Asks the server once. What it refuses becomes a Refused with its own words. Paths are relative: the
// page may be under any prefix of a proxy's.

export class Refused extends Error {
  constructor(status, reason, detail) {
    super(detail || reason || `the server answered ${status}`);
    this.status = status;
    this.reason = reason;
  }
}

export async function get(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== "");
  const text = new URLSearchParams(given).toString();
  const answer = await fetch(text ? `${path}?${text}` : path, {
    headers: { Accept: "application/json" },
  });
  if (answer.ok) return answer.json();
  const problem = await answer.json().catch(() => ({}));
  throw new Refused(answer.status, problem.reason, problem.detail || problem.title);
}
