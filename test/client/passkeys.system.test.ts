// Passkeys by `ampho/client/full` in a real Chromium with virtual authenticators.
import { describe, expect, it } from "vitest";
import type { FactorNeeded } from "../../dist/client/full.js";
import { addAuthenticator } from "./authenticator.js";
import { byPasskey, levelOf, logIn, logOut, openEnrolled, openShop, useBrowser } from "./passkey-shop.js";
import { ann } from "./world.js";

useBrowser();

declare global {
  /** The calls of the Signal API. */
  var signalled: Record<string, unknown>[];
  /** The error of a login that needs a second factor. */
  var needed: FactorNeeded;
}

const modes: readonly (readonly [name: string, cookies: boolean])[] = [
  ["bearer", false],
  ["cookie", true],
];

describe.each(modes)("passkeys of a page in %s mode", (mode, cookies) => {
  it(`a user in ${mode} mode adds a passkey and signs in with it alone`, async () => {
    const { tab, added, world } = await openEnrolled(cookies);
    expect(added).toMatchObject({ passkey: { name: "Phone", used: null, synced: false, transports: ["internal"] } });
    expect(added.recoveryCodes).toHaveLength(8);
    world.requests.length = 0;
    expect(await byPasskey(tab)).toBe("resolved");
    expect(world.requests.filter((one) => one.endsWith("/login"))).toEqual([
      "GET /api/security/login",
      "POST /api/security/login",
    ]);
    expect(await levelOf(tab)).toEqual(["ann", "phr", "hwk,mfa"]);
    const status = await tab.evaluate(async () => (await ways.fetch("/strong")).status);
    expect(status).toBe(200);
    const kept = await tab.evaluate(() => JSON.stringify({ ...localStorage }));
    expect(kept).not.toContain(String(added.recoveryCodes[0]));
  });

  it(`a page in ${mode} mode finishes a login by password with a passkey`, async () => {
    const { tab } = await openEnrolled(cookies);
    const seen = await tab.evaluate(async ({ login, password }) => {
      const error = await ways.login(login, password).catch((reason) => reason as FactorNeeded);
      const { factors, enroll } = error as FactorNeeded;
      await (error as FactorNeeded).finish({ passkey: true });
      return { factors, enroll };
    }, ann);
    expect(seen).toEqual({ factors: ["passkey", "recovery_code"], enroll: false });
    expect(await levelOf(tab)).toEqual(["ann", "phr", "pwd,hwk,mfa"]);
  });

  it(`a page in ${mode} mode raises its session by a new passkey, and a weak session with it`, async () => {
    const { tab } = await openShop(cookies);
    await addAuthenticator(tab);
    await logIn(tab);
    const seen = await tab.evaluate(async ({ login, password }) => {
      const first = await ways.session();
      await ways.passkeys.add();
      const raised = await ways.session();
      // After a login on a remembered device, the session has proven one factor.
      await ways.logout();
      const error = (await ways.login(login, password).catch((reason) => reason)) as FactorNeeded;
      await error.finish({ passkey: true, remember: true });
      await ways.logout();
      const before = await ways.login(login, password);
      const needed = await ways.stepUp();
      const after = await needed.finish({ passkey: true });
      return [
        [first?.acr, raised?.acr, first?.session?.id === raised?.session?.id],
        [before.acr, after.acr, before.session?.id === after.session?.id],
      ];
    }, ann);
    expect(seen).toEqual([
      ["1fa", "phr", true],
      ["1fa", "phr", true],
    ]);
  });

  it(`a login in ${mode} mode whose account must have a passkey adds it and then has a session`, async () => {
    const { tab } = await openShop(cookies, { factors: { "*": "phr" } });
    await addAuthenticator(tab);
    const seen = await tab.evaluate(async ({ login, password }) => {
      const error = (await ways.login(login, password).catch((reason) => reason)) as FactorNeeded;
      const added = await ways.passkeys.add(error, { name: "Laptop" });
      return [error.enroll, added.passkey.name, added.recoveryCodes.length, added.session?.acr];
    }, ann);
    expect(seen).toEqual([true, "Laptop", 8, "phr"]);
    expect(await levelOf(tab)).toEqual(["ann", "phr", "pwd,hwk,mfa"]);
    expect(await tab.evaluate(() => JSON.stringify({ ...localStorage }))).not.toMatch(/Laptop|recovery/);
  });

  it(`a virtual authenticator responds at once to the request of autofill in ${mode} mode`, async () => {
    const { tab } = await openEnrolled(cookies);
    expect(await tab.evaluate(() => outcome(ways.loginWithPasskey({ autofill: true })))).toBe("resolved");
    expect(await levelOf(tab)).toEqual(["ann", "phr", "hwk,mfa"]);
  });

  it(`a user in ${mode} mode lists, renames and removes passkeys, and the browser forgets a removed one`, async () => {
    const { tab, authenticator } = await openEnrolled(cookies);
    await byPasskey(tab);
    const names = await tab.evaluate(async () => {
      const [passkey] = await ways.passkeys.list();
      await ways.passkeys.rename(passkey?.id ?? "", "Old phone");
      const [renamed] = await ways.passkeys.list();
      await ways.passkeys.remove(passkey?.id ?? "");
      return [passkey?.name, renamed?.name, (await ways.passkeys.list()).length];
    });
    expect(names).toEqual(["Phone", "Old phone", 0]);
    await expect.poll(() => authenticator.signals).toContainEqual(expect.stringMatching(/^deleted /));
    expect(await authenticator.credentials()).toEqual([]);
  });
});

