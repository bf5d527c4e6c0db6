// Faults in responses: what they reveal, to which origin, and how often a client can ask.

import type { Handle } from "../../../dist/http/rest/handler.js";
import type { HttpResponse } from "../../../dist/http/rest/message.js";
import type { Workshop } from "./server.js";
import { type Fault, membersOf, pathOf, random, readBody, responding } from "./server.js";

const without = (headers: Readonly<Record<string, string>>, name: string): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(headers).filter(([one]) => one !== name));

/** The response to a rejected login of an existing user. */
const ofKnownUsers =
  (change: (response: HttpResponse) => HttpResponse) =>
  (inner: Handle, { ampho }: Workshop): Handle =>
  async (request) => {
    if (!pathOf(request).endsWith("/login") || request.body.kind !== "stream") return inner(request);
    const read = await readBody(request).catch(() => undefined);
    if (read === undefined) return inner(request);
    const { login } = membersOf(read.bytes);
    const known = typeof login === "string" && (await ampho.users.find(login).catch(() => undefined)) !== undefined;
    const response = await inner(read.again);
    return known && response.status === 401 ? change(response) : response;
  };

export const leakFaults: readonly Fault[] = [
  {
    name: "publishes its private key",
    finds: ["jwks"],
    alg: "EdDSA",
    plant: responding((response, request) =>
      pathOf(request).endsWith("/jwks.json") && response.body !== undefined
        ? { ...response, body: response.body.replace('"kty"', '"d":"AAAA","kty"') }
        : response,
    ),
  },
  {
    name: "publishes its secret key",
    finds: ["jwks"],
    plant: responding((response, request) =>
      pathOf(request).endsWith("/jwks.json") ? { ...response, body: '{"keys":[{"kty":"oct","k":"AAAA"}]}' } : response,
    ),
  },
  {
    name: "allows caching of tokens",
    finds: ["caching"],
    plant: responding((response) =>
      membersOf(response.body)["token"] === undefined
        ? response
        : { ...response, headers: without(response.headers, "Cache-Control") },
    ),
  },
  {
    name: "rejects without a challenge",
    finds: ["caching"],
    plant: responding((response, request) =>
      pathOf(request).endsWith("/session")
        ? { ...response, headers: without(response.headers, "WWW-Authenticate") }
        : response,
    ),
  },
  {
    name: "returns a stack trace",
    finds: ["error-bodies"],
    plant: responding((response) =>
      response.status === 400
        ? { ...response, body: JSON.stringify({ ...membersOf(response.body), stack: new Error("bad").stack }) }
        : response,
    ),
  },
  {
    name: "repeats the path in its response",
    finds: ["error-bodies"],
    plant: responding((response, request) =>
      response.status === 404 && !pathOf(request).includes("/sessions/")
        ? { ...response, body: JSON.stringify({ message: `Cannot GET ${request.target}`, error: "not_found" }) }
        : response,
    ),
  },
  {
    name: "reveals its software",
    finds: ["banner"],
    plant: responding((response) => ({ ...response, headers: { ...response.headers, "X-Powered-By": "Express" } })),
  },
  {
    name: "allows every origin",
    finds: ["cors"],
    plant: responding((response) => ({
      ...response,
      headers: { ...response.headers, "Access-Control-Allow-Origin": "*" },
    })),
  },
  {
    name: "allows origins that begin like a listed one",
    finds: ["cors"],
    options: { corsOrigins: ["https://app.example"] },
    plant: responding((response, request) => {
      const origin = request.header("origin");
      if (!origin?.startsWith("https://app.example")) return response;
      return { ...response, headers: { ...response.headers, "Access-Control-Allow-Origin": origin } };
    }),
  },
  {
    name: "reveals by status whether a login exists",
    finds: ["enumeration"],
    plant: ofKnownUsers((response) => ({ ...response, status: 403 })),
  },
  {
    name: "reveals by message whether a login exists",
    finds: ["enumeration"],
    plant: ofKnownUsers((response) => ({
      ...response,
      body: JSON.stringify({ message: "Wrong password.", error: "invalid_credentials" }),
    })),
  },
  {
    name: "reveals by a header whether a login exists",
    finds: ["enumeration"],
    plant: ofKnownUsers((response) => ({ ...response, headers: { ...response.headers, "X-Tries-Left": "4" } })),
  },
  {
    name: "never throttles attempts",
    finds: ["throttle"],
    options: { throttleAttempts: 1000, throttleLock: 1000 },
  },
  {
    name: "throttles without Retry-After",
    finds: ["throttle"],
    plant: responding((response) => ({ ...response, headers: without(response.headers, "Retry-After") })),
  },
  {
    name: "counts attempts by the login as it was typed",
    finds: ["look-alikes"],
    plant: (inner) => async (request) => {
      if (!pathOf(request).endsWith("/login") || request.body.kind !== "stream") return inner(request);
      const read = await readBody(request).catch(() => undefined);
      if (read === undefined) return inner(request);
      const { login, password } = membersOf(read.bytes);
      const isOther = typeof login === "string" && login.startsWith("ATTACK-");
      return inner(
        isOther ? { ...request, body: { kind: "parsed", value: { login: `x${random()}`, password } } } : read.again,
      );
    },
  },
];
