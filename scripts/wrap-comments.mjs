// Wraps comments at 120 columns: `node scripts/wrap-comments.mjs FILE …`. It changes only paragraphs with a longer line.
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { wrap } from "./wrap.mjs";

const columns = 120;
const prefix = /^(\s*)(\/\/|\/\*\*|\*)(?: |$)/;
/** Lines that begin a paragraph of their own, and lines that are not wrapped. */
const [starts, fixed] = [/^(?:@\w+ |- |\d+\. )/, /^(?: {2,}|\||```|https?:\S+$)/];

/** Returns the source with wrapped comments. A string that looks like a comment is not one. */
export function wrapComments(source) {
  const out = [];
  let paragraph;
  let isExample = false;
  const flush = () => {
    if (paragraph !== undefined) out.push(...wrapped(paragraph));
    paragraph = undefined;
  };
  for (const line of source.split("\n")) {
    const [, indent, mark] = prefix.exec(line) ?? [];
    const text = mark === undefined ? "" : line.slice(indent.length + mark.length + 1);
    if (mark === undefined || mark === "/**") isExample = false;
    if (/^@example\b/.test(text)) isExample = true;
    const ends = mark === undefined || text === "" || text.startsWith("/") || isExample || fixed.test(text);
    if (mark === "/**" && text.endsWith(" */") && line.length > columns) {
      flush();
      const body = { lines: [text.slice(0, -3)], start: `${indent} * ` };
      out.push(`${indent}/**`, ...wrapped(body), `${indent} */`);
    } else if (ends || mark === "/**") {
      flush();
      out.push(line);
    } else {
      const start = `${indent}${mark} `;
      if (paragraph?.start !== start || starts.test(text)) flush();
      paragraph ??= { lines: [], start };
      paragraph.lines.push(text);
    }
  }
  flush();
  return out.join("\n");
}

function wrapped({ lines, start }) {
  if (lines.every((line) => start.length + line.length <= columns)) return lines.map((line) => start + line);
  return wrap(lines.join(" "), "", columns - start.length)
    .split("\n")
    .map((line) => start + line);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href)
  for (const file of process.argv.slice(2)) writeFileSync(file, wrapComments(readFileSync(file, "utf8")));
