// The route table and the list of factors say what ways.ts must list. A new route that grants tokens or a new factor fails
// until it is listed. matrix.system.test.ts takes every way.
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { session } from "../../dist/http/rest/route-access.js";
import { routes } from "../../dist/http/rest/routes.js";
import { factorNames } from "../../dist/levels/factors.js";
import { ways } from "./ways.js";

/** The routes whose response can hold tokens. */
const granting = routes.filter(
  ({ output, ...route }) => ("grants" in route && route.grants) || "token" in shapeOf(output),
);

const namesOf = (rows: readonly { readonly method: string; readonly path: string }[]) =>
  rows.map(({ method, path }) => `${method} ${path}`).sort();

/** Changes of an account replace the tokens of the session that makes them, and its level stays (`changes.ts`). */
const replacing = [
  "DELETE /account/access",
  "DELETE /identities/{id}",
  "DELETE /passkeys/{id}",
  "DELETE /password",
  "DELETE /totp",
  "POST /account/confirm/finish",
  "POST /account/email/finish",
  "POST /identities/finish",
  "POST /password",
  "POST /recovery-codes",
];

function shapeOf(output: unknown): object {
  return typeof output === "object" && output !== null && "shape" in output ? Object(output.shape) : {};
}

describe("the list of ways", () => {
  it("every route that grants tokens is listed", () => {
    const opening = namesOf(granting).filter((name) => !replacing.includes(name));
    expect([...new Set(ways.map(({ route }) => route))].sort()).toEqual(opening);
  });

  it("a route that replaces the tokens of a session needs that session", () => {
    expect(namesOf(granting.filter(({ access }) => access === session))).toEqual(replacing);
  });

  it("every factor that an account can have is proven by a way", () => {
    const proven = new Set(ways.flatMap(({ proves }) => proves ?? []));
    expect([...proven].sort()).toEqual([...factorNames].sort());
  });
});

describe("the gate in src/", () => {
  const src = path.resolve(import.meta.dirname, "../../src");
  const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
  const naming = (pattern: RegExp) =>
    files.filter((name) => pattern.test(readFileSync(path.join(src, name), "utf8"))).sort();

  it("only enter.ts calls the store operation that creates a session", () => {
    expect(naming(/\bgrantSession\b(?!`)/)).toEqual([
      "flows/gate/enter.ts",
      "store/operations.ts",
      "store/sql/gate/session-grants.ts",
    ]);
  });

  it("only one file writes rows of sessions", () => {
    expect(naming(/insert into ampho_sessions/)).toEqual(["store/sql/rows/session-rows.ts"]);
    expect(naming(/\binsertSession\b/)).toEqual(["store/sql/gate/session-grants.ts", "store/sql/rows/session-rows.ts"]);
    expect(naming(/\brecordProof\b/)).toEqual(["store/sql/gate/session-grants.ts", "store/sql/rows/session-rows.ts"]);
  });

  it("only `sessions.create` vouches for a level, which the gate then grants without a decision", () => {
    expect(naming(/enter\(deps, account, \{[^}]*\bacr\b/)).toEqual(["flows/manage/create-session.ts"]);
  });
});
