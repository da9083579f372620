import { el } from "../dom.js";
export function open(route) { return { title: "grid", node: el("p", {}, "soon"), subscriptions: [], receive() {} }; }
