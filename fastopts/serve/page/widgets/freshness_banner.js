// Whether what is on the page may be taken as current; all of it is greyed when not.

const SILENT_MS = 3000;

export class Freshness {
  constructor(banner, spoken) {
    this.banner = banner;
    this.spoken = spoken;
    this.state = "starting";
    this.isDown = null; // the feed's own reason
    this.refusal = null; // the server's
  }

  feedSays(trouble) {
    this.isDown = trouble;
    this.refusal = null;
  }

  serverSays(words) {
    this.refusal = words;
  }

  look(silenceMs) {
    if (silenceMs > SILENT_MS) this.#lost(silenceMs);
    else if (this.isDown) this.#show("down", `Not live: ${this.isDown}`, "The feed is down");
    else if (this.state !== "starting" || silenceMs < 1000) this.#show("fresh", "", "Live");
  }

  #lost(silenceMs) {
    const why = this.refusal ? ` – ${this.refusal}` : "";
    const words = `No data for ${Math.floor(silenceMs / 1000)} s${why}`;
    this.#show("lost", words, "No data from the server");
  }

  #show(state, words, spoken) {
    if (this.banner.textContent !== words) this.banner.textContent = words;
    if (state === this.state) return;
    const isFirst = this.state === "starting";
    this.state = state;
    document.documentElement.dataset.state = state;
    this.banner.hidden = state === "fresh";
    if (!(isFirst && state === "fresh")) this.spoken.textContent = spoken;
  }
}
