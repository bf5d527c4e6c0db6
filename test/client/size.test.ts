import { gzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { bundleClient } from "./bundle.js";

it("the client has less than 3000 bytes, minified and gzipped", async () => {
  const { text } = await bundleClient();
  expect(gzipSync(text, { level: 9 }).byteLength).toBeLessThan(3000);
});

it("the client contains nothing but its own room and the errors", async () => {
  const { text, files } = await bundleClient();
  expect(files.filter((file) => !/^dist\/(client\/[a-z-]+|errors)\.js$/.test(file))).toEqual([]);
  expect(text).not.toMatch(/\bimport\b|\brequire\b|\bprocess\b|\bBuffer\b|node:/);
});
