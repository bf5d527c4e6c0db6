// Every response of 429 and 503, of every endpoint and page of the tables of the code, states when to try again.
// The guards of each framework are in test/adapters/suite-guards.ts.
import { expect, it } from "vitest";
import { routes } from "../../dist/http/rest/routes.js";
import { actions } from "../../dist/pages/actions.js";
import { openAmpho } from "../world/ampho.js";
import { everyFeature } from "../world/every-feature.js";

const origin = "https://app.example";
const password = "violet kettle harbour morning";
const wrong = { login: "alice", password: "wrong", email: "alice@x.example", refresh_token: "x", key: "x" };

const asked = [
  ...routes.map(({ method, path }) => ({
    method,
    path: `/api/security${path.replaceAll(/\{\w+\}|:\w+/g, "x")}`,
    type: "application/json",
    body: JSON.stringify(wrong),
  })),
  ...Object.keys(actions).map((name) => ({
    method: "POST",
    path: `/account/${name}`,
    type: "application/x-www-form-urlencoded",
    body: new URLSearchParams(wrong).toString(),
  })),
  ...["", "/access", "/sign-in", "/register", "/forgot", "/confirm", "/link", "/in"].map((name) => ({
    method: "GET",
    path: `/account${name}`,
    type: "text/html",
    body: "",
  })),
];

it.each([
  { status: 503, least: 40, options: {}, isClosed: true },
  { status: 429, least: 6, options: { throttleAddress: 1, throttleAttempts: 1 }, isClosed: false },
])("every response of $status has the seconds in Retry-After", async ({ status, least, options, isClosed }) => {
  const { ampho } = await openAmpho(
    { ...everyFeature, pages: true, mail: async () => undefined, ...options },
    { login: "alice", password },
  );
  const { id } = (await ampho.users.find("alice")) ?? { id: "" };
  const { token, refresh_token: refresh } = await ampho.sessions.create(id);
  if (isClosed) await ampho.close();
  const found: string[] = [];
  for (const { method, path, type, body } of [...asked, ...asked, ...asked]) {
    const isPage = path.startsWith("/account");
    const cookie = `__Host-ampho-token=${token}; __Host-ampho-refresh=${refresh}`;
    const response = await ampho.fetch(
      new Request(origin + path, {
        method,
        headers: {
          origin,
          "content-type": type,
          ...(isPage ? { cookie, "sec-fetch-dest": "document" } : { authorization: `Bearer ${token}` }),
        },
        ...(method === "GET" ? {} : { body }),
      }),
    );
    if (![429, 503].includes(response.status)) continue;
    const at = `${response.status} ${method} ${path}`;
    expect([at, response.headers.get("retry-after")]).toEqual([at, expect.stringMatching(/^[1-9]\d*$/)]);
    if (response.status === status) found.push(at);
  }
  expect(new Set(found).size).toBeGreaterThan(least);
  await ampho.close();
});
