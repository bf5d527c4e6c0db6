// Mails through a real mail server: what arrives, and what each rejection means.
import { simpleParser } from "mailparser";
import { describe, expect, it } from "vitest";
import { parseAddress } from "../../dist/logins/address.js";
import { MailFailure } from "../../dist/mail/mail-failure.js";
import { createTransport } from "../../dist/mail/transports/create.js";
import type { Transport } from "../../dist/mail/transports/transport.js";
import { atEndOfFile } from "../world/clean-up.js";
import { settableClock, start } from "../world/clock.js";
import { freePort } from "../world/free-port.js";
import { pause } from "../world/wait.js";
import { scriptedMail, startMailServer, startScriptedServer } from "./mail-server.js";
import { message } from "./message.js";

const clock = settableClock();

async function open(mailUrl: string): Promise<Transport> {
  const transport = await createTransport({ mailUrl }, { clock, log: () => undefined });
  if (transport === undefined) throw new Error("there is no transport");
  atEndOfFile(() => transport.close?.());
  return transport;
}

async function failureOf(sending: Promise<void>): Promise<MailFailure> {
  const error: unknown = await sending.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof MailFailure)) throw new Error("there was no MailFailure", { cause: error });
  return error;
}

describe("a mail server on the loopback interface", () => {
  it("a mail arrives once, for one recipient, and is what was composed", async () => {
    const server = await startMailServer();
    const transport = await open(`smtp://127.0.0.1:${server.port}`);
    const text = "Enter this code:\n\n12 34 56 78\n\n.\n..\nÄ €\n";
    await transport.send({ ...message, text });
    expect(server.arrived).toHaveLength(1);
    const [{ from = "", to, raw = "" } = {}] = server.arrived;
    expect([from, to]).toEqual(["no-reply@shop.example", ["ann@example.com"]]);
    const parsed = await simpleParser(raw);
    expect(parsed.text?.replace(/\n$/, "")).toBe(text.replace(/\n$/, ""));
    expect(parsed.subject).toBe(message.subject);
    expect(parsed.messageId).toBe("<id0@shop.example>");
    expect(parsed.date).toEqual(new Date(start * 1000));
    expect(parsed.headerLines).toHaveLength(10);
  });

  it("a mail to a mailbox in another script arrives there", async () => {
    const server = await startMailServer();
    await (await open(`smtp://localhost:${server.port}`)).send({ ...message, to: "用户@xn--fsqu00a.example" });
    expect(server.arrived[0]?.raw).toContain("To: 用户@xn--fsqu00a.example\r\n");
    expect(server.arrived[0]?.to).toHaveLength(1);
    expect(server.arrived[0]?.to[0]).toMatch(/^用户@/);
  });

  it("every address that the parser accepts is one recipient, to the letter", async () => {
    const server = await startMailServer();
    const transport = await open(`smtp://127.0.0.1:${server.port}`);
    const given = [
      ..."#$&'*+/=^_{}~-".split("").map((sign) => `a${sign}b@example.com`),
      "Ann.O'Hara+shop@sub.example.com",
      `${"a".repeat(64)}@example.com`,
      `a@${`${"b".repeat(60)}.`.repeat(4)}com`,
    ];
    for (const text of given) {
      const to = parseAddress(text)?.address ?? "";
      await transport.send({ ...message, to });
      const { to: recipients, raw = "" } = server.arrived.pop() ?? {};
      expect(recipients).toEqual([to]);
      expect((await simpleParser(raw)).to).toMatchObject({ value: [{ address: to, name: "" }] });
    }
  });

  it("the domain of a recipient is in ASCII on the wire", async () => {
    const server = await startScriptedServer(scriptedMail({}));
    const to = parseAddress("ann@bücher.example")?.address ?? "";
    await (await open(`smtp://127.0.0.1:${server.port}`)).send({ ...message, to });
    expect(server.lines).toContain("RCPT TO:<ann@xn--bcher-kva.example>");
    expect(server.lines).toContain("To: ann@xn--bcher-kva.example");
  });

  it("a server that delays each response gets the mail", async () => {
    const wait = (callback: () => void) => void pause(300).then(callback);
    const server = await startMailServer({
      onConnect: (_session, callback) => wait(callback),
      onMailFrom: (_address, _session, callback) => wait(callback),
      onRcptTo: (_address, _session, callback) => wait(callback),
    });
    await (await open(`smtp://127.0.0.1:${server.port}`)).send(message);
    expect(server.arrived).toHaveLength(1);
  });

  it("the user and the password of the URL sign in, also with special characters", async () => {
    const server = await startMailServer({
      allowInsecureAuth: true,
      authOptional: false,
      onAuth: ({ username, password }, _session, callback) =>
        password === "p@ss/wörd:%" ? callback(null, { user: username }) : callback(new Error("wrong")),
    });
    const url = (password: string) => `smtp://ann%40shop:${password}@127.0.0.1:${server.port}`;
    await (await open(url(encodeURIComponent("p@ss/wörd:%")))).send(message);
    expect(server.arrived).toMatchObject([{ user: "ann@shop" }]);
    const failure = await failureOf((await open(url("secret99"))).send(message));
    expect(failure).toMatchObject({
      permanent: false,
      message: expect.stringMatching(/^The mail server rejected AUTH \w+ with 535/),
    });
    expect(failure.message).not.toMatch(/secret|ann/);
  });

  it("many mails share a few connections", async () => {
    let connections = 0;
    const server = await startMailServer({
      onConnect: (_session, callback) => {
        connections += 1;
        callback();
      },
    });
    const transport = await open(`smtp://127.0.0.1:${server.port}`);
    const ids = Array.from({ length: 20 }, (_, at) => `id${at}`);
    await Promise.all(ids.map((id) => transport.send({ ...message, id })));
    const arrived = server.arrived.map(({ raw }) => /^Message-ID: <(\w+)@/m.exec(raw)?.[1]);
    expect(arrived.sort()).toEqual(ids.sort());
    expect(connections).toBeLessThanOrEqual(3);
  });
});

