// Writes the generated pages and pictures of docs/. `--check` only lists the ones that are not current.
import { readFileSync, writeFileSync } from "node:fs";

const generators = [
  "./docs-configuration.mjs",
  "./docs-cli.mjs",
  "./docs-http.mjs",
  "./docs-doctor.mjs",
  "./docs-metrics.mjs",
  "./docs-audit.mjs",
  "./docs-api.mjs",
  "./docs-browser.mjs",
  "./pictures.mjs",
  "./docs-logs.mjs",
  "./docs-claims.mjs",
  "./docs-changes.mjs",
  "./docs-alerts.mjs",
  "./docs-reading.mjs",
  "./docs-features.mjs",
  "./docs-llms.mjs",
];

/** The text of every generated page by its path. */
export async function generateAll() {
  const pages = {};
  for (const file of generators) Object.assign(pages, await (await import(file)).generate());
  return pages;
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  let stale = 0;
  for (const [path, text] of Object.entries(await generateAll())) {
    const file = new URL(`../${path}`, import.meta.url);
    let present = "";
    try {
      present = readFileSync(file, "utf8");
    } catch {
      // A missing page is written like a stale one.
    }
    if (present === text) continue;
    stale++;
    process.stderr.write(`${path} is not current\n`);
    if (!process.argv.includes("--check")) writeFileSync(file, text);
  }
  if (process.argv.includes("--check") && stale > 0) process.exit(1);
}
