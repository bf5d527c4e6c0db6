// Correctly signed tokens with claims or headers that must be rejected (RFC 7519 §4.1, RFC 7515 §4.1, RFC 8725 §3.8 to §3.12).
import type { Attack, Target } from "../attack.js";
import { notRun, rejectsTokens } from "../attack.js";
import { encode, forge, forgeHmac, join, segmentsOf } from "../forge.js";
import { goodClaims, goodHeader, keyOf } from "./good.js";

type Members = Readonly<Record<string, unknown>>;

/** Builds valid tokens with these members changed. `undefined` leaves a member out. */
function withClaims(target: Target, cases: readonly (readonly [string, Members])[]) {
  const key = keyOf(target);
  const [header, claims] = [goodHeader(target), goodClaims(target)];
  return rejectsTokens(
    target,
    cases.map(([what, members]) => [what, forge(key, header, { ...claims, ...members })] as const),
  );
}

function withHeader(target: Target, cases: readonly (readonly [string, Members])[]) {
  const key = keyOf(target);
  const [header, claims] = [goodHeader(target), goodClaims(target)];
  return rejectsTokens(
    target,
    cases.map(([what, members]) => [what, forge(key, { ...header, ...members }, claims)] as const),
  );
}

function outOfTime(target: Target) {
  const { leewaySeconds } = target.rules;
  const now = target.now();
  // A few seconds beyond the leeway, because both sides read a clock.
  const beyond = leewaySeconds + 15;
  return withClaims(target, [
    ["expired", { exp: now - beyond, nbf: undefined, iat: undefined }],
    ["expired a day ago", { exp: now - 86_400, nbf: now - 90_000, iat: now - 90_000 }],
    ["no exp", { exp: undefined }],
    ["exp null", { exp: null }],
    ["exp as a text", { exp: String(now + 60) }],
    ["exp with a fraction", { exp: now + 60.5 }],
    ["exp negative", { exp: -1 }],
    ["exp 0", { exp: 0 }],
    ["exp as a date", { exp: new Date((now + 60) * 1000).toISOString() }],
    ["not valid yet", { nbf: now + beyond, exp: now + beyond + 60 }],
    ["nbf as a text", { nbf: String(now) }],
    ["issued in the future", { iat: now + beyond, exp: now + beyond + 60 }],
  ]);
}

function farAhead(target: Target) {
  const now = target.now();
  const beyond = now + target.rules.foreignMaxSeconds + 60;
  return withClaims(target, [
    ["without a session, valid for longer than allowed", { exp: beyond }],
    ["exp in the year 9999", { exp: 253_402_300_799 }],
    ["exp above the year 9999", { exp: 253_402_300_800 }],
    ["exp 2^53", { exp: 2 ** 53 }],
    ["exp 1e300", { exp: 1e300 }],
  ]);
}

function wrongTypes(target: Target) {
  return withClaims(target, [
    ["no login", { login: undefined }],
    ["login empty", { login: "" }],
    ["login a number", { login: 1 }],
    ["login an array", { login: [target.unknownLogin] }],
    ["login an object", { login: { toString: target.unknownLogin } }],
    ["login null", { login: null }],
    ["sub a number", { sub: 1 }],
    ["sub empty", { sub: "" }],
    ["roles a text", { roles: "admin" }],
    ["roles with a number", { roles: [1] }],
    ["roles an object", { roles: { 0: "admin", length: 1 } }],
    ["scope an array", { scope: ["admin"] }],
    ["sid a number", { sid: 1 }],
    ["gen a text", { gen: "0" }],
    ["auth_time a text", { auth_time: "0" }],
    ["amr a text", { amr: "mfa" }],
    ["amr with a number", { amr: [1] }],
    ["acr a number", { acr: 2 }],
    ["acr empty", { acr: "" }],
    ["jti a number", { jti: 1 }],
  ]);
}

