// docs/reference/stability.md names every row in preview, and no other.
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { commands } from "../../dist/cli/commands.js";
import { parameters } from "../../dist/config/parameters.js";
import { routes } from "../../dist/http/rest/routes.js";

const page = readFileSync(new URL("../../docs/reference/stability.md", import.meta.url), "utf8");
const [, stable = "", preview = ""] = page.split(/^## (?:Stable|In preview|Platforms.*)$/m);
const named = new Set([...preview.matchAll(/`([^`]+)`/g)].map(([, text = ""]) => text));

const rows = {
  endpoint: routes.map(({ method, path, preview }) => [`${method} ${path}`, preview] as const),
  parameter: Object.entries(parameters).map(([name, { preview }]) => [name, preview] as const),
  command: commands.map(({ name, preview }) => [name, preview] as const),
};

it.each(Object.entries(rows))("the page names each %s in preview, and no stable one", (_, all) => {
  const inPreview = all.filter(([, isPreview]) => isPreview).map(([name]) => name);
  expect(inPreview.length).toBeGreaterThan(0);
  expect(all.filter(([name]) => named.has(name)).map(([name]) => name)).toEqual(inPreview);
  for (const name of inPreview) expect(stable).not.toContain(`\`${name}\``);
});
