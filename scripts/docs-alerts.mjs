// Writes the addresses of the runbooks in deploy/prometheus/ampho.rules.yml from `homepage` of package.json.
import { readFileSync } from "node:fs";

const file = "deploy/prometheus/ampho.rules.yml";
const read = (name) => readFileSync(new URL(`../${name}`, import.meta.url), "utf8");

/** The path and the text of the generated file. */
export function generate() {
  const { homepage } = JSON.parse(read("package.json"));
  return { [file]: read(file).replace(/^( +runbook: ).*?(docs\/\S+)$/gm, `$1${homepage}/blob/main/$2`) };
}