async function notForUs(target: Target) {
  const { issuer, audience } = target.rules;
  if (issuer === undefined && audience.length === 0) return notRun("Neither issuer nor audience is configured.");
  const ofIssuer: readonly (readonly [string, Members])[] = [
    ["no iss", { iss: undefined }],
    ["another iss", { iss: "https://issuer.invalid" }],
    ["iss in an array", { iss: [issuer] }],
    ["iss with a slash behind", { iss: `${issuer}/` }],
    ["iss in capitals", { iss: `${issuer?.toUpperCase()}X` }],
  ];
  const [ours = ""] = audience;
  const ofAudience: readonly (readonly [string, Members])[] = [
    ["no aud", { aud: undefined }],
    ["another aud", { aud: "https://audience.invalid" }],
    ["other auds", { aud: ["https://audience.invalid", `${ours}x`] }],
    ["aud with a blank behind", { aud: `${ours} ` }],
    ["aud an object", { aud: { 0: ours } }],
    ["aud empty", { aud: [] }],
    ["aud a number beside ours", { aud: [ours, 1] }],
  ];
  return withClaims(target, [...(issuer === undefined ? [] : ofIssuer), ...(audience.length === 0 ? [] : ofAudience)]);
}

function extensions(target: Target) {
  return withHeader(target, [
    ["crit with an unknown name", { crit: ["x-policy"], "x-policy": true }],
    ["crit empty", { crit: [] }],
    ["crit a text", { crit: "exp" }],
    ["crit with exp", { crit: ["exp"], exp: 1 }],
    ["b64 false and crit", { crit: ["b64"], b64: false }],
    ["b64 false alone", { b64: false }],
    ["b64 true alone", { b64: true }],
  ]);
}

async function keyNames(target: Target) {
  const key = keyOf(target);
  const [header, claims] = [goodHeader(target), goodClaims(target)];
  const { payload } = segmentsOf(forge(key, header, claims));
  const names: readonly (readonly [string, unknown])[] = [
    ["an unknown kid", `${header.kid}x`],
    ["kid empty", ""],
    ["kid a number", 1],
    ["kid an array", [header.kid]],
    ["kid an object", { kid: header.kid }],
    ["kid null", null],
    ["kid with a blank behind", `${header.kid} `],
    ["kid with a NUL behind", `${header.kid}\0`],
    ["kid __proto__", "__proto__"],
    ["kid constructor", "constructor"],
    ["kid 0", "0"],
  ];
  const nothing = ["/dev/null", "../../../../../../dev/null", "' union select '' -- ", "", "file:///dev/null"];
  return rejectsTokens(target, [
    ...names.map(([what, kid]) => [what, forge(key, { ...header, kid }, claims)] as const),
    ...nothing.map(
      (kid) =>
        [
          `nothing for a secret and kid ${JSON.stringify(kid)}`,
          forgeHmac("", { alg: "HS256", kid, typ: "at+jwt" }, claims),
        ] as const,
    ),
    ["kid of the right key, no signature", join(encode(header), payload, "")],
  ]);
}

function otherTypes(target: Target) {
  const types = [
    "rt+jwt",
    "dp+jwt",
    "dpop+jwt",
    "secevent+jwt",
    "logout+jwt",
    "id_token",
    "JOSE",
    "JWT ",
    "at+jwt;v=1",
    "",
  ];
  return withHeader(target, [
    ...types.map((typ) => [`typ ${JSON.stringify(typ)}`, { typ }] as const),
    ["typ a number", { typ: 1 }],
    ["typ an array", { typ: ["at+jwt"] }],
    ["typ null", { typ: null }],
  ]);
}

export const claimAttacks: readonly Attack[] = [
  {
    id: "times",
    title: "Send an expired token, a future token, or one without exp",
    source: "RFC 7519 §4.1.4, §4.1.5",
    needs: "key",
    run: outOfTime,
  },
  { id: "far-ahead", title: "Send a token that is valid for too long", source: "CWE-613", needs: "key", run: farAhead },
  {
    id: "claim-types",
    title: "Send claims of the wrong type",
    source: "RFC 7519 §4.1, CWE-20",
    needs: "key",
    run: wrongTypes,
  },
  {
    id: "audience",
    title: "Send a token of another issuer or audience",
    source: "RFC 8725 §3.8, §3.9",
    needs: "key",
    run: notForUs,
  },
  {
    id: "crit",
    title: "Use unknown extensions (crit, b64)",
    source: "RFC 7515 §4.1.11, CVE-2025-59420",
    needs: "key",
    run: extensions,
  },
  {
    id: "kid",
    title: "Use a kid that points elsewhere",
    source: "RFC 8725 §3.10, CWE-22",
    needs: "key",
    run: keyNames,
  },
  { id: "typ", title: "Send a token of another type", source: "RFC 8725 §3.11", needs: "key", run: otherTypes },
];
