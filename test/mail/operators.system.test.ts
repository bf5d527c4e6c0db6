// Operators and applications change addresses, invite people and begin recoveries.
import { Secret, TOTP } from "otpauth";
import { expect, onTestFinished, test, vi } from "vitest";
import type { AmphoOptions, Message } from "../../dist/index.js";
import { raiseAlarm } from "../gate/mailboxes.js";
import { openWorld, password, type World } from "../world/ampho.js";

const newPassword = "amber tulip canoe walnut";

async function openMailing(options: AmphoOptions = {}) {
  const mails: Message[] = [];
  const mail = async (message: Message) => void mails.push(message);
  const world = await openWorld({ appUrl: "https://app.example", mail, ...options });
  const next = (kind: string) =>
    vi.waitUntil(
      () => {
        const at = mails.findIndex((each) => each.kind === kind);
        return mails.splice(at < 0 ? mails.length : at, 1)[0];
      },
      { timeout: 60_000, interval: 10 },
    );
  return { ...world, mails, next };
}

const linkOf = (text: string, name = "ampho") => new RegExp(`#${name}=(\\S+)`).exec(text)?.[1] ?? "";
const finish = (world: World, link: string, match?: string) =>
  world.call("POST", "/password/reset/finish", { body: { link, match, new_password: newPassword } });

test("an operator's recovery needs the number that only the operator has, and works once", async () => {
  const world = await openMailing();
  await world.ampho.users.create({ login: "ann", password, email: "ann@example.org" });
  const { match, link } = await world.ampho.users.recover("ANN", { reason: "Forgot it." });
  expect(link).toBeNull();
  const mailed = linkOf((await world.next("recover")).text);
  expect(await finish(world, mailed)).toMatchObject({ status: 401, error: "match_needed" });
  const wrong = match === "00" ? "01" : "00";
  expect(await finish(world, mailed, wrong)).toMatchObject({ status: 401, error: "invalid_credentials" });
  expect((await finish(world, mailed, match)).status).toBe(204);
  expect(await finish(world, mailed, match)).toMatchObject({ status: 401 });
  expect((await world.call("POST", "/login", { body: { login: "ann", password: newPassword } })).status).toBe(200);
  expect(await world.events()).toContain("recovery_begun: Forgot it.");
});

test("a printed link works for a user without an address, and proves no address", async () => {
  const world = await openMailing();
  await world.ampho.users.create({ login: "ann" });
  const options = { reason: "No password.", print: true };
  const { match, link } = await world.ampho.users.recover("ann", options);
  const token = linkOf(link ?? "");
  expect((await finish(world, token, match)).status).toBe(204);
  expect((await finish(world, token, match)).status).toBe(401);
  await world.ampho.users.create({ login: "bob", password, email: "bob@example.org" });
  const other = await world.ampho.users.recover("bob", options);
  expect((await finish(world, linkOf(other.link ?? ""), other.match)).status).toBe(204);
  expect(await world.ampho.users.find("bob")).toMatchObject({ email: "bob@example.org", emailProven: false });
  expect(world.mails).toEqual([]);
});

test("a recovery asks for the second factor, unless it removes the factors a day after a notice", async () => {
  const world = await openMailing({ registration: "open" });
  const grant = await register(world, "ann@example.org");
  await addTotp(world, grant);
  const kept = await world.ampho.users.recover("ann@example.org", { reason: "Forgot it.", print: true });
  const response = await finish(world, linkOf(kept.link ?? ""), kept.match);
  expect(response).toMatchObject({ status: 401, error: "factor_needed" });

  const begun = await world.ampho.users.recover("ann@example.org", { reason: "Lost all.", withoutFactors: true });
  expect(begun.from).toBe(world.clock.now() + 86_400);
  const notice = await world.next("recovery_begun");
  expect(notice.to).toBe("ann@example.org");
  expect(notice.text).toContain("#ampho-alarm=");
  world.clock.advance(86_400 - 120);
  expect(world.mails.filter(({ kind }) => kind === "recover")).toEqual([]);
  world.clock.advance(120);
  const { text } = await world.next("recover");
  expect((await finish(world, linkOf(text), begun.match)).status).toBe(204);
  const user = await world.ampho.users.find("ann@example.org");
  expect(await world.ampho.factors.list(user?.id ?? "")).toMatchObject({ factors: [] });
  const login = { login: "ann@example.org", password: newPassword };
  expect((await world.call("POST", "/login", { body: login })).status).toBe(200);
});

