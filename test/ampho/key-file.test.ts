// A key file that changes while an instance runs: by a rename, by a link that points elsewhere, or in place.
import { mkdirSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it, vi } from "vitest";
import { activateNext, publishNext, retirePrevious, type StageOutcome } from "../../dist/signing-keys/stages.js";
import { admission, grantOf, openWorld, password, type World } from "../world/ampho.js";
import { start } from "../world/clock.js";
import { execute } from "../world/command.js";
import { freshFolder } from "../world/folder.js";
import { claimsOf, foreignToken, newKey } from "../world/tokens.js";
import { pause } from "../world/wait.js";

/** The seconds within which a changed file is read. The time limit of the tests is far above. */
const patience = { timeout: 60_000, interval: 25 };

interface Filed extends World {
  readonly file: string;
  write(set: unknown): void;
  kid(token: string): unknown;
}

async function openFiled(set: unknown, link = false): Promise<Filed> {
  const folder = freshFolder();
  const file = path.join(folder, "key.json");
  const target = link ? path.join(folder, "..data") : file;
  if (link) {
    mkdirSync(path.join(folder, "v1"));
    symlinkSync("v1", target);
    symlinkSync(path.join("..data", "key.json"), file);
  }
  const write = (value: unknown) => {
    writeFileSync(`${file}.beside`, JSON.stringify(value));
    renameSync(`${file}.beside`, file);
  };
  writeFileSync(link ? path.join(folder, "v1", "key.json") : file, JSON.stringify(set));
  const world = await openWorld({ key: undefined, keyFile: file });
  return { ...world, file, write, kid: (token) => headerOf(token)["kid"] };
}

function headerOf(token: string): Readonly<Record<string, unknown>> {
  return JSON.parse(Buffer.from(token.split(".")[0] ?? "", "base64url").toString());
}

const [a, b] = [newKey("a"), newKey("b")];
const tokenOf = (key: typeof a) =>
  foreignToken(key, { exp: start + 600, login: "ann" }, { alg: "HS256", kid: key.kid });
const becomes = (world: World, token: string, what: string) =>
  vi.waitFor(async () => expect(await admission(world.ampho, token)).toBe(what), patience);

it("the warning about a skipped key is logged once for each content of the file", async () => {
  const skipped = { kty: "unknown" };
  const world = await openFiled({ keys: [a, skipped] });
  const said = () => world.notices.filter((line) => line.includes("is skipped"));
  expect(said()).toHaveLength(1);
  for (let n = 0; n < 2; n++) await world.ampho.reloadKeys();
  expect(said()).toHaveLength(1);
  world.write({ keys: [a, skipped, skipped] });
  await world.ampho.reloadKeys();
  expect(said()).toHaveLength(3);
});

it("a revoked signing key is logged and listed in the warnings until another key signs", async () => {
  const world = await openFiled({ keys: [a, b] });
  const said = () => world.notices.filter((line) => line.includes("revoked"));
  await world.ampho.signingKeys.revoke("b");
  expect([world.ampho.host.warnings(), said()]).toEqual([[], []]);
  await world.ampho.signingKeys.revoke("a");
  expect(world.ampho.host.warnings()).toEqual(["signing_key_revoked"]);
  expect(said()).toEqual([
    expect.stringMatching(/^The signing key a was revoked\. .* 503 .* sec-rotate-key --in-place/),
  ]);
  // The instance stays ready, because the other instances sign with the same key.
  await expect(world.ampho.host.ready()).resolves.toBeUndefined();
  // An instance that starts with the revoked key warns too.
  const other = await world.another();
  expect([other.ampho.host.warnings(), other.notices]).toEqual([["signing_key_revoked"], said()]);
  world.write(newKey("c"));
  await vi.waitFor(() => expect(world.ampho.host.warnings()).toEqual([]), patience);
  expect(said()).toHaveLength(1);
});

