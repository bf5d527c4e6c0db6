// Passkeys of users in an application's own table, with and without `findById`.
import { describe, expect, it } from "vitest";
import type { ApplicationUser } from "../../dist/index.js";
import { authenticate, base64url, createSubject } from "../factors/webauthn/authenticator.js";
import { openWorld, password, type World } from "../world/ampho.js";
import { claimsOf } from "../world/tokens.js";
import { logIn, outcomeOf, wrong } from "./owners.js";
import {
  addPasskeyOwner,
  challengeOf,
  logInWith,
  type PasskeyOwner,
  passkeyLogin,
  passkeySettings,
} from "./passkey-owners.js";

type Found = Promise<ApplicationUser | undefined>;

interface Table {
  find: (login: string) => Found;
  findById: (id: string) => Found;
}

const idOf = (login: string) => `id of ${login}`;

async function open(findsById: boolean) {
  const table: Table = {
    find: async (login) => ({ id: idOf(login), login }),
    findById: async (id) => (id.startsWith("id of ") ? { id, login: id.slice(6) } : undefined),
  };
  const users = {
    find: (login: string) => table.find(login),
    verify: async (_: unknown, given: string) => given === password,
    ...(findsById && { findById: (id: string) => table.findById(id) }),
  };
  return { world: await openWorld({ ...passkeySettings, users }), table };
}

/** Enrols a user whom only the application knows. */
const enrolled = (world: World, login: string): Promise<PasskeyOwner> =>
  addPasskeyOwner(
    {
      ...world,
      user: async () => ({ id: idOf(login), login, roles: [], disabled: false, email: null, emailProven: false }),
    },
    login,
  );

const failing: Readonly<Record<string, { readonly find: Table["find"]; readonly status: number }>> = {
  throws: { find: () => Promise.reject(new Error("the table is down")), status: 503 },
  "never responds": { find: () => new Promise(() => undefined), status: 503 },
  "returns another user": { find: async (login) => ({ id: "another", login }), status: 401 },
  "has lost the user": { find: async () => undefined, status: 401 },
  "has disabled the user": { find: async () => ({ id: "id of ann", login: "ann", disabled: true }), status: 401 },
};

describe.each([true, false])("passkeys with an application's own table, with findById: %s", (findsById) => {
  it("a user of the application signs in by passkey, alone and after the password", async () => {
    const { world } = await open(findsById);
    const ann = await enrolled(world, "ann");
    const alone = await passkeyLogin(world, ann);
    expect(claimsOf(alone.token)).toMatchObject({ sub: ann.id, login: "ann", acr: "phr", amr: ["swk", "mfa"] });
    const { transaction, challenge } = challengeOf(await logIn(world, "ann"));
    const body = { transaction, passkey: authenticate(ann.subject, challenge) };
    const both = await world.call("POST", "/login", { body });
    expect(claimsOf(String(both.json["token"]))).toMatchObject({ sub: ann.id, acr: "phr", amr: ["pwd", "swk", "mfa"] });
  });

  it.each(Object.entries(failing))("a table that %s lets no passkey open a session", async (_, { find, status }) => {
    const { world, table } = await open(findsById);
    const ann = await enrolled(world, "ann");
    const { transaction, challenge } = challengeOf(await logIn(world, "ann"));
    const good = { ...table };
    table.find = find;
    table.findById = () => find("ann");
    const second = { transaction, passkey: authenticate(ann.subject, challenge) };
    const responses = [await logInWith(world, ann), await world.call("POST", "/login", { body: second })];
    for (const response of responses)
      expect([response.status, response.json["token"]], response.text).toEqual([status, undefined]);
    if (status === 401) expect(responses[0]?.error).toBe("invalid_credentials");
    Object.assign(table, good);
    expect((await world.ampho.sessions.list(ann.id)).map(({ acr }) => acr).sort()).toEqual(["1fa", "phr"]);
    // The transaction is not used up.
    expect((await world.call("POST", "/login", { body: second })).status).toBe(200);
    await passkeyLogin(world, ann);
  });

  it("the last passkey can be removed, because the table has the password", async () => {
    const { world } = await open(findsById);
    const ann = await enrolled(world, "ann");
    const { token: bearer } = await passkeyLogin(world, ann);
    const path = `/passkeys/${base64url(ann.subject.id)}`;
    expect((await world.call("DELETE", path, { bearer })).status).toBe(200);
    expect((await logIn(world, "ann")).status).toBe(200);
  });

  it("only a passkey that no account has is unknown, whatever the table finds", async () => {
    const { world, table } = await open(findsById);
    const ann = await enrolled(world, "ann");
    const stranger = { subject: createSubject(-7), handle: ann.handle };
    expect(outcomeOf(await logInWith(world, stranger))).toEqual([401, "unknown_passkey"]);
    await world.ampho.sessions.endForUser(ann.id);
    table.find = async () => undefined;
    table.findById = async () => undefined;
    expect(outcomeOf(await logInWith(world, ann))).toEqual(wrong);
    expect(await world.events()).toContain("login_rejected: unknown");
    await world.ampho.factors.remove(ann.id, { all: true, reason: "A test removes them." });
    expect(outcomeOf(await logInWith(world, ann))).toEqual([401, "unknown_passkey"]);
  });
});

it("a table without `findById` finds the user of a passkey by a live session alone", async () => {
  for (const [findsById, outcome] of [
    [true, [200]],
    [false, wrong],
  ] as const) {
    const { world } = await open(findsById);
    const ann = await enrolled(world, "ann");
    await world.ampho.sessions.endForUser(ann.id);
    expect(outcomeOf(await logInWith(world, ann))).toEqual(outcome);
  }
});

it("the application's table decides about a login by passkey, also where Ampho's own table still has the user", async () => {
  const before = await openWorld(passkeySettings);
  const ann = await addPasskeyOwner(before, "ann", { roles: ["admin"] });
  const user = { id: ann.id, login: "anna", roles: ["reader"], disabled: true };
  const users = { find: async () => user, findById: async () => user, verify: async () => false };
  const world = await before.another({ users });
  expect(outcomeOf(await logInWith(world, ann))).toEqual(wrong);
  expect(await world.events()).toContain("login_rejected: disabled");
  user.disabled = false;
  const { token } = await passkeyLogin(world, ann);
  expect(claimsOf(token)).toMatchObject({ sub: ann.id, login: "anna", roles: ["reader"] });
});
