import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { play } from "./transcript.js";

const folder = new URL("transcripts/", import.meta.url);

// Each line is a process of its own: on a busy machine a second each.
test.each(readdirSync(folder))("%s comes out as it is written", { timeout: 120_000 }, async (name) => {
  const cwd = mkdtempSync(join(tmpdir(), "ampho-cli-"));
  try {
    const { actual, expected } = await play(readFileSync(new URL(name, folder), "utf8"), cwd);
    expect(actual).toBe(expected);
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
});
