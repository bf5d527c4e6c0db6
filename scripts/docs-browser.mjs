// Writes the integrity hashes of the files for browsers into docs/guides/client.md. Needs a build.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

const page = "docs/guides/client.md";
const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));

/** `sha384-…` of Subresource Integrity. */
const integrityOf = (name) => {
  const bytes = readFileSync(new URL(`../dist/browser/${name}`, import.meta.url));
  return `sha384-${createHash("sha384").update(bytes).digest("base64")}`;
};

/** The path and the text of the page. */
export function generate() {
  const text = readFileSync(new URL(`../${page}`, import.meta.url), "utf8");
  const rows = ["client.js", "outside.js"].map((name) => `${name}  ${integrityOf(name)}`).join("\n");
  const block = `<!-- integrity -->\n\`\`\`console\nampho ${version}\n${rows}\n\`\`\`\n<!-- /integrity -->`;
  const parts = text.split(/<!-- integrity -->[\s\S]*?<!-- \/integrity -->/);
  if (parts.length !== 2) throw new Error(`${page} needs one place for the integrity hashes`);
  return { [page]: parts.join(block) };
}
