// Passkeys with AMPHO_SECURITY_COOKIES. A transaction that belongs to a user is in the cookie, and that of a login page is not.
import { expect, it } from "vitest";
import { authenticate, createSubject, register, type Subject } from "../factors/webauthn/authenticator.js";
import { openWorld, password, type ReadResponse, type World } from "../world/ampho.js";
import { claimsOf } from "../world/tokens.js";
import { challengeOf, passkeySettings } from "./passkey-owners.js";

const transaction = "__Host-ampho-transaction";
const access = "__Host-ampho-token";

/** A browser of the application's own site, or of another. */
function browse(world: World, jar = new Map<string, string>(), site = "same-origin") {
  return {
    jar,
    async send(method: string, path: string, body?: object): Promise<ReadResponse> {
      const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
      const headers = { "sec-fetch-site": site, ...(cookie !== "" && { cookie }) };
      const response = await world.call(method, path, { body, headers });
      for (const line of response.headers.getSetCookie()) {
        const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
        if (value === "") jar.delete(name);
        else jar.set(name, value);
      }
      for (const name of ["token", "refresh_token"]) expect(response.json).not.toHaveProperty(name);
      return response;
    },
  };
}

type Browser = ReturnType<typeof browse>;

const acrOf = ({ jar }: Browser) => claimsOf(jar.get(access) ?? "")["acr"];

async function enrol(browser: Browser, subject: Subject) {
  const begun = await browser.send("POST", "/passkeys/options", {});
  expect([begun.status, begun.json["transaction"], browser.jar.has(transaction)]).toEqual([200, undefined, true]);
  const { challenge, options } = challengeOf(begun);
  const added = await browser.send("POST", "/passkeys", { passkey: register(subject, challenge) });
  expect([added.status, browser.jar.has(transaction)], added.text).toEqual([200, false]);
  return options.user?.id;
}

async function withPasskey() {
  const world = await openWorld({ ...passkeySettings, cookies: true, factors: { strict: "phr" } });
  await world.user("ann", { password });
  const browser = browse(world);
  const subject = createSubject(-7);
  await browser.send("POST", "/login", { login: "ann", password });
  const handle = await enrol(browser, subject);
  return { world, browser, subject, handle };
}

it("a session registers a passkey with the transaction in the cookie, which raises it", async () => {
  const { browser } = await withPasskey();
  expect(acrOf(browser)).toBe("phr");
});

it("a session steps up with the transaction in the cookie", async () => {
  const { world, subject } = await withPasskey();
  const { id } = (await world.ampho.users.find("ann")) ?? expect.unreachable();
  const weak = await world.ampho.sessions.create(id, { amr: ["pwd"], authTime: world.clock.now() });
  const browser = browse(world, new Map([[access, weak.token]]));
  expect(acrOf(browser)).toBe("1fa");
  const asked = challengeOf(await browser.send("POST", "/login", {}));
  const passkey = authenticate(subject, asked.challenge);
  expect([asked.transaction, browser.jar.has(transaction)]).toEqual(["undefined", true]);
  expect((await browser.send("POST", "/login", { passkey })).status).toBe(200);
  expect([acrOf(browser), browser.jar.has(transaction)]).toEqual(["phr", false]);
});

it("the transaction of a login page is in the body, and leaves the cookie of a login that was begun", async () => {
  const { world, subject, handle } = await withPasskey();
  const browser = browse(world);
  const needed = challengeOf(await browser.send("POST", "/login", { login: "ann", password }));
  const before = browser.jar.get(transaction);
  const page = challengeOf(await browser.send("GET", "/login"));
  expect(browser.jar.get(transaction)).toBe(before);
  // The assertion of the page is not for the transaction in the cookie, and the other way round.
  const response = { userHandle: handle };
  const alone = authenticate(subject, page.challenge, { response });
  expect((await browser.send("POST", "/login", { passkey: alone })).error).toBe("invalid_credentials");
  const second = authenticate(subject, needed.challenge, { response });
  const mixed = { transaction: page.transaction, passkey: second };
  expect((await browser.send("POST", "/login", mixed)).error).toBe("invalid_credentials");
  const done = await browser.send("POST", "/login", { transaction: page.transaction, passkey: alone });
  expect([done.status, acrOf(browser), browser.jar.has(transaction)]).toEqual([200, "phr", false]);
});

it("a login that must register a passkey does so by its cookie alone, and gets its tokens", async () => {
  const { world } = await withPasskey();
  await world.user("eve", { password, roles: ["strict"] });
  const browser = browse(world);
  const needed = await browser.send("POST", "/login", { login: "eve", password });
  expect(needed.json).toMatchObject({ error: "factor_needed", enroll: true });
  await enrol(browser, createSubject(-8));
  expect(acrOf(browser)).toBe("phr");
});

it("a page of another site can use no passkey route with the user's cookies", async () => {
  const { world, browser, subject, handle } = await withPasskey();
  const page = challengeOf(await browser.send("GET", "/login"));
  const passkey = authenticate(subject, page.challenge, { response: { userHandle: handle } });
  const foreign = browse(world, new Map(browser.jar), "cross-site");
  for (const [method, path, body] of [
    ["POST", "/login", { transaction: page.transaction, passkey }],
    ["POST", "/passkeys/options", {}],
    ["POST", "/passkeys", { passkey: register(createSubject(-7), page.challenge) }],
    ["POST", "/passkeys/AAAA", { name: "Mine" }],
    ["DELETE", "/passkeys/AAAA", undefined],
  ] as const) {
    const response = await foreign.send(method, path, body);
    expect([path, response.status, response.error]).toEqual([path, 403, "cross_site"]);
  }
  expect((await browser.send("POST", "/login", { transaction: page.transaction, passkey })).status).toBe(200);
});

it("a page after a redirect asks again for the options of a pending login, and the login stays pending", async () => {
  const { world, subject, handle } = await withPasskey();
  const browser = browse(world);
  const first = challengeOf(await browser.send("POST", "/login", { login: "ann", password }));
  const asked = await browser.send("POST", "/login", {});
  expect([asked.error, asked.json["factors"]]).toEqual(["factor_needed", ["passkey", "recovery_code"]]);
  const again = challengeOf(asked);
  expect([again.challenge, browser.jar.has(access)]).toEqual([first.challenge, false]);
  const passkey = authenticate(subject, again.challenge, { response: { userHandle: handle } });
  expect((await browser.send("POST", "/login", { passkey })).status).toBe(200);
  expect([acrOf(browser), browser.jar.has(transaction)]).toEqual(["phr", false]);
  // Without a pending login there is nothing to ask for.
  expect((await browse(world).send("POST", "/login", {})).error).toBe("invalid_request");
});
