import { gzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { bundleClient } from "./bundle.js";

it("weighs less than 3 kB minified and gzipped, all told", async () => {
  const { text } = await bundleClient();
  expect(gzipSync(text, { level: 9 }).byteLength).toBeLessThan(3000);
});

it("holds nothing but its own room and the errors", async () => {
  const { text, files } = await bundleClient();
  expect(files.filter((file) => !/^dist\/(client\/[a-z-]+|errors)\.js$/.test(file))).toEqual([]);
  expect(text).not.toMatch(/\bimport\b|\brequire\b|\bprocess\b|\bBuffer\b|node:/);
});
