// What Hono has on Node, where `@hono/node-server` binds the message that a request was made of. No name of its inside is used.
import type { IncomingMessage } from "node:http";

/** What `@hono/node-server` binds. */
interface NodeBindings {
  readonly incoming?: IncomingMessage;
}

function incomingOf(env: unknown): IncomingMessage | undefined {
  const bindings = env as NodeBindings | undefined;
  return bindings?.incoming;
}

export function nodeAddressOf(env: unknown): string | undefined {
  return incomingOf(env)?.socket?.remoteAddress;
}

/**
 * The message that a request stands for, as long as nobody has looked at the request's headers or put another in its place:
 * it holds the message and text, and nothing else. To have its headers made takes three times as long as the guard.
 */
export function untouchedMessage(request: Request, env: unknown): IncomingMessage | undefined {
  const incoming = incomingOf(env);
  if (incoming?.rawHeaders === undefined) return undefined;
  const held = request as unknown as Readonly<Record<PropertyKey, unknown>>;
  let holdsIt = false;
  for (const key of Reflect.ownKeys(request)) {
    const value = held[key];
    if (value === incoming) holdsIt = true;
    else if (typeof value !== "string") return undefined;
  }
  return holdsIt ? incoming : undefined;
}
