// Autofill, one ceremony at a time, and silent upgrades. A virtual authenticator responds to a request of autofill at once, or
// never without a touch (https://github.com/w3c/webauthn/issues/2010). No test can drive the drop-down itself.
import { describe, expect, it } from "vitest";
import { addAuthenticator } from "./authenticator.js";
import { byPasskey, levelOf, logIn, logOut, openEnrolled, openShop, useBrowser } from "./passkey-shop.js";
import { ann } from "./world.js";

useBrowser();

declare global {
  /** The request of autofill. */
  var filling: Promise<string>;
  var leave: AbortController;
  /** How often the page has asked for a passkey. */
  var asked: number;
}

/** Ann has a passkey, and the page waits for its authenticator. */
async function openWaiting(cookies = false) {
  const shop = await openEnrolled(cookies);
  const { tab, authenticator, world } = shop;
  await authenticator.touch(false);
  world.requests.length = 0;
  await tab.evaluate(() => {
    globalThis.leave = new AbortController();
    globalThis.filling = outcome(ways.loginWithPasskey({ autofill: true, signal: leave.signal }));
  });
  const begun = () => world.requests.filter((one) => one === "GET /api/security/login").length;
  await expect.poll(begun).toBe(1);
  const isWaiting = () =>
    tab.evaluate(() => Promise.race([filling, new Promise((resolve) => setTimeout(resolve, 300, "waits"))]));
  expect(await isWaiting()).toBe("waits");
  return { ...shop, begun, isWaiting };
}

const filled = (tab: Awaited<ReturnType<typeof openWaiting>>["tab"]) => tab.evaluate(() => filling);

describe.each([
  ["bearer", false],
  ["cookie", true],
] as const)("autofill in %s mode without a touch", (mode, cookies) => {
  it(`a button in ${mode} mode ends the request of autofill and uses its transaction`, async () => {
    const { tab, authenticator, begun } = await openWaiting(cookies);
    await authenticator.touch(true);
    expect(await byPasskey(tab)).toBe("resolved");
    expect([await filled(tab), begun()]).toEqual(["nothing", 1]);
    expect(await levelOf(tab)).toEqual(["ann", "phr", "hwk,mfa"]);
  });

  it(`autofill in ${mode} mode waits again after a button that failed, and then signs in`, async () => {
    const { tab, authenticator, isWaiting } = await openWaiting(cookies);
    const fail = () => tab.evaluate(() => outcome(ways.loginWithPasskey({ signal: AbortSignal.abort() })));
    expect([await fail(), await isWaiting()]).toEqual(["AbortError", "waits"]);
    await authenticator.touch(true);
    expect(await fail()).toBe("AbortError");
    expect(await filled(tab)).toBe("resolved");
    expect(await levelOf(tab)).toEqual(["ann", "phr", "hwk,mfa"]);
  });

  it(`a login in another tab in ${mode} mode ends the request of autofill without an error`, async () => {
    const { tab, openTab, added } = await openWaiting(cookies);
    const other = await openTab();
    const acr = await other.evaluate(
      async ({ login, password, recoveryCode }) => {
        const error = await ways.login(login, password).catch((reason) => reason);
        return (await error.finish({ recoveryCode })).acr;
      },
      { ...ann, recoveryCode: added.recoveryCodes[0] },
    );
    expect([acr, await filled(tab)]).toEqual(["2fa", "nothing"]);
    expect(await levelOf(tab)).toEqual(["ann", "2fa", "pwd,rec,mfa"]);
  });

  it(`two tabs in ${mode} mode have a request of autofill each, and the login of one ends that of the other`, async () => {
    const { tab, openTab, authenticator } = await openWaiting(cookies);
    const [credential] = await authenticator.credentials();
    if (credential === undefined) throw new Error("no credential");
    const other = await openTab();
    const second = await addAuthenticator(other);
    await second.add(credential);
    expect(await other.evaluate(() => outcome(ways.loginWithPasskey({ autofill: true })))).toBe("resolved");
    expect(await filled(tab)).toBe("nothing");
    expect(await levelOf(tab)).toEqual(["ann", "phr", "hwk,mfa"]);
  });

  it(`a login by password in ${mode} mode finishes with a passkey while autofill waits`, async () => {
    const { tab, authenticator } = await openWaiting(cookies);
    await authenticator.touch(true);
    const acr = await tab.evaluate(async ({ login, password }) => {
      const error = await ways.login(login, password).catch((reason) => reason);
      return (await error.finish({ passkey: true })).acr;
    }, ann);
    expect([acr, await filled(tab)]).toEqual(["phr", "nothing"]);
  });
});

