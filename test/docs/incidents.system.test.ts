// Runs the commands of docs/operate/incidents.md for a stolen database, a mail provider that is down, and a user who is locked out.
import { chmodSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { binary, execute } from "../world/command.js";
import { freePort } from "../world/free-port.js";
import { alice } from "../world/people.js";
import { bearer, post } from "../world/requests.js";
import { addUser, command, freshPlace, logIn, type Place, startServe } from "../world/serve.js";
import { readPage, section } from "./evidence.js";

const page = readPage("docs/operate/incidents.md");
const commandsOf = (title: string) =>
  [...section(page, title).matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, code = ""]) => code);

function shellIn({ cwd, env }: Place) {
  const bin = path.join(cwd, "bin");
  mkdirSync(bin);
  symlinkSync(binary, path.join(bin, "ampho"));
  chmodSync(binary, 0o755);
  return (code: string, more: Readonly<Record<string, string>> = {}) =>
    execute("sh", ["-ec", code], { cwd, env: { ...env, ...more, PATH: `${bin}:${process.env["PATH"]}` } });
}

const mailing = { AMPHO_APP_URL: "https://app.example", AMPHO_MAIL_FROM: "no-reply@app.example" };

it("after a theft of the database no old password and no session works, and users without an address are listed", async () => {
  const place = freshPlace({ ...mailing, AMPHO_MAIL_URL: "file:mails" });
  mkdirSync(path.join(place.cwd, "mails"));
  await addUser(place);
  const added = ["user-add", "bob", "--email", "bob@example.org", "--password-stdin"];
  expect(await command(place, added, alice.password)).toMatchObject({ code: 0 });
  const served = await startServe(place);
  const { token } = await logIn(served);
  const shell = shellIn(place);
  const [expire = "", log = "", ...more] = commandsOf("The database was stolen");
  expect(more).toEqual([]);
  expect(await shell(expire)).toMatchObject({ code: 0, stderr: expect.stringContaining("2 passwords expired") });
  const listed = readFileSync(path.join(place.cwd, "without-address.txt"), "utf8");
  expect(listed).toContain("alice");
  expect(listed).not.toContain("bob");
  await expect.poll(async () => (await fetch(`${served.url}/session`, { headers: bearer(token) })).status).toBe(401);
  expect((await post(`${served.url}/login`, alice)).status).toBe(401);
  expect((await post(`${served.url}/password/reset`, { login: "bob" })).status).toBe(200);
  await expect.poll(() => readdirSync(path.join(place.cwd, "mails")).length).toBe(1);
  expect((await shell(log)).code).toBe(0);
  const rows = readFileSync(path.join(place.cwd, "since-the-theft.jsonl"), "utf8");
  expect(rows.match(/password_expired/g)).toHaveLength(2);
  expect(rows).toContain("A backup was stolen, ticket 4711.");
  await served.stop();
}, 120_000);

it("mails that a dead provider has not taken are sent by the next one, and a link works without it", async () => {
  const down = freshPlace({ ...mailing, AMPHO_MAIL_URL: `smtp://127.0.0.1:${await freePort()}` });
  const added = ["user-add", "alice", "--email", "alice@example.org", "--password-stdin"];
  expect(await command(down, added, alice.password)).toMatchObject({ code: 0 });
  const shell = shellIn(down);
  const served = await startServe(down);
  expect((await post(`${served.url}/password/reset`, { login: "alice" })).status).toBe(200);
  const [look = "", other = "", recover = "", ...more] = commandsOf("The mail provider is down");
  expect(more).toEqual([]);
  await expect
    .poll(async () => (await shell("ampho mail-list")).stdout)
    .toMatch(/reset\s+waiting\s+[1-9]\d*\s+The mail server/);
  expect(await shell(look)).toMatchObject({ code: 0, stdout: expect.stringContaining("still down") });
  await served.stop();
  const mails = path.join(down.cwd, "mails");
  mkdirSync(mails);
  const next = `file:${mails}`;
  expect(await shell(other, { OTHER_MAIL_URL: next })).toMatchObject({ code: 0 });
  const texts = () => readdirSync(mails).map((name) => readFileSync(path.join(mails, name), "utf8"));
  expect(texts()).toHaveLength(1);
  const again = await startServe({ ...down, env: { ...down.env, AMPHO_MAIL_URL: next } });
  await expect.poll(() => texts().length).toBe(2);
  expect(await shell(recover)).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("https://app.example/#ampho="),
  });
  await again.stop();
}, 180_000);

it("the commands show why a user is locked out, and end the lockout", async () => {
  const place = freshPlace({ AMPHO_SECURITY_THROTTLE_LOCK: "10" });
  await addUser(place);
  const served = await startServe(place);
  const shell = shellIn(place);
  for (let attempt = 0; attempt < 6; attempt += 1) await post(`${served.url}/login`, { ...alice, password: "wrong" });
  expect((await post(`${served.url}/login`, alice)).status).toBe(429);
  const [look = "", clear = "", ...more] = commandsOf("A user is locked out");
  expect(more).toEqual([]);
  const { code, stdout } = await shell(look);
  expect(code).toBe(0);
  expect(stdout).toContain("login_rejected");
  expect(stdout).toContain("login_throttled");
  expect(stdout).toMatch(/UNTIL[\s\S]*alice/);
  expect(await shell(clear)).toMatchObject({ code: 0 });
  expect((await post(`${served.url}/login`, alice)).status).toBe(200);
  expect((await command(place, ["user-disable", "alice"])).code).toBe(0);
  expect((await shell(look)).stdout).toContain("disabled");
  await served.stop();
}, 120_000);
