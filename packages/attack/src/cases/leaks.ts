// Responses must not leak internals, and must carry the required headers.
import { randomBytes } from "node:crypto";
import type { Attack, Target } from "../attack.js";
import { type AttemptResult, bearerHeader, blocked, post, sendEach, succeeded } from "../attack.js";
import { headerOf, membersOf } from "../exchange.js";
import { parseSegment, segmentsOf } from "../forge.js";
import { isObject } from "../key.js";

const privateMembers = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

async function publishedKeys(target: Target) {
  const response = await target.send({ path: "/.well-known/jwks.json" });
  const { keys } = membersOf(response);
  if (response.status !== 200 || !Array.isArray(keys)) return succeeded(`no JWK Set: status ${response.status}`);
  for (const jwk of keys.filter(isObject)) {
    if (jwk["kty"] === "oct") return succeeded("it publishes a secret (oct) key");
    const shown = privateMembers.filter((name) => name in jwk);
    if (shown.length > 0) return succeeded(`it publishes the private members ${shown.join(", ")}`);
  }
  return blocked;
}

/** Collects one response of each kind. */
async function responsesOf(target: Target): Promise<readonly AttemptResult[]> {
  const { token, refreshToken } = await target.openSession();
  return sendEach(target, [
    ["a login", post("/login", target.user)],
    ["a rejected login", post("/login", { login: 1 })],
    ["a renewal", post("/renew", { refresh_token: refreshToken })],
    ["a rejected renewal", post("/renew", { refresh_token: "x" })],
    ["a session", { path: "/session", headers: [bearerHeader(token)] }],
    ["sessions", { path: "/sessions", headers: [bearerHeader(token)] }],
    ["no token", { path: "/session" }],
    ["a bad token", { path: "/session", headers: [bearerHeader("x.y.z")] }],
    ["an unknown path", { path: "/nothing" }],
    ["a wrong method", { method: "PUT", path: "/login" }],
    ["a logout", { method: "POST", path: "/logout", headers: [bearerHeader(token)] }],
  ]);
}

async function cached(target: Target) {
  const faults = (await responsesOf(target)).flatMap(([what, response]) => {
    const control = headerOf(response, "cache-control")?.toLowerCase() ?? "";
    const challenge = headerOf(response, "www-authenticate") ?? "";
    return [
      ...(/(?:^|[\s,])no-store(?:$|[\s,])/.test(control) ? [] : [`${what} can be cached (no Cache-Control: no-store)`]),
      ...(headerOf(response, "x-content-type-options") === "nosniff" ? [] : [`${what} can be sniffed (no nosniff)`]),
      ...(response.status !== 401 || /^bearer\b/i.test(challenge) ? [] : [`${what}: 401 without a Bearer challenge`]),
    ];
  });
  return faults.length === 0 ? blocked : succeeded(faults.slice(0, 3).join("; "));
}

