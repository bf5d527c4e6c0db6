// The requirements of a route are checked where they are written.
import { describe, expect, it } from "vitest";
import { checkRequirements } from "../../dist/guard/requirement-rows.js";
import type { Requirements } from "../../dist/guard/requirements.js";

const check = (requirements: unknown, host: { readonly live?: false } = {}) =>
  checkRequirements(requirements as Requirements<unknown>, host);

describe("checkRequirements", () => {
  it.each([
    [{ maxAge: 300 }, { maxAge: 300 }],
    [{ maxAge: "300" }, { maxAge: 300 }],
    [{ maxAge: "5m" }, { maxAge: 300 }],
    [
      { maxAge: "1h30m", live: true },
      { maxAge: 5400, live: true },
    ],
    [{ maxAge: 0 }, { maxAge: 0 }],
    [
      { acr: "2fa", maxAge: "5m" },
      { acr: "2fa", maxAge: 300 },
    ],
    [{}, {}],
  ])("checkRequirements returns %j as %j", (given, expected) => {
    expect(check(given)).toEqual(expected);
  });

  it("a scope that no role has is a TypeError that names the nearest, if scopes are configured", () => {
    const scopes = ["articles:read", "articles:publish"];
    expect(() => checkRequirements({ scopes: ["articles:publsh"] }, { scopes })).toThrow(
      new TypeError(
        'The requirement `scopes` has "articles:publsh", which no role has. Did you mean articles:publish?',
      ),
    );
    for (const scope of ["Articles:read", "", "__proto__", "length", "articles:read "])
      expect(() => checkRequirements({ scopes: [scope] }, { scopes })).toThrow(TypeError);
    expect(checkRequirements({ scopes }, { scopes })).toEqual({ scopes });
    expect(checkRequirements({ scopes: ["anything"] }, { scopes: undefined })).toEqual({ scopes: ["anything"] });
  });

  it("checkRequirements copies the lists, so that a later change has no effect", () => {
    const roles = ["editor"];
    const scopes = ["read"];
    const credentials = ["session"];
    const checked = check({ roles, scopes, credentials });
    credentials.push("delegated");
    roles.push("reader");
    scopes.pop();
    expect(checked).toEqual({ roles: ["editor"], scopes: ["read"], credentials: ["session"] });
  });

  it.each([
    [
      { rolls: ["editor"] },
      'Requirements have no member "rolls". The members are resource, credentials, acr, maxAge, live, roles, scopes, can, optional, redirect.',
    ],
    [{ roles: undefined }, "The requirement `roles` is undefined. Give it a value, or remove it."],
    [{ roles: "editor" }, "The requirement `roles` must be an array of strings."],
    [{ scopes: [5] }, "The requirement `scopes` must be an array of strings."],
    [{ roles: [] }, "The requirement `roles` is an empty array, so no user could pass. Fill it, or remove it."],
    [{ credentials: "session" }, "The requirement `credentials` must be an array of strings."],
    [
      { credentials: [] },
      "The requirement `credentials` is an empty array, so no user could pass. Fill it, or remove it.",
    ],
    [
      { credentials: ["session", "Service"] },
      'The requirement `credentials` can list session, foreign, api_key, service, delegated, but has "Service".',
    ],
    [
      { credentials: ["session", "service"], roles: ["editor"] },
      "The requirement `credentials` lists service, so the route also needs `scopes` or `can`.",
    ],
    [
      { credentials: ["api_key"], scopes: [] },
      "The requirement `credentials` lists api_key, so the route also needs `scopes` or `can`.",
    ],
    [{ acr: "aal2" }, 'The requirement `acr` must be one of 1fa, 2fa, phr, but is "aal2".'],
    [{ acr: ["2fa"] }, 'The requirement `acr` must be one of 1fa, 2fa, phr, but is ["2fa"].'],
    [{ acr: undefined }, "The requirement `acr` is undefined. Give it a value, or remove it."],
    [
      { maxAge: "5 minutes" },
      'The requirement `maxAge` must be whole seconds or a duration such as "5m", but is "5 minutes".',
    ],
    [{ maxAge: -1 }, 'The requirement `maxAge` must be whole seconds or a duration such as "5m", but is -1.'],
    [{ maxAge: 1.5 }, 'The requirement `maxAge` must be whole seconds or a duration such as "5m", but is 1.5.'],
    [{ can: true }, "The requirement `can` must be a function."],
    [{ live: "yes" }, "The requirement `live` must be true. Otherwise, remove it."],
    [{ optional: 1 }, "The requirement `optional` must be true. Otherwise, remove it."],
  ])("checkRequirements throws a TypeError for %j: %s", (given, message) => {
    expect(() => check(given)).toThrow(new TypeError(message));
  });

  it.each([
    ["null", null],
    ["a number", 5],
    ["a text", "editor"],
    ["an array", [{ roles: ["editor"] }]],
    ["a function", () => ({ roles: ["editor"] })],
    ["a promise", Promise.resolve({ roles: ["editor"] })],
    ["a Map", new Map([["roles", ["editor"]]])],
    ["an object that inherits its members", Object.create({ roles: ["editor"] })],
    [
      "an instance of a class",
      new (class {
        get roles() {
          return ["editor"];
        }
      })(),
    ],
  ])("checkRequirements throws a TypeError for %s, which would otherwise accept every user", (_what, given) => {
    expect(() => check(given)).toThrow(
      new TypeError('Requirements must be a plain object, such as { roles: ["editor"] }.'),
    );
  });

  it("checkRequirements accepts an object without a prototype", () => {
    expect(check(Object.assign(Object.create(null), { acr: "2fa" }))).toEqual({ acr: "2fa" });
  });

  it("checkRequirements returns the values that it has checked, although a getter returns another one each time", () => {
    const values = ["2fa", "1fa", "none", undefined];
    const checked = check({
      get acr() {
        return values.shift();
      },
    });
    expect(checked).toEqual({ acr: "2fa" });
  });

  it("checkRequirements throws a TypeError for `live` where there is no database", () => {
    expect(() => check({ live: true }, { live: false })).toThrow(/^`live` needs the database/);
  });
});
