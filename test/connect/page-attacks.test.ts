// The requests of an attacker to the page that asks: from another site, of another user, in a frame, and with another way back.
import { expect, it } from "vitest";
import type { AmphoOptions } from "../../dist/index.js";
import { openJar } from "../http/jar.js";
import { openWorld, password } from "../world/ampho.js";
import { addClient, newVerifier, queryOf, settings } from "./connections.js";

const origin = "http://localhost:3000";
const own = { origin, host: "localhost:3000" };
const opened = { "sec-fetch-site": "cross-site", "sec-fetch-dest": "document", "sec-fetch-mode": "navigate" };

async function open(options: AmphoOptions = {}, connects = true) {
  const { connect, scopes, scopeTexts } = settings;
  const world = await openWorld({
    pages: true,
    appUrl: origin,
    scopes,
    scopeTexts,
    ...(connects && { connect }),
    ...options,
  });
  for (const login of ["alice", "bob"]) await world.user(login, { password, roles: ["editor"] });
  const client = connects ? await addClient(world, "reader") : "svc_none";
  return { ...world, query: queryOf(client, newVerifier()) };
}

type Opened = Awaited<ReturnType<typeof open>>;

/** A browser. */
function browserOf({ ampho }: Opened) {
  const jar = openJar();
  const send = async (method: string, path: string, headers: Readonly<Record<string, string>>, body?: object) => {
    const form = body && new URLSearchParams(body as Record<string, string>);
    const cookie = jar.header();
    const request = new Request(origin + path, {
      method,
      headers: { cookie, ...headers },
      ...(form && { body: form }),
    });
    const response = await ampho.fetch(request);
    jar.keep(response);
    return { status: response.status, headers: response.headers, text: await response.text() };
  };
  return {
    jar,
    get: (path: string, headers: Readonly<Record<string, string>> = opened) => send("GET", path, headers),
    post: (action: string, body: object, headers: Readonly<Record<string, string>> = own) =>
      send("POST", `/account/${action}`, headers, body),
  };
}

async function signedIn(world: Opened, login = "alice") {
  const browser = browserOf(world);
  await browser.post("sign-in", { login, password });
  return browser;
}

it.each([
  [
    ["https://reader.example/callback"],
    "Allow it only if you trust reader.example.",
    "<strong>reader.example</strong>",
  ],
  [["cursor://callback/"], "", "Allow this only if you have just started it."],
])(
  "an application that registered itself with %j is called unknown, and its own name is quoted",
  async (redirects, warning, returns) => {
    const world = await open({ connect: "dynamic" });
    const { json } = await world.call("POST", "/clients", {
      body: { client_name: "<b>Shop</b> “Support”", redirect_uris: redirects },
    });
    const query = queryOf(String(json["client_id"]), newVerifier(), { redirect_uri: redirects[0] });
    const { text } = await (await signedIn(world)).get(`/account/connect?${query}`);
    expect(text).toContain("<h1>An unknown application wants to use your account</h1>");
    expect(text).toContain("It calls itself “<bdi>&lt;b&gt;Shop&lt;/b&gt; “Support”</bdi>”");
    for (const one of [warning, returns]) expect(text).toContain(one);
    expect(text.includes("was not checked here")).toBe(warning !== "");
  },
);

const fieldsIn = (text: string): Record<string, string> => {
  const [, form = ""] = /<form action="\/account\/connect\/allow"[^>]*>(.*?)<\/form>/s.exec(text) ?? [];
  const decode = (value: string) => value.replaceAll("&amp;", "&").replaceAll("&quot;", '"');
  return Object.fromEntries(
    [...form.matchAll(/name="(\w+)" value="([^"]*)"/g)].map(([, name = "", value = ""]) => [name, decode(value)]),
  );
};

const connectionsOf = async ({ ampho }: Opened) =>
  (await ampho.audit.list({ limit: 1000 })).filter(({ event }) => event === "connection_added").length;

it("an application sends a browser without a session to sign in, and it comes back to what was asked", async () => {
  const world = await open();
  const browser = browserOf(world);
  const begun = await browser.get(`/api/security/authorize?${world.query}`);
  const page = new URL(begun.headers.get("location") ?? "", origin);
  expect([begun.status, page.origin, page.pathname]).toEqual([303, origin, "/account/connect"]);
  const out = await browser.get(page.pathname + page.search);
  const signIn = out.headers.get("location") ?? "";
  expect([out.status, signIn]).toEqual([303, expect.stringMatching(/^\/account\/sign-in\?to=%2Faccount%2Fconnect%3F/)]);
  expect((await browser.get(signIn)).status).toBe(200);
  const { headers } = await browser.post("sign-in", { login: "alice", password });
  const back = headers.get("location") ?? "";
  expect(new URL(back, origin).searchParams.get("state")).toBe(page.searchParams.get("state"));
  expect((await browser.get(back)).text).toContain("reader wants to use your account");
});

