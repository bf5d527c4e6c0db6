// A property: the level of every session is that of its methods, whatever a user did before. fast-check walks through random
// logins, step-ups, renewals, enrolments and removals.
import fc from "fast-check";
import { expect, it } from "vitest";
import { password, type ReadResponse, type World } from "../world/ampho.js";
import { claimsOf } from "../world/tokens.js";
import { codeAt, logIn, onBothDatabases, textsOf, unthrottled } from "./owners.js";

interface Walk {
  readonly world: World;
  readonly id: string;
  readonly login: string;
  secret: string | undefined;
  codes: string[];
  readonly tokens: { token: string; refresh: string }[];
  device: string | undefined;
}

/** Written from the design: a second factor beside a first one is `2fa`. Here the application vouches for no method. */
function levelOf(amr: readonly string[]): string {
  return amr.some((method) => ["otp", "rec"].includes(method)) ? "2fa" : "1fa";
}

function expectLevel({ acr, amr }: { readonly acr?: unknown; readonly amr?: unknown }): void {
  const methods = textsOf(amr);
  expect(acr).toBe(levelOf(methods));
  expect(methods.includes("mfa")).toBe(acr === "2fa");
  expect(methods.includes("dev") && acr === "2fa").toBe(false);
  expect(new Set(methods).size).toBe(methods.length);
}

function keep(walk: Walk, { status, json }: ReadResponse): void {
  if (status !== 200 || typeof json["token"] !== "string") return;
  expectLevel(claimsOf(json["token"]));
  const refresh = String(json["refresh_token"]);
  // Earlier tokens stay, so that later steps also use tokens that were renewed or whose session ended.
  walk.tokens.unshift({ token: json["token"], refresh });
  if (typeof json["device"] === "string") walk.device = json["device"];
}

function codeOf({ world, secret }: Walk): string {
  world.clock.advance(30);
  return secret === undefined ? "123456" : codeAt(secret, world.clock.now());
}

const post = ({ world }: Walk, body: object, bearer?: string) => world.call("POST", "/login", { body, bearer });
const tokenAt = ({ tokens }: Walk, at: number) => tokens[at % Math.max(1, tokens.length)];

async function enrol(walk: Walk, sent: object, bearer?: string): Promise<void> {
  const begun = await walk.world.call("POST", "/totp", { ...sent, bearer });
  if (begun.status !== 200) return;
  const secret = String(begun.json["secret"]);
  const totp = codeAt(secret, walk.world.clock.now());
  const body = { transaction: begun.json["transaction"], totp };
  const confirmed = await walk.world.call("POST", "/totp/confirm", { body, bearer });
  if (confirmed.status !== 200) return;
  walk.secret = secret;
  walk.codes = [...textsOf(confirmed.json["recovery_codes"])];
  keep(walk, confirmed);
}

const steps: Readonly<Record<string, (walk: Walk, at: number) => Promise<void>>> = {
  "password alone": async (walk) => {
    const response = await logIn(walk.world, walk.login);
    keep(walk, response);
    const { transaction, enroll } = response.json;
    if (enroll === true) await enrol(walk, { body: { transaction } });
    else if (transaction !== undefined) keep(walk, await post(walk, { transaction, totp: codeOf(walk) }));
  },
  "password and app": async (walk, at) =>
    keep(walk, await logIn(walk.world, walk.login, { totp: codeOf(walk), remember: at % 2 === 0 })),
  "password and recovery code": async (walk) =>
    keep(walk, await logIn(walk.world, walk.login, { recovery_code: walk.codes.pop() ?? "0".repeat(24) })),
  "password on the device": async (walk) => keep(walk, await logIn(walk.world, walk.login, { device: walk.device })),
  "re-authentication": async (walk, at) => {
    const body = { login: walk.login, password, ...(at % 2 === 0 && { totp: codeOf(walk) }) };
    keep(walk, await post(walk, body, tokenAt(walk, at)?.token));
  },
  "step-up": async (walk, at) => keep(walk, await post(walk, { totp: codeOf(walk) }, tokenAt(walk, at)?.token)),
  renewal: async (walk, at) => keep(walk, await walk.world.renew(tokenAt(walk, at)?.refresh ?? "")),
  "application's session": async (walk) => {
    const { token, refresh_token = "" } = await walk.world.ampho.sessions.create(walk.id, {
      authTime: walk.world.clock.now(),
    });
    walk.tokens.unshift({ token, refresh: refresh_token });
  },
  enrolment: (walk, at) => enrol(walk, {}, tokenAt(walk, at)?.token),
  removal: async (walk, at) => {
    const removed = await walk.world.call("DELETE", "/totp", { bearer: tokenAt(walk, at)?.token });
    keep(walk, removed);
    if (removed.status === 200) [walk.secret, walk.codes] = [undefined, []];
  },
  "operator's policy": (walk, at) =>
    walk.world.ampho.factors.setPolicy(walk.id, (["default", "optional", "required"] as const)[at % 3] ?? "default"),
  "time passes": async ({ world }, at) => world.clock.advance(at * 20),
};

onBothDatabases((ground) => {
  it("the level of every session is that of its methods, after any sequence of steps", async () => {
    const world = await ground.open({ ...unthrottled, throttleAttempts: 1_000_000 });
    let count = 0;
    const step = fc.tuple(fc.constantFrom(...Object.keys(steps)), fc.nat(7));
    const property = fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25, size: "max" }), async (walked) => {
      const login = `ann${count++}`;
      const { id } = await world.user(login, { password });
      const walk: Walk = { world, id, login, secret: undefined, codes: [], tokens: [], device: undefined };
      for (const [name, at] of walked) {
        await steps[name]?.(walk, at);
        for (const session of await world.ampho.sessions.list(id)) expectLevel(session);
      }
    });
    await fc.assert(property, { numRuns: 40, interruptAfterTimeLimit: 60_000 });
    const reached = await ground.sql(world, "select acr, count(*) as n from ampho_sessions group by acr order by acr");
    expect(reached.map(({ acr }) => acr)).toEqual(["1fa", "2fa"]);
  });
});
