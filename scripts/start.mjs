// From a clone to a login: installs, builds, runs `ampho init` and creates a first user under .ampho/, and starts the server.
// The next run keeps the key, the user and the database.
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
const passwordFile = path.join(folder, "password");
// The commands run in the folder, so they read its .env.
const options = {
  cwd: folder,
  env: {
    ...process.env,
    AMPHO_SECURITY_KEY: "",
    AMPHO_SECURITY_KEY_FILE: "",
    AMPHO_DATABASE_URL: `sqlite:${path.join(folder, "ampho.db")}`,
  },
};
mkdirSync(folder, { recursive: true, mode: 0o700 });

if (!existsSync(path.join(folder, ".env")))
  run(process.execPath, [ampho, "init"], { ...options, stdio: ["ignore", 2, 2] });
if (!existsSync(passwordFile)) {
  const syllables = ["ba", "co", "di", "fu", "ga", "he", "ji", "ko", "lu", "ma", "ne", "po", "ri", "su", "ta", "vi"];
  const word = () => Array.from({ length: 4 }, () => syllables[randomInt(syllables.length)]).join("");
  const password = Array.from({ length: 4 }, word).join("-");
  run(process.execPath, [ampho, "user-add", "alice", "--password-stdin", "--role", "reader"], {
    ...options,
    input: password,
    stdio: ["pipe", 2, "inherit"],
  });
  writeFileSync(passwordFile, password, { mode: 0o600, flag: "wx" });
}

const port = process.env.AMPHO_PORT || "3000";
const body = JSON.stringify({ login: "alice", password: readFileSync(passwordFile, "utf8") });
process.stderr.write(`
Sign in from another terminal:

  curl -s http://127.0.0.1:${port}/api/security/login -H 'Content-Type: application/json' -d '${body}'

Then use the token of the response:

  curl -s http://127.0.0.1:${port}/api/security/session -H "Authorization: Bearer $TOKEN"

`);
const server = spawn(process.execPath, [ampho, "serve", "--host", "127.0.0.1", "--port", port], {
  ...options,
  stdio: "inherit",
});
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => server.kill(signal));
server.on("exit", (code) => process.exit(code ?? 1));
