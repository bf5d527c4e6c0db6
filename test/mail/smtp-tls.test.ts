// A mail never leaves the machine in clear. The clients connect to 0.0.0.0, which reaches this machine and is not a loopback
// address, and run in processes of their own that trust the certificates of tls/.
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { execute } from "../world/command.js";
import { freshFolder } from "../world/folder.js";
import { pause } from "../world/wait.js";
import { certificate, certificateFile, scriptedMail, startMailServer, startScriptedServer } from "./mail-server.js";
import { message } from "./message.js";

const child = path.join(import.meta.dirname, "children/send.mjs");
const folder = freshFolder();
const trusted = path.join(folder, "trusted.pem");
writeFileSync(
  trusted,
  ["server", "other", "expired"].map((name) => readFileSync(certificateFile(name), "utf8")).join(""),
);

async function send(mailUrl: string, { trust = true } = {}): Promise<string> {
  const { stdout, stderr } = await execute(process.execPath, [child, mailUrl, JSON.stringify(message)], {
    cwd: folder,
    env: trust ? { NODE_EXTRA_CA_CERTS: trusted } : {},
  });
  return stdout.trim() || stderr;
}

const login = {
  authOptional: false,
  onAuth: (
    { username }: { username?: string | undefined },
    _session: unknown,
    callback: (error: null, response: { user: string | undefined }) => void,
  ) => callback(null, { user: username }),
};

it("a server with STARTTLS and a good certificate gets the password and the mail, both encrypted", async () => {
  const server = await startMailServer({ hideSTARTTLS: false, ...certificate("server"), ...login });
  expect(await send(`smtp://ann:secret99@0.0.0.0:${server.port}`)).toBe("sent");
  expect(server.arrived).toMatchObject([{ secure: true, user: "ann" }]);
});

it("a server of smtps with a good certificate gets the mail", async () => {
  const server = await startMailServer({ secure: true, ...certificate("server"), ...login });
  expect(await send(`smtps://ann:secret99@0.0.0.0:${server.port}`)).toBe("sent");
  expect(await send(`smtps://ann:secret99@localhost:${server.port}`)).toBe("sent");
  expect(server.arrived).toMatchObject([{ secure: true }, { secure: true }]);
});

it.each([
  ["untrusted", "server", false],
  ["for another name", "other", true],
  ["expired", "expired", true],
] as const)("a server whose certificate is %s gets neither the password nor the mail", async (_, name, trust) => {
  const [starttls, smtps] = await Promise.all([
    startMailServer({ hideSTARTTLS: false, ...certificate(name), ...login }),
    startMailServer({ secure: true, ...certificate(name), ...login }),
  ]);
  for (const [scheme, { port }] of [
    ["smtp", starttls],
    ["smtps", smtps],
  ] as const)
    expect(await send(`${scheme}://ann:secret99@0.0.0.0:${port}`, { trust })).toMatch(
      /^MailFailure: The mail server cannot be used \(E(?:TLS|SOCKET): .*(?:certificate|altnames|does not match)/i,
    );
  expect([...starttls.arrived, ...smtps.arrived]).toEqual([]);
});

type Changes = Parameters<typeof scriptedMail>[0];

it.each<readonly [string, Changes]>([
  ["does not offer STARTTLS", {}],
  ["offers STARTTLS and rejects it", { EHLO: () => "250-mail.example\r\n250-AUTH PLAIN LOGIN\r\n250 STARTTLS" }],
  ["offers only AUTH", { EHLO: () => "250-mail.example\r\n250 AUTH PLAIN LOGIN" }],
  ["knows only HELO", { EHLO: () => "502 5.5.1 unknown" }],
  [
    "responds to STARTTLS and then speaks in clear",
    {
      STARTTLS: (socket) => {
        void pause(100).then(() => socket.write("250-mail.example\r\n250 AUTH PLAIN\r\n"));
        return "220 go ahead\r\n250 AUTH PLAIN";
      },
    },
  ],
])("a server that %s gets neither the password nor the mail", async (_, changes) => {
  const server = await startScriptedServer(scriptedMail(changes));
  expect(await send(`smtp://ann:secret99@0.0.0.0:${server.port}`)).toMatch(/^MailFailure: /);
  expect(server.lines.length).toBeGreaterThan(0);
  const clear = server.lines.filter((line) => /^(?:AUTH|MAIL|RCPT|DATA)\b|secret|ann|Shop/i.test(line));
  expect(clear).toEqual([]);
  expect(server.lines.join("\n")).not.toContain(Buffer.from("secret99").toString("base64").slice(0, 8));
});
