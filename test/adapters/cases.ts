// The requests to guarded routes and the expected responses, in one table for every framework.

import { generateApiKey } from "../../dist/tokens/api-key.js";
import { claimsOf, foreignToken, newKey } from "../world/tokens.js";
import type { needsFor } from "./host.js";
import { key } from "./serving.js";

interface Rejected {
  readonly status: number;
  readonly error: string;
  readonly challenge?: RegExp;
}

interface Case {
  readonly what: string;
  readonly need: keyof ReturnType<typeof needsFor>;
  /** Returns the Authorization value for alice's token or key. Undefined sends no header. */
  readonly send: (good: string, key: string) => string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  readonly expected: Rejected | { readonly login: string | null };
}

/** Unix seconds. Many files share this module, so no time and no token is older than the test that needs it. */
const secondsFromNow = (seconds: number) => Math.floor(Date.now() / 1000) + seconds;
const nothing = () => undefined;
const good = (token: string) => `Bearer ${token}`;
const bearer = (token: string) => () => `Bearer ${token}`;
const foreign = () => `Bearer ${foreignToken(key)}`;
/** A token of other software whose login has this level and age. */
const atLevel = (acr: string, ageSeconds?: number) => () => {
  const age = ageSeconds === undefined ? {} : { auth_time: secondsFromNow(-ageSeconds) };
  return `Bearer ${foreignToken(key, { login: "alice", exp: secondsFromNow(600), acr, ...age })}`;
};
/** A token with further claims than those of alice's own, under the key of the instance. */
const more = (claims: object) => (token: string) => `Bearer ${foreignToken(key, { ...claimsOf(token), ...claims })}`;
const byKey = (_: string, apiKey: string) => `Bearer ${apiKey}`;
const actor = more({ act: { sub: "operator" } });
const service = more({ client_id: "reports" });
const strangerKey = generateApiKey("ampho");
const audience = (aud: unknown) => more({ aud });
/** Challenges that lead to the metadata of the resource. */
const metadata = 'resource_metadata="https://api\\.example/\\.well-known/oauth-protected-resource/mcp"';
const resourceMissing: Rejected = {
  status: 401,
  error: "missing_token",
  challenge: new RegExp(`^Bearer realm="ampho", ${metadata}, scope="articles:write"$`),
};
const resourceInvalid: Rejected = {
  status: 401,
  error: "invalid_token",
  challenge: new RegExp(`^Bearer realm="ampho", error="invalid_token", ${metadata}, scope="articles:write"$`),
};
/** Without scopes, which would not help. */
const resourceDenied: Rejected = {
  status: 403,
  error: "insufficient_scope",
  challenge: new RegExp(`^Bearer realm="ampho", error="insufficient_scope", ${metadata}$`),
};
const allowed = { "x-allow": "yes" };

const alice = { login: "alice" };
const noLogin = { login: null };
const missing: Rejected = { status: 401, error: "missing_token", challenge: /^Bearer realm="ampho"$/ };
const invalid: Rejected = {
  status: 401,
  error: "invalid_token",
  challenge: /^Bearer realm="ampho", error="invalid_token"/,
};
const denied: Rejected = { status: 403, error: "insufficient_scope", challenge: /error="insufficient_scope"/ };
const scopesDenied: Rejected = { ...denied, challenge: /scope="articles:write articles:delete"/ };
const stale: Rejected = {
  status: 401,
  error: "login_too_old",
  challenge: /^Bearer .*error="insufficient_user_authentication", max_age="300"/,
};
const weak: Rejected = {
  status: 401,
  error: "login_too_weak",
  challenge: /^Bearer .*error="insufficient_user_authentication", acr_values="2fa"$/,
};
const weakAndStale: Rejected = {
  ...weak,
  challenge: /^Bearer .*error="insufficient_user_authentication", acr_values="2fa", max_age="300"$/,
};
const notTaken: Rejected = { status: 403, error: "credential_not_accepted" };
const bug: Rejected = { status: 500, error: "internal_error" };

