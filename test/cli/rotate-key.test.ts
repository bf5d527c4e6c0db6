// The command sec-rotate-key on a key file that processes use.
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { ampho } from "../world/command.js";
import { freshFolder } from "../world/folder.js";

const day = 86_400;
const now = () => Math.floor(Date.now() / 1000);

/** The set of a rotation whose new key signs since some days. */
async function activatedDaysAgo(days: number, env: Readonly<Record<string, string>>) {
  const cwd = freshFolder();
  expect((await ampho(["db-up"], { cwd })).code).toBe(0);
  const keyFile = path.join(cwd, "key.json");
  const keys = await Promise.all(
    [1, 2].map(async () => JSON.parse((await ampho(["sec-gen-key"], { cwd })).stdout) as object),
  );
  const since = now() - days * day;
  const [current, previous] = keys;
  writeFileSync(
    keyFile,
    JSON.stringify({
      keys: [
        { ...current, state: "current", since },
        { ...previous, state: "previous", since },
      ],
    }),
  );
  const retire = () =>
    ampho(["sec-rotate-key", "--stage", "retire", "--in-place"], {
      cwd,
      env: { AMPHO_SECURITY_KEY_FILE: keyFile, ...env },
    });
  return { retire, keysLeft: () => JSON.parse(readFileSync(keyFile, "utf8")).keys.length };
}

it("a key is not retired while an alarm link or an invitation that it signed is valid", async () => {
  const env = { AMPHO_SECURITY_SESSION_IDLE_TTL: "1h" };
  const early = await activatedDaysAgo(6, env);
  expect(await early.retire()).toMatchObject({ code: 1, stderr: expect.stringContaining("Too early") });
  expect(early.keysLeft()).toBe(2);

  const late = await activatedDaysAgo(8, env);
  expect(await late.retire()).toMatchObject({ code: 0 });
  expect(late.keysLeft()).toBe(1);
});

it("a revoked next key cannot be activated, and the messages lead to its removal", async () => {
  const cwd = freshFolder();
  const keyFile = path.join(cwd, "key.json");
  const run = (...args: readonly string[]) => ampho(args, { cwd, env: { AMPHO_SECURITY_KEY_FILE: keyFile } });
  const rotate = (...args: readonly string[]) => run("sec-rotate-key", "--in-place", "--stage", ...args);
  expect((await run("db-up")).code).toBe(0);
  expect((await run("sec-gen-key", "--output", keyFile)).code).toBe(0);
  expect((await rotate("next")).code).toBe(0);
  const kids = () => JSON.parse(readFileSync(keyFile, "utf8")).keys.map(({ kid }: { kid: string }) => kid);
  const [signing, next] = kids();
  expect((await run("sec-revoke-key", "--", next)).code).toBe(0);

  expect(await rotate("next")).toMatchObject({ code: 1, stderr: expect.stringContaining("--stage retire if it was") });
  const before = readFileSync(keyFile, "utf8");
  for (const forced of [[], ["--force", "--reason", "The runbook says so."]])
    expect(await rotate("activate", ...forced)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`Key ${next} is revoked, so it must not sign. Remove it with --stage retire.`),
    });
  expect(readFileSync(keyFile, "utf8")).toBe(before);
  expect((await run("audit-list", "--json")).stdout).not.toContain("signing_key_stage_forced");

  expect((await rotate("retire")).code).toBe(0);
  expect(kids()).toEqual([signing]);
  expect((await rotate("next")).code).toBe(0);
});
