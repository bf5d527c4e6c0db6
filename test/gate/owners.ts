// Users with an authenticator app, on SQLite and on PostgreSQL. `otpauth` computes the codes, as an app would.
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { Secret, TOTP } from "otpauth";
import { beforeEach, describe, expect } from "vitest";
import type { AmphoOptions } from "../../dist/index.js";
import {
  afterChange,
  type FullGrant,
  fullGrant,
  grantOf,
  openWorld,
  password,
  type ReadResponse,
  type World,
} from "../world/ampho.js";
import type { Database, PostgresServer } from "../world/postgres.js";
import { DatabaseSync } from "../world/sqlite.js";
import { useDatabase, usePostgres } from "../world/use-postgres.js";
import type { DatabaseName } from "../world/whole.js";

export type Row = Readonly<Record<string, unknown>>;

/** A database of the tests. */
export interface Ground {
  readonly database: DatabaseName;
  open(options?: AmphoOptions): Promise<World>;
  /** The option `databaseUrl` of another process on the database of this world. */
  urlOf(world: World): string;
  /** Runs one statement on the database of this world. */
  sql(world: World, statement: string): Promise<readonly Row[]>;
  /** The same with a database of its own. */
  another(): Promise<Ground>;
  /** Everything that the database has stored: its files, or a dump of its tables. */
  dump(world: World): Promise<string>;
}

const onSqlite: Ground = {
  database: "SQLite",
  open: openWorld,
  another: async () => onSqlite,
  urlOf: ({ databaseFile }) => `sqlite:${databaseFile}`,
  sql: async ({ databaseFile }, statement) => {
    const database = new DatabaseSync(databaseFile);
    // Another process writes at the same moment.
    database.prepare("pragma busy_timeout = 10000").all();
    const rows = database.prepare(statement).all();
    database.close();
    return rows;
  },
  dump: async ({ databaseFile }) => {
    const folder = path.dirname(databaseFile);
    return readdirSync(folder)
      .map((name) => readFileSync(path.join(folder, name), "latin1"))
      .join("\n");
  },
};

const onPostgres = (server: PostgresServer, database: Database): Ground => ({
  database: "PostgreSQL",
  open: (options) => openWorld({ databaseUrl: database.runtimeUrl, ...options }),
  async another() {
    const fresh = await server.database();
    await fresh.empty();
    return onPostgres(server, fresh);
  },
  urlOf: () => database.runtimeUrl,
  sql: (_, statement) => database.read(statement.replaceAll("ampho_", "ampho.ampho_")),
  dump: async () => {
    const tables = await database.query(
      "select table_name from information_schema.tables where table_schema = 'ampho'",
    );
    const dumps = tables.map(({ table_name: name }) => database.query(`select t::text as row from ampho.${name} t`));
    return JSON.stringify(await Promise.all(dumps));
  },
});

/** Runs the tests once on each database. */
export function onBothDatabases(tests: (ground: Ground) => void): void {
  describe("on SQLite", () => tests(onSqlite));
  describe("on PostgreSQL", () => {
    const server = usePostgres();
    const database = useDatabase(server);
    beforeEach(() => database.empty());
    tests(onPostgres(server, database));
  });
}

/** Every attempt reaches its check, for tests that are not about throttling. */
export const unthrottled: AmphoOptions = { throttleAttempts: 1_000_000, throttleLock: 1_000_000 };

/** The code that an app shows at this time. */
export function codeAt(secret: string, seconds: number): string {
  return new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: seconds * 1000 });
}

/** Six digits that no step around this time has. */
export function wrongCode(secret: string, seconds: number): string {
  const near = [-60, -30, 0, 30, 60].map((by) => codeAt(secret, seconds + by));
  return ["000000", "111111", "222222", "333333", "444444", "555555"].find((code) => !near.includes(code)) ?? "";
}

export interface Owner {
  readonly login: string;
  readonly id: string;
  readonly secret: string;
  readonly recoveryCodes: readonly string[];
  /** The session that set the app up, which has raised it to `2fa`. */
  readonly enrolling: FullGrant;
  /** Another session, which the application has created at `1fa`. The device proof is that of `enrolling`. */
  readonly weak: FullGrant;
  /** The code that confirmed the app. */
  readonly used: string;
  /** A code that was not used yet. The clock moves on by a step. */
  nextCode(): string;
}

/** Creates a user with an app. */
export async function addOwner(world: World, login: string, roles: readonly string[] = []): Promise<Owner> {
  const { id } = await world.user(login, { password, roles });
  const session = await world.login(login);
  const { secret, transaction } = await setUp(world, session.token);
  const used = codeAt(secret, world.clock.now());
  const confirmed = await world.call("POST", "/totp/confirm", {
    body: { transaction, totp: used },
    bearer: session.token,
  });
  const enrolling = afterChange(session, confirmed);
  return {
    login,
    id,
    secret,
    used,
    enrolling,
    weak: await weakSession(world, id, enrolling),
    recoveryCodes: textsOf(confirmed.json["recovery_codes"]),
    nextCode() {
      world.clock.advance(30);
      return codeAt(secret, world.clock.now());
    },
  };
}

/** A session at `1fa` of a user with a second factor. */
export async function weakSession(world: World, id: string, { device }: FullGrant): Promise<FullGrant> {
  return { ...fullGrant(await world.ampho.sessions.create(id, { amr: ["pwd"], authTime: world.clock.now() })), device };
}

export async function setUp(world: World, bearer: string) {
  const begun = await world.call("POST", "/totp", { bearer });
  expect(begun.status, begun.text).toBe(200);
  return { secret: String(begun.json["secret"]), transaction: String(begun.json["transaction"]) };
}

export const textsOf = (value: unknown): readonly string[] => (Array.isArray(value) ? value.map(String) : []);

/** A login with the right password and what is added. */
export function logIn(world: World, login: string, more: Row = {}, headers = {}): Promise<ReadResponse> {
  return world.call("POST", "/login", { body: { login, password, ...more }, headers });
}

/** The session of a login with password and app. */
export async function fullLogin(world: World, owner: Owner, more: Row = {}): Promise<FullGrant> {
  return grantOf(await logIn(world, owner.login, { totp: owner.nextCode(), ...more }));
}

/** The transaction of a login with the right password alone. */
export async function pendingLogin(world: World, login: string): Promise<string> {
  const response = await logIn(world, login);
  expect([response.status, response.error]).toEqual([401, "factor_needed"]);
  return String(response.json["transaction"]);
}

export const outcomeOf = ({ status, error }: ReadResponse): readonly unknown[] =>
  error === undefined ? [status] : [status, error];

export const wrong = [401, "invalid_credentials"];