describe("a rejected mail", () => {
  const echo = (code: string) => () => `${code} <ann@example.com> says code 12345678`;

  it.each([
    [
      "a rejected recipient is permanent",
      { RCPT: echo("550 5.1.1") },
      true,
      "The mail server rejected RCPT TO with 550 5.1.1.",
    ],
    ["a rejected mail is permanent", { ".": echo("554 5.7.1") }, true, "The mail server rejected DATA with 554 5.7.1."],
    ["a rejected DATA is permanent", { DATA: echo("554") }, true, "The mail server rejected DATA with 554."],
    [
      "a busy mailbox is transient",
      { RCPT: echo("450 4.2.1") },
      false,
      "The mail server rejected RCPT TO with 450 4.2.1.",
    ],
    ["a full queue is transient", { ".": echo("452 4.3.1") }, false, "The mail server rejected DATA with 452 4.3.1."],
    [
      "a rejected sender is transient",
      { MAIL: echo("550 5.7.1") },
      false,
      "The mail server rejected MAIL FROM with 550 5.7.1.",
    ],
    [
      "a bad sequence is transient",
      { RCPT: echo("503 5.5.1") },
      false,
      "The mail server rejected RCPT TO with 503 5.5.1.",
    ],
    [
      "a server that is closing is transient",
      { "": () => "421 4.3.2 <ann@example.com>" },
      false,
      expect.stringContaining("421 4.3.2"),
    ],
  ] as const)("%s, and the failure has no text of the server", async (_, changes, permanent, expected) => {
    const server = await startScriptedServer(scriptedMail(changes));
    const failure = await failureOf((await open(`smtp://127.0.0.1:${server.port}`)).send(message));
    expect(failure).toMatchObject({ permanent, message: expected });
    expect(`${failure.message} ${String(failure.cause)}`).not.toMatch(/ann|1234/);
    expect(server.lines.filter((line) => line.startsWith("RCPT")).length).toBeLessThanOrEqual(1);
  });

  it("a server that is down is transient", async () => {
    const failure = await failureOf((await open(`smtp://127.0.0.1:${await freePort()}`)).send(message));
    expect(failure).toMatchObject({ permanent: false, message: expect.stringContaining("ECONNREFUSED") });
  });

  it("a connection that is lost after DATA is transient, and the mail is sent once for each call", async () => {
    const server = await startScriptedServer(
      scriptedMail({
        ".": (socket) => {
          socket.destroy();
          return undefined;
        },
      }),
    );
    const transport = await open(`smtp://127.0.0.1:${server.port}`);
    expect(await failureOf(transport.send(message))).toMatchObject({ permanent: false });
    expect(server.lines.filter((line) => line === ".")).toHaveLength(1);
    await failureOf(transport.send(message));
    expect(server.lines.filter((line) => line === ".")).toHaveLength(2);
    const ids = server.lines.filter((line) => line.startsWith("Message-ID"));
    expect(ids).toEqual(["Message-ID: <id0@shop.example>", "Message-ID: <id0@shop.example>"]);
  });

  it("a connection that the server closed while it was idle delays no later mail", async () => {
    const server = await startMailServer();
    const transport = await open(`smtp://127.0.0.1:${server.port}`);
    await transport.send(message);
    for (const connection of server.server.connections) connection.close();
    await transport.send({ ...message, id: "id1" });
    expect(server.arrived).toHaveLength(2);
  });

  it("a text that is no address is a permanent failure", async () => {
    const server = await startMailServer();
    const transport = await open(`smtp://127.0.0.1:${server.port}`);
    const failure = await failureOf(transport.send({ ...message, to: "<>" }));
    expect(failure.permanent).toBe(true);
    expect(server.arrived).toEqual([]);
  });

  it("close ends a mail that waits for a silent server", async () => {
    const server = await startScriptedServer(scriptedMail({ EHLO: () => undefined }));
    const transport = await open(`smtp://127.0.0.1:${server.port}`);
    const sending = failureOf(transport.send(message));
    await expect.poll(() => server.lines).toHaveLength(1);
    transport.close?.();
    expect(await sending).toMatchObject({ permanent: false });
    transport.close?.();
    expect(await failureOf(transport.send(message))).toMatchObject({ permanent: false });
  });
});