describe("a key file that", () => {
  it("a key file that is replaced by a rename is read again: the new key signs, the old one verifies", async () => {
    const world = await openFiled(a);
    const session = await world.session(await world.user("ann"));
    expect(await admission(world.ampho, tokenOf(b))).toBe("invalid_token");
    world.write({ keys: [b, a] });
    await becomes(world, tokenOf(b), "in");
    expect(await admission(world.ampho, session.token)).toBe("in");
    const next = grantOf(await world.renew(session.refresh_token));
    expect([world.kid(session.token), world.kid(next.token), world.kid(next.refresh_token)]).toEqual(["a", "b", "b"]);
    expect(world.notices).toContain("The key file was read again. b signs. a only verifies.");
  });

  it("a key file is read again when its link points elsewhere, as Kubernetes mounts a secret", async () => {
    const world = await openFiled(a, true);
    const folder = path.dirname(world.file);
    mkdirSync(path.join(folder, "v2"));
    writeFileSync(path.join(folder, "v2", "key.json"), JSON.stringify({ keys: [b, a] }));
    symlinkSync("v2", path.join(folder, "..data_tmp"));
    renameSync(path.join(folder, "..data_tmp"), path.join(folder, "..data"));
    await becomes(world, tokenOf(b), "in");
    // The old version can be deleted at once.
    rmSync(path.join(folder, "v1"), { recursive: true });
    expect(await admission(world.ampho, tokenOf(a))).toBe("in");
  });

  it("a key file that is written in place is read when it is complete", async () => {
    const world = await openFiled(a);
    const text = JSON.stringify({ keys: [b, a] });
    writeFileSync(world.file, text.slice(0, 40));
    // Long enough that the incomplete file was read once or twice.
    await pause(1_200);
    expect(await admission(world.ampho, tokenOf(a))).toBe("in");
    writeFileSync(world.file, text);
    await becomes(world, tokenOf(b), "in");
    expect(world.notices.join("\n")).not.toContain("error");
    // The content changes again with the same length, within the resolution of the file system's clock.
    const c = newKey("c");
    writeFileSync(world.file, JSON.stringify({ keys: [c, a] }));
    await becomes(world, tokenOf(c), "in");
  });

  const toFolder = (file: string) => {
    unlinkSync(file);
    mkdirSync(file);
  };
  const canary = "canary-of-a-key";
  const bad: readonly (readonly [(file: string) => void, RegExp])[] = [
    [(file) => writeFileSync(file, `{"kty":"oct","k":"${canary}`), /but is not JSON\./],
    [(file) => writeFileSync(file, JSON.stringify({ kty: "oct", k: canary })), /cannot be used: `k`/],
    [(file) => writeFileSync(file, ""), /is not JSON/],
    [(file) => unlinkSync(file), /\(there is no such file or folder\)/],
    [toFolder, /\(it is not a regular file\)/],
    [(file) => writeFileSync(file, " ".repeat(1 << 21)), /it is too large/],
  ];
  it("an unusable key file keeps the old keys, is logged once, and is used when it is fixed", {
    timeout: 180_000,
  }, async () => {
    await Promise.all(
      bad.map(async ([spoil, why]) => {
        const world = await openFiled(a);
        spoil(world.file);
        await vi.waitFor(() => expect(world.ampho.host.warnings()).toEqual(["signing_key_file_unusable"]), patience);
        expect(world.notices.filter((line) => line.includes("KEY_FILE"))).toEqual([expect.stringMatching(why)]);
        expect(world.notices.join()).not.toContain(canary);
        await expect(world.ampho.host.ready()).resolves.toBeUndefined();
        const session = await world.session(await world.user("ann"));
        expect(await admission(world.ampho, session.token)).toBe("in");
        rmSync(world.file, { recursive: true, force: true });
        world.write({ keys: [b, a] });
        await becomes(world, tokenOf(b), "in");
        expect(world.ampho.host.warnings()).toEqual([]);
        expect(world.notices.filter((line) => line.includes("KEY_FILE"))).toHaveLength(1);
        expect(world.notices).toContain("The key file can be used again.");
      }),
    );
  });

  it("reloadKeys rejects for an incomplete key file, and the complete file is read", async () => {
    const world = await openFiled(a);
    const text = JSON.stringify({ keys: [b, a] });
    writeFileSync(world.file, text.slice(0, 40));
    await expect(world.ampho.reloadKeys()).rejects.toThrow(
      /^AMPHO_SECURITY_KEY_FILE must be a JWK or a JWK Set, but is not JSON/,
    );
    expect(await admission(world.ampho, tokenOf(a))).toBe("in");
    writeFileSync(world.file, text);
    await becomes(world, tokenOf(b), "in");
  });

  it("a watched key file keeps no process alive after close", async () => {
    const folder = freshFolder();
    writeFileSync(path.join(folder, "key.json"), JSON.stringify(a));
    const script = `
      import { createAmpho } from ${JSON.stringify(import.meta.resolve("../../dist/index.js"))};
      const ampho = await createAmpho({ keyFile: "key.json", databaseUrl: "sqlite::memory:" });
      void ampho.reloadKeys();
      await ampho.close();
    `;
    const { code, stderr } = await execute(process.execPath, ["--input-type=module", "-e", script], { cwd: folder });
    expect([code, stderr]).toEqual([0, expect.not.stringContaining("rror")]);
  });

  it("a key file that is written again with the same keys changes and logs nothing", async () => {
    const world = await openFiled(a);
    const notices = world.notices.length;
    writeFileSync(world.file, JSON.stringify(a, null, 2));
    await world.ampho.reloadKeys();
    await world.ampho.reloadKeys();
    expect(world.notices).toHaveLength(notices);
  });
});

