// The list of breached passwords: a range server on the loopback interface, or a folder.
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { openWorld, password, type World } from "../world/ampho.js";
import { startStopwatch } from "../world/deadline.js";
import { freshFolder } from "../world/folder.js";
import { type Behavior, listen } from "../world/listen.js";

const breached = "breached kettle harbour morning";
const clear = "violet kettle harbour evening";

const sha1Of = (text: string) => createHash("sha1").update(text).digest("hex").toUpperCase();
/** A range with other hashes, the given lines, and padding. */
const rangeOf = (...lines: readonly string[]) =>
  [`${"0".repeat(35)}:3`, ...lines, ...Array.from({ length: 800 }, (_, n) => `${sha1Of(`pad ${n}`).slice(5)}:0`)].join(
    "\r\n",
  );
const lineOf = (text: string, count = 7) => `${sha1Of(text).slice(5)}:${count}`;
const send =
  (text: string, status = 200): Behavior =>
  (_request, response) =>
    void response.writeHead(status, { "content-type": "text/plain" }).end(text);

async function changed(world: World, newPassword: string) {
  const { token } = await world.login("ann");
  return world.call("POST", "/password", { bearer: token, body: { password, new_password: newPassword } });
}

async function worldWith(breachesUrl: string): Promise<World> {
  const world = await openWorld({ breachesUrl });
  await world.ampho.users.create({ login: "ann", password });
  return world;
}

const failures = async ({ ampho }: World) =>
  (await ampho.audit.list()).filter(({ event }) => event === "breach_check_failed");
const counted = ({ ampho }: World) =>
  Object.fromEntries(
    [...ampho.metrics().matchAll(/^ampho_breach_checks_total\{outcome="(\w+)"\} (\d+)$/gm)].map(([, name, n]) => [
      name,
      Number(n),
    ]),
  );

describe("the range API", () => {
  it("A breached password is rejected, and only five characters of its hash leave the process", async () => {
    const headers: unknown[] = [];
    const server = await listen((request, response) => {
      headers.push(request.headers["add-padding"], request.rawHeaders.join());
      send(rangeOf(lineOf(breached)))(request, response);
    });
    const world = await worldWith(`${server.url}/range`);
    const received = await changed(world, breached);
    expect([received.status, received.json]).toMatchObject([400, { error: "password_rejected", reason: "breached" }]);
    expect((await changed(world, clear)).status).toBe(200);
    expect(server.requested).toEqual([password, breached, clear].map((text) => `/range/${sha1Of(text).slice(0, 5)}`));
    expect(headers[0]).toBe("true");
    expect(JSON.stringify(headers)).not.toContain(sha1Of(breached).slice(5));
    expect(counted(world)).toEqual({ found: 1, not_found: 2, failed: 0 });
    expect(await failures(world)).toEqual([]);
  });

  it("A suffix in lower case is found, and a padding entry is not", async () => {
    const server = await listen(send(rangeOf(lineOf(breached).toLowerCase(), lineOf(clear, 0))));
    const { ampho } = await worldWith(server.url);
    const rejected = { code: "password_rejected", details: { reason: "breached" } };
    await expect(ampho.users.setPassword("ann", breached)).rejects.toMatchObject(rejected);
    await expect(ampho.users.create({ login: "bob", password: breached })).rejects.toMatchObject(rejected);
    await ampho.users.create({ login: "bob", password: clear });
  });

  it("A password that breaks another rule is not looked up", async () => {
    const server = await listen(send(rangeOf()));
    const { ampho } = await worldWith(server.url);
    const before = server.requested.length;
    await expect(ampho.users.setPassword("ann", "short")).rejects.toMatchObject({ details: { reason: "too_short" } });
    expect(server.requested).toHaveLength(before);
  });

  it("A login does not ask for the list", async () => {
    const server = await listen(send(rangeOf()));
    const world = await worldWith(server.url);
    await world.login("ann");
    expect(server.requested).toHaveLength(1);
  });

  const endless: Behavior = (_request, response) => {
    response.writeHead(200);
    let sent = 0;
    const more = () => {
      sent += 65_536;
      if (sent > 10_485_760) response.end();
      else response.write(`${lineOf("x")}\r\n`.repeat(1_700), more);
    };
    more();
  };
  const cases: readonly (readonly [name: string, by: Behavior, reason: RegExp])[] = [
    ["is silent", () => undefined, /no response within 1 s/],
    ["stops in the middle", (_, response) => void response.writeHead(200).write(rangeOf()), /no response within 1 s/],
    ["sends 10 MB", endless, /longer than 1024 KiB/],
    ["sends a page", send("<html>Sign in to the hotel</html>"), /not a list/],
    ["sends nothing", send(""), /not a list/],
    ["sends whole hashes", send(`${sha1Of(breached)}:1`), /not a list/],
    ["returns 503", send("", 503), /the response was 503/],
    ["redirects", (_, response) => void response.writeHead(302, { location: "/" }).end(), /was 302/],
    ["hangs up", (request) => void request.destroy(), /could not be reached/],
  ];
  it.each(cases)("A list that %s lets a password pass, which is audited and counted", async (_, by, reason) => {
    const server = await listen(send(rangeOf()));
    const world = await worldWith(server.url);
    server.respond(by);
    const elapsedMs = startStopwatch();
    await world.ampho.users.setPassword("ann", breached);
    expect(elapsedMs()).toBeLessThan(5_000);
    const [failure] = await failures(world);
    expect(failure).toMatchObject({ login: "ann", origin: { actor: "application" } });
    expect(failure?.reason).toMatch(reason);
    expect(counted(world)).toMatchObject({ failed: 1 });
    await server.close();
  });

  it("The audit log does not name a login that has no account yet", async () => {
    const server = await listen(send("", 500));
    const world = await worldWith(server.url);
    expect((await failures(world))[0]).not.toHaveProperty("login", "ann");
  });
});

describe("a folder of ranges", () => {
  it.each(["", ".txt"])("A password in a file named by its prefix with the end %j is rejected", async (end) => {
    const folder = path.join(freshFolder(), "ranges");
    mkdirSync(folder);
    for (const text of [breached, clear])
      writeFileSync(path.join(folder, sha1Of(text).slice(0, 5) + end), rangeOf(lineOf(breached)));
    const world = await worldWith(`file:${folder}`);
    await expect(world.ampho.users.setPassword("ann", breached)).rejects.toMatchObject({
      details: { reason: "breached" },
    });
    await world.ampho.users.setPassword("ann", clear);
    // The folder has no file for the first password.
    expect((await failures(world)).map(({ reason }) => reason)).toEqual(["the file of the range cannot be read"]);
  });
});

it.each([
  "http://lists.example/range/",
  "https://user:pw@lists.example/",
  "https://lists.example/?a=b",
  "file:",
  "file://ranges",
  "ftp://x",
])("A list at %s stops the start", async (breachesUrl) => {
  await expect(openWorld({ breachesUrl })).rejects.toThrow(/BREACHES_URL|breachesUrl/);
});
