// Applications that are known by the document of their URL: what is taken, what is fetched, and what users read.
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { describe, expect, it } from "vitest";
import { createDocuments, readDocument, takesDocument } from "../../dist/flows/connect/documents.js";
import { FetchFailure } from "../../dist/outbound/bounded-fetch.js";
import { isPublicAddress, publicFetch } from "../../dist/outbound/public-fetch.js";
import { type Ground, onBothDatabases } from "../gate/owners.js";
import { openWorld, password } from "../world/ampho.js";
import { settableClock } from "../world/clock.js";
import { listen } from "../world/listen.js";
import {
  askGuard,
  type Connect,
  codeOf,
  newVerifier,
  outcomeOf,
  queryOf,
  redeem,
  renew,
  settings,
  show,
  signIn,
  tokensOf,
} from "./connections.js";

const readError = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "none",
    (error: unknown) => (error instanceof FetchFailure ? error.message : String(error)),
  );

describe("M-79: a fetch reaches no host inside", () => {
  it.each([
    ["8.8.8.8", true],
    ["172.15.255.255", true],
    ["172.32.0.0", true],
    ["100.128.0.0", true],
    ["2606:4700::1111", true],
    ["2a00:1450::1", true],
    ["0.0.0.0", false],
    ["10.0.0.1", false],
    ["100.64.0.1", false],
    ["127.0.0.1", false],
    ["127.255.255.255", false],
    ["169.254.169.254", false],
    ["172.16.0.1", false],
    ["172.31.255.255", false],
    ["192.0.0.8", false],
    ["192.0.2.1", false],
    ["192.88.99.1", false],
    ["192.168.1.1", false],
    ["198.19.0.1", false],
    ["203.0.113.9", false],
    ["224.0.0.1", false],
    ["255.255.255.255", false],
    ["::", false],
    ["::1", false],
    ["::ffff:8.8.8.8", false],
    ["::ffff:7f00:1", false],
    ["64:ff9b::7f00:1", false],
    ["64:ff9b:1::1", false],
    ["100::1", false],
    ["2001::1", false],
    ["2001:db8::1", false],
    ["2002:7f00:1::1", false],
    ["3fff::1", false],
    ["fc00::1", false],
    ["fd00:ec2::254", false],
    ["fe80::1", false],
    ["fe80::1%eth0", false],
    ["2606:4700::1111%eth0", false],
    ["ff02::1", false],
    ["not an address", false],
  ])("%s is public: %s", (address, expected) => {
    expect(isPublicAddress(address)).toBe(expected);
  });

  /** A resolver with these addresses, which counts how often it is asked. */
  function resolver(...addresses: readonly string[]) {
    const asked: string[] = [];
    const lookup = (name: string, _options: object, done: (error: null, found: object[]) => void) => {
      asked.push(name);
      done(
        null,
        addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
      );
    };
    return { asked, lookup: lookup as never };
  }

  it.each([
    ["127.0.0.1"],
    ["169.254.169.254"],
    ["8.8.8.8", "10.0.0.1"],
    ["2606:4700::1111", "::1"],
    ["::ffff:127.0.0.1"],
    [],
  ])("a name with the addresses %s %s gets no request", async (...addresses) => {
    const { asked, lookup } = resolver(...addresses);
    const work = publicFetch(new URL("https://client.example/a"), { isLocal: false, lookup });
    expect(await readError(work)).toMatch(/^the host has (?:an address that is not public|no address)$/);
    expect(asked).toEqual(["client.example"]);
  });

  it.each([
    "http://client.example/a",
    "https://client.example:8443/a",
    "https://127.0.0.1/a",
    "https://[::1]/a",
    "https://8.8.8.8/a",
    "https://0x7f.1/a",
    "https://2130706433/a",
    "http://localhost/a",
  ])("%s is not asked for", async (url) => {
    const { asked, lookup } = resolver("8.8.8.8");
    expect(await readError(publicFetch(new URL(url), { isLocal: false, lookup }))).toMatch(/^the URL must be https/);
    expect(asked).toEqual([]);
  });

  it("a local server takes only hosts of this machine besides", async () => {
    const { lookup } = resolver("10.0.0.1");
    const work = publicFetch(new URL("http://localhost/a"), { isLocal: true, lookup });
    expect(await readError(work)).toBe("the host has an address that is not public");
    const other = publicFetch(new URL("http://10.0.0.1/a"), { isLocal: true });
    expect(await readError(other)).toMatch(/^the URL must be https/);
  });

  const json = { "content-type": "application/json" };
  const responses: readonly (readonly [string, RequestListener, RegExp])[] = [
    ["a redirect", (_, to) => void to.writeHead(302, { location: "/other" }).end(), /^the response was 302$/],
    ["an error", (_, to) => void to.writeHead(500, json).end("{}"), /^the response was 500$/],
    ["HTML", (_, to) => void to.writeHead(200, { "content-type": "text/html" }).end("{}"), /no JSON$/],
    ["a list", (_, to) => void to.writeHead(200, json).end("[]"), /not one JSON object/],
    ["a repeated member", (_, to) => void to.writeHead(200, json).end('{"a":1,"a":2}'), /not one JSON object/],
    ["8 KiB and more", (_, to) => void to.writeHead(200, json).end(`{"a":"${"x".repeat(8200)}"}`), /longer than 8 KiB/],
    [
      "one cut off",
      (_, to) => void to.writeHead(200, { ...json, "content-length": 99 }).write("{}", () => to.destroy()),
      /not be reached/,
    ],
    ["none", () => undefined, /no response within 3 s/],
    ["one without an end", (_, to) => drip(to), /no response within 3 s/],
  ];
  function drip(to: ServerResponse): void {
    to.writeHead(200, json);
    const timer = setInterval(() => to.write(" "), 50);
    to.on("close", () => clearInterval(timer));
  }

  it.each(responses)("a response that is %s is rejected", async (_name, respond, expected) => {
    const paths: string[] = [];
    const { url } = await listen((request, to) => {
      paths.push(request.url ?? "");
      respond(request, to);
    });
    expect(await readError(publicFetch(new URL(`${url}/document`), { isLocal: true }))).toMatch(expected);
    expect(paths).toEqual(["/document"]);
  });
});

