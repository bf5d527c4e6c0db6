// Faults of API keys: where an instance takes them, what they can do, and who can end or read them.

import type { HttpRequest } from "../../../dist/http/rest/message.js";
import type { AmphoOptions } from "../../../dist/index.js";
import { bearerOf, type Fault, membersOf, pathOf, readBody, type Workshop, withBearer } from "./server.js";

const options: AmphoOptions = { apiKeys: 5, scopes: { tester: ["articles:read"] } };

/** A session of the owner in place of the key. */
async function asLogin(request: HttpRequest, key: string, { ampho }: Workshop): Promise<HttpRequest> {
  const owner = await ampho.verify(key, ["api_key"]).catch(() => undefined);
  return owner?.id === undefined ? request : withBearer(request, (await ampho.sessions.create(owner.id)).token);
}

const isKeys = (request: HttpRequest) => pathOf(request).endsWith("/api-keys");

export const apiKeyFaults: readonly Fault[] = [
  {
    name: "takes an API key as a login",
    finds: ["key-own-routes"],
    options,
    plant: (inner, shop) => async (request) => inner(await asLogin(request, bearerOf(request), shop)),
  },
  {
    name: "takes an API key in X-Api-Key",
    finds: ["key-elsewhere"],
    options,
    plant: (inner, shop) => async (request) => inner(await asLogin(request, request.header("x-api-key") ?? "", shop)),
  },
  {
    name: "grants every scope of an API key",
    finds: ["key-too-much"],
    options,
    plant: (inner) => async (request) => {
      if (!isKeys(request) || request.body.kind !== "stream") return inner(request);
      const read = await readBody(request);
      const value = { ...membersOf(read.bytes), scopes: ["articles:read"] };
      return inner({ ...request, body: { kind: "parsed", value } });
    },
  },
  {
    name: "lets every user end an API key",
    finds: ["key-of-others"],
    options,
    plant:
      (inner, { ampho }) =>
      async (request) => {
        const [, id] = /\/api-keys\/([\w-]+)$/.exec(pathOf(request)) ?? [];
        const response = await inner(request);
        if (request.method === "DELETE" && id !== undefined) await ampho.apiKeys.revoke(id);
        return response;
      },
  },
  {
    name: "lists API keys with their text",
    finds: ["key-shown-again"],
    options,
    plant(inner) {
      let key = "";
      return async (request) => {
        const response = await inner(request);
        if (!isKeys(request)) return response;
        if (response.status === 201) key = String(membersOf(response.body)["key"]);
        return request.method === "GET"
          ? { ...response, body: (response.body ?? "").replace('"name"', `"key":"${key}","name"`) }
          : response;
      };
    },
  },
];
