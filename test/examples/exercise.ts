// The routes of every example with a server of its own: `/` is open, `/hello` needs a token, `/editors` needs a role.
import { expect } from "vitest";
import { cookieNames } from "../../dist/http/rest/cookies/cookie-mode.js";

/** No other page can show this one in a frame. */
export const expectNoFrames = ({ headers }: Response): void =>
  expect(headers.get("content-security-policy")).toContain("frame-ancestors 'none'");

/** Checks the routes as Alice, who has this password and no role. */
export async function expectGuardedRoutes(url: string, password: string): Promise<void> {
  const get = (target: string, token?: string) =>
    fetch(url + target, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } });

  const first = await get("/");
  expect(first.status).toBe(200);
  if (/<!doctype html/i.test(await first.text())) expectNoFrames(first);
  const rejected = await get("/hello");
  expect([rejected.status, (await rejected.json()).error]).toEqual([401, "missing_token"]);
  expect(rejected.headers.get("www-authenticate")).toBe('Bearer realm="ampho"');

  const login = await fetch(`${url}/api/security/login`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ login: "alice", password }),
  });
  expect(login.status).toBe(200);
  const cookie = login.headers.getSetCookie().find((one) => one.startsWith(cookieNames.token));
  const token: string = cookie?.split(/[=;]/)[1] ?? (await login.json()).token;
  expect(await (await get("/hello", token)).text()).toBe("Hello alice\n");
  expect((await get("/editors", token)).status).toBe(403);
  expect((await get("/editors")).status).toBe(401);
  const logout = { method: "POST", headers: { authorization: `Bearer ${token}` } };
  expect((await fetch(`${url}/api/security/logout`, logout)).status).toBe(204);
  expect((await get("/hello", token)).status).toBe(401);
}