describe("the URL of a document has one spelling", () => {
  const any = { connect: ["*"], tokenIssuer: "https://app.example" };

  it.each([
    "https://claude.ai/oauth/claude-code-client-metadata",
    "https://chatgpt.com/oauth/codex/client.json",
    "https://xn--bcher-kva.example/a",
  ])("%s is taken", (id) => {
    expect(takesDocument(any, id)).toBe(true);
    expect(takesDocument({ ...any, connect: [new URL(id).hostname] }, id)).toBe(true);
    expect(takesDocument({ ...any, connect: ["registered", "other.example", `www.${new URL(id).hostname}`] }, id)).toBe(
      false,
    );
  });

  it.each([
    ["https://evil.example/a", false],
    ["https://login.evil.example/a", false],
    ["https://notevil.example/a", true],
    ["https://evil.example.com/a", true],
  ])("%s is taken beside * and !evil.example: %s", (id, expected) => {
    for (const connect of [
      ["*", "!evil.example"],
      ["!evil.example", "evil.example", "registered", "*"],
    ])
      expect(takesDocument({ ...any, connect }, id)).toBe(expected);
  });

  it.each([
    "http://client.example/a",
    "https://client.example",
    "https://client.example/",
    "https://client.example:443/a",
    "https://client.example:8443/a",
    "https://Client.example/a",
    "HTTPS://client.example/a",
    "https://client.example/a/../b",
    "https://client.example/a/%2e%2e/b",
    "https://client.example/a?b",
    "https://client.example/a#b",
    "https://client.example/a#",
    "https://client.example/a?",
    "https://user@client.example/a",
    "https://user:word@client.example/a",
    "https://client.example\\a",
    "https://client.example/a b",
    "https://client.example/\u00e9",
    "https://b\u00fccher.example/a",
    "https://client.example./a",
    "https://localhost/a",
    "https://intranet/a",
    "https://127.0.0.1/a",
    "https://0x7f.1/a",
    "https://[::1]/a",
    "https:client.example/a",
    "//client.example/a",
    "svc_AAAAAAAAAAAAAAAAAAAAAA",
    " https://client.example/a",
    `https://client.example/${"a".repeat(255)}`,
    "http://127.0.0.1:8080/a",
    "",
  ])("%s is not", (id) => {
    expect(takesDocument(any, id)).toBe(false);
  });
});