test("a printed link without the factors does not work before its day, and an alarm ends it", async () => {
  const world = await openMailing({ registration: "open" });
  await register(world, "ann@example.org");
  const options = { reason: "Lost all.", withoutFactors: true, print: true };
  const { match, link } = await world.ampho.users.recover("ann@example.org", options);
  const token = linkOf(link ?? "");
  world.clock.advance(86_400 - 120);
  expect(await finish(world, token, match)).toMatchObject({ status: 401, error: "transaction_over" });
  const { text } = await world.next("recovery_begun");
  expect((await raiseAlarm(world, linkOf(text, "ampho-alarm"))).status).toBe(204);
  world.clock.advance(130);
  expect(await finish(world, token, match)).toMatchObject({ status: 401, error: "invalid_credentials" });
});

test.each([
  ["the user was disabled and enabled", (ampho: World["ampho"]) => ampho.users.disable("ann")],
  ["every session of all users was ended", (ampho: World["ampho"]) => ampho.sessions.endForEveryone()],
])("a link without the factors is void after %s in between", async (_, end) => {
  // The revocation outlives the tokens of other software, which live shorter here than the link.
  const world = await openMailing({ tokenForeignTtl: 0 });
  await world.ampho.users.create({ login: "ann", password });
  const options = { reason: "Lost all.", withoutFactors: true, print: true };
  const { from, match, link } = await world.ampho.users.recover("ann", options);
  world.clock.advance(60);
  await end(world.ampho);
  await world.ampho.users.enable("ann");
  world.clock.advance(from - world.clock.now() + 599);
  // A process that starts now has only the revocations that are still in force.
  const later = await world.another();
  for (const each of [world, later])
    expect(await finish(each, linkOf(link ?? ""), match)).toMatchObject({ status: 401, error: "transaction_over" });
  expect((await world.call("POST", "/login", { body: { login: "ann", password } })).status).toBe(200);
});

test("a printed link works where no mail can be sent, and a mailed recovery is rejected", async () => {
  vi.stubEnv("NODE_ENV", "production");
  onTestFinished(() => void vi.unstubAllEnvs());
  const world = await openWorld({ appUrl: "https://app.example" });
  await world.ampho.users.create({ login: "ann", password, email: "ann@example.org" });
  const { match, link } = await world.ampho.users.recover("ann", { reason: "Forgot it.", print: true });
  expect((await finish(world, linkOf(link ?? ""), match)).status).toBe(204);
  expect((await world.call("POST", "/login", { body: { login: "ann", password: newPassword } })).status).toBe(200);
  const mailed = world.ampho.users.recover("ann", { reason: "Forgot it." });
  await expect(mailed).rejects.toMatchObject({ code: "not_found", message: expect.stringContaining("Print") });
  expect((await world.ampho.mail.list()).map(({ kind }) => kind)).not.toContain("recover");
  expect((await world.call("POST", "/password/reset", { body: { login: "ann" } })).status).toBe(404);
});

