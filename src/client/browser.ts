// `ampho/browser/client.js`: all functions for pages without a bundler, built into one file (docs/guides/client.md).
// Providers are apart.
export * from "./account.js";
export * from "./mail.js";