describe("M-80: the contents of a document", () => {
  const id = "https://client.example/metadata";
  const good = { client_id: id, client_name: "Client", redirect_uris: ["http://localhost/callback"] };
  const read = (more: object) => {
    try {
      return readDocument(id, { ...good, ...more });
    } catch (error) {
      return (error as Error).message;
    }
  };

  it.each([
    ["another client_id", { client_id: "https://client.example/other" }, "its client_id is another URL"],
    ["a case of its own", { client_id: "https://Client.example/metadata" }, "its client_id is another URL"],
    ["a secret", { client_secret: "x" }, "it contains a client_secret"],
    ["the end of a secret", { client_secret_expires_at: 0 }, "it contains a client_secret"],
    [
      "a secret to prove",
      { token_endpoint_auth_method: "client_secret_basic" },
      "it does not allow the token_endpoint_auth_method none",
    ],
    [
      "a key to prove",
      { token_endpoint_auth_method: "private_key_jwt" },
      "it does not allow the token_endpoint_auth_method none",
    ],
    ["keys elsewhere", { jwks_uri: "https://evil.example/jwks" }, "its jwks_uri is at another origin"],
    ["another grant", { grant_types: ["client_credentials"] }, "its grant_types do not contain authorization_code"],
    ["another response", { response_types: ["token"] }, "its response_types do not contain code"],
    ["no redirect URI", { redirect_uris: [] }, "it must have 1 to 50 redirect_uris"],
    ["a wrong list", { redirect_uris: [1] }, "it must have 1 to 50 redirect_uris"],
    ["51 redirect URIs", { redirect_uris: Array(51).fill("http://localhost/") }, "it must have 1 to 50 redirect_uris"],
  ])("a document with %s is rejected", (_name, more, message) => {
    expect(read(more)).toBe(message);
  });

  it("only its own origin and programs of this computer get the code", () => {
    const redirect_uris = [
      "https://client.example/callback",
      "https://client.example:8443/callback",
      "https://evil.example/callback",
      "https://client.example.evil.example/callback",
      "http://client.example/callback",
      "http://127.0.0.1/callback",
      "http://127.0.0.2/callback",
      "cursor://localhost/callback",
      "javascript:alert(1)",
      "blob:https://client.example/1",
    ];
    const redirects = ["https://client.example/callback", "http://127.0.0.1/callback"];
    expect(read({ redirect_uris })).toEqual({ name: "Client", redirects });
  });

  it.each([
    ["Client\u202Egnp.exe", "Client gnp.exe"],
    ["\u2067a\u2069\u200Bb\u0000c\r\nd", "a b c d"],
    ["  \u00A0 ", undefined],
    ["\uFF21cme", "Acme"],
    ["x".repeat(10_000), `${"x".repeat(60)}…`],
    [7, undefined],
  ])("M-74: the name %j is shown as %j", (client_name, name) => {
    expect(read({ client_name })).toMatchObject({ name });
  });

  it("a client that prefers a key and lists `none` needs none, and its keys are its own", () => {
    const more = {
      token_endpoint_auth_method: "private_key_jwt",
      token_endpoint_auth_methods_supported: ["private_key_jwt", "none"],
      jwks_uri: "https://client.example/jwks.json",
    };
    expect(read(more)).toMatchObject({ name: "Client" });
  });

  it("the documents that Claude Code and opencode publish are taken", () => {
    const claude = "https://claude.ai/oauth/claude-code-client-metadata";
    const redirects = ["http://localhost/callback", "http://127.0.0.1/callback"];
    const own = { grant_types: ["authorization_code", "refresh_token"], response_types: ["code"] };
    const members = { client_id: claude, client_name: "Claude Code", redirect_uris: redirects, ...own };
    expect(readDocument(claude, { ...members, token_endpoint_auth_method: "none" })).toEqual({
      name: "Claude Code",
      redirects,
    });
    const opencode = "https://opencode.ai/oauth/opencode/client.json";
    const published = {
      client_id: opencode,
      client_name: "opencode",
      client_uri: "https://opencode.ai",
      logo_uri: "https://opencode.ai/web-app-manifest-512x512.png",
      application_type: "native",
      redirect_uris: [...redirects].reverse(),
      token_endpoint_auth_method: "none",
      token_endpoint_auth_methods_supported: ["none"],
      ...own,
    };
    expect(readDocument(opencode, published)).toEqual({ name: "opencode", redirects: [...redirects].reverse() });
  });
});

