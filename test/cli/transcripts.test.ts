import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { play } from "./transcript.js";

const folder = new URL("transcripts/", import.meta.url);

test.each(readdirSync(folder))("%s comes out as it is written", async (name) => {
  const cwd = mkdtempSync(join(tmpdir(), "ampho-cli-"));
  try {
    const { actual, expected } = await play(readFileSync(new URL(name, folder), "utf8"), cwd);
    expect(actual).toBe(expected);
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
});
