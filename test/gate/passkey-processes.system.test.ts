// One assertion at many processes at once, and passkeys that processes change at the same moment.
import { expect, it } from "vitest";
import { startInstance } from "../ampho/processes.js";
import { authenticate, createSubject, register, type Subject } from "../factors/webauthn/authenticator.js";
import { grantOf, password } from "../world/ampho.js";
import { runningClock } from "../world/clock.js";
import { logIn, onBothDatabases } from "./owners.js";
import {
  addPasskey,
  addPasskeyOwner,
  assertion,
  beginPasskey,
  challengeOf,
  logInWith,
  passkeyLogin,
  passkeySettings,
} from "./passkey-owners.js";

onBothDatabases((ground) => {
  async function twoProcesses() {
    const clock = runningClock();
    const world = { ...(await ground.open({ ...passkeySettings, clock })), clock };
    const settings = { ...passkeySettings, databaseUrl: ground.urlOf(world), databaseMigrate: "off" };
    return { world, one: await startInstance(world, settings), other: await startInstance(world, settings) };
  }

  const sessions = async (world: Parameters<typeof ground.sql>[0]) =>
    (await ground.sql(world, "select id from ampho_sessions where ended_at is null")).length;

  it("an assertion that comes 16 times at once to two processes opens one session", async () => {
    const { world, one, other } = await twoProcesses();
    for (const [login, backupEligible] of [
      ["ann", true],
      ["bob", false],
    ] as const) {
      const owner = await addPasskeyOwner(world, login, { subject: createSubject(-7, { backupEligible }) });
      const alone = await assertion(world, owner, { signCount: backupEligible ? 0 : 1 });
      const pending = challengeOf(await logIn(world, login));
      const signed = authenticate(owner.subject, pending.challenge, { signCount: backupEligible ? 0 : 2 });
      for (const body of [alone, { transaction: pending.transaction, passkey: signed }]) {
        const before = await sessions(world);
        const request = { method: "POST", path: "/login", body };
        const responses = (await Promise.all([one.calls(8, request), other.calls(8, request)])).flat();
        expect(responses.filter(({ status }) => status === 200)).toHaveLength(1);
        expect(responses.filter(({ status }) => status === 401)).toHaveLength(15);
        expect(await sessions(world)).toBe(before + 1);
      }
    }
  });

  it("two assertions with one counter at two processes at once open one session", async () => {
    const { world, one, other } = await twoProcesses();
    const owner = await addPasskeyOwner(world, "ann", { subject: createSubject(-8, { backupEligible: false }) });
    for (let signCount = 1; signCount <= 5; signCount++) {
      const before = await sessions(world);
      const [first, second] = [
        await assertion(world, owner, { signCount }),
        await assertion(world, owner, { signCount }),
      ];
      const responses = await Promise.all([
        one.calls(1, { method: "POST", path: "/login", body: first }),
        other.calls(1, { method: "POST", path: "/login", body: second }),
      ]);
      expect(
        responses
          .flat()
          .map(({ status }) => status)
          .sort(),
      ).toEqual([200, 401]);
      expect(await sessions(world)).toBe(before + 1);
    }
  });

  it("two users who register one credential id at two processes at once have one row", async () => {
    const { world, one, other } = await twoProcesses();
    for (let round = 0; round < 5; round++) {
      const { id } = createSubject(-7);
      const requests = [];
      for (const login of [`ann${round}`, `bob${round}`]) {
        await world.user(login, { password });
        const { token: bearer } = await world.login(login);
        const { transaction, challenge } = await beginPasskey(world, bearer);
        const passkey = register({ ...createSubject(-7), id }, challenge);
        requests.push({ method: "POST", path: "/passkeys", bearer, body: { transaction, passkey } });
      }
      const [first, second] = requests;
      if (first === undefined || second === undefined) throw new Error("there are two requests");
      const responses = await Promise.all([one.all([first]), other.all([second])]);
      expect(
        responses
          .flat()
          .map(({ status }) => status)
          .sort(),
      ).toEqual([200, 400]);
      const rows = await ground.sql(
        world,
        `select user_id from ampho_passkeys where id = '${id.toString("base64url")}'`,
      );
      expect(rows).toHaveLength(1);
    }
  });

  it("one of the last ways in stays when two processes remove them at once", async () => {
    const { world, one, other } = await twoProcesses();
    const removal = ({ id }: Subject, bearer: string) => ({
      method: "DELETE",
      path: `/passkeys/${id.toString("base64url")}`,
      bearer,
    });
    const statusesOf = async (first: ReturnType<typeof removal>, second: ReturnType<typeof removal>) => {
      const responses = await Promise.all([one.all([first]), other.all([second])]);
      return responses.flat().map(({ status }) => status);
    };
    for (let round = 0; round < 6; round++) {
      // The password and the only passkey.
      const ann = await addPasskeyOwner(world, `ann${round}`);
      const { token: bearer } = await passkeyLogin(world, ann);
      const statuses = await statusesOf(removal(ann.subject, bearer), { method: "DELETE", path: "/password", bearer });
      expect(statuses.filter((status) => status === 200)).toHaveLength(1);
      const works = [await logInWith(world, ann), await logIn(world, ann.login)].map(({ status }) => status);
      expect(works).toContain(200);

      // The two passkeys of a user without a password.
      const bob = await addPasskeyOwner(world, `bob${round}`);
      const before = await passkeyLogin(world, bob);
      const second = createSubject(-7);
      const added = grantOf((await addPasskey(world, before.token, second)).added);
      const { token } = grantOf(await world.call("DELETE", "/password", { bearer: added.token }));
      const ended = await statusesOf(removal(bob.subject, token), removal(second, token));
      expect(ended.filter((status) => status === 200)).toHaveLength(1);
      expect(await ground.sql(world, `select id from ampho_passkeys where user_id = '${bob.id}'`)).toHaveLength(1);
    }
  });

  it("an account never has more than 20 passkeys, whichever process adds them", async () => {
    const { world, one, other } = await twoProcesses();
    const ann = await addPasskeyOwner(world, "ann");
    let { token: bearer } = await passkeyLogin(world, ann);
    const rows = () => ground.sql(world, "select id from ampho_passkeys");
    // Both of a round begin at one version of the factors, and the first one to finish ends the other.
    for (let count = 1; count < 20; count++) {
      expect(await rows()).toHaveLength(count);
      const requests = [];
      for (const _ of [one, other]) {
        const { transaction, challenge } = await beginPasskey(world, bearer);
        const body = { transaction, passkey: register(createSubject(-7), challenge) };
        requests.push([{ method: "POST", path: "/passkeys", bearer, body }]);
      }
      const responses = await Promise.all([one.all(requests[0] ?? []), other.all(requests[1] ?? [])]);
      const added = responses.flat().find(({ status }) => status === 200);
      bearer = JSON.parse(added?.text ?? "{}").token;
    }
    expect(await rows()).toHaveLength(20);
    for (const process of [one, other]) {
      const [response] = await process.all([{ method: "POST", path: "/passkeys/options", bearer, body: {} }]);
      expect(response?.status).toBe(400);
    }
  });
});
