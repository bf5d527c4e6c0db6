// HTTP/2 by hand, because every client library rejects the requests that an attacker sends (RFC 9113, RFC 7541).
import { connect } from "node:tls";

export type Field = readonly [name: string, value: string];

export interface Request {
  readonly fields: readonly Field[];
  readonly body?: string;
  readonly trailers?: readonly Field[];
}

const kinds = { data: 0, headers: 1, reset: 3, settings: 4, goAway: 7, continuation: 9 } as const;
const flags = { end: 1, endOfHeaders: 4 } as const;

function frame(kind: number, flag: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(kind, 3);
  head.writeUInt8(flag, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A text without the code of Huffman. Its length has a prefix of 7 bits. */
function text(value: string): Buffer {
  const bytes = Buffer.from(value, "latin1");
  const size = [Math.min(bytes.length, 127)];
  if (size[0] === 127) {
    let rest = bytes.length - 127;
    for (; rest > 127; rest >>= 7) size.push((rest & 127) | 128);
    size.push(rest);
  }
  return Buffer.concat([Buffer.from(size), bytes]);
}

/** Each field as a literal that no table keeps. */
const block = (fields: readonly Field[]): Buffer =>
  Buffer.concat(fields.flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]));

/** A block in a frame of headers and one that goes on in the middle of a name. */
function headers(stream: number, fields: readonly Field[], last: boolean): readonly Buffer[] {
  const all = block(fields);
  const half = Math.floor(all.length / 2);
  return [
    frame(kinds.headers, last ? flags.end : 0, stream, all.subarray(0, half)),
    frame(kinds.continuation, flags.endOfHeaders, stream, all.subarray(half)),
  ];
}

function framesOf({ fields, body, trailers }: Request, stream: number): readonly Buffer[] {
  if (body === undefined && trailers === undefined) return headers(stream, fields, true);
  return [
    ...headers(stream, fields, false),
    frame(kinds.data, trailers === undefined ? flags.end : 0, stream, Buffer.from(body ?? "", "latin1")),
    ...(trailers === undefined ? [] : headers(stream, trailers, true)),
  ];
}

/** Sends the requests at once, and resolves when each has its end, or when the server gives the connection up. */
export function sendFrames(port: number, requests: readonly Request[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const open = new Set(requests.map((_, at) => 2 * at + 1));
    const socket = connect({
      port,
      host: "127.0.0.1",
      servername: "localhost",
      ALPNProtocols: ["h2"],
      rejectUnauthorized: false,
    });
    socket.once("secureConnect", () => {
      if (socket.alpnProtocol !== "h2") return void socket.destroy(new Error("the server speaks no HTTP/2"));
      socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
      socket.write(frame(kinds.settings, 0, 0, Buffer.alloc(0)));
      socket.write(Buffer.concat(requests.flatMap((request, at) => framesOf(request, 2 * at + 1))));
    });
    let unread = Buffer.alloc(0);
    socket.on("data", (chunk) => {
      unread = Buffer.concat([unread, chunk]);
      while (unread.length >= 9 && unread.length >= 9 + unread.readUIntBE(0, 3)) {
        const [kind, flag, stream] = [unread.readUInt8(3), unread.readUInt8(4), unread.readUInt32BE(5)];
        unread = unread.subarray(9 + unread.readUIntBE(0, 3));
        const ends = kind === kinds.data || kind === kinds.headers ? (flag & flags.end) !== 0 : kind === kinds.reset;
        if (ends) open.delete(stream);
        // A server can wait for seconds before it closes.
        if (open.size === 0 || kind === kinds.goAway) socket.destroy();
      }
    });
    socket.on("error", (error: NodeJS.ErrnoException) => error.code !== "ECONNRESET" && reject(error));
    socket.on("close", () => resolve());
  });
}
