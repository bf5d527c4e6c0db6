// A TCP proxy in front of a PostgreSQL server that knows the frame of its messages
// (https://www.postgresql.org/docs/current/protocol-message-formats.html). It cuts, stops or delays between any two of them.
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { openPort } from "../world/listen.js";

export interface WireMessage {
  /** Counted from 1. */
  readonly connection: number;
  readonly from: "client" | "server";
  /** The byte that names its kind, or "startup" for the first message of a client, which has none. */
  readonly kind: string;
  readonly bytes: Buffer;
}

/** `hold`: this message and all that follow get lost, as on a broken network. */
export type Verdict = "pass" | "cut" | "hold";

export interface WireProxy {
  readonly port: number;
  /** Called for each message. */
  judge(verdict: (message: WireMessage) => Verdict): void;
  /** Each message takes so long, in either direction. */
  delay(ms: number): void;
  /** Ends every connection, and each new one while it rejects them. */
  cut(options?: { readonly rejecting: boolean }): void;
  /** Nothing comes through any more, and nothing ends. Afterwards all connections are cut. */
  swallow(swallowing: boolean): void;
  close(): Promise<void>;
}

export async function startWireProxy(targetPort: number): Promise<WireProxy> {
  const pairs = new Set<readonly [Socket, Socket]>();
  let verdictOf: (message: WireMessage) => Verdict = () => "pass";
  let [delayMs, rejecting, swallowing, connections] = [0, false, false, 0];

  function cutAll(): void {
    for (const pair of pairs) for (const socket of pair) socket.resetAndDestroy();
  }

  function pass(connection: number, from: WireMessage["from"], source: Socket, target: Socket): void {
    let rest = Buffer.alloc(0);
    let started = from === "server";
    source.on("data", (piece) => {
      rest = Buffer.concat([rest, piece]);
      for (;;) {
        const head = started ? 1 : 0;
        if (rest.length < head + 4 || rest.length < head + rest.readUInt32BE(head)) return;
        const bytes = rest.subarray(0, head + rest.readUInt32BE(head));
        rest = rest.subarray(bytes.length);
        const kind = started ? String.fromCharCode(bytes[0] ?? 0) : "startup";
        started = true;
        if (!swallowing) forward({ connection, from, kind, bytes }, target);
      }
    });
  }

  function forward(message: WireMessage, target: Socket): void {
    const verdict = verdictOf(message);
    if (verdict === "cut") cutAll();
    else if (verdict === "hold") swallowing = true;
    else if (delayMs === 0) target.write(message.bytes);
    // Timers of one length fire in their order.
    else setTimeout(() => target.write(message.bytes), delayMs);
  }

  const server = createServer((client) => {
    if (rejecting) {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect({ port: targetPort, host: "127.0.0.1", noDelay: true });
    const pair = [client, upstream] as const;
    pairs.add(pair);
    client.setNoDelay();
    connections += 1;
    pass(connections, "client", client, upstream);
    pass(connections, "server", upstream, client);
    for (const socket of pair) {
      socket.on("error", () => undefined);
      socket.on("close", () => {
        // While nothing comes through, one side does not notice that the other has ended the connection.
        if (!swallowing) for (const each of pair) each.destroy();
        if (pair.every((each) => each.closed)) pairs.delete(pair);
      });
    }
  });
  const port = await openPort(server);

  return {
    port,
    judge: (verdict) => {
      verdictOf = verdict;
    },
    delay: (ms) => {
      delayMs = ms;
    },
    cut: (options = { rejecting: false }) => {
      rejecting = options.rejecting;
      cutAll();
    },
    swallow: (on) => {
      swallowing = on;
      // Data that waited in between is lost for good.
      if (!on) cutAll();
    },
    close: async () => {
      for (const pair of pairs) for (const socket of pair) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
