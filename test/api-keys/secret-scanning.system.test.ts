// gitleaks with the rule of docs/guides/api-keys.md: it finds every key, and nothing that only looks like one.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { generateApiKey } from "../../dist/tokens/api-key.js";
import { spawnSync } from "../../scripts/child-process.mjs";
import { requireProgram } from "../deploy/programs.js";
import { installMs } from "../world/debian.js";

const brand = "acme";
/** A million of each, as many at once as gitleaks keeps in memory. */
const [rounds, perRound, perFile] = [20, 50_000, 250];

let gitleaks: string;
let folder: string;
beforeAll(() => {
  gitleaks = requireProgram("gitleaks", "gitleaks");
  folder = mkdtempSync(path.join(tmpdir(), "ampho-gitleaks-"));
  const guide = readFileSync(new URL("../../docs/guides/api-keys.md", import.meta.url), "utf8");
  const [, rule = ""] = /```toml\n(.+?)```/s.exec(guide) ?? [];
  expect(rule).toContain("acme_key_");
  writeFileSync(path.join(folder, "rule.toml"), rule);
}, installMs);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Returns how many leaks gitleaks finds in these texts, each on a line of its own. */
function scan(texts: readonly string[]): number {
  const source = path.join(folder, "source");
  rmSync(source, { recursive: true, force: true });
  mkdirSync(source);
  for (let at = 0; at < texts.length; at += perFile)
    writeFileSync(path.join(source, `${at}.txt`), `${texts.slice(at, at + perFile).join("\n")}\n`);
  const args = ["detect", "--no-git", "--no-banner", "--redact", "--source", source];
  const { status, stderr } = spawnSync(gitleaks, [...args, "--config", path.join(folder, "rule.toml")], {
    encoding: "utf8",
    timeout: 600_000,
  });
  const [, count] = /leaks found: (\d+)/.exec(stderr) ?? [];
  expect([status, stderr]).toEqual([count === undefined ? 0 : 1, expect.stringMatching(/leaks found/)]);
  return Number(count ?? 0);
}

/** Where people leave keys. */
const around: readonly ((text: string) => string)[] = [
  (text) => text,
  (text) => `ACME_KEY=${text}`,
  (text) => `  "key": "${text}",`,
  (text) => `curl -H 'Authorization: Bearer ${text}' https://api.example`,
  (text) => `https://api.example/?key=${text}&page=2`,
  (text) => `// ${text}.`,
  (text) => `<code>${text}</code>`,
];

/** Texts that no key has. A wrong checksum is found, because an expression cannot compute one. */
const spoiled: readonly ((key: string) => string)[] = [
  (key) => key.slice(0, -1),
  (key) => `${key}0`,
  (key) => key.replace("_key_", "-key-"),
  (key) => key.replace("acme", "acne"),
  (key) => key.replace("acme", "ACME"),
  (key) => `x${key}`,
  (key) => `_${key}`,
  (key) => `${key.slice(0, 20)}_${key.slice(21)}`,
  (key) => `${key.slice(0, 20)}-${key.slice(21)}`,
  (key) => `${key.slice(0, 20)} ${key.slice(20)}`,
  (key) => key.slice("acme_key_".length),
];

const texts = (shapes: readonly ((key: string) => string)[]) =>
  Array.from({ length: perRound }, (_, at) => {
    const text = shapes[at % shapes.length]?.(generateApiKey(brand)) ?? "";
    return around[at % around.length]?.(text) ?? text;
  });

describe("secret scanning", () => {
  it("gitleaks finds each of a million keys by the rule of the guide", () => {
    let found = 0;
    for (let round = 0; round < rounds; round++) found += scan(texts([(key) => key]));
    expect(found).toBe(rounds * perRound);
  }, 1_200_000);

  it("gitleaks reports none of a million texts that differ from a key in one detail", () => {
    let found = 0;
    for (let round = 0; round < rounds; round++) found += scan(texts(spoiled));
    expect(found).toBe(0);
  }, 1_200_000);

  it("gitleaks also reports a key with a wrong checksum, because an expression cannot compute one", () => {
    const key = generateApiKey(brand);
    expect(scan([key.slice(0, -1) + (key.endsWith("A") ? "B" : "A")])).toBe(1);
  });
});
