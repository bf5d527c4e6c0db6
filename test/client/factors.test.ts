import { TOTP, URI } from "otpauth";
import { describe, expect, it, vi } from "vitest";
import {
  AmphoError,
  createClient,
  FactorNeeded,
  type FullClient,
  type FullClientOptions,
} from "../../dist/client/full.js";
import { createClient as createMailClient } from "../../dist/client/mail.js";
import type { AmphoOptions } from "../../dist/index.js";
import { type SettableClock, settableClock } from "../world/clock.js";
import { listening } from "../world/listen.js";
import { type CookieJar, openCookieJar } from "./cookie-jar.js";
import { losing, openNetwork } from "./network.js";
import { createTestStorage, outcome, seen, wait } from "./storage.js";
import { ann, ben, openWorld } from "./world.js";

interface Opening extends AmphoOptions {
  readonly overNetwork?: boolean;
}

/** Opens a server, and a function that opens clients of one device. */
async function openDevice(cookies: boolean, { overNetwork = false, ...options }: Opening = {}) {
  const clock = settableClock();
  const world = await openWorld({ clock, cookies, ...options });
  const network = overNetwork ? await openNetwork(world.port) : undefined;
  const baseUrl = network?.url ?? world.url;
  const jar: CookieJar | undefined = cookies ? openCookieJar(baseUrl) : undefined;
  const storage = createTestStorage();
  const open = (more: Partial<FullClientOptions> = {}) => createClient({ baseUrl, storage, cookies, ...more });
  /** Moves to the next step of TOTP, because each code is accepted once. */
  const next = (app: TOTP) => {
    clock.advance(30);
    return codeOf(app, clock);
  };
  return { world, clock, network, jar, storage, open, next };
}

const codeOf = (app: TOTP, clock: SettableClock) => app.generate({ timestamp: clock.now() * 1000 });

/** Sets up TOTP for Ann, and returns what her authenticator application knows. */
async function setUp(client: FullClient, clock: SettableClock) {
  const setup = await client.totp.begin();
  const app = URI.parse(setup.uri);
  if (!(app instanceof TOTP)) throw new Error("the URI is not of TOTP");
  expect(app.secret.base32).toBe(setup.secret);
  const { recoveryCodes, session } = await setup.confirm(codeOf(app, clock));
  expect(session).toBeUndefined();
  return { app, recoveryCodes };
}

/** Logs Ann in, and sets up TOTP. */
async function openEnrolled(cookies: boolean, options?: Opening) {
  const device = await openDevice(cookies, options);
  const client = device.open();
  await client.login(ann.login, ann.password);
  const { app, recoveryCodes } = await setUp(client, device.clock);
  return { ...device, client, app, recoveryCodes };
}

/** The same with a session at `1fa`, by a remembered device. */
async function openWeak(cookies: boolean, options?: Opening) {
  const device = await openEnrolled(cookies, options);
  const { client, app, next } = device;
  await client.login(ann.login, ann.password, { totp: next(app), remember: true });
  await client.logout();
  await client.login(ann.login, ann.password);
  return device;
}

async function failureOf(work: Promise<unknown>): Promise<FactorNeeded> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof FactorNeeded) return error;
  throw new Error(`not FactorNeeded: ${String(error)}`);
}

const modes: readonly (readonly [name: string, cookies: boolean])[] = [
  ["in bearer mode", false],
  ["in cookie mode", true],
];

