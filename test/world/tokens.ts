// Keys and tokens as other software makes them, without the code under test.
import { createHmac, randomBytes } from "node:crypto";

export type TestKey = Readonly<Record<string, unknown>>;

export const newKey = (kid: string) => ({
  kty: "oct",
  alg: "HS256",
  kid,
  k: randomBytes(32).toString("base64url"),
});

/** Signs an access token with HS256. Without claims it names alice, belongs to no session, and is valid for ten minutes. */
export function foreignToken(
  key: TestKey,
  claims: Readonly<Record<string, unknown>> = { login: "alice", exp: Math.floor(Date.now() / 1000) + 600 },
  header: Readonly<Record<string, unknown>> = { alg: "HS256" },
): string {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const input = `${encode(header)}.${encode(claims)}`;
  const secret = Buffer.from(String(key["k"]), "base64url");
  return `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`;
}

/** The claims of a token, unverified. */
export function claimsOf(token: string): Readonly<Record<string, unknown>> {
  return JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
}

export const sessionOf = (grant: { readonly token: string }): string => String(claimsOf(grant.token)["sid"]);
