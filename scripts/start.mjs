// Leads from a clone to a login: installs, builds, creates a key and a first user in .ampho/, and starts the server.
// A second run uses the same key, user and database.
import { spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { install, root, run } from "./install.mjs";

install();
process.stderr.write("Building…\n");
run(process.execPath, ["scripts/build.mjs"]);

const folder = path.join(root, ".ampho");
const ampho = path.join(root, "dist/cli/main.js");
const keyFile = path.join(folder, "key.json");
const passwordFile = path.join(folder, "password");
const env = {
  ...process.env,
  AMPHO_SECURITY_KEY: "",
  AMPHO_SECURITY_KEY_FILE: keyFile,
  AMPHO_DATABASE_URL: `sqlite:${path.join(folder, "ampho.db")}`,
};
mkdirSync(folder, { recursive: true, mode: 0o700 });

if (!existsSync(keyFile)) run(process.execPath, [ampho, "sec-gen-key", "-o", keyFile], { env });
if (!existsSync(passwordFile)) {
  const syllables = ["ba", "co", "di", "fu", "ga", "he", "ji", "ko", "lu", "ma", "ne", "po", "ri", "su", "ta", "vi"];
  const word = () => Array.from({ length: 4 }, () => syllables[randomInt(syllables.length)]).join("");
  const password = Array.from({ length: 4 }, word).join("-");
  run(process.execPath, [ampho, "user-add", "alice", "--password-stdin", "--role", "reader"], {
    env,
    input: password,
    stdio: ["pipe", 2, "inherit"],
  });
  writeFileSync(passwordFile, password, { mode: 0o600, flag: "wx" });
}

const port = process.env.AMPHO_PORT || "3000";
const body = JSON.stringify({ login: "alice", password: readFileSync(passwordFile, "utf8") });
process.stderr.write(`
Log in from another terminal:

  curl -s http://127.0.0.1:${port}/api/security/login -H 'Content-Type: application/json' -d '${body}'

and use the token of the response:

  curl -s http://127.0.0.1:${port}/api/security/session -H "Authorization: Bearer $TOKEN"

`);
const server = spawn(process.execPath, [ampho, "serve", "--host", "127.0.0.1", "--port", port], {
  cwd: root,
  env,
  stdio: "inherit",
});
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => server.kill(signal));
server.on("exit", (code) => process.exit(code ?? 1));
