// Bytes over TCP, for what no HTTP client agrees to send.
import { connect } from "node:net";

export interface RawResponse {
  /** 0 when the connection was closed without a response. */
  readonly status: number;
  readonly head: string;
  readonly body: string;
  /** True if the server had closed the connection. */
  readonly closed: boolean;
}

export interface RawOptions {
  /** Waits until the server closes the connection, instead of for one response. */
  readonly untilClosed?: boolean;
  /** Ends the sending side, so that the server closes when it has read everything. */
  readonly last?: boolean;
  /** Gives up after this time, and returns what has arrived. */
  readonly patienceMs?: number;
  /** Sent repeatedly until a response arrives. */
  readonly repeat?: string;
}

export function sendRaw(port: number, text: string | Uint8Array, options: RawOptions = {}): Promise<RawResponse> {
  const { untilClosed = false, last = false, patienceMs = 60_000, repeat } = options;
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.write(text);
      if (last) socket.end();
      if (repeat !== undefined) pump();
    });
    let received = "";
    const pump = () => {
      if (received !== "" || socket.destroyed) return;
      if (socket.write(repeat ?? "")) setImmediate(pump);
      else socket.once("drain", pump);
    };
    const finish = (closed: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      const cut = received.indexOf("\r\n\r\n");
      const head = cut < 0 ? received : received.slice(0, cut);
      resolve({
        status: Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0),
        head,
        body: cut < 0 ? "" : received.slice(cut + 4),
        closed,
      });
    };
    const timer = setTimeout(() => finish(false), patienceMs);
    socket.on("data", (chunk) => {
      received += chunk.toString("latin1");
      if (!untilClosed && isWhole(received)) finish(false);
    });
    socket.on("error", () => finish(true));
    socket.on("close", () => finish(true));
  });
}

function isWhole(received: string): boolean {
  const cut = received.indexOf("\r\n\r\n");
  const length = /^content-length: *(\d+)/im.exec(received.slice(0, cut))?.[1];
  return cut >= 0 && length !== undefined && received.length - cut - 4 >= Number(length);
}
