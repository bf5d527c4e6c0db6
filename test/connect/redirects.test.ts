// Redirect URIs, and where a browser is sent. A code at another address is a stolen account.
import { describe, expect, it } from "vitest";
import { isRedirectUri, isRegistered } from "../../dist/flows/connect/redirect-uri.js";
import {
  codeOf,
  consent,
  membersOf,
  newVerifier,
  openConnect,
  outcomeOf,
  queryOf,
  redeem,
  redirect,
  tokensOf,
} from "./connections.js";

const good = [
  redirect,
  "https://reader.example/",
  "https://reader.example:8443/callback?tenant=1",
  "http://127.0.0.1/callback",
  "http://127.0.0.1:33418/",
  "http://[::1]:8080/callback",
  "http://localhost/callback",
  "com.example.reader:/callback",
  "cursor://anysphere.cursor-mcp/oauth/callback",
];

/** Spellings that a sloppy comparison takes for the registered one, or that lead elsewhere. */
const bad = [
  "",
  "/callback",
  "//reader.example/callback",
  "https:reader.example/callback",
  "https:/reader.example/callback",
  "https:\\\\reader.example\\callback",
  "HTTPS://reader.example/callback",
  "https://READER.example/callback",
  "https://reader.example:443/callback",
  "https://reader.example",
  "https://reader.example/callback#",
  "https://reader.example/callback#code",
  "https://reader.example/a/../callback",
  "https://reader.example/a/%2e%2e/callback",
  "https://reader.example/%2E%2E/callback",
  "https://user@reader.example/callback",
  "https://user:password@reader.example/callback",
  "https://reader.example@evil.example/callback",
  "https://reader.example\\@evil.example/callback",
  "https://reader.example/call back",
  "https://reader.example/callback\n",
  "https://reader.example/callback\u0000",
  "https://re\u0430der.example/callback",
  "https://*.example/callback",
  "https://reader.example/*",
  "https://reader.example/callback?code=1",
  "https://reader.example/callback?state=1",
  "https://reader.example/callback?iss=1",
  "https://reader.example/callback?error=1",
  "http://reader.example/callback",
  "http://localhost.evil.example/callback",
  "http://app.localhost/callback",
  "http://127.0.0.1.evil.example/callback",
  "http://127.1/callback",
  "http://127.0.0.2/callback",
  "http://0x7f.1/callback",
  "http://2130706433/callback",
  "http://0177.0.0.1/callback",
  "http://0.0.0.0/callback",
  "http://[::ffff:127.0.0.1]/callback",
  "http://[0:0:0:0:0:0:0:1]/callback",
  "http://localhost",
  "http://localhost:0/callback",
  "http://localhost:99999/callback",
  "javascript:alert(1)",
  "javascript://reader.example/%0aalert(1)",
  "data:text/html,x",
  "vbscript:x",
  "file:///etc/passwd",
  "blob:https://reader.example/1",
  "view-source:https://reader.example/",
  "urn:ietf:wg:oauth:2.0:oob",
  `https://reader.example/${"a".repeat(1024)}`,
];

