// Links between the pages of docs/, for the generated pages.
import path from "node:path";

/** Turns each path of a page in a text into a link from the page `from`. */
export const linkPages = (text, from) =>
  text.replace(/`?\bdocs\/[\w/-]+\.md\b`?/g, (found) => {
    const page = found.replaceAll("`", "");
    return `[${path.basename(page)}](${path.relative(path.dirname(from), page)})`;
  });
