import { el } from "../dom.js";
export function open(route) { return { title: "scanner", node: el("p", {}, "soon"), subscriptions: [], receive() {} }; }