describe("M-71: redirect URIs", () => {
  it.each(good)("%s can be registered, and is itself", (uri) => {
    expect([isRedirectUri(uri), isRegistered(uri, [uri])]).toEqual([true, true]);
  });

  it.each(bad)("%j can neither be registered nor used", (uri) => {
    expect([isRedirectUri(uri), isRegistered(uri, [...good, uri])]).toEqual([false, false]);
  });

  it("no other spelling of a registered one is taken", () => {
    const edits = ["", "/", "?", "?a=1", "&", "%20", ".", ";", "//", "/x", ":443", "\t", "\u202e"];
    const others = [
      ...edits.map((edit) => redirect + edit),
      redirect.toUpperCase(),
      redirect.replace("https", "http"),
      redirect.replace("callback", "Callback"),
      redirect.replace("callback", "callbac"),
      redirect.replace("reader", "reader%2e"),
      redirect.replace("reader.example", "reader.example."),
      redirect.replace("reader.example", "evil.reader.example"),
      redirect.replace("reader.example", "reader.example.evil.example"),
      redirect.replace("/callback", "/%63allback"),
    ].filter((other) => other !== redirect);
    for (const other of others) expect(isRegistered(other, [redirect]), other).toBe(false);
  });

  it("a program on the loopback interface takes any port, and nothing else differs", () => {
    const registered = ["http://127.0.0.1/callback"];
    for (const port of ["", ":1", ":3000", ":65535"])
      expect(isRegistered(`http://127.0.0.1${port}/callback`, registered)).toBe(true);
    for (const other of [
      "http://localhost:3000/callback",
      "http://[::1]:3000/callback",
      "http://127.0.0.1:3000/other",
      "http://127.0.0.1:3000/callback?x=1",
      "https://127.0.0.1:3000/callback",
      "http://127.0.0.1:03000/callback",
    ])
      expect(isRegistered(other, registered), other).toBe(false);
    expect(isRegistered("https://reader.example:8443/callback", [redirect])).toBe(false);
  });

  it("a client on the loopback interface redeems with the port of its request", async () => {
    const connect = await openConnect({ redirects: ["http://127.0.0.1/callback"] });
    const verifier = newVerifier();
    const redirect_uri = "http://127.0.0.1:49152/callback";
    const code = await codeOf(connect, verifier, { query: { redirect_uri } });
    const another = { more: { redirect_uri: "http://127.0.0.1:49153/callback" } };
    expect(outcomeOf(await redeem(connect, code, verifier, another))).toEqual([400, "invalid_grant"]);
    tokensOf(await redeem(connect, code, verifier, { more: { redirect_uri } }));
  });

  it("none of the bad ones can be given to a client", async () => {
    const { world } = await openConnect();
    for (const uri of bad)
      await expect(
        world.ampho.services.setClient("reader", { redirects: [uri], userScopes: ["articles:read"] }),
      ).rejects.toMatchObject({ code: "invalid_request" });
  });
});

describe("M-72: errors", () => {
  it("an unknown client or redirect URI sends the browser nowhere", async () => {
    const connect = await openConnect();
    const { world, client, bearer } = connect;
    for (const more of [
      { client_id: "svc_0000000000000000000000" },
      { client_id: undefined },
      { client_id: "reader" },
      { redirect_uri: "https://evil.example/" },
      { redirect_uri: undefined },
    ]) {
      const query = queryOf(client, newVerifier(), { ...more, response_type: "token" });
      const begun = await world.call("GET", `/authorize?${query}`);
      expect([begun.status, begun.headers.get("location")]).toEqual([404, null]);
      const shown = await world.call("GET", `/connect?${query}`, { bearer });
      expect([shown.status, shown.json["location"]]).toEqual([404, undefined]);
    }
  });

  it.each([
    [{ response_type: "token" }, "unsupported_response_type"],
    [{ response_type: undefined }, "unsupported_response_type"],
    [{ response_type: "code id_token" }, "unsupported_response_type"],
    [{ response_mode: "fragment" }, "invalid_request"],
    [{ request: "eyJ" }, "invalid_request"],
    [{ request_uri: "https://reader.example/request" }, "invalid_request"],
    [{ code_challenge: undefined }, "invalid_request"],
    [{ scope: "articles:delete" }, "invalid_scope"],
    [{ scope: "ampho:introspect *" }, "invalid_scope"],
    [{ resource: "https://other.example" }, "invalid_target"],
    [{ prompt: "none" }, "interaction_required"],
    [{ prompt: "none login" }, "interaction_required"],
    [{ state: "x".repeat(1025) }, "invalid_request"],
    [{ scope: "s".repeat(3000) }, "invalid_request"],
  ])("%j leads back to the client with %s", async (more, error) => {
    const connect = await openConnect();
    const said = await consent(connect, newVerifier(), { query: more });
    expect([said.status, said.json["error"], membersOf(said).get("error")]).toEqual([400, error, error]);
    expect(String(said.json["location"]).startsWith(`${redirect}?`)).toBe(true);
    const begun = await connect.world.call("GET", `/authorize?${queryOf(connect.client, newVerifier(), more)}`);
    expect([begun.status, begun.headers.get("location")?.startsWith(`${redirect}?error=`)]).toEqual([303, true]);
  });

  it("M-98: no header of a request is in a URL of a response", async () => {
    const connect = await openConnect();
    const headers = { Host: "evil.example", "X-Forwarded-Host": "evil.example", Forwarded: "host=evil.example" };
    const { world, client } = connect;
    const begun = await world.call("GET", `/authorize?${queryOf(client, newVerifier())}`, { headers });
    expect(begun.headers.get("location")?.startsWith("https://app.example/?ampho=connect&")).toBe(true);
    const url = "https://evil.example/.well-known/oauth-authorization-server";
    const metadata = await world.ampho.fetch(new Request(url, { headers }));
    expect(await metadata.text()).not.toContain("evil");
  });
});
