// Faults of a protected resource: the tokens that it takes, and where its metadata leads clients.
import type { RequestListener } from "node:http";
import type { Ampho } from "../../../dist/instance.js";
import type { Credential } from "../../../dist/tokens/credential.js";
import { type Fault, responding, taken } from "./server.js";

/** Takes every token of these kinds, whatever its audience. */
const takingAny =
  (...credentials: readonly Credential[]) =>
  (guarded: RequestListener, ampho: Ampho): RequestListener =>
  async (request, response) => {
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1] ?? "";
    const isGood = await ampho.verify(token, [...credentials]).then(
      () => true,
      () => false,
    );
    (isGood ? taken : guarded)(request, response);
  };

const keys = { apiKeys: 5, scopes: { tester: ["articles:read"] } };

export const resourceFaults: readonly Fault[] = [
  {
    name: "takes a token for any resource",
    finds: ["resource-audience"],
    options: keys,
    protect: takingAny("session", "foreign"),
  },
  {
    name: "takes an API key at a resource",
    finds: ["resource-key"],
    options: keys,
    protect: takingAny("api_key"),
  },
  {
    name: "describes the host that a proxy names",
    finds: ["resource-metadata"],
    options: keys,
    plant: responding((response, request) => {
      const host = request.header("x-forwarded-host");
      if (host === undefined || !request.target.includes("oauth-protected-resource")) return response;
      return { ...response, body: (response.body ?? "").replace(/127\.0\.0\.1:\d+/, host) };
    }),
  },
  {
    name: "leads no client to the metadata",
    finds: ["resource-metadata"],
    options: keys,
    protect: (guarded) => (request, response) => {
      if (request.headers.authorization !== undefined) return guarded(request, response);
      response.writeHead(401, { "WWW-Authenticate": "Bearer" }).end();
    },
  },
];
