// Identities of another system: imported, and then used.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openStore } from "../../dist/store/open.js";
import { readImportLine } from "../../dist/users/import-lines.js";
import { addLinked, identities, link, openOutside, signIn } from "../gate/outside.js";
import { onBothDatabases, outcomeOf } from "../gate/owners.js";
import { origin, start } from "../store/fixtures.js";
import { grantOf } from "../world/ampho.js";

const lineOf = (login: string, ...all: readonly object[]) => `${JSON.stringify({ login, identities: all })}\n`;

onBothDatabases((ground) => {
  it("a user signs in with the identity of the other system, and has no other way in", async () => {
    const outside = await openOutside(ground);
    const { world, evil, other } = outside;
    const subject = "1|Ann";
    await world.ampho.users.import([
      lineOf("ann", { provider: "acme", subject }, { issuer: other.issuer, subject }),
      lineOf("bob", { provider: "acme", issuer: evil.issuer, subject: "1|ann" }),
    ]);
    for (const [login, provider, sub] of [
      ["ann", "acme", subject],
      ["ann", "other", subject],
      ["bob", "acme", "1|ann"],
    ] as const) {
      const { token } = grantOf(await signIn(outside, { provider, claims: { sub } }));
      expect(await world.ampho.verify(token)).toMatchObject({ login, amr: ["fed"] });
    }
    expect(outcomeOf(await signIn(outside, { provider: "other", claims: { sub: "1|ann" } }))).toEqual([
      403,
      "registration_closed",
    ]);
  });

  it("an import takes no identity from a user, and none of its lines is imported", async () => {
    const outside = await openOutside(ground);
    const { world } = outside;
    const ann = await addLinked(outside, "ann");
    const before = await identities(outside, ground);
    const lines = [
      lineOf("bob", { provider: "other", subject: "bob" }),
      lineOf("eve", { provider: "acme", subject: "ann" }),
    ];
    const wrong: unknown[] = [];
    const onWrongLine = (each: unknown) => void wrong.push(each);
    await expect(world.ampho.users.import(lines, { onWrongLine })).rejects.toThrow(/^Nothing was imported/);
    expect(wrong).toEqual([{ line: 2, reason: "An account has an identity of this line." }]);
    expect(await world.ampho.users.import(lines, { dryRun: true })).toMatchObject({ users: 1, wrong: 1 });
    expect(await identities(outside, ground)).toEqual(before);
    expect(await world.ampho.users.find("bob")).toBeUndefined();
    const { token } = grantOf(await signIn(outside, { claims: { sub: "ann" } }));
    expect((await world.ampho.verify(token)).id).toBe(ann.user.id);
  });

  it("an identity in two lines is an error of the line that is written later", async () => {
    const outside = await openOutside(ground);
    const { world } = outside;
    const identity = { provider: "acme", subject: "s" };
    await expect(world.ampho.users.import([lineOf("ann", identity), lineOf("bob", identity)])).rejects.toThrow(
      /Line 2: Line 1 has the same identity\.$/,
    );
    expect(await identities(outside, ground)).toEqual([]);
  });

  it("an import that is not published holds no identity: a user links it, and the import fails", async () => {
    const outside = await openOutside(ground);
    const { world, evil } = outside;
    const { grant } = await addLinked(outside, "ann");
    const claims = { sub: "wanted" };
    const ends = { reached: () => {}, release: () => {} };
    const reached = new Promise<void>((resolve) => {
      ends.reached = resolve;
    });
    const released = new Promise<void>((resolve) => {
      ends.release = resolve;
    });
    async function* slowly() {
      yield lineOf("eve", { provider: "acme", subject: "wanted" });
      // A window is written when it is full.
      for (let at = 0; at < 2000; at += 1) yield lineOf(`user-${at}`);
      ends.reached();
      await released;
    }
    const importing = world.ampho.users.import(slowly());
    importing.catch(() => undefined);
    await reached;
    await expect.poll(() => identities(outside, ground)).toHaveLength(2);
    expect(outcomeOf(await signIn(outside, { claims }))).toEqual([403, "registration_closed"]);
    expect(outcomeOf(await link(outside, grant.token, { claims }))).toEqual([200]);
    ends.release();
    await expect(importing).rejects.toThrow(/Line 1: A user has got the id, the login, the address or an identity/);
    expect(await identities(outside, ground)).toMatchObject([
      { subject: "ann", issuer: evil.issuer },
      { subject: "wanted", issuer: evil.issuer },
    ]);
    expect(await world.ampho.users.find("eve")).toBeUndefined();
  });

  it("the import that started last gets an identity that two imports have in common", async () => {
    const outside = await openOutside(ground);
    const { world, evil } = outside;
    const store = await openStore({ url: ground.urlOf(world), migrate: false, log: () => {} });
    const identity = { issuer: evil.issuer, subject: "s", provider: "acme" };
    const userOf = (name: string) => ({
      id: name,
      login: name,
      canonical: name,
      passwordHash: null,
      hashKind: null,
      roles: [],
      line: 1,
      identities: [identity],
    });
    const [first, second] = [
      await store.startImport({ now: start, trial: false }),
      await store.startImport({ now: start, trial: false }),
    ];
    const trial = await store.startImport({ now: start, trial: true });
    const stage = (n: number, name: string, displaces = true) =>
      store.stageUsers({ n, users: [userOf(name)], displaces, now: start });
    const staged = (rejected: readonly object[]) => ({ outcome: "staged", rejected });
    expect(await stage(first, "ann")).toEqual(staged([]));
    expect(await stage(trial, "cid", false)).toEqual(staged([]));
    expect(await stage(second, "bob")).toEqual(staged([]));
    expect(await stage(first, "dan")).toEqual(staged([{ line: 1, reason: "importing" }]));
    expect(await store.publishImport({ n: first, now: start, origin, detail: {} })).toEqual({
      outcome: "lost",
      line: 1,
    });
    expect(await store.publishImport({ n: second, now: start, origin, detail: {} })).toEqual({ outcome: "published" });
    expect(await ground.sql(world, "select user_id, subject from ampho_identities")).toEqual([
      { user_id: "bob", subject: "s" },
    ]);
    await store.close();
  });
});

