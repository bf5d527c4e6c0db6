// An Ampho in this process behind the HTTP server of `ampho serve`, on a free port.
import { randomBytes } from "node:crypto";
import { channel } from "node:diagnostics_channel";
import type { Socket } from "node:net";
import { createAccessLog } from "../../dist/http/server/access-log.js";
import { createHttpServer } from "../../dist/http/server/server.js";
import type { AmphoOptions } from "../../dist/index.js";
import { openAmpho } from "./ampho.js";
import { alice, editor } from "./people.js";
import { type Grant, postLogin } from "./requests.js";
import { newKey } from "./tokens.js";

/** Resolves when a server of this process has read the head of its next request on the port. */
export function nextRequest(port: number): Promise<void> {
  const started = channel("http.server.request.start");
  return new Promise((resolve) => {
    const note = (message: unknown) => {
      if ((message as { readonly socket: Socket }).socket.localPort !== port) return;
      started.unsubscribe(note);
      resolve();
    };
    started.subscribe(note);
  });
}

export const revocationFeedToken = randomBytes(32).toString("base64url");

export async function serve(
  { connectionsMax, ...options }: AmphoOptions & { connectionsMax?: number } = {},
  format: "json" | "text" = "json",
) {
  const lines: string[] = [];
  const key = newKey("key-1");
  const { ampho, notices } = await openAmpho(
    {
      key,
      revocationFeedToken,
      // These tests send many wrong requests from one address. Throttling has tests of its own.
      throttleAttempts: 1000,
      throttleLock: 1000,
      throttleAddress: 0,
      ...options,
    },
    ...(options.users === undefined ? [editor] : []),
  );
  const log = createAccessLog(format, (line) => lines.push(line));
  const server = createHttpServer({ host: ampho.host, log, settings: { connectionsMax } });
  const root = await server.listen(0, "127.0.0.1");
  const url = root + ampho.host.prefix;
  return {
    ampho,
    server,
    root,
    url,
    port: Number(new URL(root).port),
    key,
    /** The lines of the access log. */
    lines,
    /** The lines that the operator sees, bugs among them. */
    notices,
    async login(): Promise<Grant> {
      const response = await postLogin(url, alice);
      if (response.status !== 200) throw new Error(`the login returned ${response.status}`);
      return response.json();
    },
    async close() {
      await server.close();
      await ampho.close();
    },
  };
}

export type Serving = Awaited<ReturnType<typeof serve>>;
