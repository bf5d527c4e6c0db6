// `@authorize` on methods (docs/reference/contract.md §6), as TC39 and as legacy decorators, compiled by the real compiler.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Auth, toHandler } from "../../dist/index.js";
import { execFileSync } from "../../scripts/child-process.mjs";
import { openWorld } from "../world/ampho.js";
import type * as Fixture from "./fixtures/decorated.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(path.join(tmpdir(), "ampho-decorators-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Compiles the fixtures as an application does and returns the module. */
async function compile(kind: string, options: readonly string[], files: readonly string[]): Promise<typeof Fixture> {
  const out = path.join(folder, kind);
  const sources = files.map((file) => path.join(root, "test/ampho/fixtures", file));
  const rules = ["--strict", "--target", "es2022", "--module", "nodenext", "--types", "node", "--skipLibCheck"];
  const tsc = path.join(root, "node_modules/typescript/bin/tsc");
  execFileSync(
    process.execPath,
    [tsc, "--ignoreConfig", ...rules, ...options, "--rootDir", root, "--outDir", out, ...sources],
    { cwd: root, stdio: "pipe" },
  );
  writeFileSync(path.join(out, "package.json"), '{"type":"module"}');
  return import(path.join(out, "test/ampho/fixtures/decorated.js"));
}

describe.each([
  ["TC39 decorators", "tc39", [], ["decorated.ts"]],
  ["legacy decorators", "legacy", ["--experimentalDecorators"], ["decorated.ts", "legacy-errors.ts"]],
])("%s", (_, kind, options, files) => {
  let fixture: typeof Fixture;
  beforeAll(async () => {
    fixture = await compile(kind, options, files);
  });

  async function opened() {
    const world = await openWorld();
    const { token } = await world.session(await world.user("ann", { roles: ["editor"] }));
    const declared = fixture.declareArticles(world.ampho.authorize);
    const request = (bearer?: string, init: RequestInit = {}) =>
      new Request("http://localhost/articles", {
        ...init,
        headers: bearer === undefined ? {} : { Authorization: `Bearer ${bearer}` },
      });
    return { ...declared, world, token, request, articles: new declared.Articles("weekly") };
  }

  it("a decorated method gets the request, auth and further arguments, and keeps `this` and private fields", async () => {
    const { articles, request, token } = await opened();
    const publish = toHandler(articles, "publish");
    const response = await publish(request(token, { method: "POST", body: "One" }), { id: "5" }, 6, 7);
    expect([response.status, await response.json()]).toEqual([201, ["ann", "5", [6, 7]]]);
    const list = toHandler(articles, "list");
    expect(await (await list(request(token))).json()).toEqual(["weekly", ["One"], "ann", "/articles"]);
  });

  it("a decorated method is never called without a valid token", async () => {
    const { articles, Articles, calls, request, token } = await opened();
    const { list } = articles;
    const ways = [
      toHandler(articles, "list"),
      articles.list.bind(articles),
      Reflect.get(Articles.prototype, "list").bind(articles),
      list.bind(new Articles("other")),
    ];
    for (const way of ways) {
      for (const bearer of [undefined, "rubbish", `${token}x`])
        expect((await Reflect.apply(way, undefined, [request(bearer)])).status).toBe(401);
      const forged = { login: "root", roles: ["editor"] };
      expect((await Reflect.apply(way, undefined, [request(), forged])).status).toBe(401);
    }
    expect(calls).toEqual([]);
  });

  it("an auth that a caller passes is never used", async () => {
    const { articles, request, token } = await opened();
    const response = await Reflect.apply(articles.list, articles, [request(token), { login: "root" }]);
    expect(await response.json()).toEqual(["weekly", [], "ann", "/articles"]);
  });

  it("a decorated method enforces roles, can with the host's own object, and optional", async () => {
    const { articles, world, request, token } = await opened();
    const reader = (await world.session(await world.user("bob"))).token;
    const publish = toHandler(articles, "publish");
    expect((await publish(request(reader, { method: "POST", body: "x" }), { id: "1" })).status).toBe(403);
    const edit = toHandler(articles, "edit");
    const event = (slug: string, bearer?: string) => ({ request: request(bearer), params: { slug } });
    expect((await edit(event("bob", token))).status).toBe(403);
    expect(await (await edit(event("ann", token))).json()).toEqual(["ann", "ann"]);
    const read = toHandler(articles, "read");
    expect(await (await read(event("x"))).json()).toEqual(["weekly", "x", null]);
    expect(await (await read(event("x", token))).json()).toEqual(["weekly", "x", "ann"]);
    expect((await read(event("x", "rubbish"))).status).toBe(401);
  });

  it("static and protected methods are guarded too", async () => {
    const { articles, Articles, request, token } = await opened();
    const count = toHandler(Articles, "count");
    expect(await (await count(request(token))).json()).toEqual(["Articles", "ann"]);
    expect((await count(request())).status).toBe(401);
    const hidden = Reflect.get(articles, "hidden");
    expect((await hidden.call(articles, request())).status).toBe(401);
    expect(await (await hidden.call(articles, request(token))).json()).toEqual(["weekly", "ann"]);
  });

  it("two decorators on a method are both enforced", async () => {
    const { articles, world, request, token } = await opened();
    const both = toHandler(articles, "both");
    expect((await both(request(token))).status).toBe(403);
    await world.ampho.users.setRoles("ann", { add: ["admin"] });
    const [{ id } = { id: "" }] = [await world.ampho.users.find("ann")];
    const { token: asBoth } = await world.ampho.sessions.create(id);
    expect(await (await both(request(asBoth))).json()).toEqual(["ann", "ann"]);
  });

  it("toHandler rejects a method without the decorator, also if it overrides a decorated one", async () => {
    const { articles, Drafts, request } = await opened();
    expect(() => toHandler(articles, "plain")).toThrow(TypeError);
    const drafts = new Drafts("drafts");
    expect(() => toHandler(drafts, "list")).toThrow(TypeError);
    // The decorated method that it calls is still guarded.
    expect((await Reflect.apply(drafts.list, drafts, [request(), { login: "root" }])).status).toBe(401);
    expect((await toHandler(drafts, "publish")(request(), { id: "1" })).status).toBe(401);
  });
});