describe("the limits of fetches", () => {
  function openDocuments(more: Readonly<Record<string, string>> = {}) {
    const clock = settableClock();
    const asked: string[] = [];
    let isDown = false;
    const fetchOf = async (url: URL) => {
      asked.push(url.href);
      if (isDown) throw new FetchFailure("the host could not be reached");
      return { members: { client_id: url.href, redirect_uris: ["http://localhost/"] }, headers: new Headers(more) };
    };
    const documents = createDocuments({ connect: ["*"], tokenIssuer: "https://app.example" }, clock, fetchOf);
    const find = (id: string, userId = "1", address = "192.0.2.1") =>
      documents.find(id, { userId, address }).then(
        () => "found",
        ({ code = "bug" }: { readonly code?: string }) => code,
      );
    const fail = (down: boolean) => {
      isDown = down;
    };
    return { clock, asked, find, fail };
  }
  const url = (at: number) => `https://client.example/${at}`;

  it.each([
    ["", 300],
    ["no-store", 300],
    ["max-age=10", 300],
    ["public, max-age=3600", 3600],
    ["max-age=3600, no-cache", 300],
    ["max-age=99999999", 86_400],
  ])("a document with cache-control %j is kept for %d s", async (text, seconds) => {
    const { clock, asked, find } = openDocuments({ "cache-control": text });
    await find(url(1));
    clock.advance(seconds - 1);
    await find(url(1));
    expect(asked).toHaveLength(1);
    clock.advance(1);
    await find(url(1));
    expect(asked).toHaveLength(2);
  });

  it("ten fetches of a user in an hour, and no other user waits for it", async () => {
    const { clock, asked, find } = openDocuments();
    for (let at = 0; at < 10; at++) expect(await find(url(at))).toBe("found");
    expect(await find(url(10))).toBe("too_many_attempts");
    expect(await find(url(9))).toBe("found");
    expect(await find(url(10), "2")).toBe("found");
    expect(asked).toHaveLength(11);
    clock.advance(3600);
    expect(await find(url(11))).toBe("found");
  });

  it("a failure counts and is not kept", async () => {
    const { asked, find, fail } = openDocuments();
    fail(true);
    expect(await find(url(1))).toBe("not_found");
    fail(false);
    expect(await find(url(1))).toBe("found");
    expect(asked).toHaveLength(2);
    fail(true);
    for (let at = 2; at < 10; at++) expect(await find(url(at))).toBe("not_found");
    expect(await find(url(99))).toBe("too_many_attempts");
  });

  it("a hundred requests at once are one fetch", async () => {
    const { asked, find } = openDocuments();
    const all = await Promise.all(Array.from({ length: 100 }, (_, at) => find(url(1), String(at))));
    expect(new Set(all)).toEqual(new Set(["found"]));
    expect(asked).toHaveLength(1);
  });

  it("one address has four of the places", async () => {
    const { find } = openDocuments();
    const all = await Promise.all(Array.from({ length: 6 }, (_, at) => find(url(at))));
    expect(all).toEqual(["found", "found", "found", "found", "unavailable", "unavailable"]);
    expect(await find(url(7))).toBe("found");
  });
});

interface Program extends Connect {
  /** The requests for its document. */
  readonly asked: string[];
  readonly redirectUri: string;
  publish(more: object): void;
}

/** A program whose document another server has, and a user who has just signed in. */
async function openProgram(ground?: Ground, connect: string | readonly string[] = "*"): Promise<Program> {
  const asked: string[] = [];
  const redirectUri = "http://127.0.0.1/callback";
  let more: object = {};
  let client = "";
  const { url } = await listen((request: IncomingMessage, response: ServerResponse) => {
    asked.push(request.url ?? "");
    const document = { client_id: client, client_name: "Reader", redirect_uris: [redirectUri], ...more };
    response.setHeader("content-type", "application/json").end(JSON.stringify(document));
  });
  client = `${url}/client.json`;
  const all = { ...settings, connect, appUrl: "http://localhost:1/" };
  const world = ground === undefined ? await openWorld(all) : await ground.open(all);
  const { id } = await world.ampho.users.create({ login: "alice", password, roles: ["editor"] });
  const bearer = await signIn(world);
  const publish = (members: object) => {
    more = members;
  };
  return { world, client, asked, redirectUri, bearer, userId: id, publish };
}

