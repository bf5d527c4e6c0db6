// A network that the test controls: a TCP proxy that loses responses, loses everything or is slow.
import { connect, createServer, type Socket } from "node:net";
import { onTestFinished } from "vitest";
import { listening } from "../world/listen.js";
import { wait } from "./storage.js";

export interface Network {
  readonly url: string;
  /** Returns true if the response to these bytes gets lost on its way back. The server still gets the request. */
  cuts: (sent: string) => boolean;
  /** Nothing gets through in either direction. */
  down: boolean;
  /** The delay of each chunk of a response. */
  delayMs: number;
}

/** Concurrent tests pass the `onTestFinished` of their own context. */
export async function openNetwork(target: number, atEnd = onTestFinished): Promise<Network> {
  const sockets = new Set<Socket>();
  const network = { url: "", cuts: (_sent: string) => false, down: false, delayMs: 0 };
  const server = createServer((near) => {
    if (network.down) return near.destroy();
    const far = connect(target, "127.0.0.1");
    let doomed = false;
    let last = Promise.resolve();
    const end = () => {
      near.destroy();
      far.destroy();
    };
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", end).on("close", end);
    }
    near.on("data", (chunk) => {
      if (network.down) return end();
      doomed ||= network.cuts(chunk.toString("latin1"));
      far.write(chunk);
    });
    far.on("data", (chunk) => {
      if (doomed || network.down) return end();
      last = last.then(() => wait(network.delayMs)).then(() => void near.write(chunk));
    });
  });
  const { url } = await listening(server, atEnd);
  atEnd(() => {
    for (const socket of sockets) socket.destroy();
  });
  return Object.assign(network, { url });
}

/** Loses the responses to the first `count` requests of this path. */
export function losing(path: string, count: number): Network["cuts"] {
  let left = count;
  return (sent) => sent.includes(` ${path} `) && left-- > 0;
}