describe("authorize as a decorator", () => {
  it("a private method can be guarded", async () => {
    const world = await openWorld();
    const { authorize } = world.ampho;
    const { token } = await world.session(await world.user("ann"));
    class Hidden {
      readonly name = "hidden";
      @authorize
      async #list(_request: Request, auth: Auth) {
        return Response.json([this.name, auth.login]);
      }
      list(request: Request, auth: Auth) {
        return this.#list(request, auth);
      }
    }
    const forged = { ...world.ampho.verifySync(token), login: "root" };
    const hidden = new Hidden();
    const headers = { Authorization: `Bearer ${token}` };
    const response = await hidden.list(new Request("http://localhost/", { headers }), forged);
    expect(await response.json()).toEqual(["hidden", "ann"]);
    expect((await hidden.list(new Request("http://localhost/"), forged)).status).toBe(401);
  });

  it("authorize as a decorator rejects anything but a method", async () => {
    const { ampho } = await openWorld();
    const decorate = (value: unknown, context: unknown) => Reflect.apply(ampho.authorize, undefined, [value, context]);
    for (const kind of ["class", "getter", "setter", "field", "accessor"])
      expect(() => decorate(() => new Response(), { kind, name: "x" })).toThrow(TypeError);
    expect(() => decorate(undefined, { kind: "field", name: "x" })).toThrow(TypeError);
    const legacy = (descriptor: unknown) => Reflect.apply(ampho.authorize, undefined, [{}, "x", descriptor]);
    expect(() => legacy(undefined)).toThrow(TypeError);
    expect(() => legacy({ get: () => 5 })).toThrow(TypeError);
    expect(() => legacy({ value: 5 })).toThrow(TypeError);
    expect(() => Reflect.apply(ampho.authorize, undefined, [class {}, "x", undefined])).toThrow(TypeError);
  });
});