const said = { query: { redirect_uri: "http://127.0.0.1:52163/callback" } };
const redeemed = { more: { redirect_uri: "http://127.0.0.1:52163/callback" } };

onBothDatabases((ground) => {
  it("a user reads the host, gives consent, and ends what the program has", async () => {
    const program = await openProgram(ground);
    const { world, client, bearer, asked, userId } = program;
    const { host } = new URL(client);
    const verifier = newVerifier();
    const begun = await world.call("GET", `/authorize?${queryOf(client, verifier, said.query)}`);
    expect([begun.status, new URL(begun.headers.get("location") ?? "").searchParams.get("client_id")]).toEqual([
      303,
      client,
    ]);
    expect(asked).toEqual([]);
    const shown = await show(program, queryOf(client, verifier, said.query));
    expect(shown.json["client"]).toEqual({
      id: client,
      name: host,
      host,
      known: false,
      stated_name: "Reader",
      returns: null,
    });
    const first = tokensOf(await redeem(program, await codeOf(program, verifier, said), verifier, redeemed));
    expect(asked).toEqual(["/client.json"]);
    expect(await askGuard(world, first.access)).toMatchObject({
      id: userId,
      actor: { id: client, name: host, credential: "client" },
      scopes: ["articles:read", "articles:write"],
    });
    const { access, refresh } = tokensOf(await renew(program, first.refresh));
    const { connections } = world.ampho;
    expect(await connections.list(userId)).toMatchObject([{ client, name: host }]);
    const access2 = await world.call("GET", "/account/access", { bearer });
    expect(access2.json["access"]).toContainEqual(expect.objectContaining({ kind: "connection", name: host }));
    const listed = [];
    for await (const one of connections.listForClient(client)) listed.push([one.name, one.login]);
    expect(listed).toEqual([[host, "alice"]]);
    await connections.endForClient(client);
    expect(await connections.list(userId)).toEqual([]);
    expect(await askGuard(world, access)).toBe("invalid_token");
    expect(outcomeOf(await renew(program, refresh))).toEqual([400, "invalid_grant"]);
    expect(asked).toEqual(["/client.json"]);
  });

  it("M-83: a lost role ends its tokens, and the next ones have less", async () => {
    const program = await openProgram(ground);
    const { world } = program;
    const verifier = newVerifier();
    const first = tokensOf(await redeem(program, await codeOf(program, verifier, said), verifier, redeemed));
    await world.ampho.users.setRoles("alice", []);
    expect(await askGuard(world, first.access)).toBe("invalid_token");
    expect(tokensOf(await renew(program, first.refresh)).scope).toBe("articles:read");
  });
});

it("M-78: a name, a redirect URI or a document that changes before the consent stops it", async () => {
  for (const [more, outcome] of [
    [{ client_name: "Another" }, [401, "transaction_over"]],
    [{ redirect_uris: ["http://127.0.0.1/other"] }, [404, "not_found"]],
    [{ client_id: "https://evil.example/" }, [404, "not_found"]],
    [{ client_secret: "x" }, [404, "not_found"]],
  ] as const) {
    const program = await openProgram();
    const { world, client, bearer, publish } = program;
    const query = queryOf(client, newVerifier(), said.query);
    const shown = await show(program, query);
    publish(more);
    // The cached document is over, and the login is still recent.
    world.clock.advance(300);
    const body = { query, transaction: shown.json["transaction"], allow: true };
    const response = await world.call("POST", "/connect", { bearer, body });
    expect(outcomeOf(response)).toEqual(outcome);
    expect(await world.ampho.connections.list(program.userId)).toEqual([]);
  }
});

