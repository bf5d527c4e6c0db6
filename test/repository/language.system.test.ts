// The language of the repository: pages, comments, messages and test titles follow the rules of scripts/prose-rules.mjs.
import { expect, it } from "vitest";
import { lint } from "../../scripts/prose.mjs";

it("the prose linter finds no violation in the repository", { timeout: 120_000 }, () => {
  expect(lint().map(({ file, line, message }) => `${file}:${line}: ${message}`)).toEqual([]);
});
