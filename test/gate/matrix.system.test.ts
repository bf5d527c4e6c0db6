// W-03: every way of ways.ts with each policy, for an account with and without a second factor. A whole run has all of
// them on both databases. Every other run colors the policies and the two accounts like a chess board: a light square
// runs on SQLite, and a dark one on PostgreSQL.
import { expect, it } from "vitest";
import type { Message } from "../../dist/index.js";
import { policies } from "../../dist/levels/policy.js";
import { createSubject, userHandle } from "../factors/webauthn/authenticator.js";
import { grantOf, password, type ReadResponse, type World } from "../world/ampho.js";
import { claimsOf } from "../world/tokens.js";
import { runsOn, sideBySide, wholeOr } from "../world/whole.js";
import { type Mailing, mailingOf, mailSettings } from "./mailboxes.js";
import { type Outside, openOutside, signIn } from "./outside.js";
import { addOwner, fullLogin, type Ground, logIn, onBothDatabases, textsOf, unthrottled } from "./owners.js";
import { addPasskeyOwner, passkeySettings } from "./passkey-owners.js";
import { type Actor, type Code, type Column, ways } from "./ways.js";

function outcomeOf(response: ReadResponse | "no way", login: string | undefined): string {
  if (response === "no way") return response;
  const { status, json, error } = response;
  if (status !== 200) {
    const rejected = error === "invalid_request" ? 400 : 401;
    expect([status, json["token"], json["refresh_token"]]).toEqual([rejected, undefined, undefined]);
    return error === "factor_needed" && json["enroll"] === true ? "factor_needed, enroll" : String(error);
  }
  const claims = claimsOf(String(json["token"]));
  if (login !== undefined) expect(claims["login"]).toBe(login);
  const amr = textsOf(claims["amr"]);
  const isPasskey = amr.includes("swk") || amr.includes("hwk");
  expect(claims["acr"]).toBe(isPasskey ? "phr" : amr.includes("otp") || amr.includes("rec") ? "2fa" : "1fa");
  return `${claims["acr"]}${amr.includes("dev") ? " dev" : ""}`;
}

const settings = {
  ...unthrottled,
  ...mailSettings,
  ...passkeySettings,
  factors: { "*": "optional", required: "required", phr: "phr" },
} as const;

interface Site {
  readonly outside: Outside;
  readonly world: Mailing;
}

/** Its provider and its mailboxes are in this process. */
async function openSite(ground: Ground): Promise<Site> {
  const mails: Message[] = [];
  const outside = await openOutside(ground, {
    options: { ...settings, mail: async (message: Message) => void mails.push(message) },
  });
  return { outside, world: mailingOf(ground, outside.world, mails) };
}

const addressOf = (login: string) => `${login}@x.example`;

/** A passkey that no account has. */
const stranger = () => ({ subject: createSubject(-7), handle: userHandle });

/** The second factor of this account is a passkey. */
async function passkeyActorOf(site: Site, login: string, column: Column, ground: Ground): Promise<Actor> {
  if (!column.endsWith(", with")) return actorOf(site, login, column, ground);
  const { world, outside } = site;
  const key = await addPasskeyOwner(world, login);
  await world.ampho.users.setRoles(login, rolesOf(column));
  await setAddress(ground, world, login, true);
  const factor = () => expect.unreachable("this account has no code");
  return {
    world,
    login,
    id: key.id,
    owner: undefined,
    device: key.enrolling.device,
    factor,
    key,
    outside: signInOf(outside, login, key.id, ground),
  };
}

/**
 * The password is as by `user-add`, which the first proof of the address leaves. It would end the factors of an owner
 * (first-proof.test.ts), so an owner has proven the address before.
 */
const setAddress = async (ground: Ground, world: World, login: string, isProven: boolean) => {
  await world.ampho.users.setEmail(login, addressOf(login));
  await ground.sql(world, `update ampho_users set password_by_operator = 1 where login = '${login}'`);
  await setProven(ground, world, login, isProven);
};

async function setProven(ground: Ground, world: World, login: string, isProven: boolean): Promise<void> {
  const provenAt = isProven ? "created_at" : "null";
  await ground.sql(world, `update ampho_users set email_proven_at = ${provenAt} where login = '${login}'`);
}

function rolesOf(column: Column): readonly string[] {
  const [policy = ""] = column.split(",");
  return policy === "optional" ? [] : [policy];
}

