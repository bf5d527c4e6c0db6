// `ampho.authenticate` (docs/reference/contract.md §6): the user of a request, for pages that the server renders.
import { renameSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { describe, expect, it } from "vitest";
import { cookieNames } from "../../dist/http/rest/cookies/cookie-mode.js";
import { openWorld } from "../world/ampho.js";
import { freshFolder } from "../world/folder.js";
import { listening } from "../world/listen.js";

const url = "https://shop.example/account";

async function openAnn({ cookies = true } = {}) {
  const world = await openWorld({ cookies });
  const ann = await world.user("ann");
  const { token } = await world.session(ann);
  return { world, ann, token, cookie: `${cookieNames.token}=${token}` };
}

/** A real message of node:http with these headers. */
async function withMessage<T>(headers: Record<string, string>, use: (message: IncomingMessage) => Promise<T>) {
  let result: Promise<T> | undefined;
  const { url } = await listening((message, response) => {
    result = use(message);
    response.end();
  });
  await fetch(url, { headers });
  return result;
}

describe("authenticate", () => {
  it("authenticate returns the user of a web request, of its holder, of headers alone and of a message", async () => {
    const { world, ann, cookie } = await openAnn();
    const { authenticate } = world.ampho;
    const request = new Request(url, { headers: { cookie } });
    for (const given of [request, { request }, { req: request }, { headers: request.headers }])
      expect((await authenticate(given))?.id).toBe(ann.id);
    expect((await withMessage({ cookie }, authenticate))?.id).toBe(ann.id);
  });

  it("authenticate reads the Authorization header, with and without cookies", async () => {
    for (const cookies of [true, false]) {
      const { world, ann, token } = await openAnn({ cookies });
      const headers = { Authorization: `Bearer ${token}` };
      expect((await world.ampho.authenticate(new Request(url, { headers })))?.id).toBe(ann.id);
      expect((await withMessage(headers, world.ampho.authenticate))?.id).toBe(ann.id);
    }
  });

  it("authenticate returns undefined without a token, with a forged one, and after the end of the session", async () => {
    const { world, ann, cookie } = await openAnn();
    const userOf = (value: string) => world.ampho.authenticate(new Request(url, { headers: { cookie: value } }));
    expect(await userOf("other=1")).toBeUndefined();
    expect(await userOf(`${cookie}x`)).toBeUndefined();
    expect((await userOf(cookie))?.id).toBe(ann.id);
    await world.ampho.sessions.endForUser(ann.id);
    expect(await userOf(cookie)).toBeUndefined();
  });

  it("authenticate returns undefined after the token has expired", async () => {
    const { world, cookie } = await openAnn();
    world.clock.advance(3600);
    expect(await world.ampho.authenticate(new Request(url, { headers: { cookie } }))).toBeUndefined();
  });

  it("authenticate rejects a POST of another site and two different tokens", async () => {
    const { world, cookie } = await openAnn();
    const { authenticate } = world.ampho;
    const foreign = { cookie, "sec-fetch-site": "cross-site" };
    await expect(authenticate(new Request(url, { method: "POST", headers: foreign }))).rejects.toMatchObject({
      code: "cross_site",
    });
    const two = { cookie, Authorization: "Bearer another" };
    await expect(authenticate(new Request(url, { headers: two }))).rejects.toMatchObject({ code: "invalid_request" });
  });

  it("authenticate rejects the headers of a POST of another site", async () => {
    const { world, cookie } = await openAnn();
    const headers = (origin: string, site: string) =>
      new Headers({ cookie, host: "shop.example", origin, "sec-fetch-site": site });
    const { authenticate } = world.ampho;
    for (const [origin, site] of [
      ["https://evil.example", "cross-site"],
      ["https://old.shop.example", "same-site"],
      ["null", "cross-site"],
    ] as const)
      await expect(authenticate({ headers: headers(origin, site) })).rejects.toMatchObject({ code: "cross_site" });
    expect(await authenticate({ headers: headers("https://shop.example", "same-origin") })).toMatchObject({
      login: "ann",
    });
  });

  it("authenticate rejects while the last read of revocations is too old, so that no page signs the user out", async () => {
    const file = `${freshFolder()}/own.db`;
    const world = await openWorld({ databaseUrl: `sqlite:${file}`, revocationLagMax: 5 });
    const { token } = await world.session(await world.user("ann"));
    const request = new Request(url, { headers: { Authorization: `Bearer ${token}` } });
    renameSync(file, `${file}.away`);
    await expect.poll(() => world.ampho.users.find("ann").catch(({ code }) => code)).toBe("unavailable");
    world.clock.advance(6);
    await expect(world.ampho.authenticate(request)).rejects.toMatchObject({ code: "unavailable" });
  });

  it("authenticate throws a TypeError that names the fix for anything without headers", async () => {
    const { world } = await openAnn();
    const promised = { headers: Promise.resolve(new Headers()) };
    for (const wrong of [promised, {}, { headers: { cookie: "" } }, undefined, "Bearer x"])
      await expect(Reflect.apply(world.ampho.authenticate, undefined, [wrong])).rejects.toThrow(
        "authenticate needs a request, or an object with its headers. In Next.js write { headers: await headers() }.",
      );
  });
});
