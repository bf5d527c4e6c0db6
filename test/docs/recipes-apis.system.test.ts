// Runs the recipes for GraphQL and tRPC unchanged, and attacks them: without a token, with a wrong role, and after a logout.
import type { RequestListener } from "node:http";
import { beforeAll, describe, expect, it } from "vitest";
import { createClient } from "../../dist/client/client.js";
import type { Ampho } from "../../dist/index.js";
import { listening } from "../world/listen.js";
import { amphoFile, call, signedIn, useRecipes } from "./recipes.js";

const recipes = useRecipes();
const table = `export interface Article { readonly id: string; readonly owner: string; readonly text: string }
export const articles = new Map<string, Article>();`;

beforeAll(() => {
  const others = { "ampho.ts": amphoFile(), "table.ts": table };
  recipes.write("graphql", ["graphql.ts"], others);
  recipes.write("trpc", ["trpc.ts", "server.ts", "client.ts"], others);
  recipes.compile();
});

/** Starts a recipe with an article of ann, and users with sessions. */
async function open(page: string, file: string) {
  const { app } = await recipes.load<{ app: RequestListener }>(page, file);
  const { ampho } = await recipes.load<{ ampho: Ampho }>(page, "ampho.js");
  const { articles } = await recipes.load<{ articles: Map<string, object> }>(page, "table.js");
  const { url } = await listening(app);
  const users = [
    await signedIn(ampho, "ann"),
    await signedIn(ampho, "ben"),
    await signedIn(ampho, "mona", ["moderator"]),
  ];
  const [ann, ben, mona] = users as [Known, Known, Known];
  articles.set("1", { id: "1", owner: ann.id, text: "First" });
  return { ampho, articles, url, ann, ben, mona };
}
type Known = Awaited<ReturnType<typeof signedIn>>;

describe("docs/guides/recipes/graphql.md", () => {
  it("resolvers return the objects of the user, and an alias or a GET request changes nothing", async () => {
    const { ampho, articles, url, ann, ben, mona } = await open("graphql", "graphql.js");
    const ask = (query: string, token?: string) => call(`${url}/graphql`, token, "POST", { query });
    expect(await ask("{ me }")).toMatchObject({ status: 401, json: { error: "missing_token" } });
    expect(await ask("{ __schema { types { name } } }")).toMatchObject({ status: 401 });
    expect(await ask("{ me articles { text } }", ann.token)).toEqual({
      status: 200,
      json: { data: { me: "ann", articles: [{ text: "First" }] } },
    });
    const theirs = `{ a: article(id: "1") { text } b: articles { id } }`;
    expect(await ask(theirs, ben.token)).toMatchObject({ json: { data: { a: null, b: [] } } });

    const remove = `mutation harmless { ok: deleteArticle(id: "1") }`;
    expect(await ask(remove, ann.token)).toMatchObject({ json: { errors: [{ extensions: { code: "FORBIDDEN" } }] } });
    const get = await call(`${url}/graphql?query=${encodeURIComponent(remove)}`, mona.token);
    expect(get.status).toBe(405);
    expect(articles.size).toBe(1);
    expect(await ask(remove, mona.token)).toMatchObject({ json: { data: { ok: true } } });

    await ampho.sessions.endForUser(ann.id);
    expect(await ask("{ me }", ann.token)).toMatchObject({ status: 401, json: { error: "invalid_token" } });
    await ampho.close();
  });
});

describe("docs/guides/recipes/trpc.md", () => {
  it("each procedure of a batch checks the user, and the client of the page sends the token", async () => {
    const { ampho, articles, url, ann, ben, mona } = await open("trpc", "server.js");
    const query = (names: string, token?: string, input = {}) =>
      call(`${url}/trpc/${names}?batch=1&input=${encodeURIComponent(JSON.stringify(input))}`, token);
    const codes = ({ json }: { readonly json: unknown }) =>
      (json as { error?: { data: { code: string } }; result?: { data: unknown } }[]).map(
        ({ error, result }) => error?.data.code ?? result?.data,
      );
    expect(codes(await query("count,articles,article", undefined, { 2: "1" }))).toEqual([
      1,
      "UNAUTHORIZED",
      "UNAUTHORIZED",
    ]);
    expect(codes(await query("articles,article", ben.token, { 1: "1" }))).toEqual([[], "NOT_FOUND"]);
    expect(codes(await query("article", ben.token, { 0: { $ne: "" } }))).toEqual(["BAD_REQUEST"]);
    const remove = async (token?: string) =>
      codes({ json: [(await call(`${url}/trpc/deleteArticle`, token, "POST", "1")).json] });
    expect([await remove(), await remove(ann.token)]).toEqual([["UNAUTHORIZED"], ["FORBIDDEN"]]);
    expect((await call(`${url}/trpc/deleteArticle?input=%221%22`, mona.token)).status).toBe(405);
    expect(articles.size).toBe(1);

    const { createApi } = await recipes.load<{ createApi(client: object, url: string): Api }>("trpc", "client.js");
    const secret = "violet kettle harbour morning";
    await ampho.users.setPassword("ann", secret);
    const client = createClient({ baseUrl: url });
    const api = createApi(client, `${url}/trpc`);
    await client.login("ann", secret);
    expect(await api.articles.query()).toMatchObject([{ text: "First" }]);
    await ampho.sessions.endForUser(ann.id);
    await expect(api.articles.query()).rejects.toMatchObject({ cause: { code: "session_ended" } });
    expect(await query("count", ann.token)).toMatchObject({ status: 401, json: { error: "invalid_token" } });
    expect(await remove(mona.token)).toEqual([true]);
    await ampho.close();
  });

  interface Api {
    readonly articles: { query(): Promise<unknown> };
  }
});
