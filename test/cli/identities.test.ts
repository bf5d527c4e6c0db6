// The commands for outside providers and identities, beside an instance on the same database.
import path from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { createAmpho } from "../../dist/index.js";
import { password } from "../world/ampho.js";
import { ampho, execute } from "../world/command.js";
import { startEvilProvider } from "../world/evil-provider.js";
import { freshFolder } from "../world/folder.js";
import { DatabaseSync } from "../world/sqlite.js";
import { newKey } from "../world/tokens.js";

const now = () => Math.floor(Date.now() / 1000);
const settings = (issuer: string) => ({ acme: { issuer, client_id: "client-1", client_secret: "do-not-show" } });

async function open() {
  const cwd = freshFolder();
  const evil = await startEvilProvider(now);
  const env = {
    AMPHO_APP_URL: "https://app.example/",
    AMPHO_SECURITY_PROVIDERS: JSON.stringify(settings(evil.issuer)),
  };
  const run = (...args: readonly string[]) => ampho(args, { cwd, env, stdin: "" });
  return { cwd, evil, env, run };
}

it("an operator lists the identities of a user, and unlinks one with a reason", async () => {
  const { cwd, evil, run } = await open();
  const instance = await createAmpho({
    databaseUrl: `sqlite:${path.join(cwd, "ampho.db")}`,
    key: newKey("key-1"),
    log: () => {},
  });
  onTestFinished(() => instance.close());
  const { id } = await instance.users.create({ login: "ann", password });
  const { token } = await instance.sessions.create(id);
  const database = new DatabaseSync(path.join(cwd, "ampho.db"));
  database
    .prepare(
      "insert into ampho_identities (issuer, subject, user_id, provider, created_at) values (?, 's-1', ?, 'acme', 0)",
    )
    .all(evil.issuer, id);
  database.close();
  const listed = JSON.parse((await run("identity-list", "ann", "--json")).stdout);
  expect(listed).toMatchObject([{ provider: "acme", issuer: evil.issuer, subject: "s-1", email: null, used: null }]);
  expect(await instance.identities.list(id)).toEqual(listed);
  const [identity] = listed;
  expect((await run("identity-remove", "ann", "--", identity.id)).code).toBe(2);
  const reason = ["--reason", "The account at the provider was stolen."];
  expect((await run("identity-remove", "ann", ...reason, "--", "unknown")).code).toBe(1);
  expect((await run("identity-remove", "ann", ...reason, "--", identity.id)).code).toBe(0);
  expect((await run("identity-list", "ann", "--json")).stdout).toBe("[]\n");
  await expect
    .poll(() =>
      instance.verify(token).then(
        () => "in",
        () => "out",
      ),
    )
    .toBe("out");
});

it("provider-check prints the callback, and reports metadata, keys and clock", async () => {
  const { evil, run } = await open();
  const good = await run("provider-check", "acme");
  expect([good.code, good.stdout]).toEqual([0, "https://app.example/api/security/login/outside/acme/callback\n"]);
  expect(good.stderr).toMatch(
    /ok: The callback uses TLS\.\n.*ok: The metadata is for the issuer .*\n.*ok: 1 key: ES256\.\n.*ok: The clocks differ by/,
  );
  evil.metadata = { ...evil.metadata, issuer: "https://another.example" };
  const bad = await run("provider-check", "acme");
  expect([bad.code, bad.stderr]).toEqual([1, expect.stringMatching(/failed: The provider cannot be used/)]);
  expect((await run("provider-check", "nobody")).code).toBe(2);
  expect(good.stderr + bad.stderr).not.toContain("do-not-show");
});

it("provider-check fails in production where the callback is on localhost, and passes elsewhere", async () => {
  const { cwd, env } = await open();
  const check = (more: object) =>
    ampho(["provider-check", "acme"], {
      cwd,
      env: { ...env, AMPHO_APP_URL: "http://localhost:3000/", ...more },
      stdin: "",
    });
  const production = await check({ NODE_ENV: "production" });
  expect([production.code, production.stderr]).toEqual([1, expect.stringMatching(/failed: The callback leads to/)]);
  expect((await check({})).code).toBe(0);
});

it("a process with a provider and without the package does not start, and names it", async () => {
  const { cwd, env } = await open();
  const hook = `export const resolve = (name, context, next) => {
    if (name !== "oauth4webapi") return next(name, context);
    throw Object.assign(new Error("not found"), { code: "ERR_MODULE_NOT_FOUND" });
  };`;
  const main = path.resolve(import.meta.dirname, "../../dist/index.js");
  const program = `import { register } from "node:module";
    register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hook)}`)});
    const { createAmpho } = await import(${JSON.stringify(main)});
    await createAmpho({ log: () => {} }).catch(({ name, message }) => console.log(name + ": " + message));`;
  const { stdout } = await execute(process.execPath, ["--input-type=module", "--eval", program], { cwd, env });
  expect(stdout).toBe(
    "ConfigurationError: AMPHO_SECURITY_PROVIDERS needs the package oauth4webapi. Install it: npm install oauth4webapi\n",
  );
});
