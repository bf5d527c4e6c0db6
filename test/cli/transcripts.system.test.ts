// Each line of a transcript is a process of its own, so three transcripts are played at a time. The longest ones begin.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { play } from "./transcript.js";

const folder = new URL("transcripts/", import.meta.url);
const texts = readdirSync(folder).map((name) => ({ name, text: readFileSync(new URL(name, folder), "utf8") }));
texts.sort((a, b) => b.text.length - a.text.length);

async function comesOut(text: string): Promise<void> {
  const cwd = mkdtempSync(join(tmpdir(), "ampho-cli-"));
  try {
    const { actual, expected } = await play(text, cwd);
    expect(actual).toBe(expected);
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}

const together = 3;
const waiting: (() => void)[] = [];
let playing = 0;

/** Waits until fewer than `together` transcripts are played. */
async function inTurn(play: () => Promise<void>): Promise<void> {
  if (playing >= together) await new Promise<void>((resolve) => waiting.push(resolve));
  else playing += 1;
  try {
    await play();
  } finally {
    const next = waiting.shift();
    if (next === undefined) playing -= 1;
    else next();
  }
}

describe.concurrent("the transcripts", () => {
  // A transcript also waits for those before it.
  test.for(texts)("$name comes out as it is written", { timeout: 300_000 }, ({ text }) => inTurn(() => comesOut(text)));
});
