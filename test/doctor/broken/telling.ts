// Faults in responses: what they reveal, to which origin, and how often a client can ask.

import type { Handle } from "../../../dist/http/rest/handler.js";
import type { HttpResponse } from "../../../dist/http/rest/message.js";
import type { Workshop } from "./server.js";
import { answering, type Fault, membersOf, pathOf, random, readBody } from "./server.js";

const without = (headers: Readonly<Record<string, string>>, name: string): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(headers).filter(([one]) => one !== name));

/** The response to a rejected login of an existing user. */
const ofKnownUsers =
  (change: (answer: HttpResponse) => HttpResponse) =>
  (inner: Handle, { ampho }: Workshop): Handle =>
  async (request) => {
    if (!pathOf(request).endsWith("/login") || request.body.kind !== "stream") return inner(request);
    const read = await readBody(request).catch(() => undefined);
    if (read === undefined) return inner(request);
    const { login } = membersOf(read.bytes);
    const known = typeof login === "string" && (await ampho.users.find(login).catch(() => undefined)) !== undefined;
    const answer = await inner(read.again);
    return known && answer.status === 401 ? change(answer) : answer;
  };

export const tellingFaults: readonly Fault[] = [
  {
    name: "publishes its private key",
    finds: ["jwks"],
    alg: "EdDSA",
    plant: answering((answer, request) =>
      pathOf(request).endsWith("/jwks.json") && answer.body !== undefined
        ? { ...answer, body: answer.body.replace('"kty"', '"d":"AAAA","kty"') }
        : answer,
    ),
  },
  {
    name: "publishes its secret key",
    finds: ["jwks"],
    plant: answering((answer, request) =>
      pathOf(request).endsWith("/jwks.json") ? { ...answer, body: '{"keys":[{"kty":"oct","k":"AAAA"}]}' } : answer,
    ),
  },
  {
    name: "allows caching of tokens",
    finds: ["caching"],
    plant: answering((answer) =>
      membersOf(answer.body)["token"] === undefined
        ? answer
        : { ...answer, headers: without(answer.headers, "Cache-Control") },
    ),
  },
  {
    name: "rejects without a challenge",
    finds: ["caching"],
    plant: answering((answer, request) =>
      pathOf(request).endsWith("/session")
        ? { ...answer, headers: without(answer.headers, "WWW-Authenticate") }
        : answer,
    ),
  },
  {
    name: "returns a stack trace",
    finds: ["error-bodies"],
    plant: answering((answer) =>
      answer.status === 400
        ? { ...answer, body: JSON.stringify({ ...membersOf(answer.body), stack: new Error("bad").stack }) }
        : answer,
    ),
  },
  {
    name: "repeats the path in its response",
    finds: ["error-bodies"],
    plant: answering((answer, request) =>
      answer.status === 404 && !pathOf(request).includes("/sessions/")
        ? { ...answer, body: JSON.stringify({ message: `Cannot GET ${request.target}`, error: "not_found" }) }
        : answer,
    ),
  },
  {
    name: "reveals its software",
    finds: ["banner"],
    plant: answering((answer) => ({ ...answer, headers: { ...answer.headers, "X-Powered-By": "Express" } })),
  },
  {
    name: "allows every origin",
    finds: ["cors"],
    plant: answering((answer) => ({ ...answer, headers: { ...answer.headers, "Access-Control-Allow-Origin": "*" } })),
  },
  {
    name: "allows origins that begin like a listed one",
    finds: ["cors"],
    options: { corsOrigins: ["https://app.example"] },
    plant: answering((answer, request) => {
      const origin = request.header("origin");
      if (!origin?.startsWith("https://app.example")) return answer;
      return { ...answer, headers: { ...answer.headers, "Access-Control-Allow-Origin": origin } };
    }),
  },
  {
    name: "reveals by status whether a login exists",
    finds: ["enumeration"],
    plant: ofKnownUsers((answer) => ({ ...answer, status: 403 })),
  },
  {
    name: "reveals by message whether a login exists",
    finds: ["enumeration"],
    plant: ofKnownUsers((answer) => ({
      ...answer,
      body: JSON.stringify({ message: "Wrong password.", error: "invalid_credentials" }),
    })),
  },
  {
    name: "reveals by a header whether a login exists",
    finds: ["enumeration"],
    plant: ofKnownUsers((answer) => ({ ...answer, headers: { ...answer.headers, "X-Tries-Left": "4" } })),
  },
  {
    name: "never throttles attempts",
    finds: ["throttle"],
    options: { throttleAttempts: 1000, throttleLock: 1000 },
  },
  {
    name: "throttles without Retry-After",
    finds: ["throttle"],
    plant: answering((answer) => ({ ...answer, headers: without(answer.headers, "Retry-After") })),
  },
  {
    name: "counts attempts by the login as it was typed",
    finds: ["look-alikes"],
    plant: (inner) => async (request) => {
      if (!pathOf(request).endsWith("/login") || request.body.kind !== "stream") return inner(request);
      const read = await readBody(request).catch(() => undefined);
      if (read === undefined) return inner(request);
      const { login, password } = membersOf(read.bytes);
      const isOther = typeof login === "string" && login.startsWith("DOCTOR-");
      return inner(
        isOther ? { ...request, body: { kind: "parsed", value: { login: `x${random()}`, password } } } : read.again,
      );
    },
  },
];
