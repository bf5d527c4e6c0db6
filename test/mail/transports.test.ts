import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { simpleParser } from "mailparser";
import { describe, expect, it } from "vitest";
import { MailFailure } from "../../dist/mail/mail-failure.js";
import { createTransport, type SendMail } from "../../dist/mail/transports/create.js";
import type { Transport } from "../../dist/mail/transports/transport.js";
import { snippets } from "../docs/snippets.js";
import { atEndOfFile } from "../world/clean-up.js";
import { settableClock, start } from "../world/clock.js";
import { freshFolder } from "../world/folder.js";
import { freePort } from "../world/free-port.js";
import { listening } from "../world/listen.js";
import { message } from "./message.js";

const mailKey = "a-key-of-at-least-32-characters-0";
const clock = settableClock();

async function open(mailUrl: string | undefined, mail?: SendMail, log: (line: string) => void = () => undefined) {
  const keyed = mailUrl?.replace(/^https?:\/\//, `$&:${mailKey}@`);
  const transport = await createTransport({ mailUrl: keyed }, { clock, log, mail });
  if (transport === undefined) throw new Error("there is no transport");
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

describe("a webhook", () => {
  interface Received {
    readonly request: IncomingMessage;
    readonly body: string;
  }

  async function receiver(respond: (response: ServerResponse, request: IncomingMessage) => void) {
    const received: Received[] = [];
    const { url } = await listening((request, response) => {
      let body = "";
      request.setEncoding("utf8").on("data", (text: string) => (body += text));
      request.on("end", () => {
        received.push({ request, body });
        respond(response, request);
      });
    });
    return { received, url: `${url}/ampho?a=1` };
  }

  const accept = (response: ServerResponse) => response.writeHead(204).end();
  const opened = (url: string): Promise<Transport> =>
    open(url).then((transport) => {
      atEndOfFile(() => transport.close?.());
      return transport;
    });

  /** The function of docs/guides/mail.md, as a reader would copy it. */
  async function verifier() {
    const file = path.join(freshFolder(), "verify-mail.mjs");
    writeFileSync(file, snippets("docs/guides/mail.md", "verify-mail.js")["verify-mail.js"] ?? "");
    const { verifyMail } = (await import(pathToFileURL(file).href)) as {
      verifyMail(body: string, header: string | undefined, key: string, now?: number): unknown;
    };
    return verifyMail;
  }

  it("a webhook gets the mail as JSON, and the function of docs/guides/mail.md verifies it", async () => {
    const { received, url } = await receiver(accept);
    const text = "Ä €\n</script>";
    await (await opened(url)).send({ ...message, text });
    const [{ request, body } = {}] = received;
    expect([request?.method, request?.url]).toEqual(["POST", "/ampho?a=1"]);
    expect(request?.headers["content-type"]).toBe("application/json");
    const header = String(request?.headers["ampho-signature"]);
    expect(header).toMatch(new RegExp(`^t=${start},v1=[0-9a-f]{64}$`));
    const verifyMail = await verifier();
    expect(verifyMail(body ?? "", header, mailKey, start + 300)).toEqual({ ...message, text });
  });

  it("a changed, replayed or unsigned request is not verified", async () => {
    const { received, url } = await receiver(accept);
    await (await opened(url)).send(message);
    const { body = "", request } = received[0] ?? {};
    const header = String(request?.headers["ampho-signature"]);
    const verifyMail = await verifier();
    const wrong: readonly (readonly [string, string | undefined, string, number])[] = [
      [body, header, mailKey, start + 301],
      [body, header, mailKey, start - 301],
      [body, header.replace(`t=${start}`, `t=${start + 1}`), mailKey, start],
      [body.replace("ann@example.com", "bob@example.com"), header, mailKey, start],
      [`${body} `, header, mailKey, start],
      [body, header, `${mailKey}1`, start],
      [body, undefined, mailKey, start],
      [body, "", mailKey, start],
      [body, header.slice(0, -1), mailKey, start],
      [body, `${header},v1=00`, mailKey, start],
      [body, header.toUpperCase(), mailKey, start],
    ];
    for (const each of wrong) expect(verifyMail(...each)).toBeUndefined();
    expect(verifyMail(body, header, mailKey, start)).toEqual(message);
  });

  it.each([200, 202, 204])("a response of %i is a success", async (status) => {
    const { received, url } = await receiver((response) => response.writeHead(status).end());
    await (await opened(url)).send(message);
    expect(received).toHaveLength(1);
  });

  it.each([
    [400, true],
    [401, true],
    [404, true],
    [410, true],
    [408, false],
    [429, false],
    [500, false],
    [503, false],
    [302, false],
  ] as const)("a response of %i is a failure whose member permanent is %s", async (status, permanent) => {
    const { received, url } = await receiver((response, { headers }) => {
      response.writeHead(status, { location: `http://${headers.host}/other` }).end("ann@example.com");
    });
    const sending = (await opened(url)).send(message);
    expect(await failureOf(sending)).toMatchObject({ permanent, message: `The webhook responded with ${status}.` });
    expect(received).toHaveLength(1);
  });

  it("a webhook that is down is a transient failure, and so is one that ends the connection", async () => {
    const down = await opened(`http://127.0.0.1:${await freePort()}/`);
    expect(await failureOf(down.send(message))).toMatchObject({
      permanent: false,
      message: "The webhook failed: the server could not be reached.",
    });
    const { url } = await receiver((response) => response.destroy());
    expect(await failureOf((await opened(url)).send(message))).toMatchObject({ permanent: false });
  });

  it("a response of endless length is not read to its end", async () => {
    const { url } = await receiver((response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write("x".repeat(65_536)), 1);
      response.on("close", () => clearInterval(timer));
    });
    expect(await failureOf((await opened(url)).send(message))).toMatchObject({
      permanent: false,
      message: "The webhook failed: the response was longer than 64 KiB.",
    });
  });

  it("a webhook that does not respond fails the mail after 10 s, and close ends it at once", async () => {
    const { received, url } = await receiver(() => undefined);
    const transport = await opened(url);
    const other = await opened(url);
    const [late, closed] = [failureOf(transport.send(message)), failureOf(other.send(message))];
    await expect.poll(() => received).toHaveLength(2);
    other.close?.();
    expect(await closed).toMatchObject({ permanent: false });
    expect(await late).toMatchObject({
      permanent: false,
      message: "The webhook failed: there was no response within 10 s.",
    });
  });
});

describe("a folder", () => {
  it("each mail is one complete file that only the user of the process can read", async () => {
    const folder = path.join(freshFolder(), "a/mails");
    const transport = await open(`file:${folder}`);
    await transport.send(message);
    await transport.send({ ...message, id: "id1" });
    const names = readdirSync(folder).sort();
    expect(names).toEqual(["20260921T141320Z-id0.eml", "20260921T141320Z-id1.eml"]);
    const [name = ""] = names;
    const file = path.join(folder, name);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    const parsed = await simpleParser(readFileSync(file));
    expect(parsed.subject).toBe(message.subject);
    expect(parsed.text?.trim()).toBe(message.text.trim());
    expect(parsed.to).toMatchObject({ text: "ann@example.com" });
  });

  it("a mail that is sent again is a second file with the same Message-ID", async () => {
    const folder = freshFolder();
    const transport = await open(`file:${folder}`);
    await transport.send(message);
    clock.advance(60);
    await transport.send(message);
    clock.advance(-60);
    const files = readdirSync(folder).map((name) => readFileSync(path.join(folder, name)));
    const ids = await Promise.all(files.map(async (file) => (await simpleParser(file)).messageId));
    expect([ids.length, new Set(ids).size]).toEqual([2, 1]);
  });

  it("an id that leads out of the folder is rejected", async () => {
    const folder = freshFolder();
    const transport = await open(`file:${folder}/mails`);
    expect(await failureOf(transport.send({ ...message, id: "../../x" }))).toMatchObject({ permanent: true });
    expect(readdirSync(folder)).toEqual(["mails"]);
    expect(readdirSync(path.join(folder, "mails"))).toEqual([]);
  });

  it("a folder that cannot be written is a mistake in the configuration", async () => {
    const folder = freshFolder();
    writeFileSync(path.join(folder, "file"), "");
    await expect(open(`file:${folder}/file`)).rejects.toThrow(
      "AMPHO_MAIL_URL names a folder that cannot be written (EEXIST).",
    );
  });

  it("a mail that cannot be written is a transient failure without a path", async () => {
    const folder = freshFolder();
    const transport = await open(`file:${folder}/mails`);
    const mails = path.join(folder, "mails");
    rmSync(mails, { recursive: true });
    expect(await failureOf(transport.send(message))).toMatchObject({
      permanent: false,
      message: "The file of the mail could not be written (ENOENT).",
    });
    expect(existsSync(mails)).toBe(false);
  });
});

describe("the log", () => {
  it("the log shows the whole text, and no control character of it", async () => {
    const lines: string[] = [];
    const transport = await open("console:", undefined, (line) => lines.push(line));
    await transport.send({ ...message, text: "One\u001b[31m\n\ntwo\u202e\n" });
    expect(lines).toEqual([
      [
        "mail (login)",
        "  To: ann@example.com",
        "  Subject: Sign in to Shop",
        "",
        "  One\\u001b[31m",
        "",
        "  two\\u202e",
      ].join("\n"),
    ]);
    transport.close?.();
  });
});

describe("the option mail", () => {
  it("the function gets the message, and replaces AMPHO_MAIL_URL", async () => {
    const sent: unknown[] = [];
    const transport = await open("smtp://192.0.2.1", async (given) => void sent.push(given));
    await transport.send(message);
    expect(sent).toEqual([message]);
    transport.close?.();
  });

  it.each<readonly [string, SendMail]>([
    ["rejects", () => Promise.reject(new Error("ann@example.com"))],
    [
      "throws",
      () => {
        throw new Error("ann@example.com");
      },
    ],
    ["throws no error", () => Promise.reject("ann@example.com" as unknown as Error)],
  ])("a function that %s is a transient failure, whose message is Ampho's own", async (_, mail) => {
    expect(await failureOf((await open(undefined, mail)).send(message))).toMatchObject({
      permanent: false,
      message: "The option mail rejected the mail.",
    });
  });

  it("close ends a mail whose function never settles, so that no timer keeps the process alive", async () => {
    const transport = await open(undefined, () => new Promise(() => undefined));
    const failure = failureOf(transport.send(message));
    transport.close?.();
    expect(await failure).toMatchObject({
      permanent: false,
      message: "The process stopped before the option mail settled.",
    });
  });

  it("there is no transport without a function and AMPHO_MAIL_URL", async () => {
    expect(await createTransport({ mailUrl: undefined }, { clock, log: () => undefined })).toBeUndefined();
  });
});
