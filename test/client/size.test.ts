import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { bundleClient, clientBytesMax } from "./bundle.js";

const bytesOf = ({ text }: { readonly text: string }) => gzipSync(text, { level: 9 }).byteLength;

it("the client has fewer bytes than the README states, minified and gzipped", async () => {
  expect(bytesOf(await bundleClient())).toBeLessThan(clientBytesMax);
});

it("the client with ways has less than 4000 bytes more, minified and gzipped", async () => {
  const [client, ways] = await Promise.all([bundleClient(), bundleClient("full")]);
  expect(bytesOf(ways) - bytesOf(client)).toBeLessThan(4000);
});

it("the client with mail has less than 2000 bytes more, minified and gzipped", async () => {
  const [ways, mail] = await Promise.all([bundleClient("full"), bundleClient("mail")]);
  expect(bytesOf(mail) - bytesOf(ways)).toBeLessThan(2000);
});

it("the functions of an account page have less than 2000 bytes, minified and gzipped", async () => {
  expect(bytesOf(await bundleClient("account"))).toBeLessThan(2000);
});

it("the functions for outside providers have less than 2000 bytes on top, minified and gzipped", async () => {
  const [ways, outside] = await Promise.all([bundleClient("full"), bundleClient("outside")]);
  expect(bytesOf(outside)).toBeLessThan(bytesOf(ways) + 2000);
});

it("the functions for API keys have less than 1500 bytes, and no other entry and no built file has a byte of them", async () => {
  const keys = await bundleClient("api-keys");
  expect(bytesOf(keys)).toBeLessThan(1500);
  expect(keys.text).toContain("/api-keys");
  for (const entry of ["client", "full", "mail", "account", "outside"] as const) {
    const { text, files } = await bundleClient(entry);
    expect([entry, files.includes("dist/client/api-keys.js"), text.includes("/api-keys")]).toEqual([
      entry,
      false,
      false,
    ]);
  }
  for (const name of ["client.js", "outside.js"])
    expect(readFileSync(path.resolve(import.meta.dirname, "../../dist/browser", name), "utf8")).not.toContain(
      "/api-keys",
    );
});

it.each(["client", "full", "mail", "account", "outside", "api-keys"] as const)(
  "the entry %s contains nothing but its own room and the errors",
  async (entry) => {
    const { text, files } = await bundleClient(entry);
    expect(files.filter((file) => !/^dist\/(client\/[a-z\d-]+|errors)\.js$/.test(file))).toEqual([]);
    expect(text).not.toMatch(/\bimport\b|\brequire\b|\bprocess\b|\bBuffer\b|node:/);
  },
);

it("the built file for browsers has at most 9 kB, and its folder publishes nothing else of the package", () => {
  const folder = path.resolve(import.meta.dirname, "../../dist/browser");
  expect(readdirSync(folder).sort()).toEqual(["client.d.ts", "client.js", "outside.d.ts", "outside.js"]);
  const text = (name: string) => readFileSync(path.join(folder, name), "utf8");
  expect(bytesOf({ text: text("client.js") })).toBeLessThan(9000);
  for (const name of ["client.js", "outside.js"]) expect(text(name)).not.toMatch(/\bimport\b|\brequire\b|node:/);
});