it("M-79: a browser without a session causes no request, whatever it asks", async () => {
  const { world, client, asked } = await openProgram();
  for (const more of [{}, { scope: "x" }, { redirect_uri: "https://evil.example/" }, { prompt: "none" }])
    expect((await world.call("GET", `/authorize?${queryOf(client, newVerifier(), more)}`)).status).toBe(303);
  expect((await world.call("GET", `/connect?${queryOf(client, newVerifier())}`)).status).toBe(401);
  const form = {
    grant_type: "authorization_code",
    client_id: client,
    code: "x",
    redirect_uri: "http://127.0.0.1/",
    code_verifier: newVerifier(),
  };
  expect(outcomeOf(await world.call("POST", "/token", { form }))).toEqual([400, "invalid_grant"]);
  expect(asked).toEqual([]);
});

it("a document that cannot be used is in the audit log, with its cause and its user", async () => {
  const program = await openProgram();
  const { world, client, publish, userId } = program;
  publish({ client_secret: "x" });
  const wrong = await show(program, queryOf(client, newVerifier(), said.query));
  expect(outcomeOf(wrong)).toEqual([404, "not_found"]);
  const entries = (await world.ampho.audit.list()).filter(({ event }) => event === "client_rejected");
  expect(entries).toMatchObject([
    {
      event: "client_rejected",
      reason: "The document of this application cannot be used: it contains a client_secret.",
      userId,
      login: "alice",
      detail: { client },
    },
  ]);
  // A document that is used, and a request that is wrong for another reason, cause no entry.
  publish({});
  await show(program, queryOf(client, newVerifier(), said.query));
  await show(program, queryOf(client, newVerifier(), { redirect_uri: "https://evil.example/" }));
  expect((await world.events()).filter((event) => event.startsWith("client_rejected"))).toHaveLength(1);
});

it("M-72: a mistake of its request never leads the browser back without a click", async () => {
  const program = await openProgram();
  const { world, client } = program;
  const begun = await world.call(
    "GET",
    `/authorize?${queryOf(client, newVerifier(), { ...said.query, scope: "none" })}`,
  );
  expect(new URL(begun.headers.get("location") ?? "").origin).toBe("http://localhost:1");
  const wrong = await show(program, queryOf(client, newVerifier(), { ...said.query, scope: "none" }));
  expect([outcomeOf(wrong), String(wrong.json["location"]).split("?")[0]]).toEqual([
    [400, "invalid_scope"],
    said.query.redirect_uri,
  ]);
  const evil = await show(program, queryOf(client, newVerifier(), { redirect_uri: "https://evil.example/" }));
  expect([outcomeOf(evil), evil.json["location"]]).toEqual([[404, "not_found"], undefined]);
});

it.each([["registered"], [["registered", "other.example"]], ["other.example"]])(
  "an id is unknown with the setting %j",
  async (connect) => {
    const program = await openProgram(undefined, connect);
    const { world, client, asked } = program;
    const query = queryOf(client, newVerifier(), said.query);
    for (const path of ["/authorize", "/connect"])
      expect((await world.call("GET", `${path}?${query}`, { bearer: program.bearer })).status).toBe(404);
    expect(outcomeOf(await renew(program, "x"))).toEqual([401, "invalid_client"]);
    expect(asked).toEqual([]);
  },
);

it("M-67: the code of one document serves no other, and no registered client", async () => {
  const one = await openProgram();
  const verifier = newVerifier();
  const code = await codeOf(one, verifier, said);
  for (const client of [`${one.client}x`, one.client.replace("127.0.0.1", "localhost")])
    expect(outcomeOf(await redeem({ ...one, client }, code, verifier, redeemed))).toEqual([400, "invalid_grant"]);
  expect(
    outcomeOf(await redeem(one, code, verifier, { more: { redirect_uri: "http://127.0.0.1:52163/other" } })),
  ).toEqual([400, "invalid_grant"]);
  expect((await redeem(one, code, verifier, redeemed)).status).toBe(200);
});

it("the metadata states that documents are taken", async () => {
  for (const [connect, expected] of [
    ["registered", undefined],
    ["*", true],
  ] as const) {
    const { world } = await openProgram(undefined, connect);
    const response = await world.ampho.fetch(new Request("http://localhost/.well-known/oauth-authorization-server"));
    expect((await response.json()).client_id_metadata_document_supported).toBe(expected);
  }
});
