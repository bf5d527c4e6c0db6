// The oldest nodemailer that package.json allows sends a mail, and without nodemailer the start reports what to install.
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, expect, it } from "vitest";
import { certificate, certificateFile, startMailServer } from "../mail/mail-server.js";
import { message } from "../mail/message.js";
import { execute } from "../world/command.js";
import { freshFolder } from "../world/folder.js";
import { shell } from "./project.js";

const root = path.resolve(import.meta.dirname, "../..");
const folder = freshFolder();
const { dependencies, peerDependencies } = JSON.parse(
  readFileSync(path.join(root, "package.json"), "utf8"),
) as Readonly<Record<"dependencies" | "peerDependencies", Readonly<Record<string, string>>>>;
beforeAll(() => {
  for (const name of ["dist", "test/mail/children"])
    cpSync(path.join(root, name), path.join(folder, name), { recursive: true });
  writeFileSync(path.join(folder, "package.json"), JSON.stringify({ type: "module", dependencies }));
  shell(folder, "npm install --no-audit --no-fund");
});

const send = (mailUrl: string) =>
  execute(process.execPath, ["test/mail/children/send.mjs", mailUrl, JSON.stringify(message)], {
    cwd: folder,
    env: { NODE_EXTRA_CA_CERTS: certificateFile("server") },
  });

it("a mail server is a mistake in the configuration without nodemailer, and a folder is not", async () => {
  const { stderr, code } = await send("smtp://127.0.0.1:1");
  expect(stderr).toContain(
    "ConfigurationError: AMPHO_MAIL_URL names a mail server, which needs the package nodemailer. Install it: npm install nodemailer",
  );
  expect(code).toBe(1);
  expect((await send(`file:${folder}/mails`)).stdout.trim()).toBe("sent");
});

it("the oldest nodemailer that package.json allows sends a mail under TLS, and ends one that takes too long", async () => {
  const oldest = /^>=(\d+\.\d+)/.exec(peerDependencies["nodemailer"] ?? "")?.[1];
  shell(folder, `npm install --no-audit --no-fund --no-save nodemailer@${oldest}.0`);
  const server = await startMailServer({ hideSTARTTLS: false, ...certificate("server") });
  expect((await send(`smtp://0.0.0.0:${server.port}`)).stdout.trim()).toBe("sent");
  expect(server.arrived).toMatchObject([{ secure: true, to: [message.to] }]);
  const silent = await startMailServer({ onRcptTo: () => undefined });
  expect((await send(`smtp://127.0.0.1:${silent.port}`)).stdout.trim()).toBe(
    "MailFailure: The mail server did not accept the mail within 30 s.",
  );
});
