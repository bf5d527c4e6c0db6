// Raw HTTP/2 over TLS against every proxy whose configuration is shipped or printed. The program behind it gets HTTP/1.1, so a
// proxy that translates carelessly would write headers, requests or upgrades that it has never checked.

import { beforeAll, describe, expect, it, vi } from "vitest";
import { installMs } from "../world/debian.js";
import { type Field, type Request, sendFrames } from "./http2-frames.js";
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

interface Words {
  readonly path: string;
  readonly host: string;
  /** The client's own good token. */
  readonly token: string;
  /** The headers that the proxy states. */
  readonly names: readonly string[];
}

type Pseudo = Readonly<Record<string, string | undefined>>;

/** The requests of each attack are on one connection. */
function attacks({ path, host, token, names }: Words): Readonly<Record<string, readonly Request[]>> {
  const pseudo = (changed: Pseudo = {}): readonly Field[] =>
    Object.entries({ ":method": "GET", ":scheme": "https", ":authority": host, ":path": path, ...changed }).flatMap(
      ([name, value]) => (value === undefined ? [] : [[name, value] as const]),
    );
  const credential: Field = ["authorization", `Bearer ${token}`];
  const get = (...fields: readonly Field[]): Request => ({ fields: [...pseudo(), credential, ...fields] });
  const asking = (changed: Pseudo, ...fields: readonly Field[]): Request => ({
    fields: [...pseudo(changed), credential, ...fields],
  });
  const post = (body: string, ...fields: readonly Field[]): Request => ({
    fields: [...pseudo({ ":method": "POST" }), credential, ...fields],
    body,
  });
  const unknown = (changed: Pseudo, ...fields: readonly Field[]): Request => ({
    fields: [...pseudo({ ":path": `${path}/smuggled`, ...changed }), ...fields],
  });
  const lower = names.map((name) => name.toLowerCase());
  const lies = names.map((name) => `${name}: ${forged}`);
  const smuggled = `GET ${path}/smuggled HTTP/1.1\r\nHost: ${host}\r\n${lies.join("\r\n")}\r\n\r\n`;
  const rows = (all: readonly (readonly [string, readonly Request[]])[]) => Object.fromEntries(all);
  const webSocket: readonly Field[] = [
    ["sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="],
    ["sec-websocket-version", "13"],
  ];
  const upgrades = ["h2c", "websocket", "websocket, h2c", "TLS/1.0"];
  const ends = { "CR LF": "\r\n", LF: "\n", CR: "\r", NUL: "\0" };
  const lengths = ["0", "1", "+5", "99999", "-1", `${smuggled.length}`, "0, 5", "0x5", ""];
  const hosts = [
    "evil.example",
    `${host}, evil.example`,
    `evil@${host}`,
    `${host}/x`,
    `${host} `,
    "",
    `${host}\r\nA: b`,
  ];
  const connects: readonly Pseudo[] = [
    { ":method": "CONNECT", ":protocol": "websocket" },
    { ":method": "CONNECT", ":protocol": "h2c" },
    { ":method": "CONNECT" },
    { ":method": "CONNECT", ":scheme": undefined, ":path": undefined },
    { ":protocol": "websocket" },
    { ":method": "CONNECT", ":protocol": "websocket\r\nA: b" },
  ];
  const odd: readonly Pseudo[] = [
    { ":path": undefined },
    { ":path": "" },
    { ":path": "*" },
    { ":method": "OPTIONS", ":path": "*" },
    { ":path": path.slice(1) },
    { ":path": `https://${host}${path}` },
    { ":path": `http://evil.example${path}` },
    { ":path": `//evil.example${path}` },
    { ":scheme": undefined },
    { ":scheme": "file" },
    { ":scheme": `https://${host}${path}?` },
    { ":method": undefined },
    { ":method": "" },
    { ":method": `GET ${path}/smuggled HTTP/1.1` },
    { ":method": "get" },
    { ":authority": undefined },
    { ":status": "200" },
    { ":x-auth-id": forged },
    Object.fromEntries(lower.map((name) => [`:${name}`, forged])),
  ];
  return {
    // HTTP/2 has no capital letters, which have attacks of their own.
    ...rows(
      tokenCharacters
        .filter((character) => !/[A-Z]/.test(character))
        .map((character) => [
          `"${character}" in place of a hyphen`,
          [
            get(
              ...lower.flatMap((name) =>
                spellings(name, character)
                  .slice(0, 2)
                  .map((each): Field => [each, forged]),
              ),
            ),
          ],
        ]),
    ),
    ...rows(
      lower.flatMap((name): [string, readonly Request[]][] => [
        [`${name} itself, twice`, [get([name, forged], [name, forged])]],
        [`${name} before the token`, [{ fields: [...pseudo(), [name, forged], credential] }]],
        [`${name} before :path`, [{ fields: [[name, forged], ...pseudo(), credential] }]],
        [`${name} in capitals`, [get([name.toUpperCase(), forged])]],
        [`${name} with one capital`, [get([name.replace("x", "X"), forged])]],
        [`${name} without a value`, [get([name, ""])]],
        [`${name} in a trailer`, [{ ...post("x", ["trailer", name]), trailers: [[name, forged]] }]],
        [`${name} in a trailer without notice`, [{ ...post("x"), trailers: [[name, forged]] }]],
        [`${name} in a trailer with pseudo headers`, [{ ...post("x"), trailers: [...pseudo(), [name, forged]] }]],
        ...["connection", "keep-alive", "proxy-connection", "te"].map((by): [string, readonly Request[]] => [
          `${name} named by ${by}`,
          [get([by, name]), get([by, `close, ${name}`]), get([by, `trailers, ${name}`])],
        ]),
        ...[" ", "\t", ":", "\0", "\r", "\n", "\r\n", "\x7f", "\xa0"].map((sign): [string, readonly Request[]] => [
          `${JSON.stringify(sign)} around ${name}`,
          [
            get([`${name}${sign}`, forged]),
            get([`${sign}${name}`, forged]),
            get([`a: b${sign}${name}`, forged]),
            get([`${name}: ${forged}${sign}a`, "b"]),
          ],
        ]),
      ]),
    ),
    ...rows(
      Object.entries(ends).flatMap(([end, sign]) =>
        lies.flatMap((lie): [string, readonly Request[]][] => [
          [`${end} in a value`, [get(["a", `b${sign}${lie}`])]],
          [`${end} at the ends of a value`, [get(["a", `${sign}${lie}${sign}`])]],
          [`${end} in a cookie`, [get(["cookie", `a=b${sign}${lie}`])]],
          [`${end} in the token`, [{ fields: [...pseudo(), ["authorization", `Bearer ${token}${sign}${lie}`]] }]],
          [`${end} in :path`, [asking({ ":path": `${path} HTTP/1.1${sign}${lie}${sign}A: b` })]],
          [`${end} in :method`, [asking({ ":method": `GET ${path} HTTP/1.1${sign}${lie}${sign}A` })]],
          [`${end} in :authority`, [asking({ ":authority": `${host}${sign}${lie}` })]],
          [`${end} in :scheme`, [asking({ ":scheme": `https${sign}${lie}` })]],
          [`${end} and a second request`, [get(["a", `b${sign}${sign}${smuggled}`])]],
        ]),
      ),
    ),
    ...rows(upgrades.map((to) => [`an upgrade to ${to}`, [get(["upgrade", to], ...webSocket)]])),
    ...rows(
      upgrades.map((to) => [
        `an upgrade to ${to} by connection`,
        [
          {
            ...get(
              ["connection", "upgrade, http2-settings"],
              ["upgrade", to],
              ["http2-settings", "AAMA"],
              ...webSocket,
            ),
            body: smuggled,
          },
          { ...unknown({}, ["connection", "upgrade"], ["upgrade", to], ...webSocket), body: smuggled },
        ],
      ]),
    ),
    ...rows(
      ["chunked", "chunked, identity", "\vchunked", "gzip"].flatMap((coding): [string, readonly Request[]][] => [
        [`transfer-encoding: ${coding}`, [post(`0\r\n\r\n${smuggled}`, ["transfer-encoding", coding])]],
        [
          `transfer-encoding: ${coding} and a length`,
          [post(`0\r\n\r\n${smuggled}`, ["content-length", "5"], ["transfer-encoding", coding])],
        ],
        [`transfer_encoding: ${coding}`, [post(`0\r\n\r\n${smuggled}`, ["transfer_encoding", coding])]],
        [`te: ${coding}`, [get(["te", coding])]],
      ]),
    ),
    ...rows(
      lengths.flatMap((length): [string, readonly Request[]][] => [
        [`content-length "${length}" for another body`, [post(smuggled, ["content-length", length])]],
        [`content-length "${length}" twice`, [post(smuggled, ["content-length", length], ["content-length", "5"])]],
        [`content-length "${length}" without a body`, [get(["content-length", length])]],
        [`content-length "${length}" before another request`, [post(smuggled, ["content-length", length]), get()]],
      ]),
    ),
    "a body that is a request": [post(smuggled), { ...get(), body: smuggled }],
    ...rows(
      hosts.flatMap((each): [string, readonly Request[]][] => [
        [`the host ${JSON.stringify(each)} beside :authority`, [get(["host", each])]],
        [`the host ${JSON.stringify(each)} alone`, [asking({ ":authority": undefined }, ["host", each])]],
        [
          `:authority ${JSON.stringify(each)}`,
          [asking({ ":authority": each }), asking({ ":authority": each }, ["host", host])],
        ],
        [`two :authority, one ${JSON.stringify(each)}`, [{ fields: [...pseudo(), [":authority", each], credential] }]],
        [`two hosts, one ${JSON.stringify(each)}`, [get(["host", host], ["host", each])]],
      ]),
    ),
    ...rows(
      [...connects, ...odd].map((changed) => [
        `the pseudo headers ${JSON.stringify(changed)}`,
        [
          { ...asking(changed, ...webSocket), body: smuggled },
          { ...unknown(changed, ...webSocket), body: smuggled },
          asking(changed),
          unknown(changed),
        ],
      ]),
    ),
    "two paths": [{ fields: [...pseudo(), [":path", "/admin"], credential] }],
    ...rows(
      confusingPaths(path).map((each) => [
        `the path ${each}`,
        [asking({ ":path": each }), unknown({ ":path": `${each}?smuggled` })],
      ]),
    ),
    "no token, on the connection of one with a token": [
      get(),
      unknown({}),
      unknown({}, ...lower.map((name): Field => [name, forged])),
    ],
    "a wrong token": [unknown({}, ["authorization", `Bearer ${token.slice(0, -8)}AAAAAAAA`])],
    "a token under other names": [
      ...["proxy-authorization", "x-authorization", "authorization_", "authorization ", "AUTHORIZATION"].map((name) =>
        unknown({}, [name, `Bearer ${token}`]),
      ),
      unknown({}, ["authorization", ""], ["authorization", "Bearer x"]),
      unknown({}, ["cookie", `authorization=Bearer ${token}`]),
    ],
    "two tokens": [get(["authorization", "Bearer x"])],
    "an identity in crumbs of a cookie": [get(["cookie", "a=b"], ["cookie", `c=d\r\n${lies[0]}`], ["cookie", "e=f"])],
  };
}

