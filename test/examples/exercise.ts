// What every example with a server of its own does: `/` is open, `/hello` needs a token, `/editors` needs a role.
import { expect } from "vitest";

/** Alice has that password and no role. */
export async function letsInWhomItShould(url: string, password: string): Promise<void> {
  const get = (target: string, token?: string) =>
    fetch(url + target, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } });

  expect((await get("/")).status).toBe(200);
  const refused = await get("/hello");
  expect([refused.status, (await refused.json()).error]).toEqual([401, "missing_token"]);
  expect(refused.headers.get("www-authenticate")).toBe('Bearer realm="ampho"');

  const login = await fetch(`${url}/api/security/login`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ login: "alice", password }),
  });
  expect(login.status).toBe(200);
  const { token } = await login.json();
  expect(await (await get("/hello", token)).text()).toBe("Hello alice\n");
  expect((await get("/editors", token)).status).toBe(403);
  expect((await get("/editors")).status).toBe(401);
  const logout = { method: "POST", headers: { authorization: `Bearer ${token}` } };
  expect((await fetch(`${url}/api/security/logout`, logout)).status).toBe(204);
  expect((await get("/hello", token)).status).toBe(401);
}
