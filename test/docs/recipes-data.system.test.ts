// Runs the recipes about the data of users unchanged: who can read and change it, also for an attacker.
import type { RequestListener } from "node:http";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Ampho } from "../../dist/index.js";
import { listening } from "../world/listen.js";
import { useDatabase } from "../world/use-postgres.js";
import { amphoFile, call, signedIn, useRecipes } from "./recipes.js";

interface App {
  readonly app: RequestListener;
}
interface Table {
  readonly pool: pg.Pool;
}

const recipes = useRecipes();
const database = useDatabase();
const password = "only-for-this-test";
let appUrl: string;

beforeAll(async () => {
  recipes.write("roles-and-ownership", ["articles.ts", "articles.sql"], {
    "ampho.ts": amphoFile(),
    "pool.ts": `import pg from "pg"; export const pool = new pg.Pool({ connectionString: process.env["DATABASE_URL"] });`,
  });
  recipes.write("row-level-security", ["as-user.ts", "articles.ts", "articles.sql"], { "ampho.ts": amphoFile() });
  recipes.write("casl", ["ability.ts", "articles.ts"], {
    "ampho.ts": amphoFile(),
    "table.ts": `import type { Article } from "./ability.js"; export const articles = new Map<string, Article>();`,
  });
  recipes.compile();
  // The name of the role is that of the page.
  await database.query("drop role if exists app");
  await database.query(`create role app login password '${password}'`);
  await database.query("grant usage on schema ampho to app; alter role app set search_path = ampho");
  const url = new URL(database.ownerUrl);
  Object.assign(url, { username: "app", password });
  appUrl = url.href;
});
afterAll(async () => {
  await database.query("drop owned by app");
  await database.query("drop role app");
});

/** Runs the SQL of a page as the role that owns the schema, and lets the page connect as `app` with one connection. */
async function openTable(page: string): Promise<void> {
  const owner = new pg.Client({ connectionString: database.ownerUrl });
  await owner.connect();
  await owner.query(`drop table if exists articles; ${recipes.read(page, "articles.sql")}`);
  await owner.query("grant select, insert, update, delete on articles to app");
  await owner.end();
  process.env["DATABASE_URL"] = appUrl;
}

describe("docs/guides/recipes/roles-and-ownership.md", () => {
  it("users change only their own articles, and moderators delete any", async () => {
    await openTable("roles-and-ownership");
    const { app } = await recipes.load<App>("roles-and-ownership", "articles.js");
    const { ampho } = await recipes.load<{ ampho: Ampho }>("roles-and-ownership", "ampho.js");
    const { pool } = await recipes.load<Table>("roles-and-ownership", "pool.js");
    const url = `${(await listening(app)).url}/articles`;
    const [ann, ben, mona] = [
      await signedIn(ampho, "ann"),
      await signedIn(ampho, "ben"),
      await signedIn(ampho, "mona", ["moderator"]),
    ];
    const stolen = { text: "First", owner: ben.id };
    expect(await call(url, undefined, "POST", stolen)).toMatchObject({ status: 401 });
    const created = await call(url, ann.token, "POST", stolen);
    expect(created).toEqual({ status: 201, json: { id: "1", text: "First" } });
    const one = `${url}/1`;
    const write = (token?: string, path = one) => call(path, token, "PUT", { text: "Changed", owner: ben.id });
    expect([(await write()).status, (await write(ben.token)).status]).toEqual([401, 404]);
    expect((await write(ben.token, `${url}/${encodeURIComponent("1' or '1'='1")}`)).status).toBe(404);
    expect(await write(ann.token)).toEqual({ status: 200, json: { id: "1", text: "Changed" } });
    expect(await call(one, ann.token, "DELETE")).toMatchObject({ status: 403, json: { error: "insufficient_scope" } });
    // A token with a removed role must be renewed.
    await ampho.users.setRoles("mona", { remove: ["moderator"] });
    expect(await call(one, mona.token, "DELETE")).toMatchObject({ status: 401, json: { error: "invalid_token" } });
    await ampho.users.setRoles("ben", { add: ["moderator"] });
    expect((await call(one, ben.token, "DELETE")).status).toBe(204);
    await ampho.sessions.endForUser(ann.id);
    expect((await call(url, ann.token, "POST", stolen)).status).toBe(401);
    await pool.end();
    await ampho.close();
  });
});

