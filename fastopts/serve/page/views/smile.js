import { el } from "../dom.js";
export function open(route) { return { title: "smile", node: el("p", {}, "soon"), subscriptions: [], receive() {} }; }
