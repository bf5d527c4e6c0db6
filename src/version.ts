// The version of the package, read from its package.json.
import { existsSync, readFileSync } from "node:fs";
import { ConfigurationError } from "./errors.js";

let read: string | undefined;

/** Throws ConfigurationError inside a bundle, where the files that run in threads are missing. */
export function productVersion(): string {
  read ??= versionOfPackage();
  if (read === undefined)
    throw new ConfigurationError(
      "ampho was bundled without its own files, some of which run in threads. Exclude it from the bundle, as `esbuild --external:ampho` or `serverExternalPackages` of Next.js does (docs/guides/frameworks.md#bundlers).",
    );
  return read;
}

/** Undefined if the other files of the package are missing. */
function versionOfPackage(): string | undefined {
  try {
    // A CommonJS bundle has no URL. In the folder of another package there is no file for our threads.
    if (!existsSync(new URL(thread, import.meta.url))) return undefined;
    const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
    const { version } = JSON.parse(text) as { version: string };
    return version;
  } catch {
    return undefined;
  }
}

const thread = "./passwords/hash-worker.js";