it("M-75, M-77: a form of another site, another user or another transaction connects nothing", async () => {
  const world = await open();
  const [alice, bob] = [await signedIn(world), await signedIn(world, "bob")];
  const shown = await alice.get(`/account/connect?${world.query}`);
  const fields = fieldsIn(shown.text);
  expect(Object.keys(fields).sort()).toEqual(["query", "transaction", "user"]);
  world.clock.advance(2);
  const cross = { ...own, "sec-fetch-site": "cross-site", origin: "https://evil.example" };
  expect((await alice.post("connect/allow", fields, cross)).status).toBe(403);
  // The form of alice, after bob has signed in, and with the transaction of alice in a form of bob.
  expect((await bob.post("connect/allow", fields)).headers.get("location")).toBe("/account");
  const { user } = fieldsIn((await bob.get(`/account/connect?${world.query}`)).text);
  const stolen = await bob.post("connect/allow", { ...fields, user });
  expect(stolen.text).toContain("Read this once more, and choose.");
  expect(await connectionsOf(world)).toBe(0);
  const left = await alice.post("connect/allow", fields);
  expect(left.text).toMatch(/http-equiv="refresh" content="0;url=https:\/\/reader\.example\/callback\?code=/);
  expect(await connectionsOf(world)).toBe(1);
  expect((await alice.post("connect/allow", fields)).text).toContain("Read this once more, and choose.");
  expect(await connectionsOf(world)).toBe(1);
});

it("M-76: no frame shows the page, no opener keeps it, and it is no referrer", async () => {
  const world = await open();
  const alice = await signedIn(world);
  const { headers } = await alice.get(`/account/connect?${world.query}`);
  expect(headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
  expect(headers.get("x-frame-options")).toBe("DENY");
  expect(headers.get("cross-origin-opener-policy")).toBe("same-origin");
  expect(headers.get("referrer-policy")).toBe("same-origin");
});

it("M-77: an image or a wrong request chooses no way back, and `to` leads nowhere else", async () => {
  const world = await open();
  const image = { "sec-fetch-site": "cross-site", "sec-fetch-dest": "image" };
  const browser = browserOf(world);
  await browser.get(`/account/connect?${world.query}`, image);
  expect(browser.jar.header()).not.toContain("ampho-return");
  const out = await browser.get(`/account/connect?${world.query}&to=https%3A%2F%2Fevil.example&to=%2Forders`);
  expect(decodeURIComponent(out.headers.get("location") ?? "")).toMatch(/^\/account\/sign-in\?to=\/account\/connect\?/);
});

it("M-92: neither the log nor the audit log has a code, a state or a transaction", async () => {
  const world = await open();
  const alice = await signedIn(world);
  const shown = await alice.get(`/account/connect?${world.query}`);
  const fields = fieldsIn(shown.text);
  world.clock.advance(2);
  const { text } = await alice.post("connect/allow", fields);
  const [, code = "none"] = /[?&](?:amp;)?code=([\w-]{43})/.exec(text) ?? [];
  const state = new URLSearchParams(world.query).get("state") ?? "none";
  const seen = JSON.stringify([world.notices, await world.ampho.audit.list({ limit: 1000 })]);
  for (const secret of [code, state, fields["transaction"] ?? "none"]) expect(seen).not.toContain(secret);
});

it("the page does not exist without AMPHO_SECURITY_CONNECT", async () => {
  const world = await open({}, false);
  const alice = await signedIn(world);
  for (const path of ["/account/connect", "/api/security/connect"])
    expect((await alice.get(`${path}?${world.query}`)).status).toBe(404);
  expect((await alice.get("/account")).text).not.toContain("Connected applications");
});

it("a page of the application takes its place, with the query of the application", async () => {
  const world = await open({ pages: { connect: "/my/connect" } });
  const alice = await signedIn(world);
  const { headers } = await alice.get(`/account/connect?${world.query}`);
  const to = new URL(headers.get("location") ?? "", origin);
  expect([to.pathname, to.searchParams.get("client_id")]).toEqual([
    "/my/connect",
    new URLSearchParams(world.query).get("client_id"),
  ]);
});
