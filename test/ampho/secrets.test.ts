// No password, token, key or hash appears where it does not belong. Canaries go through every flow, and every output is
// searched for them.
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { createAccessLog } from "../../dist/http/server/access-log.js";
import { createHttpServer } from "../../dist/http/server/server.js";
import { type FullGrant, fullGrant, openWorld } from "../world/ampho.js";
import { start } from "../world/clock.js";
import { textsOf } from "../world/sqlite.js";
import { foreignToken, newKey } from "../world/tokens.js";

const canary = (name: string) => `canary-${name}-9c41e7`;

describe("canaries", () => {
  it("no table, file, log or error contains a secret that went through the flows", async () => {
    const old = newKey("old");
    const world = await openWorld({ key: { keys: [newKey("key-1"), old] } });
    const said: string[] = [];
    const logs = ["json", "text"] as const;
    const servers = logs.map((format) =>
      createHttpServer({
        host: world.ampho.host,
        log: createAccessLog(format, (line) => said.push(line)),
      }),
    );
    const secrets = new Set<string>();
    const plant = (name: string) => {
      secrets.add(canary(name));
      return canary(name);
    };
    const keep = (grant: FullGrant) => {
      // Only the token itself contains its signature.
      for (const token of [grant.token, grant.refresh_token]) secrets.add(token.split(".")[2] || "none");
      return grant;
    };
    const right = `${plant("password")} violet harbour`;
    await world.user("ann", { password: right, roles: ["editor"] });

    for (const server of servers) {
      const url = await server.listen(0, "127.0.0.1");
      const send = async (method: string, target: string, body?: unknown, headers: Record<string, string> = {}) => {
        const response = await fetch(`${url}/api/security${target}`, {
          method,
          headers: { ...(body === undefined ? {} : { "Content-Type": "application/json" }), ...headers },
          ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
        });
        const text = await response.text();
        if (response.status === 200) {
          const given = JSON.parse(text);
          // Only the device proof itself contains its signature.
          if (given.device) secrets.add(given.device.split(".")[2]);
          return given;
        }
        if (response.ok) return {};
        said.push(text, JSON.stringify([...response.headers]));
        return {};
      };
      const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });
      const grant = keep(
        fullGrant(await send("POST", "/login", { login: "ann", password: right, device: plant("device") })),
      );
      await send("POST", "/login", { login: "ann", password: plant("wrong-password") });
      await send("POST", "/login", { login: plant("password-typed-as-login"), password: "x" });
      await send("POST", "/login", { login: `${plant("control")}\u0001`, password: "x" });
      await send("POST", "/login", `{"login": "ann", "password": "${plant("broken-json")}`);
      await send("POST", `/login?password=${plant("query-password")}`, { login: "ann" });
      await send("GET", `/session?access_token=${plant("query-token")}`);
      await send("GET", `/${plant("path")}`);
      await send("GET", "/session", undefined, bearer(plant("bearer")));
      await send("GET", "/session", undefined, { Authorization: `Basic ${plant("basic")}` });
      await send("GET", "/session", undefined, { Cookie: plant("cookie"), "X-Api-Key": plant("header") });
      await send("DELETE", `/sessions/${plant("session-id")}`, undefined, bearer(grant.token));
      await send("POST", "/renew", { refresh_token: plant("refresh") });
      const idempotency = { "Idempotency-Key": plant("idempotency-key") };
      const next = keep(fullGrant(await send("POST", "/renew", { refresh_token: grant.refresh_token }, idempotency)));
      keep(fullGrant(await send("POST", "/renew", { refresh_token: grant.refresh_token }, idempotency)));
      const change = { password: plant("old-password"), new_password: plant("new-password") };
      await send("POST", "/password", change, bearer(next.token));
      await send("POST", "/password", { password: right, new_password: `${plant("weak")} ann` }, bearer(next.token));
      const foreign = foreignToken(old, { exp: start + 60, login: plant("foreign-login") });
      await send("GET", "/session", undefined, bearer(foreign));
      await send("POST", "/logout", undefined, bearer(foreign));
      world.clock.advance(11);
      await send("POST", "/renew", { refresh_token: grant.refresh_token });
      const last = keep(fullGrant(await send("POST", "/login", { login: "ann", password: right })));
      await send("POST", "/logout", undefined, bearer(last.token));
      await server.close();
    }
    await world.ampho.users.setPassword("ann", `${plant("operator-password")} violet harbour`);
    for (const value of [plant("policy"), plant("short").slice(0, 5)])
      await world.ampho.users.setPassword("ann", `ann${value}`).catch((error) => said.push(String(error)));
    await world.ampho.users.disable("ann");
    secrets.add(String(old.k));

    expect(said.join("\n")).toContain("invalid_credentials");
    expect(secrets.size).toBeGreaterThan(25);
    const texts = textsOf(world.databaseFile);
    expect(texts.get("ampho_audit.event")?.length).toBeGreaterThan(20);
    const folder = path.dirname(world.databaseFile);
    const files = readdirSync(folder).map((name) => readFileSync(path.join(folder, name), "latin1"));
    const everything = [...texts.values()].flat().concat(said, world.notices, files).join("\n");
    for (const secret of secrets) expect(everything.includes(secret), secret).toBe(false);

    const withHash = [...texts].filter(([, values]) => values.some((value) => value.includes("$argon2")));
    expect(withHash.map(([column]) => column)).toEqual(["ampho_users.password_hash"]);
    expect([...said, ...world.notices].join("\n")).not.toContain("$argon2");
  });

  it("no error of the library, its stack or its JSON contains a secret", async () => {
    const world = await openWorld();
    await world.user("ann");
    const secret = canary("library");
    const attempts: (() => unknown)[] = [
      () => world.ampho.verify(secret),
      () => world.ampho.users.create({ login: "bob", password: `${secret} bob ` }),
      () => world.ampho.users.create({ login: `${secret}\u0000` }),
      () => world.ampho.users.setPassword("ann", `ann ${secret}`),
      () => world.ampho.users.setPassword(secret, "x"),
      () => world.ampho.users.setRoles("ann", [`${secret}\u0000`]),
      () => world.ampho.sessions.create(secret),
      () => openWorld({ key: { kty: "oct", k: secret } }),
      () => openWorld({ key: { kty: "oct", alg: "HS256", k: "AAAA", kid: secret } }),
    ];
    for (const attempt of attempts) {
      const error = await Promise.resolve()
        .then(attempt)
        .then(
          () => undefined,
          (reason: unknown) => reason,
        );
      expect(error).toBeInstanceOf(Error);
      if (!(error instanceof Error)) continue;
      const all = `${error.message} ${error.stack} ${JSON.stringify(error)} ${JSON.stringify(error.cause)} ${error.cause instanceof Error ? error.cause.stack : ""}`;
      expect(all).not.toContain(secret);
    }
  });
});
