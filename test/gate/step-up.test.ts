// Tokens of before a step-up: the refresh token never receives the raised level, and the access token keeps the lower one.
import { expect, it } from "vitest";
import { AmphoError } from "../../dist/index.js";
import { admission, type FullGrant, grantOf, password, type ReadResponse, type World } from "../world/ampho.js";
import { claimsOf, sessionOf } from "../world/tokens.js";
import { addOwner, fullLogin, type Owner, onBothDatabases, outcomeOf } from "./owners.js";

/** Raises the session of the set-up, or re-authenticates it. */
const raises = {
  "step-up": (world: World, ann: Owner) => prove(world, ann, { totp: ann.nextCode() }),
  "re-authentication": (world: World, ann: Owner) =>
    prove(world, ann, { login: "ann", password, totp: ann.nextCode() }),
} as const;

const prove = (world: World, ann: Owner, body: object) =>
  world.call("POST", "/login", { body, bearer: ann.weak.token });

const ended = [401, "session_ended"];
const key = (of: string) => ({ "Idempotency-Key": `${of}-0123456789abcdef` });

/** The code with which a guard rejects the token under these requirements. */
async function guarded(world: World, { token }: FullGrant, requirements: object): Promise<unknown> {
  try {
    await world.ampho.host.guard(`Bearer ${token}`, requirements, null);
    return "in";
  } catch (error) {
    return error instanceof AmphoError ? error.code : error;
  }
}

function expectLower(responses: readonly ReadResponse[]): void {
  for (const { json } of responses)
    if (typeof json["token"] === "string") expect(claimsOf(json["token"])).toMatchObject({ acr: "1fa", amr: ["pwd"] });
}

onBothDatabases((ground) => {
  for (const [name, raise] of Object.entries(raises)) {
    it(`a refresh token from before a ${name} renews nothing at once, and the session lives`, async () => {
      const world = await ground.open();
      const ann = await addOwner(world, "ann");
      const raised = grantOf(await raise(world, ann));
      expect(sessionOf(raised)).toBe(sessionOf(ann.weak));
      expect(outcomeOf(await world.renew(ann.weak.refresh_token))).toEqual(ended);
      world.clock.advance(10);
      expect(outcomeOf(await world.renew(ann.weak.refresh_token))).toEqual(ended);
      expect(await admission(world.ampho, raised.token)).toBe("in");
      expect(claimsOf(grantOf(await world.renew(raised.refresh_token)).token)).toMatchObject({ acr: "2fa" });
    });

    it(`a refresh token from before a ${name} that is sent beside it never gets the raised level`, async () => {
      const world = await ground.open();
      const other = await world.another();
      const ann = await addOwner(world, "ann");
      const renewing = [world, other, world, other].map((each) => each.renew(ann.weak.refresh_token));
      const [raised, ...renewed] = await Promise.all([raise(world, ann), ...renewing]);
      expectLower(renewed);
      expectLower(await Promise.all([world, other].map((each) => each.renew(ann.weak.refresh_token))));
      expect(claimsOf(grantOf(raised).token)).toMatchObject({ acr: "2fa" });
    });

    it(`a renewal from before a ${name} is not repeated by its Idempotency-Key`, async () => {
      const world = await ground.open();
      const ann = await addOwner(world, "ann");
      const { refresh_token: first } = ann.weak;
      const second = grantOf(await world.renew(first, key("first")));
      const raised = grantOf(await raise(world, ann));
      for (const token of [first, second.refresh_token])
        for (const headers of [{}, key("first"), key("another")])
          expect(outcomeOf(await world.renew(token, headers))).toEqual(ended);
      expect(await admission(world.ampho, raised.token)).toBe("in");
    });

    it(`a refresh token from before a ${name} ends the session as a replay after 10 seconds`, async () => {
      const world = await ground.open();
      const ann = await addOwner(world, "ann");
      const raised = grantOf(await raise(world, ann));
      world.clock.advance(11);
      expect(outcomeOf(await world.renew(ann.weak.refresh_token, key("first")))).toEqual(ended);
      expect(await admission(world.ampho, raised.token)).toBe("invalid_token");
      expect(outcomeOf(await world.renew(raised.refresh_token))).toEqual(ended);
    });

    it(`an access token from before a ${name} satisfies no higher requirement`, async () => {
      const world = await ground.open();
      const ann = await addOwner(world, "ann");
      world.clock.advance(400);
      const raised = grantOf(await raise(world, ann));
      expect(await guarded(world, ann.weak, {})).toBe("in");
      expect(await guarded(world, ann.weak, { acr: "2fa" })).toBe("login_too_weak");
      expect(await guarded(world, ann.weak, { acr: "2fa", maxAge: 300 })).toBe("login_too_weak");
      expect(await guarded(world, ann.weak, { maxAge: 300 })).toBe("login_too_old");
      expect(await guarded(world, raised, { acr: "2fa" })).toBe("in");
      // A step-up keeps the time of the password.
      expect(await guarded(world, raised, { acr: "2fa", maxAge: 300 })).toBe(
        name === "step-up" ? "login_too_old" : "in",
      );
      expect(await guarded(world, raised, { acr: "phr" })).toBe("login_too_weak");
    });
  }

  it("a step-up with the token of another user's session raises neither session", async () => {
    const world = await ground.open();
    const ann = await addOwner(world, "ann");
    const bob = await addOwner(world, "bob");
    const response = await world.call("POST", "/login", {
      body: { totp: ann.nextCode() },
      bearer: bob.weak.token,
    });
    expect(outcomeOf(response)).toEqual([401, "invalid_credentials"]);
    for (const { id, weak } of [ann, bob]) {
      const sessions = await world.ampho.sessions.list(id);
      expect(sessions.find((session) => session.id === sessionOf(weak))?.acr).toBe("1fa");
      expect(sessions).toHaveLength(2);
    }
  });

  it("a step-up of an ended session opens no other session", async () => {
    const world = await ground.open();
    const ann = await addOwner(world, "ann");
    const { token: bearer } = await fullLogin(world, ann);
    const begun = await world.call("POST", "/login", { body: {}, bearer });
    await world.ampho.sessions.endForUser(ann.id);
    const { transaction } = begun.json;
    expect(outcomeOf(await world.call("POST", "/login", { body: { totp: ann.nextCode() }, bearer }))[0]).toBe(401);
    const finish = { transaction, totp: ann.nextCode() };
    expect(outcomeOf(await world.call("POST", "/login", { body: finish, bearer }))[0]).toBe(401);
    expect(await world.ampho.sessions.list(ann.id)).toEqual([]);
  });
});