describe("docs/guides/recipes/row-level-security.md", () => {
  it("a user sees only own rows, and a pooled connection does not show them to the next request", async () => {
    await openTable("row-level-security");
    const { app } = await recipes.load<App>("row-level-security", "articles.js");
    const { ampho } = await recipes.load<{ ampho: Ampho }>("row-level-security", "ampho.js");
    const { pool, asUser } = await recipes.load<
      Table & { asUser<T>(auth: object, work: (client: pg.ClientBase) => Promise<T>): Promise<T> }
    >("row-level-security", "as-user.js");
    pool.options.max = 1;
    const url = `${(await listening(app)).url}/articles`;
    const [ann, ben] = [await signedIn(ampho, "ann"), await signedIn(ampho, "ben")];
    expect((await call(url)).status).toBe(401);
    const before = await pool.query("select * from articles");
    expect(before.rows).toEqual([]);

    const created = await call(url, ann.token, "POST", { text: "Mine", owner: ben.id });
    expect(created).toEqual({ status: 201, json: { id: "1", text: "Mine" } });
    expect(await call(url, ann.token)).toEqual({ status: 200, json: [{ id: "1", text: "Mine" }] });
    expect(await call(url, ben.token)).toEqual({ status: 200, json: [] });

    // The same connection, after a request of ann and without a transaction of its own.
    expect(pool.totalCount).toBe(1);
    expect((await pool.query("select * from articles")).rows).toEqual([]);
    await expect(pool.query("insert into articles (text) values ('x')")).rejects.toThrow(/row-level security/);

    const as = (id: string | undefined, sql: string) =>
      asUser({ id }, async (client) => (await client.query(sql)).rowCount).catch((error: Error) => error.message);
    expect(await as(ben.id, "update articles set text = 'stolen'")).toBe(0);
    expect(await as(ben.id, "delete from articles")).toBe(0);
    expect(await as(ben.id, `insert into articles (owner, text) values ('${ann.id}', 'x')`)).toMatch(/row-level/);
    expect(await as(ann.id, "update articles set owner = 'ben'")).toMatch(/row-level/);
    expect(await as(undefined, "select * from articles")).toMatch(/no user id/);
    expect(await as("' or true --", "select * from articles")).toBe(0);
    expect(await call(url, ann.token)).toEqual({ status: 200, json: [{ id: "1", text: "Mine" }] });

    const owner = new pg.Client({ connectionString: database.ownerUrl });
    await owner.connect();
    expect((await owner.query("select * from articles")).rows).toEqual([]);
    await owner.end();

    await ampho.sessions.endForUser(ann.id);
    expect((await call(url, ann.token)).status).toBe(401);
    await pool.end();
    await ampho.close();
  });
});

describe("docs/guides/recipes/casl.md", () => {
  it("the rules allow owners to update and moderators to delete, and no other user", async () => {
    const { app } = await recipes.load<App>("casl", "articles.js");
    const { ampho } = await recipes.load<{ ampho: Ampho }>("casl", "ampho.js");
    const { articles } = await recipes.load<{ articles: Map<string, object> }>("casl", "table.js");
    const url = `${(await listening(app)).url}/articles/1`;
    const [ann, ben, mona] = [
      await signedIn(ampho, "ann"),
      await signedIn(ampho, "ben"),
      await signedIn(ampho, "mona", ["moderator"]),
    ];
    articles.set("1", { id: "1", owner: ann.id, text: "First" });
    const write = async (token?: string, path = url) =>
      (await call(path, token, "PUT", { text: "New", owner: "ben" })).status;
    expect([await write(), await write(ben.token), await write(mona.token)]).toEqual([401, 403, 403]);
    expect(await write(ben.token, url.replace(/1$/, "2"))).toBe(404);
    expect(articles.get("1")).toMatchObject({ text: "First" });
    expect(await write(ann.token)).toBe(204);
    expect(articles.get("1")).toEqual({ id: "1", owner: ann.id, text: "New" });

    const remove = async (token?: string) => (await call(url, token, "DELETE")).status;
    expect([await remove(), await remove(ann.token)]).toEqual([401, 403]);
    await ampho.sessions.endForUser(ann.id);
    expect(await write(ann.token)).toBe(401);
    expect(await remove(mona.token)).toBe(204);
    await ampho.close();
  });

  it("a token without a user id owns no object, not even one without an owner", async () => {
    type Ability = { can(action: string, subject: unknown): boolean };
    const { abilityOf } = await recipes.load<{ abilityOf(user?: object): Ability }>("casl", "ability.js");
    const { subject } = await import("@casl/ability");
    for (const user of [undefined, { id: undefined, roles: [] }, { id: null, roles: [] }, { id: "", roles: [] }]) {
      expect(abilityOf(user).can("update", subject("Article", { id: "1" }))).toBe(false);
      expect(abilityOf(user).can("update", "Article")).toBe(false);
    }
    // The warning of the page: a question about the type alone.
    expect(abilityOf({ id: "u", roles: [] }).can("update", "Article")).toBe(true);
  });
});