test("an invitation gives its roles, and works for its address alone until it is taken back", async () => {
  const world = await openMailing({ registration: "invite" });
  const { users } = world.ampho;
  const { id, until } = await users.invite({ email: "Ann@example.org", roles: ["editor"], invitedBy: "u-1" });
  const invite = linkOf((await world.next("invite")).text, "ampho-invite");
  const open = (email: string) => world.call("POST", "/register", { body: { email, invite } });
  expect(await open("bob@example.org")).toMatchObject({ status: 403, error: "registration_closed" });
  const { json } = await open("ann@example.org");
  const code = codeOf((await world.next("register")).text);
  const body = { transaction: json["transaction"], code, password: newPassword, roles: ["admin"] };
  expect((await world.call("POST", "/register/finish", { body })).status).toBe(200);
  expect(await users.find("ann@example.org")).toMatchObject({ roles: ["editor"], emailProven: true });
  world.clock.advance(61);
  expect(await open("ann@example.org")).toMatchObject({ status: 403 });
  await expect(users.invite({ email: "ann@example.org" })).rejects.toMatchObject({ code: "email_taken" });

  const other = await users.invite({ email: "bob@example.org" });
  expect(await users.invitations.remove(other.id)).toBe(true);
  expect(await users.invitations.remove(other.id)).toBe(false);
  const now = world.clock.now();
  expect(await users.invitations.list()).toEqual([
    {
      id,
      email: "Ann@example.org",
      roles: ["editor"],
      invitedBy: "u-1",
      created: now - 61,
      until,
      used: now - 61,
      removed: null,
    },
    expect.objectContaining({ id: other.id, invitedBy: null, used: null, removed: now }),
  ]);
});

test("a changed address is unproven, and the old one gets a notice if it was proven", async () => {
  const world = await openMailing({ registration: "open" });
  await register(world, "ann@example.org");
  const { users } = world.ampho;
  await users.create({ login: "bob", email: "bob@example.org" });
  await expect(users.setEmail("bob", "ANN@example.org")).rejects.toMatchObject({ code: "email_taken" });
  await users.setEmail("bob", "bob@new.example");
  await users.setEmail("ann@example.org", "ann@new.example", { reason: "ticket 4711" });
  const notice = await world.next("email_changed");
  expect(notice.to).toBe("ann@example.org");
  expect(await users.find("ann@example.org")).toMatchObject({ email: "ann@new.example", emailProven: false });
  await users.setEmail("bob", undefined);
  expect(await users.find("bob")).toMatchObject({ email: null, emailProven: false });
  expect(world.mails).toEqual([]);
});

test("a test mail reports each step, and its failure", async () => {
  const world = await openMailing();
  const steps: string[] = [];
  await world.ampho.mail.test("operator@example.org", (step) => steps.push(step));
  expect(steps).toEqual(["The option mail accepted the mail."]);
  expect(await world.next("test")).toMatchObject({
    to: "operator@example.org",
    subject: expect.stringContaining("Test"),
  });
  await expect(world.ampho.mail.test("a@example.org, b@example.org")).rejects.toMatchObject({
    code: "invalid_request",
  });
  const failing = await world.another({ mail: () => Promise.reject(new Error("a@example.org")) });
  const rejected = failing.ampho.mail.test("operator@example.org");
  await expect(rejected).rejects.toMatchObject({ code: "unavailable", message: "The option mail rejected the mail." });
});

test("an application's own user table has no invitations and no recovery by Ampho", async () => {
  const { ampho } = await openMailing({
    users: { find: () => undefined, verify: () => false },
    registration: "invite",
  });
  const rejection = { code: "not_found" };
  await expect(ampho.users.invite({ email: "ann@example.org" })).rejects.toMatchObject(rejection);
  await expect(ampho.users.setEmail("ann", "ann@example.org")).rejects.toMatchObject(rejection);
  await expect(ampho.users.recover("ann", { reason: "Lost." })).rejects.toMatchObject(rejection);
});

const codeOf = (text: string) => (/\d\d \d\d \d\d \d\d/.exec(text)?.[0] ?? "").replaceAll(" ", "");

async function register(world: Awaited<ReturnType<typeof openMailing>>, email: string): Promise<string> {
  const { json } = await world.call("POST", "/register", { body: { email } });
  const code = codeOf((await world.next("register")).text);
  const body = { transaction: json["transaction"], code, password };
  const response = await world.call("POST", "/register/finish", { body });
  expect(response.text).toContain("refresh_token");
  return String(response.json["token"]);
}

async function addTotp({ call, clock }: World, bearer: string): Promise<void> {
  const { json } = await call("POST", "/totp", { bearer });
  const app = new TOTP({ secret: Secret.fromBase32(String(json["secret"])) });
  const totp = app.generate({ timestamp: clock.now() * 1000 });
  const response = await call("POST", "/totp/confirm", { bearer, body: { transaction: json["transaction"], totp } });
  expect(response.text).toContain("recovery_codes");
}
