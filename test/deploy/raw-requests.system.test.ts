// Raw requests against every proxy whose configuration is shipped or printed, with a program behind it that records what reaches
// it. A proxy states the caller and the address, so no request must reach the program with another word about them.

import { connect } from "node:net";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { installMs } from "../world/debian.js";
import { proxyConfigurations, requireProxies } from "./raw-proxies.js";
import {
  confusingPaths,
  faultsOf,
  forged,
  openProgram,
  openProxy,
  type Reached,
  spellings,
  tokenCharacters,
} from "./raw-world.js";

const lines = (...all: readonly string[]) => `${all.join("\r\n")}\r\n`;

interface Attack {
  readonly name: string;
  /** Everything that the client sends on one connection. */
  readonly sent: string;
}

interface Words {
  readonly path: string;
  readonly host: string;
  /** The line with the client's own good token. */
  readonly credential: string;
  /** The headers that the proxy states. */
  readonly names: readonly string[];
}

/** Each attack ends in requests to which the server responds, however it reads the bytes before them. */
function attacks({ path: target, host, credential, names }: Words): readonly Attack[] {
  const head = (...fields: readonly string[]) =>
    lines(`GET ${target} HTTP/1.1`, `Host: ${host}`, credential, ...fields, "");
  const post = (...fields: readonly string[]) =>
    lines(`POST ${target} HTTP/1.1`, `Host: ${host}`, credential, ...fields, "");
  const last = head("Connection: close");
  const lies = names.map((name) => `${name}: ${forged}`);
  const smuggled = lines(`GET ${target}/smuggled HTTP/1.1`, `Host: ${host}`, ...lies, "Connection: close", "");
  const settings = "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA";
  const webSocket = ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"];
  const chunks = (...trailers: readonly string[]) => lines("1", "x", "0", ...trailers, "");
  const body = (text: string) => `Content-Length: ${Buffer.byteLength(text)}`;
  const framings: Readonly<Record<string, string>> = {
    "two lengths": post("Content-Length: 0", body(smuggled)),
    "a length before chunks": post(body(`${chunks()}${smuggled}`), "Transfer-Encoding: chunked") + chunks(),
    "chunks before a length": post("Transfer-Encoding: chunked", body(`${chunks()}${smuggled}`)) + chunks(),
    "chunks with a space before the colon":
      post("Transfer-Encoding : chunked", body(`${chunks()}${smuggled}`)) + chunks(),
    "chunks behind a vertical tab": post("Transfer-Encoding: \vchunked", body(`${chunks()}${smuggled}`)) + chunks(),
    "chunks in another coding": post("Transfer-Encoding: xchunked", body(`${chunks()}${smuggled}`)) + chunks(),
    "chunks named twice": post("Transfer-Encoding: chunked", "Transfer-Encoding: identity") + chunks(),
    "chunks under an underscore": post("Transfer_Encoding: chunked", body(`${chunks()}${smuggled}`)) + chunks(),
    "a length with a sign": post(`Content-Length: +${Buffer.byteLength(smuggled)}`),
    "a length under another name": post(`Content.Length: ${Buffer.byteLength(smuggled)}`),
    "a chunk whose size has an end of its own": `${post("Transfer-Encoding: chunked")}1;\nx\r\n0\r\n\r\n`,
    "a field behind a lone line feed": `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n${credential}\r\nA: b\n${lies.join("\n")}\r\n\r\n`,
    "a field behind a lone carriage return": head(`A: b\r${lies.join("\r")}`),
    "a folded field": head("A: b", ...lies.map((lie) => ` ${lie}`)),
    "a space before the colon": head(...names.map((name) => `${name} : ${forged}`)),
    "a tab before the name": head(...lies.map((lie) => `\t${lie}`)),
    "a NUL in the name": head(...names.map((name) => `${name}\0: ${forged}`)),
    "a NUL in the value": head(...lies.map((lie) => `${lie}\0`)),
  };
  return [
    ...tokenCharacters.map((character) => ({
      name: `"${character}" in place of a hyphen`,
      sent: head(...names.flatMap((name) => spellings(name, character).map((each) => `${each}: ${forged}`))) + last,
    })),
    ...names.flatMap((name) => [
      { name: `${name} itself, twice`, sent: head(`${name}: ${forged}`, `${name}: ${forged}`) + last },
      { name: `${name} named by Connection`, sent: head(`Connection: close, ${name}`) },
      {
        name: `${name} named by a second Connection`,
        sent: head("Connection: close", `Connection: ${name.toLowerCase()}`),
      },
      {
        name: `${name} named by Keep-Alive and TE`,
        sent: head(`TE: ${name}`, `Keep-Alive: ${name}`, "Connection: close, TE, Keep-Alive"),
      },
      {
        name: `${name} in a trailer`,
        sent: post("Transfer-Encoding: chunked", `Trailer: ${name}`) + chunks(`${name}: ${forged}`) + last,
      },
      {
        name: `${name} in a trailer without notice`,
        sent: post("Transfer-Encoding: chunked") + chunks(`${name}: ${forged}`) + last,
      },
    ]),
    ...["Host", "Authorization", "Content-Length", "Transfer-Encoding", "Cookie", "*"].map((name) => ({
      name: `${name} named by Connection`,
      sent: head(`Connection: close, ${name}`),
    })),
    ...[
      ["Upgrade: h2c", settings],
      ["Upgrade: H2C", settings],
      ["Upgrade: h2c"],
      ["Upgrade: h2c, websocket", settings, ...webSocket],
      ["Upgrade: websocket, h2c", settings, ...webSocket],
      ["Upgrade: h2c", "Upgrade: websocket", settings, ...webSocket],
      ["Upgrade: websocket", "Upgrade: h2c", settings, ...webSocket],
      ["Upgrade: websocket", ...webSocket],
      ["Upgrade: WebSocket", ...webSocket],
      ["Upgrade: TLS/1.0"],
      ["Upgrade: anything"],
    ].flatMap((fields) =>
      ["Upgrade", "Upgrade, HTTP2-Settings", "keep-alive, upgrade"].map((connection) => ({
        name: `${fields.filter((field) => field.startsWith("Upgrade")).join(" and ")} by Connection: ${connection}`,
        sent: head(`Connection: ${connection}`, ...fields) + smuggled + last,
      })),
    ),
    ...confusingPaths(target).map((each) => ({
      name: `the path ${each}`,
      sent: `${head().replace(target, each)}${lines(`GET ${each}?smuggled HTTP/1.1`, `Host: ${host}`, "")}${last}`,
    })),
    { name: "HTTP/2 by prior knowledge", sent: `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u0004\0\0\0\0\0${smuggled}` },
    { name: "a pipeline whose second request has no token", sent: head(...lies) + smuggled },
    { name: "a pipeline whose second request is first", sent: smuggled + last },
    {
      name: "two hosts",
      sent: lines(`GET ${target} HTTP/1.1`, `Host: ${host}`, "Host: evil.example", credential, "") + last,
    },
    {
      name: "two hosts in one field",
      sent: lines(`GET ${target} HTTP/1.1`, `Host: ${host}, evil.example`, credential, "") + last,
    },
    { name: "no host", sent: lines(`GET ${target} HTTP/1.1`, credential, "") + last },
    { name: "two tokens", sent: head("Authorization: Bearer x") + last },
    { name: "CONNECT", sent: lines(`CONNECT ${host} HTTP/1.1`, `Host: ${host}`, credential, "") + smuggled },
    ...Object.entries(framings).map(([name, sent]) => ({ name, sent: sent + smuggled + last })),
  ];
}

