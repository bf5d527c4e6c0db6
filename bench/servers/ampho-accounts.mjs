// Ampho with one account of each kind that a rejected login must not distinguish.
import { createServer } from "node:http";
import { mount } from "../../dist/adapters/node.js";
import { createAmpho } from "../../dist/index.js";
import { generateJwk } from "../../dist/signing-keys/generate.js";
import { announce, password } from "./announce.mjs";

/** A bcrypt hash of another password. Cost 12 takes longer than the current argon2id parameters. */
const imported = "$2b$12$C6UzMDM.H6dfI/f/IKcEeO7ZJY6k4nJmZ2b2c8m6QvB0YcSxpGjGK";
const ampho = await createAmpho({
  key: generateJwk("HS256"),
  databaseUrl: "sqlite::memory:",
  log: () => {},
  throttleAddress: 0,
  throttleAttempts: Number(process.env.BENCH_ATTEMPTS ?? 1_000_000),
  throttleLock: 1_000_000,
});
await ampho.users.create({ login: "known", password });
await ampho.users.create({ login: "passwordless" });
await ampho.users.create({ login: "disabled", password });
await ampho.users.disable("disabled");
if (process.env.BENCH_IMPORTED === "yes") {
  const line = JSON.stringify({ login: "imported", password_hash: imported });
  await ampho.users.import(
    (async function* () {
      yield line;
    })(),
  );
}
announce(createServer(mount(ampho)), { loginPath: "/api/security/login", tokens: [] });
