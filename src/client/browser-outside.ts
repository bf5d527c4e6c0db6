// `ampho/browser/outside.js`: the same file with the functions for outside providers.
export * from "./browser.js";
export * from "./outside.js";
