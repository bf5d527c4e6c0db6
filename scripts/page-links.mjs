// Links between the pages of docs/, for the generated pages.
import { readFileSync } from "node:fs";
import path from "node:path";

/** The title of a page. A page that is generated for the first time has none yet. */
export function titleOf(page) {
  try {
    const text = readFileSync(new URL(`../${page}`, import.meta.url), "utf8");
    return /^# (.*)$/m.exec(text)?.[1].replaceAll("`", "") ?? path.basename(page, ".md");
  } catch {
    return path.basename(page, ".md");
  }
}

/** Turns each path of a page in a text into a link from the page `from`. */
export const linkPages = (text, from) =>
  text.replace(/`?\bdocs\/[\w/-]+\.md\b`?/g, (found) => {
    const page = found.replaceAll("`", "");
    return `[${titleOf(page)}](${path.relative(path.dirname(from), page)})`;
  });
