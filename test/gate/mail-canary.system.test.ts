// No code, link or number of a mail is where it does not belong. Each passes through its flow, and every output is searched.
import { afterAll, expect, it } from "vitest";
import { createAccessLog } from "../../dist/http/server/access-log.js";
import { createHttpServer } from "../../dist/http/server/server.js";
import type { Message } from "../../dist/index.js";
import { password } from "../world/ampho.js";
import { type Mailing, mailingOf, mailSettings, newPassword, otherDigits } from "./mailboxes.js";
import { onBothDatabases, type Row } from "./owners.js";

const ends: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const end of ends) await end();
});

const ann = "ann@x.example";

async function clientOf(world: Mailing, said: string[]) {
  const log = createAccessLog("json", (line) => said.push(line));
  const server = createHttpServer({ host: world.ampho.host, log });
  ends.push(() => server.close());
  const url = `${await server.listen(0, "127.0.0.1")}${world.ampho.host.prefix}`;
  return async (path: string, body: Row, token?: unknown): Promise<Row> => {
    const headers = {
      "Content-Type": "application/json",
      ...(typeof token === "string" && { Authorization: `Bearer ${token}` }),
    };
    const response = await fetch(url + path, { method: "POST", headers, body: JSON.stringify(body) });
    const text = await response.text();
    const members: Row = text === "" ? {} : JSON.parse(text);
    const { transaction: _, ...error } = members;
    if (!response.ok) said.push(JSON.stringify(error));
    return { ...members, status: response.status };
  };
}

onBothDatabases((ground) => {
  it("no file, table, log, metric or audit row contains a code, a link or a number of a mail", async () => {
    const sent: Message[] = [];
    const texts = new Set<string>();
    const words = new Set<string>();
    const said: string[] = [];
    let accepts = true;
    const mail = async (message: Message) => {
      if (!accepts) throw new Error(`the mail server rejected ${message.text}`);
      sent.push(message);
    };
    const opened = await ground.open({ ...mailSettings, mail, factors: { "*": "optional", strict: "required" } });
    const world = mailingOf(ground, opened, sent);
    const send = await clientOf(world, said);
    const learned = async (kind: string) => {
      const message = await world.mail(kind);
      for (const token of [message.link, message.invite, message.alarm]) {
        const end = token.split(".").at(-1) ?? "";
        if (end !== "") texts.add(end).add(Buffer.from(end, "base64url").toString("hex"));
      }
      if (message.code !== "") {
        words.add(message.code.replaceAll(" ", ""));
        texts.add(message.code);
      }
      return message;
    };
    /** A number is short, so that it is searched for as a value of the row from which the mail is composed. */
    const begin = async (path: string, body: Row, token?: unknown) => {
      world.clock.advance(61);
      const begun = await send(path, body, token);
      expect([path, begun["status"]]).toEqual([path, 200]);
      for (const { claims } of await ground.sql(world, "select claims from ampho_mail"))
        expect(Object.values(JSON.parse(String(claims)))).not.toContain(begun["match"]);
      return begun;
    };

    // A registration, with wrong and right proofs, and one for an address that has an account.
    const registration = await begin("/register", { email: ann });
    const { code, link } = await learned("register");
    const finish = { transaction: registration["transaction"], password };
    await send("/register/finish", { ...finish, code: otherDigits(code) });
    await send("/register/finish", { link, password });
    await send("/register/finish", { link, match: otherDigits(String(registration["match"])), password });
    const grant = await send("/register/finish", { ...finish, code });
    expect(grant["status"]).toBe(200);
    await send("/register/finish", { ...finish, code });
    await begin("/register", { email: ann });
    await learned("account_exists");

    // A login by mail in each way, with proofs in the wrong place.
    const byCode = await begin("/login/mail", { login: ann });
    const first = await learned("login");
    await send("/login", { login: first.code, password: first.link });
    await send("/alarm", { alarm: first.link });
    await send(`/sessions/${first.link}`, {});
    await send(`/login?code=${first.code.replaceAll(" ", "")}&link=${first.link}`, {});
    expect((await send("/login", { transaction: byCode["transaction"], code: first.code }))["status"]).toBe(200);
    const byLink = await begin("/login/mail", { login: ann });
    const second = await learned("login");
    await send("/login", { link: second.link });
    expect((await send("/login", { link: second.link, match: byLink["match"] }))["status"]).toBe(200);

    // A mail that the server rejects, and a server whose error repeats the mail.
    accepts = false;
    await begin("/login/mail", { login: ann });
    await expect.poll(() => world.events()).toContainEqual(expect.stringMatching(/^mail_failed/));
    accepts = true;
    world.clock.advance(10);
    await learned("login");

    // A change of address, a reset, an invitation, an enrolment and an alarm.
    const session = await send("/login", { login: ann, password });
    const asked = await begin("/account/confirm", { change: "email_changed" }, session["token"]);
    const confirming = { transaction: asked["transaction"], code: (await learned("confirm")).code };
    const { token } = await send("/account/confirm/finish", confirming, session["token"]);
    const change = await begin("/account/email", { email: "new@x.example" }, token);
    const changing = await learned("email");
    const proof = { transaction: change["transaction"], code: changing.code };
    expect((await send("/account/email/finish", proof, token))["status"]).toBe(200);
    await learned("email_changed");
    const reset = await begin("/password/reset", { login: ann });
    const resetting = await learned("reset");
    const set = { transaction: reset["transaction"], code: resetting.code, new_password: newPassword };
    expect((await send("/password/reset/finish", { ...set, new_password: resetting.code }))["status"]).toBe(400);
    expect((await send("/password/reset/finish", set))["status"]).toBe(204);
    const { alarm } = await learned("password_changed");
    expect((await send("/alarm", { alarm, change: "password_changed" }))["status"]).toBe(204);
    const unlocking = { link: (await learned("alarm_reset")).link, new_password: password };
    expect((await send("/password/reset/finish", unlocking))["status"]).toBe(204);
    await world.ampho.users.invite({ email: "guest@x.example" });
    const { invite } = await learned("invite");
    await begin("/register", { email: "guest@x.example", invite });
    await learned("register");
    await world.ampho.users.setRoles(ann, ["strict"]);
    await send("/login", { login: ann, password });
    await learned("enroll");

    await expect.poll(() => ground.sql(world, "select n from ampho_mail where next_at >= 0")).toEqual([]);
    const audit = JSON.stringify(await world.ampho.audit.list({ limit: 10_000 }));
    for (const event of [
      "mail_sent",
      "mail_failed",
      "registered",
      "reset_done",
      "change_confirmed",
      "email_changed",
      "alarm",
      "code_rejected",
    ])
      expect(audit).toContain(event);
    const outputs = {
      dump: await ground.dump(world),
      audit,
      log: said.join("\n"),
      notices: world.notices.join("\n"),
      metrics: world.ampho.metrics(),
    };
    expect([texts.size > 20, words.size > 6]).toEqual([true, true]);
    for (const [where, output] of Object.entries(outputs)) {
      for (const text of texts) expect(output.includes(text), `${where} contains ${text}`).toBe(false);
      for (const word of words)
        expect(new RegExp(`(?<![\\w-])${word}(?![\\w-])`).test(output), `${where} contains ${word}`).toBe(false);
    }
    // A mail that was sent keeps no address either.
    const rows = await ground.sql(world, "select address, claims from ampho_mail where sent_at is not null");
    for (const row of rows) expect(row).toEqual({ address: "", claims: "{}" });
  });
});
