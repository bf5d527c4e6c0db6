// Shared by the raw requests against a proxy: Ampho, a program that records every request that reaches it, and the faults of these.

import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { mount } from "../../dist/adapters/node.js";
import { openAmpho } from "../world/ampho.js";
import { atEndOfFile } from "../world/clean-up.js";
import { freePort } from "../world/free-port.js";
import { listening } from "../world/listen.js";
import type { ProxyConfiguration } from "./raw-proxies.js";

/** RFC 9110 §5.6.2. */
export const tokenCharacters = [..."!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"];
export const forged = "203.0.113.66";

/** A name with a character in place of all hyphens, or of one. */
export function spellings(name: string, character: string): readonly string[] {
  const [first = "", ...rest] = name.split("-");
  const all = [name.replaceAll("-", character), `${first}${character}${rest.join("-")}`];
  return [...all, ...all.map((each) => each.toUpperCase()), `${first}-${rest.join(character)}`];
}

/** Paths that a proxy and a program can read differently. */
export function confusingPaths(target: string): readonly string[] {
  const ups = ["..", "%2e%2e", ".%2E", "..;", "%252e%252e"];
  const ends = ["/", "%2f", "\\", "%5c", "//", "/./"];
  return ups.flatMap((up) =>
    ends.flatMap((end) => [
      `/admin${end}${up}${target}`,
      `${target}${end}${up}${end}admin`,
      `${target}/x/${up}${end}../admin`,
    ]),
  );
}

export interface Reached {
  readonly target: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly trailers: readonly string[];
  readonly tunnel: boolean;
}

/** A program that takes every upgrade, and that believes every header and trailer. */
export function openProgram(reached: Reached[]) {
  const server = createServer();
  const note = (request: IncomingMessage, tunnel: boolean) => {
    const { rawHeaders } = request;
    const fields = rawHeaders.flatMap((name, at) => (at % 2 === 0 ? [[name, rawHeaders[at + 1] ?? ""] as const] : []));
    if (request.url !== "/readyz")
      reached.push({ target: request.url ?? "", fields, trailers: request.rawTrailers, tunnel });
  };
  server.on("request", (request, response) => {
    request.resume().once("end", () => {
      note(request, false);
      response.end("reached");
    });
  });
  server.on("upgrade", (request, socket) => {
    note(request, true);
    socket
      .on("error", () => {})
      .end("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\ntunnel");
  });
  return new Promise<{ readonly url: string; close(): void }>((resolve) =>
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      resolve({ url: `http://127.0.0.1:${port}`, close: () => void server.close().closeAllConnections() });
    }),
  );
}

const folded = (name: string) => name.toLowerCase().replaceAll(/[^a-z0-9]/g, "_");

/** The faults of a request that has reached the program, where "caller" has sent it. */
export function faultsOf(configuration: ProxyConfiguration, caller: string) {
  const names = Object.keys(configuration.states);
  const expected = (name: string) => {
    const kind = configuration.states[name];
    return kind === "caller" ? caller : kind === "scopes" ? "articles:read" : "127.0.0.1";
  };

  /** Where a configuration lets WebSockets pass, they pass alone. */
  const isWebSocket = (fields: Reached["fields"]) =>
    configuration.webSockets === true &&
    fields.filter(([name]) => /^upgrade$/i.test(name)).every(([, value]) => value === "websocket");

  /** The fault of a request that has reached the program. */
  const faults = ({ target: asked, fields, trailers, tunnel }: Reached): readonly string[] => {
    const read = configuration.folds ? folded : (name: string) => name.toLowerCase();
    const stated = names.flatMap((name) => {
      const values = fields.filter(([each]) => read(each) === read(name)).map(([, value]) => value);
      return values.length === 1 && values[0] === expected(name) ? [] : [`${name} is ${JSON.stringify(values)}`];
    });
    const hosts = fields.filter(([name]) => name.toLowerCase() === "host").length;
    const plain = asked.split("?")[0] ?? "";
    const readings = [
      plain,
      new URL(asked, "http://program").pathname,
      path.posix.normalize(decodeURIComponent(plain)),
    ];
    const wandered =
      configuration.scoped === true && readings.some((each) => !each.startsWith(`${configuration.guarded}`));
    return [
      ...stated,
      ...(wandered ? [`the program got the path ${asked}`] : []),
      ...(tunnel && !isWebSocket(fields) ? ["the program got an upgrade"] : []),
      ...(hosts === 1 ? [] : [`there are ${hosts} hosts`]),
      ...(trailers.some((name) => names.some((each) => folded(each) === folded(name))) ? ["a trailer lies"] : []),
      ...(configuration.guarded !== undefined && asked.includes("smuggled") ? ["a request without a token"] : []),
    ];
  };
  return faults;
}

/** Ampho, a user with a token, and the proxy between the client and the program. */
export async function openProxy(configuration: ProxyConfiguration, program: string, tls = false) {
  const port = await freePort();
  const { ampho } = await openAmpho({
    scopes: { reader: ["articles:read"] },
    tokenEndpoint: true,
    trustProxy: 1,
  });
  atEndOfFile(() => ampho.close());
  const { url } = await listening(mount(ampho), atEndOfFile);
  await ampho.services.add({ name: "gateway", scopes: ["ampho:introspect"] });
  const { key } = await ampho.services.createApiKey("gateway");
  const { id } = await ampho.users.create({ login: "reader", roles: ["reader"] });
  const { token } = await ampho.sessions.create(id);
  const children = await configuration.start({ ampho: url, program, key, port, tls });
  for (const child of children) {
    child.stdout?.resume();
    child.stderr?.resume();
    atEndOfFile(() => void child.kill("SIGKILL"));
  }
  return { port, token, caller: id };
}
