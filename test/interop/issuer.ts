import { atEndOfFile } from "../world/clean-up.js";
import { type Behavior, listening, sendJson } from "../world/listen.js";

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
  const { url } = await listening((request, response) => {
    if (request.url === "/.well-known/jwks.json") behaviors.keys(request, response);
    else behaviors.feed(request, response);
  }, atEndOfFile);
  return Object.assign(behaviors, { url });
}
