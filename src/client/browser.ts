// `ampho/browser/client.js`: all functions for pages without a bundler, built into one file, but for providers.
export * from "./account.js";
export * from "./mail.js";
