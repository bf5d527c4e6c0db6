// The examples of fetch-native hosts with the real packages. Each is compiled, started, and called with and without a token.
import { readdirSync } from "node:fs";
import { beforeAll, expect, it } from "vitest";
import { cookieNames } from "../../dist/http/rest/cookies/cookie-mode.js";
import { openBrowser } from "../client/browser.js";
import { expectNoFrames } from "../examples/exercise.js";
import { expectSignInPage } from "../examples/sign-in-page.js";
import { freePort } from "../world/free-port.js";
import { hosts } from "./hosts.js";
import { copyExample, packedWithSqlite, password, serving, shell } from "./project.js";

let tarball = "";
beforeAll(async () => {
  tarball = await packedWithSqlite();
});

it.each(hosts)(
  "examples/$folder guards a route",
  async ({ folder: name, node, path: route, strangers, page, renewed }) => {
    const folder = copyExample(name);
    shell(folder, `npm install --no-audit --no-fund ${tarball}`, {}, node);
    const key = shell(folder, "ampho sec-gen-key").stdout.trim();
    const database = `sqlite:${folder}/ampho.db`;
    const port = await freePort();
    const env = { AMPHO_SECURITY_KEY: key, AMPHO_DATABASE_URL: database, NODE_ENV: "production", PORT: String(port) };
    shell(folder, `printf '%s' '${password}' | ampho user-add alice --password-stdin`, env);
    // As in docs/guides/frameworks.md: a build needs no key and opens no database.
    const before = readdirSync(folder);
    shell(folder, "npm run build", {}, node);
    expect(readdirSync(folder).filter((file) => !before.includes(file) && /key|\.db/.test(file))).toEqual([]);

    const url = `http://127.0.0.1:${port}`;
    await serving({ folder, command: "exec npm start", env, node, url }, async () => {
      expect((await fetch(url + route)).status).toBe(strangers);
      const login = await fetch(`${url}/api/security/login`, {
        method: "POST",
        headers: { "content-type": "application/json", origin: url },
        body: JSON.stringify({ login: "alice", password }),
      });
      expect(login.status).toBe(200);
      const cookies = new Map(login.headers.getSetCookie().map((one) => one.split(/[=;]/, 2) as [string, string]));
      const token: string = cookies.get(cookieNames.token) ?? (await login.json()).token;
      const ask = (bearer: string) => fetch(url + route, { headers: { authorization: `Bearer ${bearer}` } });
      const hello = await ask(token);
      expect([hello.status, await hello.text()]).toEqual([200, expect.stringContaining("alice")]);
      const forged = await ask(`${token}x`);
      expect([forged.status, (await forged.json()).error]).toEqual([401, "invalid_token"]);

      if (renewed !== undefined) {
        // The browser has deleted the cookie of the access token, because it has expired.
        const cookie = `${cookieNames.refreshToken}=${cookies.get(cookieNames.refreshToken)}`;
        const back = await fetch(url + renewed, { headers: { cookie } });
        expect([back.status, await back.text()]).toEqual([200, expect.stringMatching(/Hello (<!-- -->)?alice/)]);
        expect(back.headers.getSetCookie().map((one) => one.split("=")[0])).toEqual(
          expect.arrayContaining([cookieNames.token, cookieNames.refreshToken]),
        );
        expect(back.headers.get("cache-control")).toContain("no-store");
      }

      if (page === undefined) return;
      const open = (bearer?: string) =>
        fetch(url + page, {
          redirect: "manual",
          headers: bearer === undefined ? {} : { authorization: `Bearer ${bearer}` },
        });
      for (const bearer of [undefined, `${token}x`]) {
        const { status, headers } = await open(bearer);
        const to = new URL(headers.get("location") ?? "/", url);
        expect([Math.floor(status / 100), to.pathname, to.searchParams.get("to")]).toEqual([3, "/sign-in", page]);
      }
      const shown = await open(token);
      expect([shown.status, await shown.text()]).toEqual([200, expect.stringMatching(/Hello (<!-- -->)?alice/)]);
      expectNoFrames(shown);
      if (name !== "next") return;
      const browser = await openBrowser();
      await expectSignInPage(browser, `${url}/sign-in`, password).finally(() => browser.close());
    });
  },
);

it("examples/workers accepts tokens of a server elsewhere", async () => {
  const folder = copyExample("workers");
  const node = "24";
  shell(folder, `npm install --no-audit --no-fund ${tarball}`, {}, node);
  const key = shell(folder, "ampho sec-gen-key --alg EdDSA").stdout.trim();
  const [port, workerPort] = [await freePort(), await freePort()];
  const env = { AMPHO_SECURITY_KEY: key, AMPHO_DATABASE_URL: `sqlite:${folder}/ampho.db`, NODE_ENV: "production" };
  shell(folder, `printf '%s' '${password}' | ampho user-add alice --password-stdin`, env);
  shell(folder, "npm run build", {}, node);

  const url = `http://127.0.0.1:${port}`;
  await serving({ folder, command: `exec ampho serve --port ${port}`, env, url }, async () => {
    const login = await fetch(`${url}/api/security/login`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ login: "alice", password }),
    });
    const { token } = await login.json();
    const workerUrl = `http://127.0.0.1:${workerPort}`;
    const command = `exec npm start -- --var JWKS_URL:${url}/api/security/.well-known/jwks.json`;
    const worker = { PORT: String(workerPort), WRANGLER_SEND_METRICS: "false" };
    await serving({ folder, command, env: worker, node, url: workerUrl }, async () => {
      const ask = (bearer: string) => fetch(workerUrl, { headers: { authorization: `Bearer ${bearer}` } });
      const hello = await ask(token);
      expect([hello.status, await hello.text()]).toEqual([200, "Hello alice"]);
      const forged = await ask(`${token}x`);
      expect([forged.status, (await forged.json()).error]).toEqual([401, "invalid_token"]);
    });
  });
});
