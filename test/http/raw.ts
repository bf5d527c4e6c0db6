// Bytes over TCP, for what no HTTP client agrees to send.
import { connect } from "node:net";

export interface RawAnswer {
  /** 0 when the connection was closed without an answer. */
  readonly status: number;
  readonly head: string;
  readonly body: string;
  /** Whether the other side had closed the connection when this was given. */
  readonly closed: boolean;
}

export interface RawOptions {
  /** Wait for the other side to close, not just for one answer. */
  readonly untilClosed?: boolean;
  /** Nothing follows, and the other side is told so: it closes when it has read all, not when its patience ends. */
  readonly last?: boolean;
  /** Give up after so long; what came until then is the answer. */
  readonly patienceMs?: number;
  /** Sent again and again until there is an answer. */
  readonly repeat?: string;
}

export function sendRaw(port: number, text: string | Uint8Array, options: RawOptions = {}): Promise<RawAnswer> {
  const { untilClosed = false, last = false, patienceMs = 10_000, repeat } = options;
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
