// What `npm pack` packs, made so that the same source gives the same tarball, whoever packs it: the umask of a shell or of a
// clone would otherwise stand in the modes of the files.
import { chmodSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { sbomOf } from "./sbom.mjs";

process.umask(0o022);
await import("./build.mjs");

const file = (name) => new URL(`../${name}`, import.meta.url);
const sbom = sbomOf(JSON.parse(readFileSync(file("package-lock.json"), "utf8")));
writeFileSync(file("sbom.cdx.json"), `${JSON.stringify(sbom, undefined, 2)}\n`);
for (const name of ["package.json", "README.md", "LICENSE", "CHANGELOG.md", "sbom.cdx.json"])
  chmodSync(file(name), 0o644);
for (const folder of ["docs", "deploy"])
  for (const entry of readdirSync(file(folder), { recursive: true, withFileTypes: true }))
    chmodSync(`${entry.parentPath}/${entry.name}`, entry.isDirectory() ? 0o755 : 0o644);
