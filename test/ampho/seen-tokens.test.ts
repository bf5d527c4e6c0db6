// A token that was let in before is looked up, not verified again: all that can change about it still counts.
import { describe, expect, it } from "vitest";
import { admission, grantOf, openWorld } from "../world/ampho.js";
import { start } from "../world/clock.js";
import { foreignToken, newKey, sessionOf } from "../world/tokens.js";

describe("a token that was let in before", () => {
  it("gives the same Auth, until its last second and not in that", async () => {
    const world = await openWorld();
    const { token } = await world.session(await world.user("ann"));
    const auth = world.ampho.verifySync(token);
    // As a socket gives it: equal, not the same string.
    expect(world.ampho.verifySync(Buffer.from(token).toString())).toBe(auth);
    world.clock.advance(959);
    expect(world.ampho.verifySync(token)).toBe(auth);
    world.clock.advance(1);
    expect(admission(world.ampho, token)).toBe("invalid_token");
    world.clock.advance(-1);
    expect(world.ampho.verifySync(token)).toEqual(auth);
  });

  it("is refused by a clock that stepped back before its start", async () => {
    const world = await openWorld();
    const { token } = await world.session(await world.user("ann"));
    expect(admission(world.ampho, token)).toBe("in");
    world.clock.advance(-60);
    expect(admission(world.ampho, token)).toBe("in");
    world.clock.advance(-1);
    expect(admission(world.ampho, token)).toBe("invalid_token");
  });

  it("and is without session, is refused by a clock by which it lies too far ahead", async () => {
    const world = await openWorld({ tokenForeignTtl: 600 });
    const token = foreignToken(world.key, { exp: start + 600, login: "ann" });
    expect(admission(world.ampho, token)).toBe("in");
    world.clock.advance(-1);
    expect(admission(world.ampho, token)).toBe("invalid_token");
  });

  it("is refused once its session, its role, its user or its key is revoked, and lets others of the same user in", async () => {
    const old = newKey("old");
    const world = await openWorld({ key: { keys: [newKey("key-1"), old] } });
    const ann = await world.user("ann", { roles: ["editor"] });
    const [one, other] = [await world.session(ann), await world.session(ann)];
    const foreign = foreignToken(old, { exp: start + 600, login: "someone", iat: start });
    const seen = () => [one.token, other.token, foreign].map((token) => admission(world.ampho, token));
    expect(seen()).toEqual(["in", "in", "in"]);
    await world.ampho.sessions.end(sessionOf(one));
    expect(seen()).toEqual(["invalid_token", "in", "in"]);
    await world.ampho.keys.revoke("old");
    expect(seen()).toEqual(["invalid_token", "in", "invalid_token"]);
    await world.ampho.users.setRoles("ann", []);
    expect(seen()).toEqual(["invalid_token", "invalid_token", "invalid_token"]);
    const next = grantOf(await world.renew(other.refresh_token));
    expect(admission(world.ampho, next.token)).toBe("in");
    await world.ampho.users.disable("ann");
    expect(admission(world.ampho, next.token)).toBe("invalid_token");
  });

  it("lets no token in that differs from it by a character, anywhere", async () => {
    const world = await openWorld();
    const { token } = await world.session(await world.user("ann"));
    expect(admission(world.ampho, token)).toBe("in");
    for (let index = 0; index < token.length; index++) {
      const other = token[index] === "A" ? "B" : "A";
      const changed = token.slice(0, index) + other + token.slice(index + 1);
      expect(admission(world.ampho, changed)).toBe("invalid_token");
    }
    for (const changed of [`${token} `, ` ${token}`, `${token}=`, `${token}.`, token.slice(0, -1), token.toLowerCase()])
      expect(admission(world.ampho, changed)).toBe("invalid_token");
  });
});
