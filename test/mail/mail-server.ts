import { readFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import path from "node:path";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";
import { atEndOfFile } from "../world/clean-up.js";
import { listening, openPort } from "../world/listen.js";

export const certificateFile = (name: string) => path.join(import.meta.dirname, "tls", `${name}.crt`);

/** A certificate of `tls/`, for the option of `smtp-server`. */
export const certificate = (name: "server" | "other" | "expired") => ({
  cert: readFileSync(certificateFile(name)),
  key: readFileSync(path.join(import.meta.dirname, "tls", `${name}.key`)),
});

interface Arrived {
  readonly from: string;
  readonly to: readonly string[];
  readonly raw: string;
  readonly secure: boolean;
  readonly user: unknown;
}

export interface MailServer {
  readonly port: number;
  readonly arrived: Arrived[];
  readonly server: SMTPServer;
}

/** Accepts every mail, unless `options` have other handlers. */
export async function startMailServer(options: SMTPServerOptions = {}): Promise<MailServer> {
  const arrived: Arrived[] = [];
  const server = new SMTPServer({
    authOptional: true,
    hideSTARTTLS: true,
    logger: false,
    disableReverseLookup: true,
    closeTimeout: 100,
    onData(stream, session, callback) {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        const { mailFrom, rcptTo } = session.envelope;
        arrived.push({
          from: mailFrom === false ? "" : (mailFrom?.address ?? ""),
          to: rcptTo.map(({ address }) => address),
          raw: Buffer.concat(chunks).toString("utf8"),
          secure: session.secure === true,
          user: session.user,
        });
        callback(null);
      });
    },
    ...options,
  });
  // A client that rejects the certificate, or that ends a connection, is an error of the server.
  server.on("error", () => undefined);
  const port = await openPort(server.server);
  atEndOfFile(() => new Promise<void>((resolve) => server.close(resolve)));
  return { port, arrived, server };
}

export interface ScriptedServer {
  readonly port: number;
  /** The lines of every client, in their order. */
  readonly lines: string[];
  connections: number;
}

/**
 * Speaks line by line. `respond` returns the response to a line, and undefined for silence. It gets the empty line at the
 * start of a connection.
 */
export async function startScriptedServer(
  respond: (line: string, socket: Socket) => string | undefined,
): Promise<ScriptedServer> {
  const scripted: ScriptedServer & { port: number } = { port: 0, lines: [], connections: 0 };
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    scripted.connections += 1;
    sockets.add(socket);
    socket.on("error", () => undefined);
    let rest = "";
    const say = (line: string) => {
      const response = respond(line, socket);
      if (response !== undefined && !socket.destroyed) socket.write(`${response}\r\n`);
    };
    socket.setEncoding("latin1").on("data", (text: string) => {
      const lines = `${rest}${text}`.split("\r\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        scripted.lines.push(line);
        say(line);
      }
    });
    say("");
  });
  scripted.port = (await listening(server, atEndOfFile)).port;
  atEndOfFile(() => {
    for (const socket of sockets) socket.destroy();
  });
  return scripted;
}

/** A server that accepts a mail, with the exceptions of `changes` by the first word of a line. */
export function scriptedMail(
  changes: Readonly<Record<string, (socket: Socket) => string | undefined>>,
): (line: string, socket: Socket) => string | undefined {
  const inData = new WeakSet<Socket>();
  const said: Readonly<Record<string, string>> = {
    "": "220 mail.example ESMTP",
    EHLO: "250-mail.example\r\n250 8BITMIME",
    HELO: "250 mail.example",
    MAIL: "250 2.1.0 ok",
    RCPT: "250 2.1.5 ok",
    DATA: "354 go ahead",
    ".": "250 2.0.0 queued",
    RSET: "250 ok",
    QUIT: "221 bye",
  };
  return (line, socket) => {
    if (inData.has(socket) && line !== ".") return undefined;
    const word = line.split(" ")[0] ?? "";
    if (word === "DATA") inData.add(socket);
    if (word === ".") inData.delete(socket);
    const change = changes[word];
    return change === undefined ? (said[word] ?? "502 5.5.1 unknown") : change(socket);
  };
}
