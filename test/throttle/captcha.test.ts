// A captcha in place of a rejection of the throttle, with a siteverify server on the loopback interface.
import { describe, expect, it } from "vitest";
import type { AmphoOptions } from "../../dist/index.js";
import { openWorld, password, type ReadResponse, type World } from "../world/ampho.js";
import { type Behavior, type Listening, listen, sendJson } from "../world/listen.js";

const wrong = "not this one, sorry";
const solved = { success: true, hostname: "app.example", action: "login" };

interface Verifier extends Listening {
  /** The forms that it got. */
  readonly forms: URLSearchParams[];
}

/** Remembers the tokens that it has accepted, as Turnstile, hCaptcha and reCAPTCHA do. */
async function startVerifier(verdict: object = solved): Promise<Verifier> {
  const forms: URLSearchParams[] = [];
  const used = new Set<string>();
  const by: Behavior = (request, response) => {
    let body = "";
    request.on("data", (chunk) => {
      body += chunk;
    });
    request.once("end", () => {
      const form = new URLSearchParams(body);
      forms.push(form);
      const token = form.get("response") ?? "";
      const isGood = form.get("secret") === "secret-1" && token.startsWith("solved") && !used.has(token);
      used.add(token);
      sendJson(isGood ? verdict : { success: false, "error-codes": ["timeout-or-duplicate"] })(request, response);
    });
  };
  return { ...(await listen(by)), forms };
}

async function throttledWorld(options: AmphoOptions): Promise<World> {
  const world = await openWorld({ appUrl: "https://app.example/", ...options });
  await world.user("ann", { password });
  for (let failed = 0; failed < 5; failed++) await attempt(world, { password: wrong });
  return world;
}

const withVerifier = ({ url }: Verifier): AmphoOptions => ({
  captchaUrl: `${url.replace("//", "//:secret-1@")}/siteverify`,
});

const attempt = ({ call }: World, body: object, address = "192.0.2.7"): Promise<ReadResponse> =>
  call("POST", "/login", { address, body: { login: "ann", ...body } });

const outcomeOf = ({ status, error, headers }: ReadResponse) => [status, error, headers.get("retry-after")];
const counted = ({ ampho }: World) =>
  [...ampho.metrics().matchAll(/^ampho_captchas_total.* (\d+)$/gm)].map(([, n]) => n);

