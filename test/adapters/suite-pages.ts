// The pages in every framework, and the requirement `redirect`, which sends a browser to them and back.
import { describe, expect, it } from "vitest";
import { openJar } from "../http/jar.js";
import { alice } from "../world/people.js";
import type { Host } from "./host.js";
import { serving } from "./serving.js";

const browser = {
  accept: "text/html,application/xhtml+xml,*/*;q=0.8",
  "sec-fetch-site": "same-origin",
  "sec-fetch-dest": "document",
};
const old = { redirect: "manual" } as const;

export function describePages(host: Host): void {
  describe.each([
    { takeOver: false, parsers: false },
    { takeOver: host.takesOver, parsers: true },
  ])("pages, takeOver: $takeOver, parsers: $parsers", (setup) => {
    const { call, clock } = serving(host, setup, { pages: true });
    const jar = openJar();
    const get = (path: string, headers: Readonly<Record<string, string>> = browser) =>
      call(path, undefined, { ...old, headers: { ...headers, cookie: jar.header() } });
    const locationOf = async (response: Response) => [response.status, response.headers.get("location")];
    const signIn = (path: string, fields: Readonly<Record<string, string>>) =>
      call(path, undefined, {
        ...old,
        method: "POST",
        headers: { ...browser, cookie: jar.header() },
        body: new URLSearchParams(fields),
      });

    it("a browser without a session goes to the sign-in page, and comes back", async () => {
      for (const form of ["need", "certain"]) {
        const rejected = await get(`/${form}/page?a=%2F&b=1`);
        const to = encodeURIComponent(`/${form}/page?a=%2F&b=1`);
        expect(await locationOf(rejected)).toEqual([303, `/account/sign-in?to=${to}`]);
        expect(rejected.headers.get("cache-control")).toBe("no-store");
      }
      const page = await get("/account/sign-in?to=%2Fneed%2Fpage");
      jar.keep(page);
      expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
      expect(page.headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
      expect((await get("/account/script.js")).headers.get("content-type")).toContain("text/javascript");
      const entered = await signIn("/account/sign-in", alice);
      jar.keep(entered);
      expect(await locationOf(entered)).toEqual([303, "/need/page"]);
      expect(await (await get("/need/page")).json()).toEqual({ login: "alice" });
      expect((await get("/account")).status).toBe(200);
    });

    it("a browser goes to a page where the user proves more", async () => {
      for (const form of ["need", "certain"]) {
        expect(await locationOf(await get(`/${form}/pageSecond`))).toEqual([
          303,
          `/account/confirm?factor&to=%2F${form}%2FpageSecond`,
        ]);
        const lacking = await get(`/${form}/pageAdmin`, { ...browser, "accept-language": "de" });
        expect(lacking.status).toBe(403);
        // An error handler of the application shows a page of its own.
        if (setup.takeOver) continue;
        expect(lacking.headers.get("content-type")).toBe("text/html; charset=utf-8");
        expect(lacking.headers.get("www-authenticate")).toContain("insufficient_scope");
        expect(lacking.headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
        const text = await lacking.text();
        expect(text).toContain("<h1>Sie können diese Seite nicht öffnen</h1>");
        expect(text).toContain('action="/account/sign-out"');
        const program = await get(`/${form}/pageAdmin`, { accept: "application/json" });
        expect([program.status, await program.json()]).toMatchObject([403, { error: "insufficient_scope" }]);
      }
      clock.advance(301);
      expect(await locationOf(await get("/need/pageFresh"))).toEqual([303, "/account/confirm?to=%2Fneed%2FpageFresh"]);
      jar.keep(await get("/account/confirm?to=%2Fneed%2FpageFresh"));
      const confirmed = await signIn("/account/sign-in", { ...alice, confirms: "yes" });
      jar.keep(confirmed);
      expect(await locationOf(confirmed)).toEqual([303, "/need/pageFresh"]);
      expect((await get("/need/pageFresh")).status).toBe(200);
    });

    it("a program, and a form, get the error", async () => {
      for (const headers of [{}, { accept: "*/*" }, { accept: "application/json" }, { accept: "text/htmlx" }])
        expect((await call("/need/page", undefined, { ...old, headers })).status).toBe(401);
      expect((await call("/need/plain", undefined, { ...old, headers: browser })).status).toBe(401);
      expect((await call("/need/page", undefined, { ...old, headers: browser, method: "HEAD" })).status).toBe(303);
    });
  });
}