export const cases: readonly Case[] = [
  { what: "a good token", need: "plain", send: good, expected: alice },
  { what: "the scheme in another case", need: "plain", send: (token) => `bEARER ${token}`, expected: alice },
  { what: "a token of other software", need: "plain", send: foreign, expected: alice },
  { what: "no token", need: "plain", send: nothing, expected: missing },
  { what: "another scheme", need: "plain", send: () => "Basic YTpi", expected: missing },
  { what: "the scheme alone", need: "plain", send: () => "Bearer", expected: invalid },
  { what: "text that is not a JWT", need: "plain", send: bearer("x.y"), expected: invalid },
  { what: "one character too many", need: "plain", send: (token) => `Bearer ${token}A`, expected: invalid },
  {
    what: "a forged token",
    need: "plain",
    send: () => `Bearer ${foreignToken(newKey("key-1"), { ...alice, exp: secondsFromNow(600) })}`,
    expected: invalid,
  },
  {
    what: "an expired token",
    need: "plain",
    send: () => `Bearer ${foreignToken(key, { ...alice, exp: secondsFromNow(-600) })}`,
    expected: invalid,
  },
  { what: "one of the roles", need: "editor", send: good, expected: alice },
  { what: "a missing role", need: "admin", send: good, expected: denied },
  { what: "all scopes", need: "scoped", send: good, expected: alice },
  { what: "a missing scope", need: "unscoped", send: good, expected: scopesDenied },
  { what: "a fresh login", need: "fresh", send: good, expected: alice },
  { what: "a login of unknown age", need: "fresh", send: foreign, expected: stale },
  { what: "a login with two factors", need: "second", send: atLevel("2fa"), expected: alice },
  { what: "a login with a passkey", need: "second", send: atLevel("phr"), expected: alice },
  { what: "a login with one factor", need: "second", send: good, expected: weak },
  { what: "a login of an unknown level", need: "second", send: atLevel("aal3"), expected: weak },
  { what: "a login without a level", need: "second", send: foreign, expected: weak },
  { what: "a weak login of unknown age", need: "secondFresh", send: atLevel("1fa"), expected: weakAndStale },
  { what: "a strong login of unknown age", need: "secondFresh", send: atLevel("2fa"), expected: stale },
  {
    what: "a strong and fresh login",
    need: "secondFresh",
    send: atLevel("2fa", 60),
    expected: alice,
  },
  { what: "no token where a strong one is optional", need: "secondOptional", send: nothing, expected: noLogin },
  { what: "a weak login where a strong one is optional", need: "secondOptional", send: good, expected: weak },
  { what: "a live session with `live`", need: "strict", send: good, expected: alice },
  { what: "a session where others are named", need: "delegatedRole", send: good, expected: notTaken },
  { what: "a session where only sessions are taken", need: "session", send: good, expected: alice },
  {
    what: "a token of other software where only sessions are taken",
    need: "session",
    send: foreign,
    expected: notTaken,
  },
  { what: "another actor than alice", need: "plain", send: actor, expected: notTaken },
  { what: "another actor than alice, by `by`", need: "plain", send: more({ by: "operator" }), expected: notTaken },
  { what: "another actor, where it is optional", need: "optional", send: actor, expected: notTaken },
  { what: "another actor, where it is live", need: "strict", send: actor, expected: notTaken },
  { what: "another actor, where only sessions are taken", need: "session", send: actor, expected: notTaken },
  { what: "another actor, where that is named", need: "delegated", send: actor, expected: alice },
  { what: "another actor, where that is live", need: "delegatedLive", send: actor, expected: alice },
  { what: "another actor, with the role of alice", need: "delegatedRole", send: actor, expected: denied },
  { what: "a service with the session of alice", need: "plain", send: service, expected: notTaken },
  { what: "a service, where that is named", need: "service", send: service, expected: alice },
  {
    what: "a service without the scope",
    need: "service",
    send: more({ client_id: "reports", scope: "articles:read" }),
    expected: { ...denied, challenge: /scope="articles:write"/ },
  },
  { what: "M-12: a key of alice where none is named", need: "plain", send: byKey, expected: notTaken },
  { what: "M-12: a key of alice where it is optional", need: "optional", send: byKey, expected: notTaken },
  { what: "M-12: a key of alice with live", need: "strict", send: byKey, expected: notTaken },
  { what: "M-12: a key of alice with a role", need: "editor", send: byKey, expected: notTaken },
  { what: "M-12: a key of alice with a scope", need: "scoped", send: byKey, expected: notTaken },
  { what: "M-12: a key of alice with can", need: "can", send: byKey, headers: allowed, expected: notTaken },
  {
    what: "M-12: an unknown key where none is named",
    need: "plain",
    send: () => `Bearer ${strangerKey}`,
    expected: notTaken,
  },
  { what: "a key of alice where keys are named", need: "keys", send: byKey, expected: alice },
  { what: "a session where keys are named", need: "keys", send: good, expected: alice },
  { what: "an unknown key where keys are named", need: "keys", send: () => `Bearer ${strangerKey}`, expected: invalid },
  {
    what: "a key with a wrong checksum",
    need: "keys",
    send: (_, apiKey) => `Bearer ${apiKey.slice(0, -6)}000000`,
    expected: invalid,
  },
  { what: "a key of alice where keys are live", need: "keyLive", send: byKey, expected: alice },
  { what: "a session where only keys are named", need: "keyLive", send: good, expected: notTaken },
  { what: "a key has no role", need: "keyRole", send: byKey, expected: denied },
  { what: "a handler knows the name of the key", need: "keyCan", send: byKey, expected: alice },
  { what: "no token where it is optional", need: "optional", send: nothing, expected: noLogin },
  { what: "a token where it is optional", need: "optional", send: good, expected: alice },
  { what: "a bad token where it is optional", need: "optional", send: bearer("x.y.z"), expected: invalid },
  { what: "no token at a resource", need: "resource", send: nothing, expected: resourceMissing },
  {
    what: "a token for the resource",
    need: "resource",
    send: audience(["https://a.example", "https://api.example/mcp"]),
    expected: alice,
  },
  { what: "M-16, a token for no resource", need: "resource", send: good, expected: resourceInvalid },
  {
    what: "M-16, a token for another resource",
    need: "resource",
    send: audience("https://files.example"),
    expected: resourceInvalid,
  },
  {
    what: "M-16, a token for the origin of the resource",
    need: "resource",
    send: audience("https://api.example"),
    expected: resourceInvalid,
  },
  {
    what: "M-17, a token for the resource in upper case",
    need: "resource",
    send: audience("https://api.example/MCP"),
    expected: resourceInvalid,
  },
  { what: "no token at an optional resource", need: "resourceOptional", send: nothing, expected: noLogin },
  {
    what: "M-20, a token for another resource where it is optional",
    need: "resourceOptional",
    send: audience("https://files.example"),
    expected: resourceInvalid,
  },
  {
    what: "M-20, a bad token at an optional resource",
    need: "resourceOptional",
    send: bearer("x.y.z"),
    expected: resourceInvalid,
  },
  {
    what: "a missing scope at a resource",
    need: "resourceScope",
    send: audience("https://api.example/mcp"),
    expected: {
      ...resourceDenied,
      challenge: new RegExp(`error="insufficient_scope", scope="articles:delete", ${metadata}$`),
    },
  },
  {
    what: "M-21, a missing role at a resource",
    need: "resourceRole",
    send: audience("https://api.example/mcp"),
    expected: resourceDenied,
  },
  {
    what: "M-21, a request to a resource that `can` denies",
    need: "resourceCan",
    send: audience("https://api.example/mcp"),
    expected: resourceDenied,
  },
  {
    what: "another actor at a resource",
    need: "resource",
    send: more({ act: { sub: "operator" }, aud: "https://api.example/mcp" }),
    expected: { ...notTaken, challenge: new RegExp(`^Bearer realm="ampho", ${metadata}$`) },
  },
  { what: "a request that `can` allows", need: "can", send: good, headers: allowed, expected: alice },
  { what: "a request that `can` denies", need: "can", send: good, expected: denied },
  { what: "a request that an async `can` allows", need: "later", send: good, headers: allowed, expected: alice },
  { what: "a request that an async `can` denies", need: "later", send: good, expected: denied },
  { what: "a `can` that throws", need: "broken", send: good, expected: bug },
];