describe.each(modes)("a second factor %s", (_, cookies) => {
  it("a pending login whose account has a proven address sets up its first factor with the mailed code", async () => {
    const mails: string[] = [];
    const { world, clock, storage, open } = await openDevice(cookies, {
      appUrl: "https://example.org/",
      registration: "open",
      factors: { "*": "required" },
      mail: async ({ text }) => void mails.push(/^\d\d \d\d \d\d \d\d$/m.exec(text)?.[0] ?? ""),
    });
    const nextCode = () => vi.waitUntil(() => mails.shift(), { timeout: 60_000 });
    const client = createMailClient({ baseUrl: world.url, storage, cookies });
    const email = "dan@example.org";
    const registration = await client.register(email);
    await failureOf(registration.finish({ code: await nextCode(), password: ann.password }));
    const needed = await failureOf(open().login(email, ann.password));
    expect(needed).toMatchObject({ enroll: true, mail: true, factors: [] });
    const code = await nextCode();
    expect(await outcome(client.totp.begin(needed))).toBe("invalid_request");
    const setup = await client.totp.begin(needed, { code });
    const app = URI.parse(setup.uri);
    if (!(app instanceof TOTP)) throw new Error("the URI is not of TOTP");
    const { session, recoveryCodes } = await setup.confirm(codeOf(app, clock));
    expect([session?.login, session?.acr, recoveryCodes.length]).toEqual([email, "2fa", 8]);
  });

  it("the set-up of TOTP returns eight recovery codes and stores none of them", async () => {
    const { storage, recoveryCodes } = await openEnrolled(cookies);
    expect(recoveryCodes).toHaveLength(8);
    const kept = JSON.stringify([...storage.values]);
    for (const code of recoveryCodes) expect(kept).not.toContain(code);
  });

  it("a login with a code needs one request", async () => {
    const { world, client, app, next } = await openEnrolled(cookies);
    await client.logout();
    world.calls.length = 0;
    const session = await client.login(ann.login, ann.password, { totp: next(app) });
    expect(session).toMatchObject({ login: "ann", acr: "2fa", amr: ["pwd", "otp", "mfa"] });
    expect(world.calls.filter(({ path }) => path.endsWith("/login"))).toHaveLength(1);
    expect(await seen(client.fetch("/strong"))).toBe("ann");
  });

  it("a session that sets up an app is raised, and the client states it", async () => {
    const { client } = await openEnrolled(cookies);
    expect(await client.session()).toMatchObject({ acr: "2fa", amr: ["pwd", "otp", "mfa"] });
    expect(await seen(client.fetch("/strong"))).toBe("ann");
  });

  it("a set-up is done although the session cannot be read after it", async () => {
    const { world, clock, open } = await openDevice(cookies);
    const client = open();
    await client.login(ann.login, ann.password);
    const before = await client.session();
    world.intercept = ({ method, url }, response) => {
      if (method !== "GET" || url !== "/api/security/session") return false;
      response.writeHead(404).end();
      return true;
    };
    expect((await setUp(client, clock)).recoveryCodes).toHaveLength(8);
    expect((await client.session())?.session).toEqual(before?.session);
    expect(await seen(client.fetch("/strong"))).toBe("ann");
  });

  it("a code that was used before is named, and a wrong one is not", async () => {
    const { client, app, next } = await openEnrolled(cookies);
    await client.logout();
    const totp = next(app);
    await client.login(ann.login, ann.password, { totp });
    await client.logout();
    const used = await client.login(ann.login, ann.password, { totp }).catch((error: unknown) => error as AmphoError);
    if (!(used instanceof AmphoError)) throw new Error("a used code was accepted");
    expect(used).toMatchObject({ code: "invalid_credentials", details: { reason: "code_used" } });
    expect(used.message).toContain("Wait for the next one.");
    expect(await outcome(client.login(ann.login, ann.password, { totp: "000000" }))).toBe("invalid_credentials");
  });

  it("a login without a code is finished with a code", async () => {
    const { client, app, next, storage } = await openEnrolled(cookies);
    await client.logout();
    const needed = await failureOf(client.login(ann.login, ann.password));
    expect(needed).toBeInstanceOf(AmphoError);
    expect(needed).toMatchObject({ code: "factor_needed", enroll: false, factors: ["totp", "recovery_code"] });
    expect([await client.session(), storage.record()]).toEqual([undefined, {}]);
    expect(await outcome(needed.finish({ totp: "000000" }))).toBe("invalid_credentials");
    const reported: (string | undefined)[] = [];
    client.onChange((session) => void reported.push(session?.login));
    expect(await needed.finish({ totp: next(app) })).toMatchObject({ login: "ann", acr: "2fa" });
    expect(await seen(client.fetch("/strong"))).toBe("ann");
    expect(reported).toEqual(["ann"]);
    expect(await outcome(needed.finish({ totp: next(app) }))).toBe("transaction_over");
  });

  it("a login by a recovery code returns how many are left", async () => {
    const { client, recoveryCodes, storage } = await openEnrolled(cookies);
    await client.logout();
    const needed = await failureOf(client.login(ann.login, ann.password));
    const session = await needed.finish({ recoveryCode: String(recoveryCodes[0]) });
    expect(session.recoveryCodesLeft).toBe(7);
    expect(JSON.stringify(storage.record())).not.toContain("recovery");
    await client.logout();
    const recoveryCode = String(recoveryCodes[1]);
    expect(await client.login(ann.login, ann.password, { recoveryCode })).toMatchObject({ recoveryCodesLeft: 6 });
  });

  it("a lost response of the second step is repeated by the same code", async () => {
    const { client, app, next, network, world } = await openEnrolled(cookies, { overNetwork: true });
    await client.logout();
    const needed = await failureOf(client.login(ann.login, ann.password));
    const totp = next(app);
    if (network) network.cuts = losing("/api/security/login", 3);
    expect(await outcome(needed.finish({ totp }))).toBe("unavailable");
    expect(await needed.finish({ totp })).toMatchObject({ acr: "2fa" });
    const { id = "" } = (await world.ampho.users.find("ann")) ?? {};
    expect(await world.ampho.sessions.list(id)).toHaveLength(1);
  });

  it("a remembered device needs no code, and a forgotten one needs it again", async () => {
    const { client, app, next } = await openEnrolled(cookies);
    await client.logout();
    await client.login(ann.login, ann.password, { totp: next(app), remember: true });
    await client.logout();
    expect(await client.login(ann.login, ann.password)).toMatchObject({ acr: "1fa", amr: ["pwd", "dev"] });
    await client.devices.forget();
    await client.logout();
    await failureOf(client.login(ann.login, ann.password));
  });

  it("a login whose account must have a second factor sets it up, and then has a session", async () => {
    const { world, open, clock, next, storage } = await openDevice(cookies, { factors: { editor: "required" } });
    const client = open();
    const needed = await failureOf(client.login(ann.login, ann.password));
    expect(needed).toMatchObject({ enroll: true, factors: [] });
    const setup = await client.totp.begin(needed);
    const app = URI.parse(setup.uri) as TOTP;
    expect(await outcome(setup.confirm("000000"))).toBe("invalid_credentials");
    const { recoveryCodes, session } = await setup.confirm(codeOf(app, clock));
    expect(recoveryCodes).toHaveLength(8);
    expect(session).toMatchObject({ login: "ann", acr: "2fa" });
    expect(JSON.stringify([...storage.values])).not.toContain(String(recoveryCodes[0]));
    expect(await seen(client.fetch("/strong"))).toBe("ann");
    clock.advance(1000);
    expect(await seen(client.fetch("/strong"))).toBe("ann");
    expect(await world.count("renew")).toBe(1);
    await client.logout();
    expect(await client.login(ann.login, ann.password, { totp: next(app) })).toMatchObject({ acr: "2fa" });
    expect(await outcome(client.totp.remove())).toBe("last_way_in");
  });

  it("new recovery codes replace the former ones, and a user without TOTP signs in by password", async () => {
    const { client, app, next, recoveryCodes } = await openEnrolled(cookies);
    await (await client.stepUp()).finish({ totp: next(app) });
    const renewed = await client.recoveryCodes.renew();
    expect(renewed).toHaveLength(8);
    expect(renewed.filter((code) => recoveryCodes.includes(code))).toEqual([]);
    await client.totp.remove();
    await client.logout();
    expect(await client.login(ann.login, ann.password)).toMatchObject({ acr: "1fa" });
  });
});