describe("autofill without a touch", () => {
  it("an abort ends the request of autofill without an error", async () => {
    const { tab } = await openWaiting();
    await tab.evaluate(() => leave.abort());
    expect(await filled(tab)).toBe("nothing");
  });

  it.each([
    ["NotAllowedError", "nothing"],
    ["SecurityError", "SecurityError"],
  ])("a request of autofill that the browser ends with %s resolves to %s", async (name, seen) => {
    const { tab } = await openShop();
    const ended = tab.evaluate((error) => {
      navigator.credentials.get = () => Promise.reject(new DOMException("", error));
      return outcome(ways.loginWithPasskey({ autofill: true }));
    }, name);
    expect(await ended).toBe(seen);
  });

  it("a second request of autofill ends the first one", async () => {
    const { tab, authenticator } = await openWaiting();
    await authenticator.touch(true);
    const second = tab.evaluate(() => outcome(ways.loginWithPasskey({ autofill: true })));
    expect(await filled(tab)).toBe("nothing");
    expect(await second).toBe("resolved");
  });

  it("autofill renews its request before the transaction ends", async () => {
    const { tab, authenticator, clock, begun } = await openWaiting();
    await logOut(tab);
    await tab.evaluate(() => leave.abort());
    await tab.clock.install();
    await tab.evaluate(() => {
      const get = navigator.credentials.get.bind(navigator.credentials);
      globalThis.asked = 0;
      navigator.credentials.get = (options) => {
        asked++;
        return get(options);
      };
      globalThis.filling = outcome(ways.loginWithPasskey({ autofill: true }));
    });
    const waitAgain = async () => {
      clock.advance(250);
      await tab.clock.fastForward(250_000);
    };
    // The timer begins together with the request.
    const asks = (count: number) => expect.poll(() => tab.evaluate(() => asked)).toBe(count);
    await asks(1);
    const before = begun();
    for (const count of [1, 2, 3]) {
      await waitAgain();
      await asks(1 + count);
      expect(begun()).toBe(before + count);
    }
    await authenticator.touch(true);
    await waitAgain();
    expect(await filled(tab)).toBe("resolved");
  });

  it("a browser without autofill of passkeys gets no request", async () => {
    const { tab, world } = await openShop();
    world.requests.length = 0;
    const seen = await tab.evaluate(() => {
      Object.defineProperty(PublicKeyCredential, "isConditionalMediationAvailable", { value: undefined });
      return outcome(ways.loginWithPasskey({ autofill: true }));
    });
    expect([seen, world.requests]).toEqual(["nothing", []]);
  });
});

describe("the ways to sign in", () => {
  it("a page learns the ways to sign in, and whether this browser has passkeys", async () => {
    const { tab } = await openShop();
    expect(await tab.evaluate(() => ways.ways())).toEqual({
      password: true,
      passkey: true,
      mail: false,
      providers: [],
      registration: "closed",
    });
    const { tab: without } = await openShop(false, { passkeys: false });
    expect(await without.evaluate(() => ways.ways())).toMatchObject({ passkey: false });
    expect(await byPasskey(without)).toBe("not_found");
  });
});

describe("an upgrade", () => {
  /**
   * Chromium creates a passkey silently only in its own password manager, for a password that it has saved. It rejects other
   * requests at once. A virtual authenticator takes the place of the password manager, and then the request waits for its
   * timeout. So this browser asks instead.
   */
  async function openUpgradable(cookies: boolean) {
    const shop = await openShop(cookies);
    const authenticator = await addAuthenticator(shop.tab);
    await shop.tab.evaluate(() => {
      const create = navigator.credentials.create.bind(navigator.credentials);
      navigator.credentials.create = (options?: CredentialCreationOptions & { mediation?: string }) => {
        const { mediation, ...others } = options ?? {};
        return mediation === "conditional" ? create(others) : Promise.reject(new TypeError());
      };
    });
    return { ...shop, authenticator };
  }
  const upgrade = (tab: Awaited<ReturnType<typeof openShop>>["tab"]) =>
    tab.evaluate(() => outcome(ways.passkeys.upgrade({ name: "This device" })));

  it.each([
    ["bearer", false],
    ["cookie", true],
  ] as const)(
    "a page in %s mode upgrades a login by password without a question, and no other login",
    async (_, cookies) => {
      const { tab } = await openUpgradable(cookies);
      await logIn(tab);
      const added = await tab.evaluate(() => ways.passkeys.upgrade({ name: "This device" }));
      expect(added).toMatchObject({ passkey: { name: "This device" } });
      expect(added?.recoveryCodes).toHaveLength(8);
      expect(await upgrade(tab)).toBe("nothing");
      await logOut(tab);
      expect(await byPasskey(tab)).toBe("resolved");
      expect(await upgrade(tab)).toBe("nothing");
    },
  );

  it("an upgrade without a password that the browser has saved adds nothing", async () => {
    const { tab, world } = await openShop();
    await logIn(tab);
    world.requests.length = 0;
    expect([await upgrade(tab), world.requests]).toEqual(["nothing", ["POST /api/security/passkeys/options"]]);
  });

  it("an upgrade that waits in the browser ends when the user adds a passkey", async () => {
    const { tab } = await openShop();
    await addAuthenticator(tab);
    await logIn(tab);
    const seen = await tab.evaluate(async () => {
      const upgrading = outcome(ways.passkeys.upgrade());
      const first = await Promise.race([upgrading, new Promise((resolve) => setTimeout(resolve, 500, "waits"))]);
      const added = await outcome(ways.passkeys.add());
      return [first, added, await upgrading, (await ways.passkeys.list()).length];
    });
    expect(seen).toEqual(["waits", "resolved", "nothing", 1]);
  });

  it("a browser that creates no passkeys silently sends no request for an upgrade", async () => {
    const { tab, world } = await openShop();
    await logIn(tab);
    world.requests.length = 0;
    await tab.evaluate(() => {
      Object.defineProperty(PublicKeyCredential, "getClientCapabilities", { value: undefined });
    });
    expect([await upgrade(tab), world.requests]).toEqual(["nothing", []]);
  });
});
