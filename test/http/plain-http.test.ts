// A page that is opened over http under another name than localhost, such as by a phone in the network of a developer.
import { expect, it } from "vitest";
import { openWorld } from "../world/ampho.js";

const message = "The page was opened over http. Cookies need https, or a page of localhost. Nothing was done.";

async function open() {
  const world = await openWorld({ cookies: true });
  const log = () => world.notices.filter((line) => line.includes("over http"));
  const post = async (origin: string, host: string, more = {}) => {
    const headers = { origin, host, "content-type": "application/json", ...more };
    const body = JSON.stringify({ login: "ann", password: "wrong" });
    const request = new Request(`http://${host}/api/security/login`, { method: "POST", headers, body });
    return (await world.ampho.fetch(request)).json();
  };
  return { world, log, post };
}

it("a login over plain http states the reason, in the response and once in the log", async () => {
  const { log, post } = await open();
  for (const host of ["devbox.test:3100", "192.0.2.7:3000", "localhost.example"])
    expect(await post(`http://${host}`, host)).toMatchObject({ error: "cross_site", message });
  expect(log()).toHaveLength(1);
  expect(log().join()).not.toContain("devbox");
});

it("a guarded request over plain http states the reason too", async () => {
  const { world } = await open();
  const { token } = await world.session(await world.user("ann"));
  const headers = { cookie: `__Host-ampho-token=${token}`, origin: "http://devbox.test", host: "devbox.test" };
  const request = new Request("http://devbox.test/orders", { method: "POST", headers });
  const response = await world.ampho.authorize(() => new Response("done"))(request);
  expect(await response.json()).toMatchObject({ error: "cross_site", message });
});

it.each([
  ["another host", "http://evil.example", "devbox.test:3100", {}],
  ["another port", "http://devbox.test:3200", "devbox.test:3100", {}],
  ["a browser that names the site", "http://devbox.test", "devbox.test", { "sec-fetch-site": "cross-site" }],
])("a page of %s is still reported as another site", async (_, origin, host, more) => {
  const { log, post } = await open();
  expect(await post(origin, host, more)).toMatchObject({
    error: "cross_site",
    message: "The request comes from a page of another site. Nothing was done.",
  });
  expect(log()).toEqual([]);
});