describe("the identities of a line", () => {
  const issuers = {
    acme: ["https://id.acme.example"],
    tenants: ["https://ms.example/a/v2.0", "https://ms.example/b/v2.0"],
  };
  const providers = Object.entries(issuers).map(([name, of]) => ({ name, issuers: of }));
  const read = (all: unknown) => readImportLine(JSON.stringify({ login: "ann", identities: all }), 2, { providers });

  it("an identity names its provider, or the exact issuer of one", () => {
    const acme = { provider: "acme", issuer: "https://id.acme.example", subject: "Secret 1" };
    const tenant = { provider: "tenants", issuer: "https://ms.example/b/v2.0", subject: "Secret 1" };
    const given = [
      { provider: "acme", subject: "Secret 1" },
      { issuer: tenant.issuer, subject: "Secret 1" },
    ];
    expect(read(given)).toMatchObject({ user: { identities: [acme, tenant] } });
    expect(read([])).toMatchObject({ user: { identities: [] } });
  });

  const subject = "Secret 1";
  it.each([
    ["no array", { provider: "acme", subject }],
    ["21 identities", Array.from({ length: 21 }, (_, at) => ({ provider: "acme", subject: `${subject}${at}` }))],
    ["an identity that is no object", [subject]],
    ["an identity that is an array", [[subject]]],
    ["an unknown member", [{ provider: "acme", subject, email: "ann@acme.example" }]],
    ["no subject", [{ provider: "acme" }]],
    ["an empty subject", [{ provider: "acme", subject: "" }]],
    ["a subject that is a number", [{ provider: "acme", subject: 1 }]],
    ["a subject of 256 characters", [{ provider: "acme", subject: "a".repeat(256) }]],
    ["a subject with a letter outside of ASCII", [{ provider: "acme", subject: `${subject}é` }]],
    ["neither provider nor issuer", [{ subject }]],
    ["an unknown provider", [{ provider: "toString", subject }]],
    ["an unknown issuer", [{ issuer: "https://id.acme.example/", subject }]],
    ["an issuer that is no text", [{ provider: "acme", issuer: 1, subject }]],
    ["the issuer of another provider", [{ provider: "acme", issuer: "https://ms.example/a/v2.0", subject }]],
    ["a provider of several issuers without the issuer", [{ provider: "tenants", subject }]],
    [
      "an identity twice, once by its issuer",
      [
        { provider: "acme", subject },
        { issuer: "https://id.acme.example", subject },
      ],
    ],
  ])("a line with %s is wrong, and the reason contains nothing of it", (_, all) => {
    const result = read(all);
    expect(result).toHaveProperty("wrong");
    expect(JSON.stringify(result)).not.toContain(subject);
  });

  it("identities of any form are read as configured issuers and ASCII subjects, or the line is wrong", () => {
    const known = Object.values(issuers).flat();
    const part = fc.oneof(
      fc.constantFrom(...Object.keys(issuers), ...known),
      fc.anything({ withNullPrototype: false }),
      fc.string({ unit: "binary" }),
    );
    const member = fc.constantFrom("provider", "issuer", "subject", "email");
    const identity = fc.oneof(fc.dictionary(member, part, { noNullPrototype: true }), fc.anything());
    fc.assert(
      fc.property(fc.oneof(fc.array(identity, { maxLength: 3 }), fc.anything()), (all) => {
        const result = read(all);
        if (result === "empty" || "wrong" in result) return;
        for (const { issuer, subject, provider } of result.user.identities ?? []) {
          expect(known).toContain(issuer);
          expect(subject).toMatch(/^[\x20-\x7e]{1,255}$/);
          expect(Object.keys(issuers)).toContain(provider);
        }
      }),
    );
  });
});
