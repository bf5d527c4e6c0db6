import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { generate } from "../../scripts/docs-http.mjs";

it.each(Object.entries(generate()))("%s is what the tables give: run `npm run docs`", (path, text) => {
  expect(readFileSync(new URL(`../../${path}`, import.meta.url), "utf8")).toBe(text);
});
