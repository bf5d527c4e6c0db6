// Requests of a user who is logged in, below the prefix. They are sent by a `fetch` of the client, which renews the token.
import type { Fetch } from "./fetch.js";
import { responseJson } from "./wire.js";

export type Send = (method: "GET" | "POST" | "DELETE", path: `/${string}`, body?: object) => Promise<unknown>;

/** Resolves to the JSON of the response, or rejects with AmphoError. */
export function sendBy(fetch: Fetch, root: string): Send {
  return async (method, path, body) => {
    const json = body && { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
    return responseJson(await fetch(root + path, { method, ...json }));
  };
}
