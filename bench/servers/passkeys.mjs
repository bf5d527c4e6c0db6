// Ampho on node:http, with users who have a passkey each and one who has a password. It sends the private keys to the
// benchmark, and for each message the processor time of all its threads.
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { mount } from "../../dist/adapters/node.js";
import { createAmpho } from "../../dist/index.js";
import { generateJwk } from "../../dist/keys/generate.js";
import { announce, login, password } from "./announce.mjs";

const folder = mkdtempSync(path.join(tmpdir(), "ampho-bench-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
const ampho = await createAmpho({
  key: generateJwk("HS256"),
  databaseUrl: `sqlite:${path.join(folder, "ampho.db")}`,
  appUrl: process.env.AMPHO_APP_URL,
  log: () => {},
});
const text = (bytes) => randomBytes(bytes).toString("base64url");
const owners = Array.from({ length: Number(process.env.BENCH_USERS) }, (_, n) => {
  const key = generateJwk("ES256");
  const { kty, crv, x, y } = key;
  const passkey = { id: text(32), public_key: { kty, crv, x, y } };
  const state = { backup_eligible: true, backup_state: true };
  const line = { login: `user${n}`, user_handle: text(32), passkeys: [{ ...passkey, ...state }] };
  return { line, id: passkey.id, userHandle: line.user_handle, key };
});
await ampho.users.import(owners.map(({ line }) => JSON.stringify(line)));
await ampho.users.create({ login, password });
process.on("message", () => process.send(process.cpuUsage()));
announce(createServer(mount(ampho)), { owners: owners.map(({ line, ...owner }) => owner) });
