// A TCP proxy before a server that cuts connections, swallows or delays what they carry, or counts them.
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { openPort } from "../world/listen.js";

export interface CuttingProxy {
  readonly port: number;
  /** Connections that are open at present. */
  readonly open: number;
  /** Cuts each connection when so many pieces of data have passed through all of them, counted from now. */
  cutAfter(pieces: number): void;
  cutAll(): void;
  /** Neither passes on nor ends anything, as a network that lost its way. */
  swallow(swallowing: boolean): void;
  /** Drops all data of the connections that are open now, as a firewall does that has forgotten them. Later ones pass. */
  forgetOpen(): void;
  /** Begins to swallow when so many pieces have passed, counted from now. */
  swallowAfter(pieces: number): void;
  /** From now on each piece takes so long, in either direction. */
  delay(ms: number): void;
  close(): Promise<void>;
}

export async function startCuttingProxy(targetPort: number): Promise<CuttingProxy> {
  const pairs = new Set<readonly [Socket, Socket]>();
  const forgotten = new WeakSet<Socket>();
  let left = Number.POSITIVE_INFINITY;
  let swallowing = false;
  let then: "cut" | "swallow" = "cut";
  let delayMs = 0;

  function cutAll(): void {
    for (const pair of pairs) for (const socket of pair) socket.resetAndDestroy();
  }

  function pass(from: Socket, to: Socket): void {
    from.on("data", (piece) => {
      if (swallowing || forgotten.has(from)) return;
      left -= 1;
      if (left >= 0) {
        if (delayMs === 0) to.write(piece);
        else setTimeout(() => to.write(piece), delayMs);
      } else {
        left = Number.POSITIVE_INFINITY;
        if (then === "swallow") swallowing = true;
        else cutAll();
      }
    });
  }

  const server = createServer((client) => {
    const upstream = connect(targetPort, "127.0.0.1");
    const pair = [client, upstream] as const;
    pairs.add(pair);
    pass(client, upstream);
    pass(upstream, client);
    for (const socket of pair) {
      socket.on("error", () => undefined);
      socket.on("close", () => {
        // The other end gets no notice.
        if (forgotten.has(socket)) return;
        pairs.delete(pair);
        if (!swallowing) for (const each of pair) each.destroy();
      });
    }
  });
  const port = await openPort(server);

  return {
    port,
    get open() {
      return pairs.size;
    },
    cutAfter: (pieces) => {
      [left, then] = [pieces, "cut"];
    },
    swallowAfter: (pieces) => {
      [left, then] = [pieces, "swallow"];
    },
    forgetOpen: () => {
      for (const pair of pairs) for (const socket of pair) forgotten.add(socket);
    },
    delay: (ms) => {
      delayMs = ms;
    },
    cutAll,
    swallow: (on) => {
      swallowing = on;
      // The data in between is lost.
      if (!on) cutAll();
    },
    close: async () => {
      for (const pair of pairs) for (const socket of pair) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