describe.each(proxyConfigurations)("%s", (_, configuration) => {
  const reached: Reached[] = [];
  let [port, token, caller] = [0, "", ""];
  const path = configuration.guarded ?? "/articles";
  const names = Object.keys(configuration.states);
  const host = () => `localhost:${port}`;

  /** Sends a request without a fault, and returns every request that has reached the program. */
  const good = async (...fields: readonly Field[]): Promise<readonly Reached[]> => {
    const pseudo: readonly Field[] = [":method GET", ":scheme https", `:authority ${host()}`, `:path ${path}`].map(
      (each) => each.split(" ") as [string, string],
    );
    await sendFrames(port, [{ fields: [...pseudo, ["authorization", `Bearer ${token}`], ...fields] }]);
    return reached.splice(0);
  };

  beforeAll(async () => {
    requireProxies();
    ({ port, token, caller } = await openProxy(configuration, (await openProgram(reached)).url, true));
    await vi.waitFor(async () => expect(await good()).toHaveLength(1), { timeout: 60_000, interval: 100 });
  }, installMs);

  it("no raw request over HTTP/2 changes who the client is, reaches the program unchecked, or opens a tunnel", async () => {
    const faults = faultsOf(configuration, caller);
    const found: string[] = [];
    for (const [name, requests] of Object.entries(attacks({ path, host: host(), token, names }))) {
      // Each alone too, because a fault of the first can end the connection.
      for (const sent of requests.length === 1 ? [requests] : [requests, ...requests.map((each) => [each])])
        await sendFrames(port, sent);
      found.push(
        ...reached
          .splice(0)
          .flatMap(faults)
          .map((fault) => `${name}: ${fault}`),
      );
    }
    expect(found).toEqual([]);
    expect((await good()).flatMap(faults)).toEqual([]);
  });

  it("the crumbs of a cookie reach the program as one header", async () => {
    const [request] = await good(["cookie", "a=1"], ["cookie", "b=2"], ["cookie", "c=3"]);
    const cookies = request?.fields.filter(([name]) => name.toLowerCase() === "cookie");
    expect(cookies?.map(([, value]) => value)).toEqual(["a=1; b=2; c=3"]);
  });
});
