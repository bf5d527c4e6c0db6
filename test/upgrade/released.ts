// The releases: the packages as they were published, each a file of test/upgrade/releases/.

import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { execFileSync } from "../../scripts/child-process.mjs";

const folder = fileURLToPath(new URL("releases", import.meta.url));
const modules = fileURLToPath(new URL("../../node_modules", import.meta.url));

export interface Release {
  readonly name: string;
  /** Its command line. */
  readonly main: string;
  remove(): void;
}

/** The file names, the oldest first. */
export const releaseFiles: readonly string[] = readdirSync(folder).sort((one, other) =>
  one.localeCompare(other, "en", { numeric: true }),
);

/** Unpacks a release, with the dependencies of the clone. */
export function unpackRelease(file: string): Release {
  const into = mkdtempSync(path.join(tmpdir(), "ampho-release-"));
  execFileSync("tar", ["-xzf", path.join(folder, file), "-C", into]);
  symlinkSync(modules, path.join(into, "node_modules"));
  const manifest = JSON.parse(readFileSync(path.join(into, "package/package.json"), "utf8"));
  return {
    name: `${manifest.name} ${manifest.version}`,
    main: path.join(into, "package", manifest.bin.ampho),
    remove: () => rmSync(into, { recursive: true, force: true }),
  };
}