describe.each(modes)("a step-up %s", (_, cookies) => {
  it("a step-up raises the present session", async () => {
    const { client, app, next, open } = await openWeak(cookies);
    const before = await client.session();
    expect(await seen(client.fetch("/strong"))).toBe(401);
    const needed = await client.stepUp();
    expect(needed).toMatchObject({ enroll: false, factors: ["totp", "recovery_code"] });
    const after = await needed.finish({ totp: next(app) });
    expect([after.session?.id, after.acr]).toEqual([before?.session?.id, "2fa"]);
    expect(await Promise.all([client, open()].map((one) => seen(one.fetch("/strong"))))).toEqual(["ann", "ann"]);
  });

  it("a step-up works although the token expired while the user looked for the code", async () => {
    const { client, clock, app, next, world } = await openWeak(cookies);
    clock.advance(600);
    const needed = await client.stepUp();
    clock.advance(500);
    await needed.finish({ totp: next(app) });
    expect(await seen(client.fetch("/strong"))).toBe("ann");
    expect(await world.count("renew")).toBe(1);
  });

  it("a step-up without a session fails with session_ended", async () => {
    const { open } = await openDevice(cookies);
    expect(await outcome(open().stepUp())).toBe("session_ended");
  });

  it("a client whose token is due during a step-up waits for it, and keeps its tokens", async () => {
    const { client, storage, network, app, next, open, world } = await openWeak(cookies, { overNetwork: true });
    const needed = await client.stepUp();
    const logins = () => world.requests.filter((one) => one === "POST /api/security/login").length;
    const before = logins();
    if (network) network.delayMs = 300;
    const raising = needed.finish({ totp: next(app) });
    await expect.poll(logins, { interval: 5 }).toBe(before + 1);
    storage.age(880);
    const other = open();
    expect(await seen(other.fetch("/strong"))).toBe("ann");
    expect((await raising).acr).toBe("2fa");
    expect([await world.count("renew"), await world.count("renew_replayed")]).toEqual([0, 0]);
    expect(await seen(client.fetch("/strong"))).toBe("ann");
  });

  it("parallel requests share one call of onStepUp, and are then repeated once", async () => {
    const { app, next, open, world } = await openWeak(cookies);
    const asked: unknown[] = [];
    const client = open({
      async onStepUp(error) {
        asked.push([error.code, error.details]);
        await (await client.stepUp()).finish({ totp: next(app) });
      },
    });
    world.requests.length = 0;
    const results = Array.from({ length: 5 }, () => seen(client.fetch("/strong", { method: "POST", body: "once" })));
    expect(new Set(await Promise.all(results))).toEqual(new Set(["ann"]));
    expect(asked).toEqual([["login_too_weak", { acr: "2fa" }]]);
    expect(world.requests.filter((one) => one === "POST /strong")).toHaveLength(10);
    expect(await seen(client.fetch("/strong"))).toBe("ann");
    expect(asked).toHaveLength(1);
  });

  it("a response of another origin calls no onStepUp", async () => {
    const { open } = await openWeak(cookies);
    const asked: unknown[] = [];
    const client = open({ onStepUp: (error) => asked.push(error) });
    const { url } = await listening((_, response) => {
      response
        .writeHead(401, { "Access-Control-Allow-Origin": "*" })
        .end('{"error":"login_too_weak","message":"Prove it."}');
    });
    expect((await client.fetch(url)).status).toBe(401);
    expect(asked).toEqual([]);
  });

  it("a route that requires a recent login calls onStepUp, which signs in again", async () => {
    const { clock, app, next, open } = await openWeak(cookies);
    const asked: unknown[] = [];
    const client = open({
      async onStepUp(error) {
        asked.push([error.code, error.details]);
        await client.login(ann.login, ann.password, { totp: next(app) });
      },
    });
    const before = await client.session();
    clock.advance(400);
    expect(await seen(client.fetch("/recent"))).toBe("ann");
    expect(asked).toEqual([["login_too_old", { maxAgeSeconds: 300 }]]);
    expect((await client.session())?.session?.id).toBe(before?.session?.id);
    clock.advance(400);
    expect(await client.recoveryCodes.renew()).toHaveLength(8);
    expect(asked).toHaveLength(2);
  });

  it("a rejected onStepUp rejects the requests that wait for it, and the next request calls it again", async () => {
    const { open } = await openWeak(cookies);
    let count = 0;
    const client = open({
      async onStepUp() {
        await wait(100);
        throw new RangeError(`cancelled ${++count}`);
      },
    });
    const results = await Promise.allSettled([client.fetch("/strong"), client.fetch("/strong")]);
    expect(results.map((result) => String(Object(result).reason))).toEqual(
      Array.from({ length: 2 }, () => "RangeError: cancelled 1"),
    );
    await expect(client.fetch("/strong")).rejects.toThrow("cancelled 2");
  });

  it("a request of one user is not repeated for another who signed in meanwhile", async () => {
    const { open, world } = await openWeak(cookies);
    const client = open({ onStepUp: () => client.login(ben.login, ben.password) });
    world.requests.length = 0;
    expect(await outcome(client.fetch("/strong", { method: "POST", body: "of ann" }))).toBe("session_ended");
    expect(world.requests.filter((one) => one === "POST /strong")).toHaveLength(1);
    expect(await seen(client.fetch("/guarded"))).toBe("ben");
  });

  it("a second click on a login step gets the result of the first", async () => {
    const { client, app, next, world } = await openEnrolled(cookies);
    await client.logout();
    const needed = await failureOf(client.login(ann.login, ann.password));
    const totp = next(app);
    const finished = await Promise.all([needed.finish({ totp }), needed.finish({ totp })]);
    expect(new Set(finished.map(({ session }) => session?.id)).size).toBe(1);
    const proof = { totp: next(app) };
    const logins = [1, 2].map(() => client.login(ann.login, ann.password, proof));
    expect(await Promise.all(logins.map(outcome))).toEqual(["resolved", "resolved"]);
    await world.ampho.factors.setPolicy((await world.ampho.users.find("ben"))?.id ?? "", "required");
    const setup = await client.totp.begin(await failureOf(client.login(ben.login, ben.password)));
    const other = URI.parse(setup.uri);
    if (!(other instanceof TOTP)) throw new Error("the URI is not of TOTP");
    const code = next(other);
    const confirmed = await Promise.all([setup.confirm(code), setup.confirm(code)]);
    expect(confirmed.map(({ recoveryCodes }) => recoveryCodes.length)).toEqual([8, 8]);
    expect(await seen(client.fetch("/strong"))).toBe("ben");
  });

  it("two re-authentications at once leave tokens that renew", async () => {
    const { client, app, next, clock, storage, world } = await openWeak(cookies);
    const codes = [next(app), next(app)];
    const logins = codes.map((totp) => outcome(client.login(ann.login, ann.password, { totp })));
    expect((await Promise.all(logins)).at(-1)).toBe("resolved");
    clock.advance(1000);
    storage.age(1000);
    expect(await seen(client.fetch("/guarded"))).toBe("ann");
    expect(await world.count("renew_replayed")).toBe(0);
  });

  it("a pending login name of another user sets up no factor of the session beside it", async () => {
    const { open, next, world } = await openDevice(cookies);
    const client = open();
    const factorsOf = async (login: string) => {
      const { factors } = await world.ampho.factors.list((await world.ampho.users.find(login))?.id ?? "");
      return factors.map(({ id }) => id);
    };
    await client.login(ann.login, ann.password);
    await world.ampho.factors.setPolicy((await world.ampho.users.find("ben"))?.id ?? "", "required");
    const setup = await client.totp.begin(await failureOf(client.login(ben.login, ben.password)));
    const app = URI.parse(setup.uri);
    if (!(app instanceof TOTP)) throw new Error("the URI is not of TOTP");
    expect(app.label).toBe("ben");
    expect((await setup.confirm(next(app))).recoveryCodes).toHaveLength(8);
    expect([await factorsOf("ann"), await factorsOf("ben")]).toEqual([[], ["totp", "recovery_code"]]);
    expect(await seen(client.fetch("/strong"))).toBe("ben");
  });

  it("a request that still lacks something after onStepUp returns its 401", async () => {
    const { open } = await openWeak(cookies);
    let count = 0;
    const client = open({ onStepUp: () => void count++ });
    expect(await seen(client.fetch("/strong"))).toBe(401);
    expect(count).toBe(1);
    const stream = { method: "POST", body: new Blob(["streamed"]).stream(), duplex: "half" };
    expect(await seen(client.fetch("/strong", stream))).toBe(401);
    expect(count).toBe(2);
  });
});

it("a client without a storage presents its device with the request of a mail", async () => {
  const { world } = await openDevice(false, { appUrl: "http://localhost/", mailLogin: true, mail: async () => {} });
  const client = createMailClient({ baseUrl: world.url });
  await client.login(ann.login, ann.password);
  await client.logout();
  await client.mailLogin(ann.login);
  expect(JSON.parse(world.calls.at(-1)?.body ?? "")).toEqual({ login: ann.login, device: expect.any(String) });
});
