// Builds the site for the version of package.json into `dist/VERSION/`, beside the versions that are there already. The pages are
// copied to `.pages/`. `versions.json` lists the tags for the switch of every version.
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vitepress";
import { fullText } from "../scripts/docs-llms.mjs";
import { landing, pages, pictures, read, root } from "./pages.mjs";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));

function place(name) {
  const file = here(`.pages/${name}`);
  mkdirSync(path.dirname(file), { recursive: true });
  return file;
}

const withLinks = (text) =>
  text.replace(/\]\((?![a-z]+:)([\w./-]+)\.md(#[\w-]*)?\)/g, (_, page, anchor = "") => {
    const target = path.posix.join("docs", page).replace(/README$/, "index");
    return `](/${version}/${target}.html${anchor})`;
  });

const { version } = JSON.parse(read("package.json"));
const dist = process.argv[2] ?? here("dist");

rmSync(here(".pages"), { recursive: true, force: true });
for (const [name, text] of Object.entries({ ...pages(), "index.md": landing() })) writeFileSync(place(name), text);
for (const [name, source] of pictures) copyFileSync(path.join(root, source), place(name));

await build(here("."), { outDir: path.join(dist, version) });

const tags = execFileSync("git", ["tag", "--list", "v*", "--sort=-v:refname"], { cwd: root, encoding: "utf8" });
const versions = [version, ...tags.split("\n").flatMap((tag) => (tag === "" ? [] : [tag.slice(1)]))];
// The links of llms.txt are those of docs/.
writeFileSync(path.join(dist, "llms.txt"), withLinks(read("docs/llms.txt")));
writeFileSync(path.join(dist, "llms-full.txt"), withLinks(fullText()));
writeFileSync(path.join(dist, "versions.json"), JSON.stringify([...new Set(versions)]));
writeFileSync(
  path.join(dist, "index.html"),
  `<!doctype html><html lang="en"><title>Ampho</title><meta http-equiv="refresh" content="0; url=${version}/">`,
);
