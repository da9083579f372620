/** What an address that names no view opens: the views that it may have meant. */

import { get } from "../data/api.js";
import { el } from "../lib/dom.js";
import { similarViews, VIEWS, viewLink } from "../lib/router.js";
import { load } from "../lib/storage.js";
import { View } from "./view.js";

/**
 * @param {import("../lib/router.js").Route} route
 * @returns {View}
 */
export function open(route) {
  return new NotFoundView(route.parts);
}

class NotFoundView extends View {
  constructor(parts) {
    super("Address not found", []);
    this.parts = parts;
    this.views = el("p", { class: "links" });
    this.node = el("section", {}, el("h1", {}, this.title), this.notice.node, this.views);
    const similar = similarViews(parts).map(({ title }) => title);
    const suggestion = similar.length ? `; did you mean ${similar.join(" or ")}?` : "";
    this.notice.show(`#/${parts.join("/")} is not an address of this page${suggestion}`);
    this.#offerViews();
  }

  // The views of the address's asset if that is listed, else of the asset that was viewed last.
  async #offerViews() {
    const { assets } = await get("v1/feed").catch(() => ({ assets: [] }));
    const named = this.parts.map((part) => part.toUpperCase());
    const asset = named.find((part) => assets.includes(part)) ?? load("asset", assets[0] ?? "BTC");
    const linkOf = ({ name, title }) =>
      name === "scan"
        ? el("a", { href: "#/scan" }, title)
        : el("a", { href: viewLink(asset, name) }, `${asset} ${title.toLowerCase()}`);
    const similar = similarViews(this.parts);
    const others = VIEWS.filter((view) => !similar.includes(view));
    this.views.replaceChildren(...[...similar, ...others].map(linkOf));
  }
}
