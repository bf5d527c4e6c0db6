// Prepares the files that `npm pack` packs. The same source must produce the same tarball on every machine, so this script sets
// the modes of the files. Otherwise the tarball would depend on the umask of a shell or of a clone.
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { sbomOf } from "./sbom.mjs";

process.umask(0o022);
await import("./build.mjs");

const file = (name) => new URL(`../${name}`, import.meta.url);
const sbom = sbomOf(JSON.parse(readFileSync(file("package-lock.json"), "utf8")));
writeFileSync(file("sbom.cdx.json"), `${JSON.stringify(sbom, undefined, 2)}\n`);
const { files } = JSON.parse(readFileSync(file("package.json"), "utf8"));
for (const name of ["package.json", "README.md", "LICENSE", ...files]) {
  const entries = statSync(file(name)).isDirectory() ? readdirSync(file(name), { recursive: true }) : [];
  for (const entry of [name, ...entries.map((each) => `${name}/${each}`)])
    chmodSync(file(entry), statSync(file(entry)).isDirectory() ? 0o755 : 0o644);
}
chmodSync(file("dist/cli/main.js"), 0o755);