describe("a captcha", () => {
  it("Invented captchas from one address take the verifier from no other user", async () => {
    const held: (() => void)[] = [];
    const captcha = (token: string) =>
      token.startsWith("solved") || new Promise<boolean>((resolve) => void held.push(() => resolve(false)));
    const world = await throttledWorld({ captcha });
    const flood = Array.from({ length: 64 }, (_, at) =>
      attempt(world, { password: wrong, captcha: `invented-${at}` }, "203.0.113.9"),
    );
    await expect.poll(() => held.length).toBe(4);
    expect((await attempt(world, { password, captcha: "solved-1" }, "192.0.2.8")).status).toBe(200);
    for (const release of held) release();
    const statuses = (await Promise.all(flood)).map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set([429]));
  });

  it("A captcha is asked for where the throttle would reject, and a solved one buys one attempt", async () => {
    const verifier = await startVerifier();
    const world = await throttledWorld(withVerifier(verifier));
    const asked = await attempt(world, { password });
    expect(outcomeOf(asked)).toEqual([429, "captcha_needed", "60"]);
    expect((await attempt(world, { password, captcha: "solved-1" })).status).toBe(200);
    const [form] = verifier.forms;
    expect(Object.fromEntries(form ?? [])).toEqual({ secret: "secret-1", response: "solved-1", remoteip: "192.0.2.7" });
    expect(counted(world)).toEqual(["1", "0", "0"]);
  });

  it("A solved captcha does not make a wrong password right, and the failure counts", async () => {
    const world = await throttledWorld(withVerifier(await startVerifier()));
    expect(outcomeOf(await attempt(world, { password: wrong, captcha: "solved-1" }))).toEqual([
      401,
      "invalid_credentials",
      null,
    ]);
    expect(outcomeOf(await attempt(world, { password }))).toEqual([429, "captcha_needed", "120"]);
  });

  it("A captcha that is not needed is not verified", async () => {
    const verifier = await startVerifier();
    const world = await openWorld(withVerifier(verifier));
    await world.user("ann", { password });
    expect((await attempt(world, { password, captcha: "invented" })).status).toBe(200);
    expect(verifier.requested).toEqual([]);
  });

  it("A token buys one attempt even if the verifier accepts it twice", async () => {
    const world = await throttledWorld({ captcha: async (token) => token === "token-1" });
    const another = await world.another();
    const responses = await Promise.all(
      [world, another, world, another].map((each) => attempt(each, { password: wrong, captcha: "token-1" })),
    );
    expect(responses.map(({ status }) => status).sort()).toEqual([401, 429, 429, 429]);
    expect(outcomeOf(await attempt(world, { password, captcha: "token-1" })).slice(0, 2)).toEqual([
      429,
      "captcha_needed",
    ]);
  });

  it.each([
    ["another hostname", { ...solved, hostname: "evil.example" }],
    ["another action", { ...solved, action: "register" }],
    ["a score", { ...solved, score: 0.1 }],
    ["a success that is no boolean", { ...solved, success: "true" }],
  ])("A captcha with %s is rejected", async (_, response) => {
    const world = await throttledWorld(withVerifier(await startVerifier(response)));
    expect(outcomeOf(await attempt(world, { password, captcha: "solved-1" }))).toEqual([429, "captcha_needed", "60"]);
    expect(counted(world)).toEqual(["0", "1", "0"]);
  });

  it("A verifier that has neither hostname nor action is accepted", async () => {
    const world = await throttledWorld(withVerifier(await startVerifier({ success: true, action: "" })));
    expect((await attempt(world, { password, captcha: "solved-1" })).status).toBe(200);
  });

  const failures: readonly (readonly [name: string, by: Behavior, reason: RegExp])[] = [
    ["is unreachable", (request) => void request.destroy(), /could not be reached/],
    ["is silent", () => undefined, /no response within 3 s/],
    [
      "sends a megabyte",
      (_, response) => void response.writeHead(200).end(" ".repeat(1_048_576)),
      /longer than 64 KiB/,
    ],
    ["sends a page", (_, response) => void response.writeHead(502).end("<html>"), /was 502 without/],
  ];
  it.each(failures)("While the verifier %s, the throttle decides as without a captcha", async (_, by, reason) => {
    const verifier = await startVerifier();
    const world = await throttledWorld(withVerifier(verifier));
    verifier.respond(by);
    expect(outcomeOf(await attempt(world, { password, captcha: "solved-1" }))).toEqual([
      429,
      "too_many_attempts",
      "60",
    ]);
    await attempt(world, { password, captcha: "solved-2" });
    // Two failures have one row.
    const rows = (await world.ampho.audit.list()).filter(({ event }) => event === "captcha_failed");
    expect(rows).toMatchObject([{ origin: { actor: "user", address: "192.0.2.7" } }]);
    expect(rows[0]?.reason).toMatch(reason);
    await verifier.close();
  });

  it("A captcha ends no lock", async () => {
    const world = await throttledWorld({ captcha: () => true, throttleLock: 5 });
    expect(outcomeOf(await attempt(world, { password }))).toEqual([429, "too_many_attempts", "86400"]);
    expect(outcomeOf(await attempt(world, { password, captcha: "token-1" })).slice(0, 2)).toEqual([
      429,
      "too_many_attempts",
    ]);
  });

  it("Guesses with captchas reach the lock, and no guess passes it", async () => {
    const world = await throttledWorld({ captcha: () => true, throttleLock: 8 });
    const statuses: number[] = [];
    for (let n = 0; n < 6; n++)
      statuses.push((await attempt(world, { password: wrong, captcha: `token-${n}` })).status);
    expect(statuses).toEqual([401, 401, 401, 429, 429, 429]);
  });

  it("A captcha buys an attempt from an address whose limit is used up", async () => {
    const world = await openWorld({ captcha: () => true, throttleAddress: 3 });
    await world.user("ann", { password });
    for (const login of ["bob", "cat", "dan"]) await attempt(world, { login, password: wrong });
    expect(outcomeOf(await attempt(world, { password })).slice(0, 2)).toEqual([429, "captcha_needed"]);
    expect((await attempt(world, { password, captcha: "token-1" })).status).toBe(200);
  });

  it("The login page reads when a captcha is asked for", async () => {
    const without = await openWorld();
    expect((await without.call("GET", "/login")).json["captcha"]).toBeNull();
    const world = await openWorld({ captcha: () => true });
    expect((await world.call("GET", "/login")).json["captcha"]).toEqual({ when: "throttled" });
  });

  it("A function that rejects, or resolves to another value than true, buys nothing", async () => {
    const world = await throttledWorld({ captcha: () => Promise.reject(new Error("away")) });
    expect(outcomeOf(await attempt(world, { password, captcha: "x" }))).toEqual([429, "too_many_attempts", "60"]);
    const other = await throttledWorld({ captcha: (() => "yes") as unknown as () => boolean });
    expect(outcomeOf(await attempt(other, { password, captcha: "x" }))).toEqual([429, "captcha_needed", "60"]);
  });
});

it.each([
  [{ captchaUrl: "https://verifier.example/siteverify" }, /captchaUrl\) must be https:\/\/:KEY@/],
  [{ captchaUrl: "https://name:x@verifier.example/siteverify" }, /captchaUrl\) must be/],
  [{ captchaUrl: "http://:x@verifier.example/siteverify" }, /captchaUrl\) must be/],
  [{ captcha: () => true, captchaUrl: "https://:x@verifier.example/" }, /not both/],
])("The options %j stop the start", async (options, message) => {
  await expect(openWorld(options)).rejects.toThrow(message);
});
