import { expect, test } from "vitest";
import { generateJwk } from "../../dist/signing-keys/generate.js";
import { createAccessTokens } from "../../dist/tokens/access-tokens.js";
import { accessToken, signJwt, verifyJwt } from "../../dist/tokens/jwt.js";
import { firstOf, now, rules, setOf } from "./forge.js";

const keys = setOf(generateJwk("HS256"));
const token = signJwt(firstOf(keys), accessToken, { login: "alice", exp: now + 900 });

function openTokens() {
  let checks = 0;
  const tokens = createAccessTokens({
    verify(text, at) {
      checks += 1;
      return verifyJwt(text, keys, accessToken, { ...rules, now: at });
    },
    isSigningKeyRevoked: () => false,
    leewaySeconds: 60,
    foreignMaxSeconds: 86_400,
    scopes: {},
    resources: [],
    audience: undefined,
  });
  return { tokens, checks: () => checks };
}

test("a token is verified once, however it comes", () => {
  for (const first of ["bare", "Bearer", "bearer", "Bearer "]) {
    const { tokens, checks } = openTokens();
    const ask = (how: string) =>
      how === "bare" ? tokens.verifyAccess(token, now) : tokens.verifyBearer(`${how} ${token}`, now);
    const known = ask(first);
    expect(known?.auth.login).toBe("alice");
    for (const how of ["bare", "Bearer", "bearer", "Bearer ", "BEARER"]) expect(ask(how)).toBe(known);
    expect(checks()).toBe(1);
  }
});

test.each([
  ["a space before it", ` ${token}`],
  ["a space after it", `${token} `],
  ["the scheme before it", `Bearer ${token}`],
  ["another character at its beginning", `f${token.slice(1)}`],
  ["a character less", token.slice(1)],
])("a known token is rejected with %s", (_what, text) => {
  for (const value of [`Bearer ${token}`, `Bearer  ${token}`, `bearer ${token}`]) {
    const { tokens } = openTokens();
    tokens.verifyBearer(value, now);
    expect(() => tokens.verifyAccess(text, now)).toThrow(expect.objectContaining({ code: "invalid_token" }));
  }
});

test("the Auth of a token is a plain frozen object, and so are its lists", () => {
  const { auth } = openTokens().tokens.verifyAccess(
    signJwt(firstOf(keys), accessToken, { login: "bob", exp: now + 900, scope: "a  b", roles: ["x"] }),
    now,
  );
  expect(Object.getPrototypeOf(auth)).toBe(Object.prototype);
  expect(auth.scopes).toEqual(["a", "b"]);
  for (const value of [auth, auth.claims, auth.roles, auth.scopes, auth.amr]) expect(Object.isFrozen(value)).toBe(true);
});
