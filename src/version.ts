// The product's version, from the package that this file is in: one place to change at a release.
import { existsSync, readFileSync } from "node:fs";
import { ConfigurationError } from "./errors.js";

let read: string | undefined;

/** Throws ConfigurationError where this file was put into a bundle: those that are run in threads would not be found. */
export function productVersion(): string {
  read ??= versionOfPackage();
  if (read === undefined)
    throw new ConfigurationError(
      "ampho is in a bundle without its own files, some of which it runs in threads: have the bundler leave it out, as `esbuild --external:ampho` does (docs/frameworks.md#bundlers)",
    );
  return read;
}

/** Undefined without the files of the package around this one. */
function versionOfPackage(): string | undefined {
  try {
    // No URL at all in a CommonJS bundle; and beside another package's file there is no thread of ours.
    if (!existsSync(new URL(thread, import.meta.url))) return undefined;
    const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
    const { version } = JSON.parse(text) as { version: string };
    return version;
  } catch {
    return undefined;
  }
}

const thread = "./passwords/hash-worker.js";
