// The version of the package, read from its package.json, and the addresses of its pages.
import { existsSync, readFileSync } from "node:fs";
import { isAbsolute, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { ConfigurationError } from "./errors.js";

interface Manifest {
  readonly version: string;
  readonly homepage: string;
}

let read: Manifest | undefined;

/** Throws ConfigurationError inside a bundle, where the files that run in threads are missing. */
export function productVersion(): string {
  read ??= manifestOfPackage();
  if (read === undefined)
    throw new ConfigurationError(
      "ampho was bundled without its own files, some of which run in threads. Exclude it from the bundle, as `esbuild --external:ampho` or `serverExternalPackages` of Next.js does (docs/guides/frameworks.md, Bundlers).",
    );
  return read.version;
}

/**
 * Returns the text with the address of each page that it names, as a path, or as a path, a comma and a heading. The
 * pages are those of this version. A clone has them itself.
 */
export function withAddresses(text: string): string {
  read ??= manifestOfPackage();
  if (read === undefined) return text;
  const base = `${folderOfPages() ?? `${read.homepage}/blob/v${read.version}`}/`;
  return text.replace(namedPage, (_, page: string, heading?: string) =>
    heading === undefined ? base + page : `${base}${page}#${heading.toLowerCase().replaceAll(" ", "-")}`,
  );
}

function folderOfPages(): string | undefined {
  const root = fileURLToPath(new URL("..", import.meta.url));
  if (!existsSync(join(root, "docs/README.md"))) return undefined;
  const below = relative(process.cwd(), root);
  return below.startsWith("..") || isAbsolute(below) ? root.replace(/[/\\]$/, "") : below || ".";
}

const namedPage = /(?<![\w/])(docs\/[\w/-]+\.md)(?:, ([A-Z][\w ]*\w))?/g;

/** Undefined if the other files of the package are missing. */
function manifestOfPackage(): Manifest | undefined {
  try {
    // A CommonJS bundle has no URL. In the folder of another package there is no file for our threads.
    if (!existsSync(new URL(thread, import.meta.url))) return undefined;
    const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
    return JSON.parse(text) as Manifest;
  } catch {
    return undefined;
  }
}

const thread = "./passwords/hash-worker.js";
