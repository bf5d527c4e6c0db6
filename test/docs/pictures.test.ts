// The pictures of docs/: each is drawn from its text in scripts/pictures/, and a page shows it.
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { draw, generate } from "../../scripts/pictures.mjs";

const docs = path.resolve(import.meta.dirname, "../../docs");
const drawn = readdirSync(path.join(docs, "pictures")).filter(
  (name) => name.endsWith(".svg") && !name.startsWith("badge-"),
);
const pages = ["../README.md", ...readdirSync(docs, { recursive: true, encoding: "utf8" })]
  .filter((name) => name.endsWith(".md"))
  .map((name) => readFileSync(path.join(docs, name), "utf8"));

it("every picture is current, and has a source", () => {
  const pictures = generate();
  expect(Object.keys(pictures).sort()).toEqual(drawn.map((name) => `docs/pictures/${name}`).sort());
  expect(drawn.length).toBeGreaterThan(6);
  for (const [file, text] of Object.entries(pictures))
    expect(readFileSync(path.join(docs, "..", file), "utf8"), file).toBe(text);
});

it.each(drawn)("%s is shown by a page with words for readers who do not see it, and has dark colours", (name) => {
  const shown = pages.flatMap((page) => [...page.matchAll(/!\[([^\]]+)\]\(\S*\/pictures\/([\w-]+\.svg)\)/g)]);
  const [, words = ""] = shown.find(([, , file]) => file === name) ?? [];
  expect(words.length).toBeGreaterThan(20);
  const text = readFileSync(path.join(docs, "pictures", name), "utf8");
  expect(text).toMatch(/<title id="title">.{5,}<\/title>\n {2}<desc id="desc">.{80,}<\/desc>/);
  expect(text).toContain("@media (prefers-color-scheme: dark)");
  expect(text).not.toMatch(/https?:(?!\/\/www\.w3\.org\/2000\/svg)/);
});

it.each([
  ["words that do not fit", "box a 0 0 60 40: A box with a long name"],
  ["an arrow to no box", "box a 0 0 60 40: A\narrow a.r -> b.l"],
  ["a message to no lane", "lane a: A\nmessage a -> b: hello"],
])("a picture with %s is not drawn", (_name, lines) => {
  expect(() => draw(`title: T\ndescription: D\n${lines}`)).toThrow(/does not fit|is no/);
});