/** Sends everything, and resolves to the response when the server has closed the connection. */
function send(port: number, sent: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => void socket.write(Buffer.from(sent, "latin1")));
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      // A tunnel stays open.
      if (text.startsWith("HTTP/1.1 101")) socket.end();
    });
    socket.on("error", (error: NodeJS.ErrnoException) => error.code !== "ECONNRESET" && reject(error));
    socket.on("close", () => resolve(text));
  });
}

describe.each(proxyConfigurations)("%s", (_, configuration) => {
  const reached: Reached[] = [];
  let [port, token, caller] = [0, "", ""];
  const target = configuration.guarded ?? "/articles";
  const names = Object.keys(configuration.states);
  beforeAll(async () => {
    requireProxies();
    ({ port, token, caller } = await openProxy(configuration, (await openProgram(reached)).url));
    await vi.waitFor(async () => expect(await send(port, plain())).toMatch(/^HTTP\/1.1 200/), {
      timeout: 60_000,
      interval: 100,
    });
  }, installMs);

  const words = () => ({
    path: target,
    host: `127.0.0.1:${port}`,
    credential: `Authorization: Bearer ${token}`,
    names,
  });
  const plain = () =>
    lines(`GET ${target} HTTP/1.1`, `Host: 127.0.0.1:${port}`, words().credential, "Connection: close", "");
  const faults = (each: Reached) => faultsOf(configuration, caller)(each);

  it("no raw request of a client changes who it is, reaches the program unchecked, or opens a tunnel", async () => {
    const found: string[] = [];
    for (const { name, sent } of attacks(words())) {
      reached.length = 0;
      const response = await send(port, sent);
      expect(response, name).toMatch(/^(?:HTTP\/|\0|$)/);
      found.push(...reached.flatMap(faults).map((fault) => `${name}: ${fault}`));
      reached.length = 0;
      expect(await send(port, plain()), name).toMatch(/^HTTP\/1.1 200/);
      expect(reached.flatMap(faults), name).toEqual([]);
      expect(reached.length, name).toBe(1);
    }
    expect(found).toEqual([]);
  });

  it("the program gets the host that the client has named, with its port", async () => {
    reached.length = 0;
    await send(port, plain());
    const hosts = reached.flatMap(({ fields }) => fields.filter(([name]) => /^host$/i.test(name)));
    expect(hosts.map(([, value]) => value)).toEqual([`127.0.0.1:${port}`]);
  });

  it("a path that the configuration does not name gives nothing away", async () => {
    const responses = await Promise.all(
      ["/", "/index.html", "/_ampho", "/.session"].map((path) => send(port, plain().replace(target, path))),
    );
    for (const response of responses) expect(response).not.toContain("Welcome");
  });

  it("a WebSocket reaches an application that has Ampho inside, and no other program", async () => {
    const fields = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"];
    reached.length = 0;
    await send(port, plain().replace("Connection: close", fields.join("\r\n")).replace(/\r\n$/, `\r\n${plain()}`));
    expect(reached.some(({ tunnel }) => tunnel)).toBe(configuration.webSockets === true);
  });
});
