// Mails that wait while the key that signs is replaced or revoked.
import { expect, it } from "vitest";
import type { AmphoOptions, Message } from "../../dist/index.js";
import { password, type World } from "../world/ampho.js";
import { newKey } from "../world/tokens.js";
import { addPerson, begin, mailingOf, mailSettings, newPassword, proofsOf, raiseAlarm } from "./mailboxes.js";
import { type Ground, onBothDatabases } from "./owners.js";

const ann = "ann@x.example";

/** A login by mail, a change of address and a notice, which wait because the receiver is down. */
async function openWaiting(ground: Ground) {
  const mails: Message[] = [];
  let isDown = false;
  const mail = async (message: Message) => {
    if (isDown) throw new Error("down");
    mails.push(message);
  };
  const world = mailingOf(ground, await ground.open({ ...mailSettings, mail }), mails);
  const { token: bearer } = await addPerson(world, ann, password);
  isDown = true;
  await begin(world, "/login/mail", { login: ann });
  await begin(world, "/account/email", { email: "ann@y.example" }, { bearer });
  const body = { password, new_password: newPassword };
  expect((await world.call("POST", "/password", { bearer, body })).status).toBe(200);
  await expect
    .poll(async () => (await world.ampho.mail.list()).filter(({ failure }) => failure !== null))
    .toHaveLength(3);

  /** Another process takes the mails when they are due again. */
  async function restart(last: World, options: AmphoOptions): Promise<World> {
    await last.ampho.close();
    isDown = false;
    const next = await world.another(options);
    world.clock.advance(60);
    return next;
  }
  return { world, mails, restart };
}

const outcomesIn = async (world: World, event: string) =>
  (await world.events()).filter((each) => each.startsWith(`${event}:`)).map((each) => each.slice(event.length + 2));

onBothDatabases((ground) => {
  it("a mail whose key one process lacks waits for a process that has the key, and a notice goes out", async () => {
    const { world, mails, restart } = await openWaiting(ground);
    const key = newKey("key-2");
    const lacking = await restart(world, { key });
    const lacks = "The mail was begun under the key key-1, which is not configured here.";
    await expect
      .poll(async () => (await outcomesIn(lacking, "mail_failed")).filter((reason) => reason === lacks))
      .toHaveLength(2);
    await expect.poll(() => mails.map(({ kind }) => kind)).toEqual(["password_changed"]);
    expect(await outcomesIn(lacking, "mail_dropped")).toEqual([]);
    expect(lacking.notices.join("\n")).not.toContain("internal error");
    expect(lacking.notices.filter((line) => line.includes(lacks))).toHaveLength(1);
    await restart(lacking, { key: { keys: [key, world.key] } });
    await expect.poll(() => mails.map(({ kind }) => kind).sort()).toEqual(["email", "login", "password_changed"]);
  });

  it("a mail whose code or link is of a revoked key is dropped, and a notice waits for another key", async () => {
    const { world, mails, restart } = await openWaiting(ground);
    await world.ampho.signingKeys.revoke("key-1");
    const robbed = await restart(world, {});
    await expect.poll(() => outcomesIn(robbed, "mail_dropped")).toEqual(["key_gone", "key_gone"]);
    await expect.poll(() => outcomesIn(robbed, "mail_failed")).toContain("No tokens can be signed at the moment.");
    expect(mails).toEqual([]);
    expect(robbed.notices.join("\n")).not.toContain("internal error");
    const next = await restart(robbed, { key: { keys: [newKey("key-2"), world.key] } });
    await expect.poll(() => mails.map(({ kind }) => kind)).toEqual(["password_changed"]);
    const { alarm } = proofsOf(mails[0]?.text ?? "");
    expect((await raiseAlarm(next, alarm)).status).toBe(204);
  });
});
