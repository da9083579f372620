// Which subscriptions of a view have not answered on this connection, or answer with an error: until
// they do, what the view shows of them is old.

// What a view's receive() returns when it cleared what it showed of a subscription, and says why.
export const REFUSED = "refused";

const FINAL = new Set(["BadInput", "Unknown", "Expired", "NoSuchOption", "WrongVenue"]);
const AGAIN_MS = 5000;

export class Waiting {
  // `again()` subscribes anew: after an error that may pass.
  constructor(node, again) {
    this.node = node;
    this.again = again;
    this.ids = new Set();
    this.refused = new Set();
    this.timer = null;
  }

  begin(subscriptions) {
    clearTimeout(this.timer);
    this.ids = new Set(subscriptions.map((one) => one.id));
    this.refused.clear();
    this.#show();
  }

  heard({ type, id, reason }) {
    if (type === "error") {
      this.ids.add(id);
      this.refused.add(id);
      clearTimeout(this.timer);
      if (!FINAL.has(reason)) this.timer = setTimeout(this.again, AGAIN_MS);
    } else if (type !== "subscribed" && this.ids.delete(id) && this.refused.delete(id)) {
      clearTimeout(this.timer);
      for (const words of this.node.querySelectorAll(".problem")) words.hidden = true;
    }
    this.#show();
  }

  // The view shows nothing of subscription `id` any more, and says why: nothing of it is old.
  answered(id) {
    clearTimeout(this.timer);
    this.ids.delete(id);
    this.#show();
  }

  #show() {
    const isWaiting = this.ids.size > 0;
    if (isWaiting !== this.node.classList.contains("waiting")) {
      this.node.classList.toggle("waiting", isWaiting);
    }
  }
}
