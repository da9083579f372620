import { el } from "../dom.js";
export function open(route) { return { title: "symbol", node: el("p", {}, "soon"), subscriptions: [], receive() {} }; }
