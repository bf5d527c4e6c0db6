// A minimal application of every fetch-native host with the real packages: it is compiled, started, and asked without a token
// and with one.
import { beforeAll, expect, it } from "vitest";
import { hosts } from "./hosts.js";
import { freePort, freshFolder, packed, password, serving, shell, write } from "./project.js";

let tarball = "";
beforeAll(() => {
  tarball = packed();
});

it.each(hosts)("$name guards a route", async ({ packages, files, build, start, node, path: route, strangers }) => {
  const folder = freshFolder();
  write(folder, { "package.json": '{ "name": "project", "version": "1.0.0", "private": true, "type": "module" }' });
  shell(folder, `npm install --no-audit --no-fund ${packages.join(" ")} ${tarball}`, {}, node);
  write(folder, files);
  const key = shell(folder, "ampho sec-gen-key").stdout.trim();
  const database = `sqlite:${folder}/ampho.db`;
  const port = await freePort();
  const env = { AMPHO_SECURITY_KEY: key, AMPHO_DATABASE_URL: database, NODE_ENV: "production", PORT: String(port) };
  shell(folder, `printf '%s' '${password}' | ampho user-add alice --password-stdin`, env);
  shell(folder, build, env, node);

  const url = `http://127.0.0.1:${port}`;
  await serving({ folder, command: start, env, node, url }, async () => {
    expect((await fetch(url + route)).status).toBe(strangers);
    const login = await fetch(`${url}/api/security/login`, {
      method: "POST",
      headers: { "content-type": "application/json", origin: url },
      body: JSON.stringify({ login: "alice", password }),
    });
    expect(login.status).toBe(200);
    const { token } = await login.json();
    const ask = (bearer: string) => fetch(url + route, { headers: { authorization: `Bearer ${bearer}` } });
    const hello = await ask(token);
    expect([hello.status, await hello.text()]).toEqual([200, expect.stringContaining("alice")]);
    const forged = await ask(`${token}x`);
    expect([forged.status, (await forged.json()).error]).toEqual([401, "invalid_token"]);
  });
});
