import { el } from "../dom.js";
export function open(route) { return { title: "term", node: el("p", {}, "soon"), subscriptions: [], receive() {} }; }
