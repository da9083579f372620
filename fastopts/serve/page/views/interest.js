import { el } from "../dom.js";
export function open(route) { return { title: "interest", node: el("p", {}, "soon"), subscriptions: [], receive() {} }; }