describe("a step-up by passkey", () => {
  it("onStepUp can sign in with a passkey before another passkey is added", async () => {
    const { tab, clock } = await openShop();
    const authenticator = await addAuthenticator(tab);
    await logIn(tab);
    await tab.evaluate(() => ways.passkeys.add());
    clock.advance(301);
    // An authenticator creates one passkey for each account.
    await tab.exposeFunction("forget", async () => {
      for (const credential of await authenticator.credentials()) await authenticator.remove(credential);
    });
    const names = await tab.evaluate(async () => {
      const client = openClient({
        baseUrl: "/",
        async onStepUp() {
          await client.loginWithPasskey();
          await (globalThis as never as { forget(): Promise<void> }).forget();
        },
      });
      await client.passkeys.add({ name: "Second" });
      return (await client.passkeys.list()).map(({ name }) => name).sort();
    });
    expect(names).toEqual(["Passkey", "Second"]);
  });
});

describe("authenticators", () => {
  it("a security key without user verification is a second factor and no login alone", async () => {
    const key = { transport: "usb", hasUserVerification: false, isUserVerified: false, hasResidentKey: false };
    const { tab } = await openShop();
    await addAuthenticator(tab, key);
    await logIn(tab);
    expect(await tab.evaluate(() => outcome(ways.passkeys.add({ use: "second" })))).toBe("resolved");
    await logOut(tab);
    const level = await tab.evaluate(async ({ login, password }) => {
      const error = (await ways.login(login, password).catch((reason) => reason)) as FactorNeeded;
      return (await error.finish({ passkey: true })).amr;
    }, ann);
    expect(level).toEqual(["pwd", "hwk", "mfa"]);
    await logOut(tab);
    expect(await byPasskey(tab)).toBe("NotAllowedError");
  });

  it.each([
    [true, true],
    [true, false],
  ])("a synced passkey with backup eligibility %s and backup %s signs in as swk", async (eligible, backedUp) => {
    const { tab, added } = await openEnrolled(false, {
      defaultBackupEligibility: eligible,
      defaultBackupState: backedUp,
    });
    expect(added.passkey.synced).toBe(backedUp);
    expect(await byPasskey(tab)).toBe("resolved");
    expect(await levelOf(tab)).toEqual(["ann", "phr", "swk,mfa"]);
  });

  it("a passkey over a cable transport signs in", async () => {
    const { tab, added } = await openEnrolled(false, { transport: "cable" });
    expect(added.passkey.transports).toContain("hybrid");
    expect(await byPasskey(tab)).toBe("resolved");
  });

  it.each([
    ["a wrong signature", { isBogusSignature: true }],
    ["no user verification", { isBadUV: true }],
    ["no user presence", { isBadUP: true }],
  ])("a passkey with %s is rejected, and works without that fault", async (_, bits) => {
    const { tab, authenticator } = await openEnrolled();
    await authenticator.override(bits);
    expect(await byPasskey(tab)).toBe("invalid_credentials");
    expect(await levelOf(tab)).toBeUndefined();
    await authenticator.override({});
    expect(await byPasskey(tab)).toBe("resolved");
  });

  it("a passkey whose counter stepped back is rejected and recorded", async () => {
    const { tab, authenticator, world } = await openEnrolled();
    const [cloned] = await authenticator.credentials();
    if (cloned === undefined) throw new Error("no credential");
    for (let count = 0; count < 2; count++) {
      expect(await byPasskey(tab)).toBe("resolved");
      await logOut(tab);
    }
    await authenticator.remove(cloned);
    await authenticator.add(cloned);
    expect(await byPasskey(tab)).toBe("invalid_credentials");
    expect(await world.count("passkey_cloned")).toBe(1);
  });

  it("the browser forgets a passkey that no account has any more", async () => {
    const { tab, authenticator, world } = await openEnrolled();
    const user = await world.ampho.users.find("ann");
    await world.ampho.factors.remove(user?.id ?? "", { all: true });
    expect(await byPasskey(tab)).toBe("unknown_passkey");
    await expect.poll(() => authenticator.signals).toContainEqual(expect.stringMatching(/^deleted /));
    expect(await authenticator.credentials()).toEqual([]);
  });

  it("the browser learns the passkeys and the login name of the account after each change, and an unknown passkey after a login by it", async () => {
    const { tab, world } = await openShop();
    await addAuthenticator(tab);
    await logIn(tab);
    await tab.evaluate(() => {
      globalThis.signalled = [];
      const platform = PublicKeyCredential as unknown as Record<string, unknown>;
      for (const signal of ["signalAllAcceptedCredentials", "signalCurrentUserDetails", "signalUnknownCredential"])
        platform[signal] = async (about: object) => void signalled.push({ signal, ...about });
    });
    const settled = async (count: number) => {
      await expect.poll(() => tab.evaluate(() => signalled.length)).toBe(count);
      return tab.evaluate(() => signalled.splice(0));
    };
    const add = () => tab.evaluate(async () => (await ways.passkeys.add()).passkey.id);
    const first = await add();
    const { user: userId } = await tab.evaluate(async () => (await ways.fetch("/api/security/passkeys")).json());
    const learned = (...allAcceptedCredentialIds: string[]) => [
      { signal: "signalAllAcceptedCredentials", rpId: "localhost", userId, allAcceptedCredentialIds },
      { signal: "signalCurrentUserDetails", rpId: "localhost", userId, name: "ann", displayName: "ann" },
    ];
    const unknown = (credentialId: string) => ({ signal: "signalUnknownCredential", rpId: "localhost", credentialId });
    expect(await settled(2)).toEqual(learned(first));
    await logOut(tab);
    expect(await byPasskey(tab)).toBe("resolved");
    expect(await settled(0)).toEqual([]);
    await tab.evaluate((id) => ways.passkeys.remove(id), first);
    expect(await settled(3)).toEqual([unknown(first), ...learned()]);
    const second = await add();
    expect(await settled(2)).toEqual(learned(second));

    await logOut(tab);
    await tab.evaluate(async ({ login, password }) => {
      globalThis.needed = await ways.login(login, password).catch((reason) => reason);
    }, ann);
    const { id = "" } = (await world.ampho.users.find("ann")) ?? {};
    await world.ampho.factors.remove(id, { all: true, reason: "A test removes them." });
    // The change has ended the pending login, so the browser learns of it at the next login by the passkey.
    expect(await tab.evaluate(() => outcome(needed.finish({ passkey: true })))).toBe("transaction_over");
    expect(await byPasskey(tab)).toBe("unknown_passkey");
    expect(await settled(1)).toEqual([unknown(second)]);
  });

  it("a list of passkeys updates the login that the browser shows", async () => {
    const { tab, authenticator } = await openEnrolled();
    await byPasskey(tab);
    const [credential] = await authenticator.credentials();
    if (credential === undefined) throw new Error("no credential");
    await authenticator.remove(credential);
    await authenticator.add({ ...credential, userName: "former" });
    authenticator.signals.length = 0;
    await tab.evaluate(() => ways.passkeys.list());
    await expect.poll(() => authenticator.signals).toContainEqual(expect.stringMatching(/^updated .* ann$/));
    expect(await authenticator.credentials()).toMatchObject([{ userName: "ann" }]);
  });

  it("a browser without the JSON functions of WebAuthn adds and uses passkeys", async () => {
    const { tab } = await openShop();
    await addAuthenticator(tab);
    await tab.evaluate(() => {
      for (const [owner, name] of [
        [PublicKeyCredential, "parseCreationOptionsFromJSON"],
        [PublicKeyCredential, "parseRequestOptionsFromJSON"],
        [PublicKeyCredential, "signalAllAcceptedCredentials"],
        [PublicKeyCredential, "signalCurrentUserDetails"],
        [PublicKeyCredential.prototype, "toJSON"],
      ] as const)
        Object.defineProperty(owner, name, { value: undefined });
    });
    await logIn(tab);
    const transports = await tab.evaluate(async () => (await ways.passkeys.add()).passkey.transports);
    expect(transports).toEqual(["internal"]);
    await logOut(tab);
    expect(await byPasskey(tab)).toBe("resolved");
    await logOut(tab);
    const acr = await tab.evaluate(async ({ login, password }) => {
      const error = (await ways.login(login, password).catch((reason) => reason)) as FactorNeeded;
      return (await error.finish({ passkey: true })).acr;
    }, ann);
    expect(acr).toBe("phr");
  });
});
