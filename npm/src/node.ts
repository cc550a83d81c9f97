// The public API outside a page: what needs no page is the same, what needs one refuses, and nothing here brings
// scripts of a page into a bundle for a server.
export * from "./index.js";
export { listen } from "./live/listen-nowhere.js";
