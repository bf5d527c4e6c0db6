// Ampho on node:http with many users who can log in by mail, and the mail server of BENCH_MAIL_URL.
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { mount } from "../../dist/adapters/node.js";
import { createAmpho } from "../../dist/index.js";
import { generateJwk } from "../../dist/signing-keys/generate.js";
import { announce } from "./announce.mjs";

const folder = mkdtempSync(path.join(tmpdir(), "ampho-bench-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
const ampho = await createAmpho({
  key: generateJwk("HS256"),
  databaseUrl: `sqlite:${path.join(folder, "ampho.db")}`,
  log: () => {},
  appUrl: "https://app.example",
  mailLogin: true,
  mailUrl: process.env.BENCH_MAIL_URL,
  mailFrom: "no-reply@app.example",
  // All requests come from one address, and each from another one as far as the limits of mails go.
  trustProxy: 1,
});
const logins = Array.from({ length: Number(process.env.BENCH_USERS) }, (_, at) => `user-${at}@app.example`);
for (const login of logins) await ampho.users.create({ login });
announce(createServer(mount(ampho)), { logins });
