// The guard at the start of a process, before it has read the revocations. Its other tests are in test/ampho/authorize.test.ts.
import { describe, expect, it, onTestFinished } from "vitest";
import { createGuard } from "../../dist/guard/guard.js";
import { checkLive } from "../../dist/guard/live-check.js";
import type { Auth } from "../../dist/index.js";
import { createFailureDelay } from "../../dist/passwords/failure-delay.js";
import { createPasswordPool } from "../../dist/passwords/pool.js";
import { followRevocations, hasRecentRevocations } from "../../dist/sessions/follow-revocations.js";
import { createRevocationSet, databaseNames } from "../../dist/sessions/revocation-set.js";
import { createSessionTokens } from "../../dist/sessions/session-tokens.js";
import { importKeys } from "../../dist/signing-keys/jwk-set.js";
import { openSqlite } from "../../dist/store/sqlite/store.js";
import { createKeyring } from "../../dist/tokens/keyring.js";
import { createDatabaseDirectory } from "../../dist/users/database-directory.js";
import { settableClock, start } from "../world/clock.js";
import { foreignToken, newKey } from "../world/tokens.js";

const settings = {
  tokenTtl: 900,
  tokenLeeway: 60,
  tokenIssuer: undefined,
  tokenAudience: undefined,
  tokenForeignTtl: 86_400,
  scopes: {},
  scopesInToken: true,
  factors: {},
  revocationLagMax: 0,
  resources: [],
  tokenEndpoint: false,
  apiKeysPerUser: 0,
  apiKeyBrand: "ampho",
};

async function openGuard() {
  const store = await openSqlite({ memory: true, migrate: true, log: () => undefined });
  onTestFinished(() => store.close());
  const passwords = createPasswordPool();
  onTestFinished(() => passwords.close());
  const key = newKey("key-1");
  const clock = settableClock();
  const revocations = createRevocationSet(databaseNames, () => undefined);
  const keyring = createKeyring(importKeys(key).keys, settings, revocations);
  const tokens = createSessionTokens({ keyring, settings, extraClaims: undefined });
  const follower = followRevocations({ store, revocations, clock, report: () => undefined });
  onTestFinished(() => follower.stop());
  const directory = createDatabaseDirectory(store, passwords, createFailureDelay(store, clock));
  const guard = createGuard({
    tokens,
    revocations,
    clock,
    revocationsKnown: () => hasRecentRevocations(follower, settings.revocationLagMax),
    checkLive: (token) => checkLive({ store, directory, settings, clock }, token),
  });
  return { ...guard, follower, store, key };
}

describe("a process that has just started", () => {
  it("the guard rejects every token until the live revocations were read once", async () => {
    const { verify, guard, follower, store, key } = await openGuard();
    const good = foreignToken(key, { exp: start + 600, login: "ann", iat: start });
    const over = foreignToken(key, { exp: start + 600, login: "ann", iat: start, sid: "0.over" });
    const unavailable = expect.objectContaining({ code: "unavailable" });
    await store.endAllSessions({
      now: start - 1,
      origin: { actor: "operator" },
      accessTtlSeconds: 900,
      foreignMaxSeconds: 900,
    });
    for (const token of [good, over, "rubbish"]) {
      expect(() => verify(token)).toThrow(unavailable);
      expect(() => guard(`Bearer ${token}`, undefined, {})).toThrow(unavailable);
      expect(() => guard(`Bearer ${token}`, { optional: true }, {})).toThrow(unavailable);
    }
    expect(() => guard(undefined, undefined, {})).toThrow(expect.objectContaining({ code: "missing_token" }));
    expect(guard(undefined, { optional: true }, {})).toBeUndefined();
    await follower.read();
    expect((await verify(good)).login).toBe("ann");
    expect(() => verify(over)).toThrow(expect.objectContaining({ code: "invalid_token" }));
  });

  it("the guard returns no promise unless the requirements have to wait", async () => {
    const { guard, follower, key } = await openGuard();
    await follower.read();
    const header = `Bearer ${foreignToken(key, { exp: start + 600, login: "ann" })}`;
    for (const need of [undefined, {}, { optional: true as const }, { can: () => true }])
      expect(guard(header, need, {})).toMatchObject({ login: "ann" });
    expect(guard(header, { can: async () => true }, {})).toBeInstanceOf(Promise);
  });
});

/** The compiler asks for each member, so that a member that is declared and never set fails the test. */
const membersOfAuth = {
  credential: true,
  apiKey: true,
  id: true,
  login: true,
  roles: true,
  scopes: true,
  actor: true,
  session: true,
  amr: true,
  acr: true,
  starts: true,
  expires: true,
  claims: true,
} as const satisfies Readonly<Record<keyof Auth, true>>;

it("an Auth has every member of its type, and no other", async () => {
  const { verify, follower, key } = await openGuard();
  await follower.read();
  const auth = await verify(foreignToken(key, { exp: start + 600, login: "ann", iat: start }));
  expect(Object.keys(auth).sort()).toEqual(Object.keys(membersOfAuth).sort());
});
