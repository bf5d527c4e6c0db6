// Users of an application's own table who must not log in: created disabled, or removed by a function that deletes nothing.
import { describe, expect, it } from "vitest";
import type { AmphoOptions, ApplicationUser } from "../../dist/index.js";
import { createSubject, register } from "../factors/webauthn/authenticator.js";
import { admission, grantOf, password, type ReadResponse, type World } from "../world/ampho.js";
import { codeOf, openOutside, signIn } from "./outside.js";
import { codeAt, type Ground, onBothDatabases, outcomeOf, setUp } from "./owners.js";
import { challengeOf, logInWith } from "./passkey-owners.js";

interface Person extends ApplicationUser {
  disabled: boolean;
}

const email = "ann@x.example";
const pending = [403, "account_pending"];

type Remove = (id: string, rows: Person[]) => void;

async function open(ground: Ground, options: AmphoOptions = {}, remove: Remove = () => {}) {
  const rows: Person[] = [];
  const outside = await openOutside(ground, {
    options: {
      registration: "open",
      appUrl: "https://example.org/",
      ...options,
      users: {
        find: (login) => rows.find((row) => row.login === login),
        findById: (id) => rows.find((row) => row.id === id),
        verify: (_, given) => given === password,
        create({ login, email: address, roles }) {
          rows.push({ id: `id-${rows.length}`, login, email: address, emailProven: true, roles, disabled: true });
          return rows.at(-1);
        },
        remove: ({ id }) => remove(id, rows),
      },
    },
  });
  return { outside, rows, world: outside.world };
}

type Opened = Awaited<ReturnType<typeof open>>;

/** Ways in which a stranger creates an account. Each returns the response, and a login by what was set up. */
type Way = (opened: Opened) => Promise<readonly [ReadResponse, () => Promise<ReadResponse>]>;

const byPassword: Way = async ({ outside, world }) => {
  const { json } = await world.call("POST", "/register", { body: { email } });
  const body = { transaction: json["transaction"], code: await codeOf(outside, email), password };
  return [await world.call("POST", "/register/finish", { body }), () => logInBy(world)];
};

const ways: Readonly<Record<string, Way>> = {
  "a password": byPassword,
  async "a passkey"({ outside, world }) {
    const { transaction, challenge, options } = challengeOf(await world.call("POST", "/register", { body: { email } }));
    const subject = createSubject(-7);
    const body = { transaction, code: await codeOf(outside, email), passkey: register(subject, challenge) };
    const owner = { subject, handle: options.user?.id ?? "" };
    return [await world.call("POST", "/register/finish", { body }), () => logInWith(world, owner)];
  },
  async "an identity"({ outside, world }) {
    const claims = { sub: "ann", email, email_verified: true };
    const { json } = await signIn(outside, { claims });
    const body = { transaction: json["transaction"], code: await codeOf(outside, email) };
    return [await world.call("POST", "/login", { body }), () => signIn(outside, { claims })];
  },
};

const logInBy = (world: World) => world.call("POST", "/login", { body: { login: email, password } });

onBothDatabases((ground) => {
  it.each(Object.entries(ways))(
    "a user whom the table creates disabled waits, and then signs in by %s",
    async (_, way) => {
      const opened = await open(ground);
      const { world, rows } = opened;
      const [created, enter] = await way(opened);
      expect(outcomeOf(created)).toEqual(pending);
      expect(created.text).not.toContain("token");
      expect(await world.ampho.sessions.list("id-0")).toEqual([]);
      expect((await enter()).status).toBe(401);
      expect(await world.ampho.sessions.list("id-0")).toEqual([]);
      for (const row of rows) row.disabled = false;
      expect(outcomeOf(await enter())).toEqual([200]);
    },
  );

  it.each(["required", "phr"] as const)("a user who is created disabled under the policy %s waits", async (policy) => {
    const opened = await open(ground, { factors: { default: policy } });
    const [created] = await byPassword(opened);
    expect(outcomeOf(created)).toEqual(pending);
  });

  describe("a function `remove` that ends without an effect", () => {
    const openWithFactor = async (remove: Remove) => {
      const { world, rows } = await open(ground, {}, remove);
      rows.push({ id: "id-0", login: email, email, emailProven: false, disabled: false });
      const { token } = grantOf(await logInBy(world));
      const { secret, transaction } = await setUp(world, token);
      const totp = codeAt(secret, world.clock.now());
      expect((await world.call("POST", "/totp/confirm", { body: { transaction, totp }, bearer: token })).status).toBe(
        200,
      );
      world.clock.advance(30);
      const needed = await logInBy(world);
      const body = { transaction: needed.json["transaction"], totp: codeAt(secret, world.clock.now()) };
      const { token: bearer } = grantOf(await world.call("POST", "/login", { body }));
      return { world, rows, bearer };
    };

    it("the factors of the user stay, so that the password alone does not sign in", async () => {
      const { world, bearer } = await openWithFactor(() => {});
      expect(outcomeOf(await world.call("DELETE", "/account", { bearer }))).toEqual([503, "unavailable"]);
      expect(world.notices.join("\n")).toContain(
        "users.remove has ended, and the user is neither deleted nor disabled",
      );
      expect(outcomeOf(await logInBy(world))).toEqual([401, "factor_needed"]);
      expect(await admission(world.ampho, bearer)).toBe("in");
    });

    it("a user whom `remove` disables counts as deleted, and cannot sign in", async () => {
      const { world, bearer } = await openWithFactor((_, rows) => {
        for (const row of rows) row.disabled = true;
      });
      expect((await world.call("DELETE", "/account", { bearer })).status).toBe(204);
      expect(outcomeOf(await logInBy(world))).toEqual([401, "invalid_credentials"]);
    });
  });
});
