// A token that was accepted before is looked up in a cache. Every change that affects it must still take effect.
import { describe, expect, it } from "vitest";
import { admission, grantOf, openWorld } from "../world/ampho.js";
import { start } from "../world/clock.js";
import { foreignToken, newKey, sessionOf } from "../world/tokens.js";

describe("a token that was accepted before", () => {
  it("a cached token returns the same Auth until its expiry and not later", async () => {
    const world = await openWorld();
    const { token } = await world.session(await world.user("ann"));
    const auth = await world.ampho.verify(token);
    // An equal string that is not the same object, as a socket delivers it.
    expect(await world.ampho.verify(Buffer.from(token).toString())).toBe(auth);
    world.clock.advance(959);
    expect(await world.ampho.verify(token)).toBe(auth);
    world.clock.advance(1);
    expect(await admission(world.ampho, token)).toBe("invalid_token");
    world.clock.advance(-1);
    expect(await world.ampho.verify(token)).toEqual(auth);
  });

  it("a cached token is rejected by a clock that was set back before its start", async () => {
    const world = await openWorld();
    const { token } = await world.session(await world.user("ann"));
    expect(await admission(world.ampho, token)).toBe("in");
    world.clock.advance(-60);
    expect(await admission(world.ampho, token)).toBe("in");
    world.clock.advance(-1);
    expect(await admission(world.ampho, token)).toBe("invalid_token");
  });

  it("a cached token without a session is rejected if its exp lies too far ahead of the clock", async () => {
    const world = await openWorld({ tokenForeignTtl: 600 });
    const token = foreignToken(world.key, { exp: start + 600, login: "ann" });
    expect(await admission(world.ampho, token)).toBe("in");
    world.clock.advance(-1);
    expect(await admission(world.ampho, token)).toBe("invalid_token");
  });

  it("a cached token is rejected once its session, role, user or key is revoked", async () => {
    const old = newKey("old");
    const world = await openWorld({ key: { keys: [newKey("key-1"), old] } });
    const ann = await world.user("ann", { roles: ["editor"] });
    const [one, other] = [await world.session(ann), await world.session(ann)];
    const foreign = foreignToken(old, { exp: start + 600, login: "someone", iat: start });
    const seen = () => Promise.all([one.token, other.token, foreign].map((token) => admission(world.ampho, token)));
    expect(await seen()).toEqual(["in", "in", "in"]);
    await world.ampho.sessions.end(sessionOf(one));
    expect(await seen()).toEqual(["invalid_token", "in", "in"]);
    await world.ampho.signingKeys.revoke("old");
    expect(await seen()).toEqual(["invalid_token", "in", "invalid_token"]);
    await world.ampho.users.setRoles("ann", []);
    expect(await seen()).toEqual(["invalid_token", "invalid_token", "invalid_token"]);
    const next = grantOf(await world.renew(other.refresh_token));
    expect(await admission(world.ampho, next.token)).toBe("in");
    await world.ampho.users.disable("ann");
    expect(await admission(world.ampho, next.token)).toBe("invalid_token");
  });

  it("a cached token makes no token valid that differs from it by a character", async () => {
    const world = await openWorld();
    const { token } = await world.session(await world.user("ann"));
    expect(await admission(world.ampho, token)).toBe("in");
    for (let index = 0; index < token.length; index++) {
      const other = token[index] === "A" ? "B" : "A";
      const changed = token.slice(0, index) + other + token.slice(index + 1);
      expect(await admission(world.ampho, changed)).toBe("invalid_token");
    }
    for (const changed of [`${token} `, ` ${token}`, `${token}=`, `${token}.`, token.slice(0, -1), token.toLowerCase()])
      expect(await admission(world.ampho, changed)).toBe("invalid_token");
  });
});
