// Replaces the generated part of a page that is otherwise written by hand.
import { readFileSync } from "node:fs";

const close = "<!-- /generated -->";

const read = (file) => readFileSync(new URL(`../${file}`, import.meta.url), "utf8");

/** The page with `text` between its marks of this name. */
export function withGenerated(file, name, text, page = read(file)) {
  const open = `<!-- generated: ${name} -->\n`;
  const [before, rest = ""] = page.split(open);
  return `${before}${open}${text}${rest.slice(rest.indexOf(close))}`;
}
