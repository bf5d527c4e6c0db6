// A server that publishes keys and a feed of revocations, both as the test states them. It closes after the file.
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { atEndOfFile } from "../world/clean-up.js";
import { type Behavior, sendJson } from "../world/listen.js";

/** A page without revocations. */
export const emptyPage = () => ({
  epoch: "one",
  last: 0,
  revocations: [] as object[],
  now: Math.floor(Date.now() / 1000),
  more: false,
  waited: 0,
});

export interface Server {
  readonly url: string;
  keys: Behavior;
  feed: Behavior;
}

export async function startServer(jwks: object): Promise<Server> {
  const behaviors = {
    keys: sendJson(jwks),
    feed: ((request, response) => sendJson(emptyPage())(request, response)) as Behavior,
  };
  const server = createServer((request, response) => {
    if (request.url === "/.well-known/jwks.json") behaviors.keys(request, response);
    else behaviors.feed(request, response);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  atEndOfFile(() => {
    server.closeAllConnections();
    server.close();
  });
  return Object.assign(behaviors, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}
