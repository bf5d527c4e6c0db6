// The outbox of an instance: how soon each kind of mail leaves, and what a database or a mail server that fails causes.
import { expect, it } from "vitest";
import type { Message } from "../../dist/index.js";
import { password, type World } from "../world/ampho.js";
import { startStopwatch, within } from "../world/deadline.js";
import { addPerson, begin, type Mailing, mailSettings, openMailing } from "./mailboxes.js";
import { type Ground, logIn, onBothDatabases } from "./owners.js";

const secondMs = 1_000;
/** The counts of the metrics are this old at most. */
const countsMs = 6_000;

async function takesMs(mailing: Mailing, kind: string, cause: () => Promise<unknown>): Promise<number> {
  await cause();
  const elapsed = startStopwatch();
  await mailing.mail(kind);
  return elapsed();
}

/** Makes the database reject that a mail was sent. */
const rejecting = (isPostgres: boolean) =>
  isPostgres
    ? "alter table ampho_mail add constraint stop check (sent_at is null) not valid"
    : "create trigger stop before update of sent_at on ampho_mail begin select raise(abort, 'stop'); end";
const accepting = (isPostgres: boolean) =>
  isPostgres ? "alter table ampho_mail drop constraint stop" : "drop trigger stop";

const askFor = (world: World, login: string) => begin(world, "/login/mail", { login });
const gauge = (world: World, name: string) =>
  Number(new RegExp(`^${name} (\\S+)$`, "m").exec(world.ampho.metrics())?.[1]);

/** Users whose mails fail until `repair` is called. */
async function openOutage(ground: Ground, count: number) {
  let isDown = true;
  const arrived: Message[] = [];
  const world = await ground.open({
    ...mailSettings,
    mail: async (message) => {
      if (isDown) throw new Error("no mail server");
      arrived.push(message);
    },
  });
  const logins = Array.from({ length: count }, (_, at) => `user-${at}@x.example`);
  for (const login of logins) await world.ampho.users.create({ login });
  const ask = () => Promise.all(logins.map((login) => askFor(world, login)));
  return {
    world,
    arrived,
    ask,
    repair: () => {
      isDown = false;
    },
  };
}

onBothDatabases((ground) => {
  it("a notice and a code for a set-up leave within a second, as the code of a login does", async () => {
    const mailing = await openMailing(ground, { factors: { late: "required" } });
    const { token } = await addPerson(mailing, "ann@x.example", password);
    const changed = { password, new_password: "amber tulip canoe walnut" };
    const notice = () => mailing.call("POST", "/password", { body: changed, bearer: token });
    expect(await takesMs(mailing, "password_changed", notice)).toBeLessThan(secondMs);
    expect(await takesMs(mailing, "login", () => askFor(mailing, "ann@x.example"))).toBeLessThan(secondMs);
    await addPerson(mailing, "bob@x.example", password);
    await mailing.ampho.users.setRoles("bob@x.example", ["late"]);
    const setUp = async () => expect((await logIn(mailing, "bob@x.example")).json["mail"]).toBe(true);
    expect(await takesMs(mailing, "enroll", setUp)).toBeLessThan(secondMs);
  });

  it("a mail that was sent while the database could not record it is recorded later and not sent again", async () => {
    const mailing = await openMailing(ground);
    const isPostgres = ground.urlOf(mailing).startsWith("postgres");
    await addPerson(mailing, "ann@x.example", password);
    await expect.poll(() => ground.sql(mailing, "select n from ampho_mail where next_at is not null")).toEqual([]);
    await ground.sql(mailing, rejecting(isPostgres));
    await askFor(mailing, "ann@x.example");
    await mailing.mail("login");
    const settles = (line: string) => line.includes("settleMail fails");
    await expect.poll(() => mailing.notices.filter(settles)).toHaveLength(1);
    // Another attempt is due, and finds that the mail was sent.
    mailing.clock.advance(120);
    await ground.sql(mailing, accepting(isPostgres));
    await expect.poll(() => ground.sql(mailing, "select n from ampho_mail where next_at is not null")).toEqual([]);
    expect(mailing.mails).toEqual([]);
    expect(mailing.notices.filter((line) => line.includes("internal error"))).toEqual([]);
    expect(mailing.notices.filter(settles)).toHaveLength(1);
    expect(gauge(mailing, "ampho_internal_errors_total")).toBe(0);
  });

  it("an outage of the mail server has one line in the log, and its end another", async () => {
    const { world, arrived, ask, repair } = await openOutage(ground, 12);
    await ask();
    const failed = async () => (await world.events()).filter((event) => event.startsWith("mail_failed")).length;
    await expect.poll(failed).toBe(12);
    world.clock.advance(10);
    await expect.poll(failed).toBe(24);
    repair();
    world.clock.advance(60);
    await expect.poll(() => arrived.length).toBe(12);
    expect(world.notices.filter((line) => /mail/i.test(line))).toEqual([
      "Mails fail: The option mail rejected the mail. Ampho tries again (`ampho mail-list`).",
      "Mails are sent again.",
    ]);
  });

  it("the metrics of every process count the mails that wait, also while they fail", async () => {
    const { world, ask, repair } = await openOutage(ground, 12);
    const other = await world.another();
    await ask();
    world.clock.advance(100);
    for (const each of [world, other]) {
      await within(countsMs, () => gauge(each, "ampho_mails_waiting") === 12);
      expect(gauge(each, "ampho_mail_oldest_seconds")).toBeGreaterThanOrEqual(100);
    }
    repair();
    world.clock.advance(100);
    for (const each of [world, other]) await expect.poll(() => gauge(each, "ampho_mails_waiting")).toBe(0);
  });

  it("a bug while a mail is sent has a line in the log and is counted", async () => {
    const { world, ask } = await openOutage(ground, 1);
    await ask();
    await expect.poll(async () => (await world.events()).some((event) => event.startsWith("mail_failed"))).toBe(true);
    await ground.sql(world, "update ampho_mail set claims = '{}'");
    world.clock.advance(60);
    await expect.poll(() => world.notices.filter((line) => line.startsWith("internal error"))).toHaveLength(1);
    expect(gauge(world, "ampho_internal_errors_total")).toBe(1);
  });

  it("two instances with different pages on one database send only their own mails", async () => {
    const sent = { shop: [] as Message[], admin: [] as Message[] };
    const shop = await ground.open({
      ...mailSettings,
      appUrl: "https://shop.example/",
      mail: async (message) => void sent.shop.push(message),
    });
    const admin = await shop.another({
      appUrl: "https://admin.example/",
      mail: async (message) => void sent.admin.push(message),
    });
    const logins = ["ann", "bob", "cid", "dan"].map((name) => `${name}@x.example`);
    for (const login of logins) await shop.ampho.users.create({ login });
    for (const [at, login] of logins.entries()) await askFor(at % 2 === 0 ? shop : admin, login);
    await expect.poll(() => [sent.shop.length, sent.admin.length]).toEqual([2, 2]);
    expect(sent.shop.map(({ to }) => to).sort()).toEqual(["ann@x.example", "cid@x.example"]);
    for (const { text } of sent.shop) expect(text).toContain("https://shop.example/#ampho=");
    for (const { text } of sent.admin) expect(text).toContain("https://admin.example/#ampho=");
    // The mails of an instance that is gone wait for one with its pages.
    await shop.ampho.close();
    await admin.ampho.users.create({ login: "eve@x.example" });
    await askFor(admin, "eve@x.example");
    await expect.poll(() => sent.admin.length).toBe(3);
  });
});
