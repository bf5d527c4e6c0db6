// The product's version, from the package that this file is in: one place to change at a release.
import { readFileSync } from "node:fs";

let read: string | undefined;

export function productVersion(): string {
  if (read === undefined) {
    const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
      version: string;
    };
    read = version;
  }
  return read;
}
