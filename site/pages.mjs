// The pages of the site: README.md, docs/README.md, and every page and file to which their links lead. Nothing else lists them.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));

export const read = (file) => readFileSync(path.join(root, file), "utf8");

/** The links of a text outside its blocks of code, as { label, href }. Pictures are links too. */
export function linksOf(text) {
  const prose = text.replace(/^```[\s\S]*?^```$/gm, "");
  return [...prose.matchAll(/(?<=(?:\[([^[\]]*))?)\]\(([^)\s]+)\)/g)].map(([, label, href]) => ({ label, href }));
}

/** The file of the repository to which a link leads (for a folder its README.md), or undefined for a link to another host or inside the page. */
export function targetOf(from, href) {
  if (/^[a-z]+:|^#/.test(href)) return undefined;
  const file = decodeURIComponent(href.replace(/#.*/, ""));
  const target = path.posix.join(path.posix.dirname(from), file).replace(/\/$/, "");
  return existsSync(path.join(root, target, "README.md")) ? path.posix.join(target, "README.md") : target;
}

const isFolder = (file) => statSync(path.join(root, file)).isDirectory();

const isPicture = (file) => /\.(?:svg|png)$/.test(file);

/** The file of the site for a file of the repository. VitePress reads names in brackets as parameters, and index.html as a folder. */
function outputOf(file) {
  if (isPicture(file)) return file;
  if (file.endsWith(".md")) return file.replace(/\/README\.md$/, "/index.md");
  if (isFolder(file)) return `${file}/index.md`;
  return `${file.replace(/[[\]]/g, "_").replace(/\.(\w+)$/, "-$1")}.md`;
}

const isCode = (file) => !isPicture(file) && !file.endsWith(".md") && !isFolder(file);

/** The nearest folder around a file that has a page, which shows the file too. */
function folderOf(file, known) {
  const parent = path.posix.dirname(file);
  if (parent === ".") return undefined;
  return known.has(parent) ? parent : folderOf(parent, known);
}

/** The anchor of a heading, as GitHub and npm write it. */
export const slugify = (text) =>
  text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .trim()
    .replace(/\s/g, "-");

/** Every file of the repository that the site shows: its path, and the file of the site. */
function reachable() {
  const outputs = new Map();
  const waiting = ["README.md", "docs/README.md"];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (outputs.has(file)) continue;
    outputs.set(file, outputOf(file));
    if (!file.endsWith(".md")) continue;
    for (const { href } of linksOf(read(file))) waiting.push(targetOf(file, href) ?? file);
  }
  for (const file of outputs.keys()) if (isCode(file) && folderOf(file, outputs) !== undefined) outputs.delete(file);
  return outputs;
}

export const outputs = reachable();
// The links of the landing page are those of README.md.
const sources = new Map([["index.md", "README.md"], ...[...outputs].map(([file, output]) => [output, file])]);

/** The link of the site for a link of the page that became this file of the site. */
export function siteLink(output, href) {
  const target = targetOf(sources.get(output) ?? output, href);
  if (target === undefined) return href;
  const known = outputs.get(target);
  if (known !== undefined) return `/${known}${/#.*/.exec(href) ?? ""}`;
  const folder = folderOf(target, outputs);
  return `/${outputs.get(folder)}#${slugify(target.slice(folder.length + 1))}`;
}

const languages = {
  cjs: "js",
  mjs: "js",
  service: "ini",
  conf: "nginx",
  Caddyfile: "text",
  dockerignore: "text",
  LICENSE: "text",
};

function code(file) {
  const ending = path.extname(file).slice(1) || path.basename(file);
  return `\`\`\`\`\`${languages[ending] ?? ending}\n${read(file).trimEnd()}\n\`\`\`\`\`\n`;
}

function folder(name) {
  const files = execFileSync("git", ["ls-files", name], { cwd: root, encoding: "utf8" }).trim().split("\n");
  const shown = files.filter((file) => !/package-lock\.json$|\.(?:md|png|svg|ico)$/.test(file));
  return shown.map((file) => `## ${file.slice(name.length + 1)}\n\n${code(file)}`).join("\n");
}

/** The Markdown of a file of the repository. */
function pageOf(file) {
  if (file.endsWith(".md")) return read(file);
  return `# ${file}\n\n${isFolder(file) ? folder(file) : code(file)}`;
}

/** The text of each page by its file of the site. */
export function pages() {
  return Object.fromEntries(
    [...outputs].filter(([file]) => !isPicture(file)).map(([file, output]) => [output, pageOf(file)]),
  );
}

/** The pictures, which are copied: the file of the repository by the file of the site. */
export const pictures = new Map([...sources].filter(([output]) => isPicture(output)));

export const titleOf = (file) => /^# (.*)$/m.exec(read(file))?.[1].replaceAll("`", "") ?? file;

/** The pages of the API are below their index. */
function item(file) {
  const inner = file === "docs/reference/api.md" ? linksOf(read(file)).map(({ href }) => targetOf(file, href)) : [];
  const items = [...new Set(inner)].filter((each) => each?.startsWith("docs/reference/api/")).map(item);
  const link = `/${outputs.get(file).replace(/\bindex\.md$/, "")}`;
  return { text: titleOf(file), link, ...(items.length > 0 && { collapsed: true, items }) };
}

/** The sidebar: the headings of docs/README.md, with the pages that each of them links. */
export function sidebar() {
  const [, ...parts] = read("docs/README.md").split(/^## /m);
  return parts.map((part) => {
    const files = linksOf(part).map(({ href }) => targetOf("docs/README.md", href));
    return {
      text: part.split("\n", 1)[0],
      // A group without a link would be a button around the button that opens it.
      link: item(files[0]).link,
      collapsed: true,
      items: [...new Set(files)].map(item),
    };
  });
}

/** The landing page, from the facts and the shortest way of README.md. */
export function landing() {
  const readme = read("README.md");
  const section = (heading) => readme.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? "";
  const paragraphs = (text) => text.trim().split("\n\n").slice(1);
  const [sentence] = paragraphs(readme.split(/^## /m, 1)[0]);
  const [isFor, isNot] = paragraphs(section("Is Ampho for you?"));
  const [commands, config, server] = section("Add it to your application").match(/^```[\s\S]*?^```$/gm) ?? [];
  const [, ...items] = section("Where to go").split(/^- /m);
  const [features] = paragraphs(section("What you get"));
  const ways = items
    .slice(0, 3)
    .flatMap((item) => linksOf(item).slice(0, 1))
    .map(({ label, href }) => `[${label}](${href})`);
  if ([sentence, isFor, isNot, commands, config, server, features].includes(undefined) || ways.length < 3)
    throw new Error("README.md lacks a part of the landing page.");
  return `---
layout: page
sidebar: false
title: Ampho
titleTemplate: ":title"
---

<main class="landing vp-doc">
<div class="pitch">

# Ampho

${sentence}

</div>
<div class="ways">

${ways.join("\n")}

</div>
<div class="start">

${commands}

${config}

${server}

</div>
<div class="card">

## What it is

${isFor}

</div>
<div class="card">

## What it is not

${isNot}

</div>
<div class="features">

## What you get

${features}

</div>
<div class="shots">

![The sign-in page of Ampho](docs/pictures/pages-sign-in.png)

![The account page of Ampho](docs/pictures/pages-account.png)

</div>
</main>
`;
}
