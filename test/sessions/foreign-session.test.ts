// Tokens of other software that has put its own `sid` into them. They have no session here.
import { expect, it } from "vitest";
import { admission, openWorld } from "../world/ampho.js";
import { foreignToken } from "../world/tokens.js";

it("a token of other software with its own sid ends with its user", async () => {
  const world = await openWorld();
  const { id, login } = await world.user("ann");
  const now = world.clock.now();
  const claims = { sub: id, login, iat: now, exp: now + 600 };
  const tokens = ["9f1c2b6e-uuid", "-.x"].map((sid) => foreignToken(world.key, { ...claims, sid }));
  const { token } = await world.session(await world.user("bob"));
  for (const each of [...tokens, token]) expect(await admission(world.ampho, each)).toBe("in");
  await world.ampho.users.disable(login);
  for (const each of tokens) expect(await admission(world.ampho, each)).toBe("invalid_token");
  expect(await admission(world.ampho, token)).toBe("in");
});

it("a token of other software with its own sid and a login alone ends with the login", async () => {
  const world = await openWorld();
  const { id, login } = await world.user("ann");
  const now = world.clock.now();
  const token = foreignToken(world.key, { login, sid: "9f1c2b6e-uuid", iat: now, exp: now + 600 });
  expect(await admission(world.ampho, token)).toBe("in");
  await world.ampho.sessions.revokeForUser({ id, login });
  expect(await admission(world.ampho, token)).toBe("invalid_token");
});