/** Parts of a stack trace, a path of the server, a query or a library. */
const internals =
  /\n\s+at |\bat [\w.<>]+ \(|node_modules|\/(?:usr|home|app|srv|var|opt)\/|file:\/\/|SQLITE_|\bsqlite\b|\bselect .+ from\b|\bTypeError\b|\bSyntaxError\b/i;

async function leakedInternals(target: Target) {
  const canary = `canary${randomBytes(9).toString("hex")}`;
  const { token } = await target.sharedSession();
  const { sid } = parseSegment(segmentsOf(token).payload);
  const responses = await sendEach(target, [
    ["no JSON", post("/login", `{"login": ${canary}`)],
    ["a wrong type", post("/login", { login: canary, password: { [canary]: canary } })],
    ["an unknown field", post("/login", { [canary]: canary })],
    ["a login with a NUL", post("/login", { login: `${canary}\0`, password: canary })],
    ["a token", { path: "/session", headers: [bearerHeader(`${canary}.${canary}.${canary}`)] }],
    ["a scheme", { path: "/session", headers: [["Authorization", `${canary} ${canary}`]] }],
    ["a refresh token", post("/renew", { refresh_token: canary })],
    ["a path", { path: `/${canary}` }],
    ["a session's id", { method: "DELETE", path: `/sessions/${canary}`, headers: [bearerHeader(token)] }],
    ["a query", { path: `/session?password=${canary}`, headers: [bearerHeader(token)] }],
    ["a media type", { method: "POST", path: "/login", headers: [["Content-Type", `text/${canary}`]], body: canary }],
    ["a method", { method: "PUT", path: "/login", headers: [["X-Canary", canary]] }],
  ]);
  const faults = responses.flatMap(([what, response]) => {
    const text = [response.body, ...response.headers.map(([name, value]) => `${name}: ${value}`)].join("\n");
    const { message, error } = membersOf(response);
    return [
      ...(text.includes(canary) ? [`the response repeats ${what}`] : []),
      ...(internals.test(response.body) ? [`the response to ${what} reveals internals`] : []),
      ...(typeof sid === "string" && response.body.includes(sid)
        ? [`the response to ${what} reveals the id of a session`]
        : []),
      ...(response.status >= 500 ? [`${what}: status ${response.status}`] : []),
      ...(typeof message === "string" && typeof error === "string"
        ? []
        : [`the response to ${what} lacks message and error`]),
    ];
  });
  return faults.length === 0 ? blocked : succeeded(faults.slice(0, 3).join("; "));
}

async function program(target: Target) {
  const response = await target.send({ path: "/session" });
  const revealed = ["x-powered-by", "x-aspnet-version", "x-generator"].filter(
    (name) => headerOf(response, name) !== undefined,
  );
  // A proxy can reveal its name. The version is what helps an attacker.
  if (/\d/.test(headerOf(response, "server") ?? "")) revealed.push("server");
  return revealed.length === 0 ? blocked : succeeded(`the response reveals the software: ${revealed.join(", ")}`);
}

async function otherOrigins(target: Target) {
  const unknownOrigin = `https://${randomBytes(6).toString("hex")}.example`;
  const listed = target.rules.corsOrigins.flatMap((origin) => [
    `${origin}.example`,
    origin.replace("://", "://x"),
    `${origin}:1`,
  ]);
  const faults: string[] = [];
  for (const origin of [unknownOrigin, "null", "http://localhost:1", ...listed]) {
    const ask = [
      ["Origin", origin],
      ["Access-Control-Request-Method", "POST"],
      ["Access-Control-Request-Headers", "authorization"],
    ] as const;
    for (const method of ["GET", "OPTIONS"]) {
      const response = await target.send({ method, path: method === "GET" ? "/session" : "/login", headers: ask });
      const allowed = headerOf(response, "access-control-allow-origin");
      if (allowed === undefined) continue;
      const kind = allowed === "*" ? "every origin" : allowed === origin ? "any requesting origin" : "";
      if (kind !== "") faults.push(`${kind} can read responses (${method})`);
    }
  }
  return faults.length === 0 ? blocked : succeeded([...new Set(faults)].slice(0, 3).join("; "));
}

export const leakAttacks: readonly Attack[] = [
  { id: "jwks", title: "Find private members in the published keys", source: "RFC 7517 §9.2", run: publishedKeys },
  {
    id: "caching",
    title: "Find responses that can be cached or sniffed, or lack a challenge",
    source: "RFC 6750 §5.3, RFC 9111 §5.2.2.5",
    run: cached,
  },
  {
    id: "error-bodies",
    title: "Provoke errors that reveal internals or repeat the input",
    source: "CWE-209",
    run: leakedInternals,
  },
  { id: "banner", title: "Find headers that reveal software and version", source: "CWE-200", run: program },
  { id: "cors", title: "Read responses from another origin", source: "CWE-942", run: otherOrigins },
];
