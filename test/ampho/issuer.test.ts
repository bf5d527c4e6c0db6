// The claim `iss`, which comes from AMPHO_APP_URL where AMPHO_SECURITY_TOKEN_ISSUER is not set.
import { expect, it } from "vitest";
import type { AmphoOptions } from "../../dist/index.js";
import { openWorld } from "../world/ampho.js";
import { claimsOf, foreignToken } from "../world/tokens.js";

const invalid = expect.objectContaining({ code: "invalid_token" });

async function open(options: AmphoOptions) {
  const world = await openWorld(options);
  const { id } = await world.ampho.users.create({ login: "ann" });
  const { token } = await world.ampho.sessions.create(id);
  const sent = (claims: object) =>
    world.ampho.verify(foreignToken(world.key, { ...claimsOf(token), ...claims }), ["session", "foreign", "service"]);
  return { ...world, token, sent };
}

it("the issuer is the origin of AMPHO_APP_URL, and AMPHO_SECURITY_TOKEN_ISSUER has priority", async () => {
  const appUrl = "https://app.example/home";
  expect(claimsOf((await open({ appUrl })).token)["iss"]).toBe("https://app.example");
  const tokenIssuer = "https://login.example";
  expect(claimsOf((await open({ appUrl, tokenIssuer })).token)["iss"]).toBe(tokenIssuer);
  expect(claimsOf((await open({})).token)).not.toHaveProperty("iss");
  expect(claimsOf((await open({ pages: true })).token)).not.toHaveProperty("iss");
});

it("Tokens without `iss` are accepted for the lifetime of a token after the start", async () => {
  const { sent, clock } = await open({ appUrl: "https://app.example", tokenTtl: 600, tokenEndpoint: true });
  const session = () => sent({ iss: undefined, exp: clock.now() + 600 });
  const service = () => sent({ iss: undefined, sid: undefined, client_id: "s1", exp: clock.now() + 600 });
  for (const seconds of [0, 599]) {
    clock.advance(seconds);
    expect(await session()).toMatchObject({ credential: "session" });
    expect(await service()).toMatchObject({ credential: "service" });
  }
  clock.advance(1);
  await expect(session()).rejects.toThrow(invalid);
  await expect(service()).rejects.toThrow(invalid);
  expect(await sent({ exp: clock.now() + 600 })).toMatchObject({ credential: "session" });
});

it.each([{ iss: "https://other.example" }, { iss: null }, { iss: "" }])(
  "a token with %j is rejected at once",
  async (claims) => {
    const { sent } = await open({ appUrl: "https://app.example" });
    await expect(sent(claims)).rejects.toThrow(invalid);
  },
);

it("With AMPHO_SECURITY_TOKEN_ISSUER every token needs `iss` at once", async () => {
  const { sent } = await open({ tokenIssuer: "https://login.example" });
  await expect(sent({ iss: undefined })).rejects.toThrow(invalid);
});
