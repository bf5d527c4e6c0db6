// Nothing of a request reaches a mail: its links come from AMPHO_APP_URL, and its text from Ampho.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SendMail } from "../../dist/index.js";
import { sendRaw } from "../http/raw.js";
import { password } from "../world/ampho.js";
import { type Serving, serve } from "../world/http-server.js";

type Message = Parameters<SendMail>[0];

const appUrl = "https://shop.example/app/";
/** Text that an attacker would like to have mailed. */
const words = '<a href="https://evil.example">Firefox/1</a> \u202eevil\u202c https://evil.example/ 12345678 evil';
const agent = Buffer.from(words).toString("latin1");
const hostile: readonly (readonly [name: string, host: string, ...headers: string[]])[] = [
  ["Host", "evil.example"],
  ["Host with a port and a path", "evil.example:443/evil"],
  ["X-Forwarded-Host", "127.0.0.1", "X-Forwarded-Host: evil.example", "X-Forwarded-Proto: evil"],
  ["X-Forwarded-Server", "127.0.0.1", "X-Forwarded-Server: evil.example", "X-Host: evil.example"],
  ["Forwarded", "127.0.0.1", 'Forwarded: for=192.0.2.1;host="evil.example";proto=evil'],
  ["Origin and Referer", "127.0.0.1", "Origin: https://evil.example", "Referer: https://evil.example/evil"],
  ["X-Original-URL", "127.0.0.1", "X-Original-URL: https://evil.example/", "X-Rewrite-URL: /evil"],
  ["User-Agent and Accept-Language", "127.0.0.1", `User-Agent: ${agent}`, `Accept-Language: evil, ${agent}`],
];

let serving: Serving;
let mails: Message[] = [];
let users = 0;
let requests = 0;
beforeAll(async () => {
  serving = await serve({
    appUrl,
    appName: "Shop",
    mailLogin: true,
    registration: "open",
    throttleAttempts: 1000,
    trustProxy: 1,
    mailFrom: "no-reply@shop.example",
    mail: async (mail) => void mails.push(mail),
  });
});
afterAll(() => serving.close());

/** Sends a request with its target as it is, also in the absolute form (RFC 9112 §3.2.2). */
async function post(
  target: string,
  host: string,
  headers: readonly string[],
  body: object,
): Promise<Record<string, string>> {
  const text = JSON.stringify(body);
  const head = [
    `POST ${target} HTTP/1.1`,
    `Host: ${host}`,
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(text)}`,
    "Connection: close",
    // Mails are also limited by address.
    `X-Forwarded-For: 192.0.2.${requests++ % 250}`,
    ...headers,
  ];
  const response = await sendRaw(serving.port, Buffer.from(`${head.join("\r\n")}\r\n\r\n${text}`, "latin1"));
  expect(response.status, response.body).toBe(200);
  return JSON.parse(response.body);
}

async function mailTo(address: string): Promise<Message> {
  const find = () => mails.find(({ to }) => to === address);
  await expect.poll(find).toBeDefined();
  const mail = find();
  mails = [];
  if (mail === undefined) throw new Error("there is no mail");
  return mail;
}

async function freshUser(): Promise<string> {
  users += 1;
  const login = `ann${users}@example.com`;
  await serving.ampho.users.create({ login, password });
  return login;
}

function expectOwn({ subject, text, html, to }: Message): void {
  const all = [subject, text, html].join("\n");
  expect(all).not.toMatch(/evil|\u202e|<a href="(?!https:\/\/shop\.example\/app\/#)/i);
  expect(all).not.toContain(to);
  const links = [...`${text}\n${html}`.matchAll(/[a-z]+:\/\/[^\s"<]*/gi)].map(([link]) => link);
  for (const link of links) expect(link.startsWith(`${appUrl}#ampho`), link).toBe(true);
}

describe.each(hostile)("a request with a hostile %s", (_, host, ...headers) => {
  const routes: readonly (readonly [path: string, kind: string, begin: () => Promise<readonly [string, object]>])[] = [
    ["/login/mail", "login", async () => freshUser().then((login) => [login, { login }])],
    ["/password/reset", "reset", async () => freshUser().then((login) => [login, { login }])],
    ["/register", "account_exists", async () => freshUser().then((email) => [email, { email }])],
    [
      "/register",
      "register",
      async () => {
        users += 1;
        return [`new${users}@example.com`, { email: `new${users}@example.com`, login: `<b>evil${users}</b>` }];
      },
    ],
  ];

  it.each(routes)(
    "POST %s mails %s with links of AMPHO_APP_URL and no word of the request",
    async (path, kind, begin) => {
      const { prefix } = serving.ampho.host;
      for (const target of [`${prefix}${path}`, `http://evil.example${prefix}${path}`]) {
        const [address, body] = await begin();
        await post(target, host, headers, body);
        const mail = await mailTo(address);
        expect(mail.kind).toBe(kind);
        expectOwn(mail);
      }
    },
  );
});

it("a notice of a new device has no word of the request, and the alarm link of AMPHO_APP_URL", async () => {
  const login = await freshUser();
  const { prefix } = serving.ampho.host;
  const begun = await post(`${prefix}/login/mail`, "127.0.0.1", [], { login });
  const code = /^\d\d \d\d \d\d \d\d$/m.exec((await mailTo(login)).text)?.[0] ?? "";
  const { transaction } = begun;
  await post(`${prefix}/login`, "127.0.0.1", [], { transaction, code: code.replaceAll(" ", "") });
  // The first proof of an address has removed a password that was set without it.
  await serving.ampho.users.setPassword(login, password);
  const headers = [`User-Agent: ${agent}`, "X-Forwarded-Host: evil.example"];
  await post(`${prefix}/login`, "evil.example", headers, { login, password });
  const find = () => mails.find(({ kind, to }) => kind === "new_device" && to === login);
  await expect.poll(find).toBeDefined();
  const notice = find();
  if (notice === undefined) throw new Error("there is no notice");
  expect(notice.text).toContain(`${appUrl}#ampho-alarm=`);
  expectOwn(notice);
});
