// Writes docs/llms.txt (https://llmstxt.org) from the index in docs/README.md: the same sections, with one line for each page.
import { readFileSync } from "node:fs";

const read = (file) => readFileSync(new URL(`../${file}`, import.meta.url), "utf8");

/** The path and the text of each generated page. */
export function generate() {
  const { description } = JSON.parse(read("package.json"));
  const sections = read("docs/README.md").split(/^## /m).slice(1).map(section);
  return { "docs/llms.txt": `# Ampho\n\n> ${description}.\n\n${sections.join("\n\n")}\n` };
}

function section(text) {
  const [heading, ...lines] = text
    .replace(/\n {2,}(?=\S)/g, " ")
    .trim()
    .split("\n");
  return `## ${heading}\n\n${lines.flatMap(links).join("\n")}`;
}

/** A row of a table has the reader's task and its pages. An item of a list has a page, or several, and a note. */
function links(line) {
  const row = /^\| ([^[|]*) \| (.*) \|$/.exec(line);
  if (row === null && !line.startsWith("- ")) return [];
  const note = row?.[1] ?? /\): (.*)$/.exec(line)?.[1];
  return [...(row?.[2] ?? line).matchAll(/\[[^\]]+\]\([^)]+\)/g)].map(([link]) =>
    note === undefined ? `- ${link}` : `- ${link}: ${note}`,
  );
}