describe("a token that was accepted before its key was removed", () => {
  it("the tokens of a key are rejected once it is removed, and other tokens stay valid", async () => {
    const world = await openFiled({ keys: [b, a] });
    const ann = await world.user("ann");
    const kept = await world.session(ann);
    const old = tokenOf(a);
    expect([await admission(world.ampho, old), await admission(world.ampho, kept.token)]).toEqual(["in", "in"]);
    const auth = await world.ampho.verify(kept.token);
    world.write({ keys: [newKey("c"), b] });
    await world.ampho.reloadKeys();
    expect([await admission(world.ampho, old), await admission(world.ampho, kept.token)]).toEqual([
      "invalid_token",
      "in",
    ]);
    expect(await world.ampho.verify(kept.token)).toEqual(auth);
    expect((await world.renew(kept.refresh_token)).status).toBe(200);
    expect(world.notices.join("\n")).toContain("No longer accepted: a and all tokens that they signed.");
  });

  it("the tokens of a key are rejected when another key has its kid", async () => {
    const world = await openFiled(a);
    const session = await world.session(await world.user("ann"));
    expect(await admission(world.ampho, session.token)).toBe("in");
    world.write(newKey("a"));
    await world.ampho.reloadKeys();
    expect(await admission(world.ampho, session.token)).toBe("invalid_token");
    expect((await world.renew(session.refresh_token)).error).toBe("invalid_token");
  });

  it("a token stays in the cache while its key is configured", async () => {
    const world = await openFiled(a);
    const { token } = await world.session(await world.user("ann"));
    const auth = await world.ampho.verify(token);
    world.write({ keys: [b, a] });
    await world.ampho.reloadKeys();
    expect(await world.ampho.verify(token)).toBe(auth);
  });
});

describe("two instances of which one has read the next stage and the other has not", () => {
  const setOf = (outcome: StageOutcome) => {
    if (outcome.outcome !== "done") throw new Error(outcome.reason);
    return outcome.set;
  };
  const forced = { now: start, waitSeconds: 0, forced: true };
  const next = setOf(publishNext(a, b, { now: start }));
  const active = setOf(activateNext(next, forced));
  const stages = [
    ["next", a, next],
    ["activate", next, active],
    ["retire", active, setOf(retirePrevious(active, forced))],
  ] as const;

  it.each(stages)(
    "two instances accept each other's tokens between two stages of a rotation: %s",
    async (_, before, after) => {
      const [one, other] = await pair(before, after);
      const ann = await one.user("ann", { password });
      const there = { ampho: other.ampho };
      for (const [from, to] of [
        [one, there],
        [other, { ampho: one.ampho }],
      ] as const) {
        const grant = await from.session(ann);
        expect(await admission(to.ampho, grant.token)).toBe("in");
      }
      const grant = await other.session(ann);
      const renewed = grantOf(await one.renew(grant.refresh_token));
      expect(grantOf(await other.renew(renewed.refresh_token)).token_type).toBe("Bearer");
      const known = await one.login("ann");
      expect(
        (await other.call("POST", "/login", { body: { login: "ann", password, device: known.device } })).status,
      ).toBe(200);
    },
  );

  it.each(stages)(
    "two instances between two stages share five attempts for an unknown device: %s",
    async (_, before, after) => {
      const [one, other] = await pair(before, after);
      await one.user("ann", { password });
      const attempt = async (at: World, n: number) =>
        (await at.call("POST", "/login", { body: { login: "ann", password: "wrong" }, address: `192.0.2.${n}` }))
          .status;
      const statuses: number[] = [];
      for (let n = 1; n <= 8; n++) statuses.push(await attempt(n % 2 === 0 ? one : other, n));
      expect(statuses).toEqual([401, 401, 401, 401, 401, 429, 429, 429]);
      // The count continues when the last instance has read the file.
      one.write(after);
      await one.ampho.reloadKeys();
      expect(await attempt(one, 9)).toBe(429);
    },
  );

  async function pair(before: unknown, after: unknown): Promise<readonly [Filed, World]> {
    const one = await openFiled(before);
    const other = await one.another({ keyFile: undefined, key: JSON.stringify(after) });
    return [one, other];
  }
});

it("reloadKeys rejects if the key is not in a file", async () => {
  const world = await openWorld();
  await expect(world.ampho.reloadKeys()).rejects.toThrow("AMPHO_SECURITY_KEY_FILE is not set");
  expect(claimsOf((await world.session(await world.user("ann"))).token)["login"]).toBe("ann");
});
