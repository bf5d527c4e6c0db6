// Runs `ampho` in every environment that is printed or shipped, with only the packages that its page has installed. Only the
// places of the key, of the database and of the mail server are others.
import { writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, expect, it } from "vitest";
import { type Consumer, installPacked } from "../examples/packed.js";
import { certificate, certificateFile, startMailServer } from "../mail/mail-server.js";
import { freshFolder } from "../world/folder.js";
import { command, startServe } from "../world/serve.js";
import { useDatabase } from "../world/use-postgres.js";
import { type Environment, starts } from "./environments.js";

const key = '{"kty":"oct","kid":"one","k":"6HnF5h1bqhYqg1HTLmn0WjB1Z0tI5V0rF1o3x4eJ2Qw"}';
const providers = '{"google":{"issuer":"https://accounts.google.com","client_id":"a","client_secret":"b"}}';
const database = useDatabase();

const consumers = new Map<string, Promise<Consumer>>();
afterAll(async () => {
  for (const consumer of await Promise.all(consumers.values())) consumer.remove();
});

/** A folder with Ampho and these packages, and with SQLite for Node 20. */
function installed(packages: readonly string[]): Promise<Consumer> {
  const name = packages.join();
  const consumer = consumers.get(name) ?? installPacked([], [...packages, "@photostructure/sqlite"]);
  consumers.set(name, consumer);
  return consumer;
}

const startMail = () =>
  startMailServer({
    secure: true,
    ...certificate("server"),
    authOptional: false,
    onAuth: ({ username }, _session, callback) => callback(null, { user: username }),
  });

/** The same environment with the places of this machine. */
function here(environment: Environment, folder: string, mailPort: number): Environment {
  const places: Environment = {
    AMPHO_SECURITY_KEY: key,
    AMPHO_SECURITY_KEY_FILE: path.join(folder, "key.json"),
    AMPHO_MAIL_URL: `smtps://user:secret@localhost:${mailPort}`,
  };
  const place = (name: string, value: string) => {
    if (name !== "AMPHO_DATABASE_URL") return places[name] ?? value;
    if (value.startsWith("sqlite:")) return `sqlite:${path.join(folder, path.basename(value))}`;
    expect(value).toMatch(/^postgres:\/\/\w+:[^@]+@[\w.:]+\/\w+(?:\?sslmode=verify-full)?$/);
    return value.includes("owner") ? database.ownerUrl : database.runtimeUrl;
  };
  return Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, place(name, value)]));
}

const cases = Object.entries(starts).flatMap(([name, all]) =>
  all.map((start) => [start.command, name, start] as const),
);

it.each(cases)("ampho %s works in the environment of %s, with the packages of its page", async (verb, _, start) => {
  const { ampho: program } = await installed(start.packages);
  const mail = await startMail();
  const folder = freshFolder();
  writeFileSync(path.join(folder, "key.json"), key, { mode: 0o600 });
  writeFileSync(path.join(folder, "providers.json"), providers);
  const environment = start.environment();
  expect(environment).toHaveProperty("AMPHO_DATABASE_URL");
  const env = { NODE_EXTRA_CA_CERTS: certificateFile("server"), ...here(environment, folder, mail.port) };
  const place = { cwd: folder, env, program };
  if (verb === "db-up") {
    const { code, stderr } = await command(place, ["db-up"]);
    expect(code, stderr).toBe(0);
    return;
  }
  await database.empty();
  const served = await startServe(place);
  expect((await fetch(`${served.root}/readyz`)).status).toBe(200);
  await served.stop("SIGINT");
  if (environment["AMPHO_MAIL_URL"] === undefined) return;
  const { code, stderr } = await command(place, ["mail-test", "operator@example.org"]);
  expect(code, stderr).toBe(0);
  expect(mail.arrived.map(({ from }) => from)).toEqual([environment["AMPHO_MAIL_FROM"]]);
});