/** A login with an identity that the user is linked to. */
function signInOf(outside: Outside, login: string, id: string, ground: Ground): Actor["outside"] {
  return async (about = {}) => {
    const { world, evil } = outside;
    await ground.sql(
      world,
      `insert into ampho_identities (issuer, subject, user_id, provider, created_at)
       values ('${evil.issuer}', '${login}', '${id}', 'acme', 0) on conflict do nothing`,
    );
    return signIn(outside, { claims: { sub: login }, ...about });
  };
}

async function actorOf({ world, outside }: Site, login: string, column: Column, ground: Ground): Promise<Actor> {
  const owner = column.endsWith(", with") ? await addOwner(world, login) : undefined;
  const id = owner?.id ?? (await world.user(login, { password })).id;
  const device = owner
    ? (await fullLogin(world, owner, { remember: true })).device
    : String((await logIn(world, login, { remember: true })).json["device"]);
  await world.ampho.users.setRoles(login, rolesOf(column));
  await setAddress(ground, world, login, owner !== undefined);
  const codes = [...(owner?.recoveryCodes ?? [])];
  const factor = (name: Code): Record<string, string> =>
    name === "totp"
      ? { totp: owner?.nextCode() ?? "123456" }
      : { recovery_code: codes.pop() ?? "0000-0000-0000-0000-0000-0000" };
  return { world, login, id, owner, device, factor, key: stranger(), outside: signInOf(outside, login, id, ground) };
}

const columns = policies.flatMap((policy, row) =>
  (["without", "with"] as const).map((second, at) => ({ column: `${policy}, ${second}` as const, n: row + at })),
);

/** The outcome of each way, each for an account of the column. */
async function outcomesOf(ground: Ground, column: Column): Promise<Readonly<Record<string, string>>> {
  const site = await openSite(ground);
  const outcomes: Record<string, string> = {};
  // An enrolment changes the account, so each way that enrols gets its own.
  const shared = await actorOf(site, "ann", column, ground);
  for (const [at, way] of ways.entries()) {
    const enrols = ["POST /totp/confirm", "POST /passkeys"].includes(way.route);
    const needsCodes = way.proves === "recovery_code";
    const open = way.proves === "passkey" ? passkeyActorOf : actorOf;
    const actor =
      enrols || needsCodes || open === passkeyActorOf ? await open(site, `ann${at}`, column, ground) : shared;
    // A proven address would need a mailed code to enrol.
    if (way.route === "POST /passkeys") await setProven(ground, site.world, actor.login, false);
    const isNew = way.route === "POST /register/finish";
    outcomes[way.name] = outcomeOf(await way.go(actor), isNew ? undefined : actor.login);
  }
  return outcomes;
}

onBothDatabases((ground) => {
  it("no way grants less than each policy asks of accounts with and without a second factor", async () => {
    const tried = columns.filter(({ n }) => runsOn(ground.database, n));
    expect(tried).toHaveLength(wholeOr(6, 3));
    await sideBySide(tried, async ({ column }) => {
      const outcomes = await outcomesOf(await ground.another(), column);
      const stated = Object.fromEntries(ways.map(({ name, outcomes: of }) => [name, of[column]]));
      expect({ column, ...outcomes }).toEqual({ column, ...stated });
    });
  }, 600_000);

  it("`sessions.create` is the stated exception, and takes the word of the application", async () => {
    const world = await ground.open({ factors: { "*": "phr" } });
    const { id } = await world.user("ann", { password });
    expect(claimsOf((await world.ampho.sessions.create(id)).token)).toMatchObject({ amr: [], acr: "1fa" });
    const vouched = await world.ampho.sessions.create(id, { amr: ["hwk", "mfa"], acr: "phr" });
    expect(claimsOf(vouched.token)).toMatchObject({ amr: ["hwk", "mfa"], acr: "phr" });
  });

  it("a step-up of a session of `sessions.create` adds the second factor and `mfa`", async () => {
    const world = await ground.open();
    const ann = await addOwner(world, "ann");
    for (const amr of [[], ["fed"]]) {
      const { token: bearer } = await world.ampho.sessions.create(ann.id, { amr });
      const raised = grantOf(await world.call("POST", "/login", { body: { totp: ann.nextCode() }, bearer }));
      expect(claimsOf(raised.token)).toMatchObject({ amr: [...amr, "otp", "mfa"], acr: "2fa" });
    }
  });
});
